"""A report comes back from its JSON form as it was, but for values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.layer import Layer
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model, ties_of
from parametry.core.parameter import Parameter
from parametry.core.phase import Phase, Phases
from parametry.core.place import Place
from parametry.core.provenance import Provenance, recall, remember
from parametry.core.report import Report
from parametry.core.report_reading import report_from
from parametry.core.value import Plain
from parametry.errors import ValueUnavailable


class Store:
    """Values in an array, with declarations and perhaps a provenance."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def read(self) -> np.ndarray:
        return self.array.copy()

    def write(self, array: np.ndarray) -> None:
        self.array[...] = array

    def declared(self) -> dict[str, Plain]:
        return {"initializer": {"class": "GlorotUniform", "gain": float("inf")}}

    def provenance(self) -> Provenance | None:
        return recall(self.array)

    @property
    def native(self) -> np.ndarray:
        return self.array


def model(units: int) -> Model:
    kernel = np.ones((units, units), "float32")
    remember(kernel, Provenance("reset", {"class": "Zeros"}, 3, "dense/kernel"))
    parameters = Parameters(
        {
            "dense/kernel": Parameter(
                address="dense/kernel",
                native_name="dense/kernel",
                shape=(units, units),
                dtype="float32",
                role="trainable",
                layer="dense",
                layer_class="Dense",
                store=Store(kernel),
                aliases=("head/kernel", "tail/kernel"),
                transposed=frozenset({"tail/kernel"}),
            )
        }
    )
    slot = Parameter(
        *("optimizer/m", "m", (2,), "bfloat16", "optimizer", "", ""), Store(np.zeros(2))
    )
    layer = Layer("dense", "Dense", "d", True, 2, (), 4, 16, 1, lambda: ([None, 2], None), None)
    chosen = {
        "model/units": Hyperparameter("model/units", units, None, "explicit", Place("a.py", 3))
    }
    return Model(
        name="net",
        class_name="user.Net",
        framework="keras (jax)",
        parameters=parameters,
        optimizer_parameters=Parameters({"optimizer/m": slot}),
        hyperparameters=Hyperparameters(chosen),
        layers=Layers({"dense": layer}),
        ties=ties_of(parameters),
        phases=Phases({}),
        gaps=lambda: (),
    )


def report(several: bool) -> Report:
    changes = (Change(4, 0.1, float("nan"), "callbacks/reduce", Place("a.py", 9)),)
    rate = Hyperparameter("optimizer/learning_rate", 0.1, 0.5, "live", None, changes)
    values = {
        "model/units": Hyperparameter("model/units", 2, None, "explicit", Place("a.py", 3)),
        "optimizer/learning_rate": rate,
        "script/seed": Hyperparameter("script/seed", {"$object": "x"}),
    }
    models = {"model": model(2)}
    phases = {"fit": Phase("fit", "fit", Hyperparameters({}), Place("a.py", 5), 2, "model")}
    if several:
        models["model_1"] = model(3)
        values["model_1/units"] = Hyperparameter("model_1/units", 3)
        phases["fit_1"] = Phase("fit_1", "fit", Hyperparameters({}), None, 1, "model_1")
    gaps = (Gap("fit/", "unseen"),)
    return Report("a.py", "finished", Hyperparameters(values), models, Phases(phases), gaps)


def again(whole: Report) -> Report:
    return report_from(json.loads(whole.to_json()), source="run 'a'", hint="load a checkpoint")


@pytest.mark.parametrize("several", [False, True])
def test_a_report_comes_back_whole(several: bool) -> None:
    whole = report(several)
    assert json.loads(again(whole).to_json()) == json.loads(whole.to_json())


def test_each_model_has_its_own_addresses_and_phases() -> None:
    second = again(report(several=True)).models["model_1"]
    assert second.parameters["tail/kernel"].shape == (3, 3)
    assert second.parameters["dense/kernel"].transposed == {"tail/kernel"}
    assert second.hyperparameters["model/units"].value == 3
    assert "optimizer/learning_rate" not in second.hyperparameters
    assert second.hyperparameters["script/seed"].value == {"$object": "x"}
    assert list(second.phases) == ["fit_1"]
    assert second.layers["dense"].input_shape == [None, 2]


def test_values_are_not_there_and_the_error_says_where_they_may_be() -> None:
    kernel = again(report(several=False)).models["model"].parameters["dense/kernel"]
    assert kernel.provenance == Provenance("reset", {"class": "Zeros"}, 3, "dense/kernel")
    with pytest.raises(ValueUnavailable, match=r"run 'a'.*dense/kernel[\s\S]*load a checkpoint"):
        kernel.numpy()
    with pytest.raises(ValueUnavailable, match="cannot be changed"):
        kernel.assign(np.zeros((2, 2), "float32"))
