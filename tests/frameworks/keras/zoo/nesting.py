"""Sequential, Functional and subclassed models, models in models, layers in lists and dicts."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.case import case, of

X = np.ones((2, 4), "float32")


@case(of("dense") + of("dense_1"))
def sequential() -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])


@case(of("dense") + of("head"))
def functional() -> Any:
    inputs = keras.Input((4,))
    hidden = layers.Dense(3)(inputs)
    return keras.Model(inputs, layers.Dense(1, name="head")(hidden))


@case(of("left") + of("right") + of("dense"))
def functional_with_two_inputs() -> Any:
    one, two = keras.Input((4,)), keras.Input((3,))
    left, right = layers.Dense(2, name="left")(one), layers.Dense(2, name="right")(two)
    return keras.Model([one, two], layers.Dense(1)(layers.concatenate([left, right])))


class Tower(keras.Model):
    """Layers in attributes, the second defined before it is called first."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.last = layers.Dense(2)
        self.first = layers.Dense(4, name="first")

    def call(self, inputs: Any) -> Any:
        return self.last(self.first(inputs))


@case(of("dense") + of("first"))
def subclassed() -> Any:
    model = Tower()
    model(X)
    return model


class Blocks(keras.Model):
    """Layers in a list, a dict, and a dict of lists."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [layers.Dense(4) for _ in range(2)]
        self.heads = {"one": layers.Dense(1), "two": layers.Dense(1, name="named")}
        self.deep = {"a": [layers.Dense(4), layers.Dense(4)]}

    def call(self, inputs: Any) -> Any:
        for block in [*self.blocks, *self.deep["a"]]:
            inputs = block(inputs)
        return [head(inputs) for head in self.heads.values()]


@case(of("dense") + of("dense_1") + of("dense_2") + of("named") + of("dense_3") + of("dense_4"))
def lists_and_dicts() -> Any:
    model = Blocks()
    model(X)
    return model


@case(of("encoder/dense") + of("encoder/dense_1") + of("dense"))
def nested() -> Any:
    encoder = keras.Sequential([layers.Dense(3), layers.Dense(2)], name="encoder")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(1)(encoder(inputs)))


@case(of("functional/sequential/dense") + of("functional/sequential_1/dense") + of("tower/dense") + of("tower/first"))  # fmt: skip  # noqa: E501
def nested_without_names() -> Any:
    inner = keras.Input((4,))
    between = keras.Sequential([layers.Dense(4)])(inner)
    functional = keras.Model(inner, keras.Sequential([layers.Dense(4)])(between))
    outer = keras.Input((4,))
    return keras.Model(outer, Tower()(functional(outer)))


class Residual(layers.Layer):
    """A layer with layers of its own, and a name for each level."""

    def __init__(self, depth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = Residual(depth - 1) if depth else layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


@case(of("residual/residual/residual/dense"))
def layers_in_layers() -> Any:
    return keras.Sequential([keras.Input((4,)), Residual(2)])


@case(of("residual/" + "residual/" * 60 + "dense"))
def sixty_levels_deep() -> Any:
    return keras.Sequential([keras.Input((4,)), Residual(60)])


@case([])
def not_built() -> Any:
    return Tower()


@case([])
def empty() -> Any:
    return keras.Sequential()
