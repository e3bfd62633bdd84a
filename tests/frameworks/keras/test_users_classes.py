"""Arguments of a user's own classes, without capture: what they keep is told, nothing is run."""

from __future__ import annotations

import io
import threading
from decimal import Decimal
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

import parametry as pm


def arguments(layer: Any) -> dict[str, Any]:
    """What is told of a layer itself, without what is below it and what Keras gives every layer."""
    given_by_keras = {"class", "name", "trainable", "dtype", "autocast", "activity_regularizer"}
    return {
        address.removeprefix("model/"): entry.value
        for address, entry in pm.inspect(layer).hyperparameters.items()
        if address.startswith("model/") and address.split("/")[1] not in given_by_keras
    }


def gaps(layer: Any) -> str:
    return "\n".join(str(gap) for gap in pm.inspect(layer).coverage)


class Keeps(layers.Layer):
    """Keeps one argument by its name, one privately, one nowhere."""

    def __init__(self, one: Any, two: Any = 2, *, three: Any = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.one = one
        self._two = two


def test_what_is_kept_is_told_and_what_is_not_is_a_gap() -> None:
    layer = Keeps("a", 2.5, three=4, name="mine")
    assert arguments(layer) == {"one": "a", "two": 2.5}
    assert "Keeps keeps nothing of its arguments three" in gaps(layer)
    assert pm.inspect(layer).hyperparameters["model/name"].value == "mine"


def test_origins_are_unknown_without_capture() -> None:
    found = pm.inspect(Keeps(1)).hyperparameters
    assert {entry.origin for address, entry in found.items() if address.startswith("model")} == {
        None
    }
    assert len(found.explicit()) == 0


class Dense(layers.Dense):
    """Has no constructor of its own."""


class Narrow(layers.Dense):
    """Gives its base what that requires, or passes it on."""

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**{"units": 4 * factor, **kwargs})
        self.factor = factor


class Inherits(Keeps):
    """Has no constructor of its own either."""


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Dense(3), {"units": 3, "activation": "linear"}),
        (Narrow(2), {"factor": 2, "units": 8, "activation": "linear"}),
        (Narrow(2, units=5, activation="relu"), {"factor": 2, "units": 5, "activation": "relu"}),
        (Inherits(1), {"one": 1, "two": 2}),
    ],
)
def test_arguments_of_bases_are_told(layer: Any, expected: dict[str, Any]) -> None:
    found = arguments(layer)
    assert {name: found[name] for name in expected} == expected


def test_what_a_class_of_keras_gives_its_own_base_is_not_told() -> None:
    class Mine(layers.LSTM):
        pass

    found = arguments(Mine(3))
    assert found["units"] == 3
    assert "cell" not in found
    assert "rank" not in arguments(layers.Conv2D(3, 2))


class NamesOfKeras(layers.Layer):
    """Its arguments are called as something else that Keras keeps on every layer."""

    def __init__(self, layers: int, metrics: str, weights: float, losses: int, output: int) -> None:
        super().__init__()
        self.hidden = (layers, metrics, weights, losses, output)


def test_an_argument_that_is_called_as_something_of_keras_is_not_taken_for_it() -> None:
    assert arguments(NamesOfKeras(1, "a", 2.0, 3, 4)) == {}
    assert "layers, metrics, weights, losses, output" in gaps(NamesOfKeras(1, "a", 2.0, 3, 4))


class Properties(layers.Layer):
    """Its properties count how often they are called; one raises, one would never return."""

    called = 0

    def __init__(self, good: int, raises: int, hangs: int) -> None:
        super().__init__()
        self.held = (good, raises, hangs)

    @property
    def good(self) -> int:
        Properties.called += 1
        return self.held[0]

    @property
    def raises(self) -> int:
        Properties.called += 1
        raise RuntimeError("a property that raises")

    @property
    def hangs(self) -> int:
        Properties.called += 1
        threading.Event().wait()
        return 0


def test_a_users_property_is_never_called() -> None:
    layer = Properties(1, 2, 3)
    view = pm.inspect(layer)
    view.to_json()
    repr(view)
    view._repr_html_()
    assert arguments(layer) == {}
    assert "good, raises, hangs" in gaps(layer)
    assert Properties.called == 0


class Slots(layers.Layer):
    __slots__ = ("one", "two")

    def __init__(self, one: int, two: int | None = None) -> None:
        super().__init__()
        self.one = one


def test_what_stands_in_slots_is_told() -> None:
    assert arguments(Slots(3)) == {"one": 3}


class Tells(Keeps):
    """Its own `get_config` tells what it keeps nowhere."""

    def get_config(self) -> dict[str, Any]:
        return {"three": 7}


class Refuses(Keeps):
    def get_config(self) -> dict[str, Any]:
        raise RuntimeError("no config today")


def test_a_users_get_config_is_asked_for_what_is_kept_nowhere(backend: str) -> None:
    import tensorflow  # noqa: F401 - where it is not loaded, nothing that may load it is asked

    assert arguments(Tells(1)) == {"one": 1, "two": 2, "three": 7}


def test_a_get_config_that_raises_is_a_gap() -> None:
    import tensorflow  # noqa: F401

    layer = Refuses(1)
    assert arguments(layer) == {"one": 1, "two": 2}
    assert "get_config raised RuntimeError: no config today" in gaps(layer)


# ---------------------------------------------------------------- values of every kind


class Holds(layers.Layer):
    def __init__(self, value: Any = None) -> None:
        super().__init__()


def holding(value: Any) -> Any:
    """A layer that keeps a value as it is: Keras would flatten it, or put it into its own list."""
    layer = Holds()
    layer.__dict__["value"] = value
    return layer


RECURSIVE: list[Any] = [1]
RECURSIVE.append(RECURSIVE)
RECURSIVE_DICT: dict[str, Any] = {"a": 1}
RECURSIVE_DICT["me"] = RECURSIVE_DICT


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.float32(0.1), 0.1),
        (np.float16(0.1), 0.1),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (float("inf"), float("inf")),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": {"b": np.float32(0.2)}}, {"a": {"b": 0.2}}),
        ({1, 2}, [1, 2]),
        (range(3), {"$object": "range", "start": 0, "stop": 3, "step": 1}),
        (int, "int"),
        (np, {"$object": "module", "name": "numpy"}),
        (object(), {"$object": "object"}),
        (RECURSIVE, [1, {"$object": "list", "recursive": True}]),
        (RECURSIVE_DICT, {"a": 1, "me": {"$object": "dict", "recursive": True}}),
        (threading.Lock(), {"$object": "_thread.lock"}),
        (io.StringIO("text"), {"$object": "_io.StringIO"}),
        (Decimal("0.1"), {"$object": "decimal.Decimal", "value": "0.1"}),
        (keras.Variable(0.1), 0.1),
        (np.zeros((2, 3), "int8")[:0], {"$array": "numpy.ndarray", "shape": [0, 3]}),
        (list(range(20_000)), {"$long": 20_000}),
        ("x" * 100_000, {"$long": 100_000}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_value_is_told_as_plain_data(value: Any, told: Any) -> None:
    found = arguments(holding(value))["value"]
    if isinstance(told, dict):
        # A tag may say more: a hash, how it begins.
        found = {key: found[key] for key in told}
    assert found == told
    assert type(found) is type(told)


def test_containers_of_keras_are_the_users_own() -> None:
    layer = layers.Layer()
    layer.a_list, layer.a_dict, layer.a_set = [1, 2], {"b": 1}, {3}

    class Mine(layers.Layer):
        def __init__(self, a_list: Any, a_dict: Any, a_set: Any) -> None:
            super().__init__()
            self.a_list, self.a_dict, self.a_set = a_list, a_dict, a_set

    assert arguments(Mine([1, 2], {"b": 1}, {3})) == {
        "a_list": [1, 2],
        "a_dict": {"b": 1},
        "a_set": [3],
    }


def test_functions_and_closures_are_told_by_name_and_value() -> None:
    def decay(rate: float) -> Any:
        def schedule(epoch: int) -> float:
            return float(rate**epoch)

        return schedule

    found = arguments(holding(decay(0.5)))
    assert found["value"].endswith("decay.<locals>.schedule")
    assert found["value/rate"] == 0.5


def test_a_generator_is_not_consumed() -> None:
    generator = (number for number in range(3))
    assert arguments(holding(generator))["value"] == {"$object": "generator"}
    assert list(generator) == [0, 1, 2]


def test_a_huge_array_is_not_read() -> None:
    import resource

    # A gigabyte that is only promised: reading it would make it real.
    huge = np.empty(250_000_000, "float32")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = arguments(holding({"data": huge, "again": [huge]}))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found["value"]["data"] == {
        "$array": "numpy.ndarray",
        "shape": [250_000_000],
        "dtype": "float32",
    }
    assert grown < 100_000  # kilobytes


def test_a_table_is_told_by_its_class_and_shape() -> None:
    found = arguments(holding(pd.DataFrame({"a": range(1000)})))["value"]
    assert found["$object"] == "pandas.DataFrame"
    assert "sha256" not in found


def test_objects_of_keras_are_subtrees() -> None:
    found = arguments(holding(keras.initializers.HeNormal(seed=3)))
    assert found["value"] == "he_normal"
    assert found["value/class"] == "keras.initializers.HeNormal"
    assert found["value/seed"] == 3
    found = arguments(holding([keras.regularizers.L2(0.1), "l1"]))
    assert found["value/l2/l2"] == 0.1


def test_a_layer_among_the_arguments_is_told_by_its_address() -> None:
    class Wraps(layers.Layer):
        def __init__(self, inner: Any, more: Any) -> None:
            super().__init__()
            self.inner = inner
            self.more = more

    found = arguments(Wraps(layers.Dense(2), [layers.Dense(3), layers.Dense(4)]))
    assert found["inner"] == "dense"
    assert found["more"] == ["dense_1", "dense_2"]
    assert found["dense_2/units"] == 4
