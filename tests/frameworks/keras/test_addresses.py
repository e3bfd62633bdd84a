"""Every kind of model has the addresses that the zoo says, here and in any other process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo import CASES, Case, made, of
from zoo.nesting import X

import parametry as pm

every_case = pytest.mark.parametrize("name", CASES)


def told(case: Case) -> dict[str, Any]:
    return {"addresses": case.addresses, "aliases": case.aliases, "uses": case.uses}


def found(model: Any) -> dict[str, Any]:
    view = pm.inspect(model)
    return {
        "addresses": list(view.parameters),
        "aliases": {
            alias: address for address, entry in view.parameters.items() for alias in entry.aliases
        },
        "uses": {address: layer.uses for address, layer in view.layers.items() if layer.uses != 1},
    }


@every_case
def test_addresses_aliases_and_uses_are_as_told(name: str) -> None:
    assert found(made(name)) == told(CASES[name])


@every_case
def test_every_variable_of_the_model_is_there_once(name: str) -> None:
    model = made(name)
    natives = [id(entry.native) for entry in pm.inspect(model).parameters.values()]
    assert sorted(natives) == sorted({id(variable) for variable in model.variables})


@every_case
def test_every_layer_of_the_model_is_there_once(name: str) -> None:
    model = made(name)
    natives = [id(layer.native) for layer in pm.inspect(model).layers.values()]
    expected = {id(layer) for layer in model._flatten_layers(include_self=False)}
    assert sorted(natives) == sorted(expected)


@every_case
def test_every_parameter_lies_in_the_layer_that_it_names(name: str) -> None:
    view = pm.inspect(made(name))
    for address, entry in view.parameters.items():
        assert not entry.layer or address.startswith(entry.layer + "/")
        if entry.layer_class == "SeedGenerator":
            assert entry.layer not in view.layers
        elif entry.layer:
            assert view.layers[entry.layer].class_name == entry.layer_class


@every_case
def test_ties_are_the_aliases(name: str) -> None:
    ties = pm.inspect(made(name)).ties
    assert {alias: tie.address for tie in ties for alias in tie.aliases} == CASES[name].aliases


@pytest.fixture(scope="module")
def forgotten_session() -> None:
    keras.backend.clear_session()


@every_case
@pytest.mark.usefixtures("forgotten_session")
def test_the_same_after_the_session_is_forgotten(name: str) -> None:
    assert found(CASES[name].make()) == told(CASES[name])


def test_the_same_after_fifty_other_models() -> None:
    for _ in range(50):
        keras.Sequential([layers.Dense(1), layers.LSTM(1), layers.Dropout(0.1)])
    for name in IN_A_FRESH_PROCESS:
        assert found(CASES[name].make()) == told(CASES[name])


# Each backend's tests are a process of their own already, so a few are enough here.
IN_A_FRESH_PROCESS = [
    "names_that_look_automatic",
    "layers_of_one_name",
    "several_generators",
    "shared_between_submodels",
    "stacked_cells",
    "attention_with_dropout",
    "nested_without_names",
    "variables_on_the_root",
    "sequential",
]


def test_the_same_in_a_fresh_process_that_makes_them_in_another_order() -> None:
    program = Path(__file__).parent / "programs" / "addresses.py"
    done = subprocess.run(
        [sys.executable, str(program), *IN_A_FRESH_PROCESS],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["addresses"] == {name: CASES[name].addresses for name in IN_A_FRESH_PROCESS}
    assert answer["imported_by_inspect"] == []


# ---------------------------------------------------------------- a model that grows


def _stack(*names: str | None) -> Any:
    return keras.Sequential([keras.Input((4,)), *(layers.Dense(4, name=name) for name in names)])


def test_an_appended_layer_leaves_the_others_where_they_were() -> None:
    before, after = (list(pm.inspect(_stack(*[None] * count)).parameters) for count in (3, 4))
    assert after == before + of("dense_3")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_named_layer_leaves_the_others_where_they_were(at: int) -> None:
    names: list[str | None] = [None, None]
    names.insert(at, "added")
    after = list(pm.inspect(_stack(*names)).parameters)
    assert [address for address in after if not address.startswith("added/")] == [
        *of("dense"),
        *of("dense_1"),
    ]


@pytest.mark.parametrize("first", [0, 8, 9, 98, 99, 999])
def test_automatic_names_are_renumbered_by_number_not_by_text(first: int) -> None:
    """``dense_9`` comes before ``dense_10``, as it did when they were made."""
    keras.backend.clear_session()
    for _ in range(first):
        layers.Dense(1)
    model = _stack(None, None, None)
    assert model.layers[0].name == ("dense" if first == 0 else f"dense_{first}")
    assert list(pm.inspect(model).parameters) == of("dense") + of("dense_1") + of("dense_2")


def test_layers_that_were_made_in_another_order_keep_the_order_of_their_making() -> None:
    class Reversed(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            made_first, made_second = layers.Dense(1), layers.Dense(2)
            self.one, self.two = made_second, made_first

        def call(self, inputs: Any) -> Any:
            return self.one(self.two(inputs))

    model = Reversed()
    model(X)
    parameters = pm.inspect(model).parameters
    assert parameters["dense/kernel"].shape == (4, 1)
    assert parameters["dense_1/kernel"].shape == (1, 2)


# ---------------------------------------------------------------- unbuilt models


def test_an_unbuilt_model_lists_its_layers() -> None:
    view = pm.inspect(made("not_built"))
    assert {address: layer.built for address, layer in view.layers.items()} == {
        "dense": False,
        "first": False,
    }
    assert view.totals.parameters == 0
    assert view.hyperparameters["model/first/units"].value == 4


@pytest.mark.parametrize("how", [{"sample": X}, {"input_shape": (None, 4)}])
def test_an_unbuilt_model_is_built_on_request(how: dict[str, Any]) -> None:
    view = pm.inspect(CASES["not_built"].make(), **how)
    assert list(view.parameters) == of("dense") + of("first")
    assert view.parameters["first/kernel"].shape == (4, 4)
    assert all(layer.built for layer in view.layers.values())


def test_an_unbuilt_sequential_is_built_on_request() -> None:
    model = keras.Sequential([layers.Dense(2)])
    assert list(pm.inspect(model, input_shape=(None, 3)).parameters) == of("dense")


def test_building_a_built_model_changes_nothing() -> None:
    model = CASES["sequential"].make()
    before = [np.array(variable) for variable in model.get_weights()]
    pm.inspect(model, sample=X)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("how", [{"sample": np.ones((2, 4, 9), "float32")}, {"input_shape": 4}])
def test_what_cannot_be_built_says_why(how: dict[str, Any]) -> None:
    class Strict(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="strict")
            self.dense = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            raise ValueError("not today")

    with pytest.raises(pm.NotBuilt, match="strict could not be built from"):
        pm.inspect(Strict(), **how)


# ---------------------------------------------------------------- cycles


class Parent(keras.Model):
    """Holds a layer that holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)
        self.child = Child(self)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class Child(layers.Layer):
    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.parent = parent
        self.dense = layers.Dense(1)


def test_a_layer_that_holds_its_parent_ends_the_walk() -> None:
    model = Parent()
    model.dense.build((None, 4))
    model.child.dense.build((None, 4))
    view = pm.inspect(model)
    assert list(view.parameters) == of("dense") + of("child/dense")
    assert list(view.layers) == ["dense", "child", "child/dense"]
    assert view.parameters["child.parent.dense.kernel"].address == "dense/kernel"


def test_a_layer_that_is_inspected_by_itself_is_the_root() -> None:
    encoder = made("nested").get_layer("encoder")
    assert list(pm.inspect(encoder).parameters) == of("dense") + of("dense_1")
    assert list(pm.inspect(encoder.layers[0]).parameters) == ["kernel", "bias"]


def test_a_shape_without_the_batch_axis_leaves_a_sequential_as_it_was() -> None:
    net = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(2)])
    with pytest.raises(pm.NotBuilt) as caught:
        pm.inspect(net, input_shape=(4,))
    assert "input_shape=(None, 4)" in str(caught.value.hint)
    assert list(pm.inspect(net, input_shape=(None, 4)).parameters) == [
        *of("dense"),
        *of("dense_1"),
    ]
