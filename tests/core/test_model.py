"""Models, reports and their small parts: layers, ties, phases, places, gaps and totals."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import yaml

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.mappings import Hyperparameters, Layers
from parametry.core.model import SCHEMA, Model, Totals, ties_of
from parametry.core.phase import Phase, Phases
from parametry.core.place import Place
from parametry.core.report import Report
from parametry.core.tie import Tie
from parametry.errors import UnknownAddress


def layer(address: str, **known: Any) -> Layer:
    settings: dict[str, Any] = {
        "class_name": "Dense",
        "native_name": address,
        "built": True,
        "uses": 1,
        "aliases": (),
        "parameters": 2,
        "nbytes": 8,
        "depth": 1,
        "shapes": lambda: ([None, 2], {"a": [None, 3]}),
        "native": object(),
    }
    return Layer(address, **(settings | known))


def phase(name: str, entries: Any = (), where: Place | None = None) -> Phase:
    values = Hyperparameters({entry.address: entry for entry in entries})
    return Phase(name, "fit", values, where)


@pytest.fixture
def model(make: Any) -> Model:
    return small_model(make)


def small_model(make: Any, value: float = 1.0, rate: float = 0.1, **known: Any) -> Model:
    parameters = make.parameters(
        make.parameter("a/kernel", [[value, 2.0], [3.0, 4.0]], aliases=("b/kernel",)),
        make.parameter("a/frozen", [1.0, 2.0, 3.0], role="frozen", dtype="float16"),
        make.parameter("a/seed", [1, 2], role="state", dtype="uint32"),
    )
    settings: dict[str, Any] = {
        "name": "net",
        "class_name": "Net",
        "framework": "keras (jax)",
        "parameters": parameters,
        "optimizer_parameters": make.parameters(
            make.parameter("adam/a_kernel_momentum", np.zeros(4), role="optimizer")
        ),
        "hyperparameters": make.hyperparameters([Hyperparameter("optimizer/rate", rate)]),
        "layers": Layers({"a": layer("a"), "c": layer("c", built=False)}),
        "ties": ties_of(parameters),
        "phases": Phases({"fit": phase("fit", [Hyperparameter("fit/epochs", 3)])}),
        "gaps": lambda: [Gap("fit/", "capture was off")],
    }
    return Model(**(settings | known))


# ------------------------------------------------ models


def test_totals_count_each_array_once(model: Model) -> None:
    assert model.totals == Totals(4, 3, 2, 4, 4 * 4 + 3 * 2 + 2 * 4, 4 * 4)
    assert model.totals.parameters == 9
    assert model.totals.to_dict() == {
        "trainable": 4,
        "frozen": 3,
        "state": 2,
        "optimizer": 4,
        "nbytes": 30,
        "optimizer_nbytes": 16,
    }


def test_a_models_form(model: Model) -> None:
    form = model.to_dict()
    assert json.loads(model.to_json()) == yaml.safe_load(model.to_yaml()) == form
    assert form["schema"] == SCHEMA
    assert form["kind"] == "model"
    assert (form["name"], form["class"], form["framework"]) == ("net", "Net", "keras (jax)")
    assert form["totals"] == model.totals.to_dict()
    assert list(form["parameters"]) == ["a/kernel", "a/frozen", "a/seed"]
    assert list(form["optimizer_parameters"]) == ["adam/a_kernel_momentum"]
    assert form["hyperparameters"] == {"optimizer/rate": {"value": 0.1, "origin": None}}
    assert form["layers"]["a"]["output_shape"] == {"a": [None, 3]}
    assert form["ties"] == [{"address": "a/kernel", "aliases": ["b/kernel"], "transposed": []}]
    assert form["phases"][0]["hyperparameters"]["fit/epochs"]["value"] == 3
    assert form["coverage"] == [{"subject": "fit/", "reason": "capture was off"}]


def test_gaps_are_asked_for_once(make: Any) -> None:
    asked: list[int] = []

    def gaps() -> list[Gap]:
        asked.append(1)
        return [Gap("a", "b")]

    model = small_model(make, gaps=gaps)
    assert asked == []
    assert model.coverage == model.coverage == (Gap("a", "b"),)
    assert asked == [1]


def test_models_are_equal_in_what_was_chosen_and_learned(make: Any) -> None:
    one = small_model(make)
    assert one == small_model(make, name="other", phases=Phases({}))
    assert one != small_model(make, value=1.0000001)
    assert one != small_model(make, rate=0.2)
    assert one != small_model(make, ties=())
    assert one.__eq__(3) is NotImplemented
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_a_model_is_a_read_view(model: Model) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.name = "other"  # type: ignore[misc]


# ------------------------------------------------ reports


def report(models: dict[str, Model]) -> Report:
    entries = {"script/lr": Hyperparameter("script/lr", 0.1)}
    phases = Phases({"fit": phase("fit", where=Place("x.py", 3))})
    gaps = (Gap("model", "gone"),)
    return Report("x.py --a", "finished", Hyperparameters(entries), models, phases, gaps)


def test_a_report_of_one_model_has_its_addresses(make: Any) -> None:
    found = report({"model": small_model(make)})
    form = found.to_dict()
    assert json.loads(found.to_json()) == yaml.safe_load(found.to_yaml()) == form
    assert form["kind"] == "report"
    assert (form["program"], form["outcome"]) == ("x.py --a", "finished")
    assert list(form["parameters"]) == ["a/kernel", "a/frozen", "a/seed"]
    assert list(form["models"]["model"]) == ["name", "class", "framework", "totals"]
    assert form["ties"][0]["address"] == "a/kernel"
    assert form["phases"][0]["where"] == "x.py:3"


def test_a_report_of_several_models_puts_the_scope_before_each_address(make: Any) -> None:
    found = report({"model": small_model(make), "model_1": small_model(make)})
    form = found.to_dict()
    assert list(form["parameters"])[:1] == ["model/a/kernel"]
    assert "model_1/a/seed" in form["parameters"]
    assert "model_1/adam/a_kernel_momentum" in form["optimizer_parameters"]
    assert "model_1/c" in form["layers"]
    assert form["ties"][1] == {
        "address": "model_1/a/kernel",
        "aliases": ["model_1/b/kernel"],
        "transposed": [],
    }


def test_a_report_of_nothing(make: Any) -> None:
    form = report({}).to_dict()
    assert form["parameters"] == form["layers"] == form["models"] == {}
    assert form["ties"] == []


# ------------------------------------------------ layers, ties, phases, places


def test_a_layer_works_out_its_shapes_when_asked() -> None:
    asked: list[int] = []

    def shapes() -> Any:
        asked.append(1)
        return None, [None, float("inf")]

    dense = layer("a", shapes=shapes, aliases=("b",), uses=2)
    assert dense == layer("a", aliases=("b",), uses=2)  # neither shapes nor the object count
    assert "shapes" not in repr(dense)
    assert asked == []
    assert dense.input_shape is None
    assert json.dumps(dense.to_dict(), allow_nan=False)
    assert dense.to_dict()["aliases"] == ["b"]
    assert dense.to_dict()["uses"] == 2


def test_a_tie() -> None:
    tie = Tie("a", ("b", "c"), frozenset({"c"}))
    assert list(tie) == ["a", "b", "c"]
    assert all(name in tie for name in "abc")
    assert "d" not in tie
    assert 3 not in tie
    assert str(tie) == "a = b = cᵀ"
    assert tie.to_dict() == {"address": "a", "aliases": ["b", "c"], "transposed": ["c"]}
    assert tie == Tie("a", ("b", "c"), frozenset({"c"}))
    assert len({tie, Tie("a", ("b", "c"), frozenset({"c"}))}) == 1


def test_ties_are_told_by_aliases(make: Any) -> None:
    tied = make.parameter("a", aliases=("b",))
    assert ties_of(make.parameters(tied, make.parameter("c"))) == (Tie("a", ("b",)),)


def test_phases_by_name_and_by_position() -> None:
    phases = Phases({"fit": phase("fit"), "fit_1": phase("fit_1", where=Place("x.py", 3))})
    assert list(phases) == ["fit", "fit_1"]
    assert len(phases) == 2
    assert phases["fit_1"] is phases[-1] is phases[1]
    assert phases[0] is phases[-2] is phases.get("fit")
    assert "fit" in phases
    assert "fit_2" not in phases
    assert repr(phases) == "Phases(fit, fit_1 (x.py:3))"
    assert phases == Phases({"fit": phase("fit"), "fit_1": phase("fit_1", where=Place("x.py", 3))})


@pytest.mark.parametrize("key", ["fit_2", 2, -3, None, ("fit",)])
def test_a_phase_that_is_not_there(key: Any) -> None:
    phases = Phases({"fit": phase("fit"), "load": phase("load")})
    with pytest.raises(UnknownAddress) as caught:
        phases[key]
    assert caught.value.message == f"no phase is called {key!r}"
    assert caught.value.hint == "phases: fit, load"
    with pytest.raises(UnknownAddress, match="capture saw neither compile nor fit"):
        Phases({})[0]


def test_a_phases_form() -> None:
    form = phase("fit_1", [Hyperparameter("fit/epochs", 3)], Place("x.py", 3)).to_dict()
    assert form == {
        "name": "fit_1",
        "kind": "fit",
        "subject": "model",
        "where": "x.py:3",
        "times": 1,
        "hyperparameters": {"fit/epochs": {"value": 3, "origin": None}},
    }


def test_a_place_is_shown_relative_to_where_one_is(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(Place(str(tmp_path / "a" / "b.py"), 3)) == "a/b.py:3"
    assert str(Place("train.py", 12)) == "train.py:12"
    assert str(Place("In[3]", 1)) == "In[3]:1"
    assert str(Place("<string>", 2)) == "<string>:2"
    assert str(Place("", 2)) == ":2"
    assert str(Place(str(tmp_path.parent / "x.py"), 1)) == f"{tmp_path.parent / 'x.py'}:1"
    assert str(Place(str(tmp_path / "..x.py"), 1)) == "..x.py:1"


def test_a_place_where_the_working_directory_is_gone(tmp_path: Any, monkeypatch: Any) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert str(Place("/a/b.py", 1)) == "/a/b.py:1"


def test_a_gap() -> None:
    gap = Gap("fit/", "capture was off")
    assert str(gap) == "fit/: capture was off"
    assert gap.to_dict() == {"subject": "fit/", "reason": "capture was off"}
    assert len({gap, Gap("fit/", "capture was off")}) == 1
