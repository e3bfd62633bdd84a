"""The work of inspection grows with the model, not faster; counted in calls, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers

import parametry as pm


class Many(keras.Model):
    """As many layers as asked for, with explicit names and without, every fifth with a variable."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.named = [layers.Identity(name=f"named_{index}") for index in range(2 * count // 5)]
        self.auto = [layers.Identity() for index in range(2 * count // 5)]
        self.blocks = [layers.PReLU() for index in range(count // 5)]
        for layer in self.blocks:
            layer.build((None, 1))
        self.built = True


def calls(function: Callable[[], Any]) -> int:
    """How many calls of Python functions and built-ins a function makes."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


LOOKS: dict[str, Callable[[pm.Model], Any]] = {
    "parameters": lambda view: list(view.parameters),
    "aliases and totals": lambda view: (view.ties, view.totals),
    "layers": lambda view: list(view.layers),
    "hyperparameters": lambda view: list(view.hyperparameters),
    "patterns": lambda view: view.parameters.select("**/alpha"),
    "shapes": lambda view: view.layers.to_dict(),
    "dicts": lambda view: view.parameters.to_dict(),
}


@pytest.fixture(scope="module")
def models() -> tuple[Any, Any]:
    return Many(1000), Many(2000)


@pytest.mark.parametrize("what", LOOKS)
def test_twice_the_layers_are_twice_the_work(models: tuple[Any, Any], what: str) -> None:
    for net in models:
        LOOKS[what](pm.inspect(net))  # what is done once for a class, or a name, is done
    small_calls, large_calls = (calls(lambda m=m: LOOKS[what](pm.inspect(m))) for m in models)
    assert small_calls > 1000
    assert large_calls < 2.2 * small_calls


def test_a_chain_of_layers_is_linear_too() -> None:
    def chain(length: int) -> Any:
        inputs = keras.Input((1,))
        outputs = inputs
        for _ in range(length):
            outputs = layers.Identity()(outputs)
        return keras.Model(inputs, outputs)

    small, large = chain(200), chain(400)
    look = LOOKS["layers"]
    look(pm.inspect(small))
    look(pm.inspect(large))
    assert calls(lambda: look(pm.inspect(large))) < 2.2 * calls(lambda: look(pm.inspect(small)))


def test_each_level_of_depth_costs_the_same() -> None:
    class Level(layers.Layer):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.below = Level(depth - 1) if depth else layers.PReLU()
            if not depth:
                self.below.build((None, 1))

    small, large = Level(50), Level(100)
    # What a layer holds at all its levels is counted at each: parameters alone are linear here.
    look = LOOKS["parameters"]
    look(pm.inspect(small))
    look(pm.inspect(large))
    assert list(pm.inspect(large).parameters) == ["level/" * 100 + "p_re_lu/alpha"]
    assert calls(lambda: look(pm.inspect(large))) < 2.2 * calls(lambda: look(pm.inspect(small)))


def test_a_layer_in_many_places_costs_as_many() -> None:
    def sharing(count: int) -> Any:
        shared = layers.PReLU(name="shared")
        shared.build((None, 1))
        model = layers.Layer()
        model.parts = []
        for index in range(count):
            holder = layers.Layer(name=f"part_{index}")
            holder.inner = shared
            model.parts.append(holder)
        return model

    small, large = sharing(200), sharing(400)
    look = LOOKS["aliases and totals"]
    look(pm.inspect(small))
    look(pm.inspect(large))
    assert len(pm.inspect(large).parameters["part_0/shared/alpha"].aliases) == 399
    assert calls(lambda: look(pm.inspect(large))) < 2.2 * calls(lambda: look(pm.inspect(small)))
