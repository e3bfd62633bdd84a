"""Names that clash, and names that only look automatic."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.case import case, of

X = np.ones((2, 4), "float32")


class SameName(keras.Model):
    """Several layers that were given one name."""

    def __init__(self) -> None:
        super().__init__()
        self.a = layers.Dense(4, name="same")
        self.b = layers.Dense(4, name="same")
        self.more = [layers.Dense(4, name="same"), layers.Dense(4, name="other")]
        self.by_key = {"x/y": layers.Dense(4, name="same")}

    def call(self, inputs: Any) -> Any:
        return self.by_key["x/y"](self.more[1](self.more[0](self.b(self.a(inputs)))))


@case(of("a") + of("b") + of("more/0") + of("other") + of("by_key/x%2Fy"))
def layers_of_one_name() -> Any:
    model = SameName()
    model(X)
    return model


class SameVariable(layers.Layer):
    """Several variables that were given one name."""

    def build(self, input_shape: Any) -> None:
        self.one = self.add_weight(shape=(1,), name="w")
        self.two = self.add_weight(shape=(2,), name="w")
        self.many = [self.add_weight(shape=(size,), name="w") for size in (3, 4)]
        self.other = self.add_weight(shape=(5,), name="other")

    def call(self, inputs: Any) -> Any:
        return inputs


@case(of("same_variable", "one two many/0 many/1 other"))
def variables_of_one_name() -> Any:
    return keras.Sequential([keras.Input((4,)), SameVariable()])


@case(of("dense_1") + of("head") + of("dense") + of("dense_head") + of("dense_2"))
def names_that_look_automatic() -> Any:
    """Renumbered in the order of their numbers, whoever chose them."""
    names = ["dense_40", "head", "dense_7", "dense_head", "dense_41"]
    return keras.Sequential([keras.Input((4,)), *(layers.Dense(4, name=name) for name in names)])


class Clash(layers.Layer):
    """A path of attributes that would read as the address of something else."""

    def __init__(self) -> None:
        super().__init__()
        self.c = [layers.Dense(4, name="same")]
        self.d = layers.Dense(4, name="same")
        self.e = Inner(name="c")

    def call(self, inputs: Any) -> Any:
        return self.e(self.d(self.c[0](inputs)))


class Inner(layers.Layer):
    """Holds a layer that is called as an index would be."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(4, name="0")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


@case(of("clash/same") + of("clash/d") + of("clash/c/0"))
def paths_that_clash() -> Any:
    return keras.Sequential([keras.Input((4,)), Clash()])
