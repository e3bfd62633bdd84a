"""One layer, or one variable, in several places."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.case import case, of

X = np.ones((2, 4), "float32")


@case(of("dense"), uses={"dense": 2})
def used_twice_in_functional() -> Any:
    inputs, shared = keras.Input((4,)), layers.Dense(4)
    return keras.Model(inputs, shared(shared(inputs)))


@case(of("dense"), uses={"dense": 2})
def used_twice_in_sequential() -> Any:
    shared = layers.Dense(4)
    return keras.Sequential([keras.Input((4,)), shared, shared])


class Twice(keras.Model):
    """Two attributes that lead to one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.one = layers.Dense(4)
        self.two = self.one
        self.other = layers.Dense(4)

    def call(self, inputs: Any) -> Any:
        return self.other(self.two(self.one(inputs)))


@case(of("dense") + of("dense_1"), uses={"dense": 2})
def used_twice_in_subclassed() -> Any:
    model = Twice()
    model(X)
    return model


@case(of("encoder/dense"), uses={"encoder": 2})
def model_used_twice() -> Any:
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="encoder")
    one, two = keras.Input((4,)), keras.Input((4,))
    return keras.Model([one, two], layers.add([encoder(one), encoder(two)]))


@case(
    of("a/dense") + of("b/dense_1"),
    aliases={"b/dense/kernel": "a/dense/kernel", "b/dense/bias": "a/dense/bias"},
)
def shared_between_submodels() -> Any:
    shared = layers.Dense(4)
    a = keras.Sequential([keras.Input((4,)), shared], name="a")
    b = keras.Sequential([keras.Input((4,)), layers.Dense(4), shared], name="b")
    inputs = keras.Input((4,))
    return keras.Model(inputs, b(a(inputs)))


@case(
    of("a/shared/dense"),
    aliases={
        "b/shared/dense/kernel": "a/shared/dense/kernel",
        "shared/dense/kernel": "a/shared/dense/kernel",
        "b/shared/dense/bias": "a/shared/dense/bias",
        "shared/dense/bias": "a/shared/dense/bias",
    },
)
def model_shared_between_submodels() -> Any:
    shared = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="shared")
    a = keras.Sequential([keras.Input((4,)), shared], name="a")
    b = keras.Sequential([keras.Input((4,)), shared], name="b")
    inputs = keras.Input((4,))
    return keras.Model(inputs, shared(b(a(inputs))))


class Borrows(layers.Layer):
    """Keeps another layer's variable as its own."""

    def __init__(self, lender: Any) -> None:
        super().__init__()
        self.borrowed = lender.kernel

    def call(self, inputs: Any) -> Any:
        return keras.ops.matmul(inputs, keras.ops.transpose(self.borrowed))


@case(of("lender"), aliases={"borrows/kernel": "lender/kernel"})
def variable_in_two_layers() -> Any:
    lender = layers.Dense(3, name="lender")
    lender.build((None, 4))
    return keras.Sequential([keras.Input((4,)), lender, Borrows(lender)])
