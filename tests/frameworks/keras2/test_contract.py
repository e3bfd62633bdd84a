"""Keras 2 keeps the contract that parametry ships for every framework."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras import layers

from parametry.testing import FrameworkContract

X = np.ones((2, 4), "float32")


class TestKeras2(FrameworkContract):
    def make(self) -> Any:
        encoder = keras.Sequential([layers.Dense(4, "tanh"), layers.Dropout(0.1)], name="encoder")
        inputs = keras.Input((4,))
        return keras.Model(inputs, layers.Dense(2)(encoder(inputs)))

    def make_tied(self) -> Any:
        shared = layers.Dense(4)
        a = keras.Sequential([keras.Input((4,)), shared], name="a")
        b = keras.Sequential([keras.Input((4,)), layers.Dense(4), shared], name="b")
        inputs = keras.Input((4,))
        return keras.Model(inputs, b(a(inputs)))

    def arrays_of(self, model: Any) -> Sequence[Any]:
        return list(model.variables)

    def to_numpy(self, array: Any) -> Any:
        return array.numpy()

    def train(self, model: Any) -> None:
        model.compile("sgd", "mse")
        model.fit(X, np.full((2, 2), 9.0), verbose=0)

    def state_of(self, model: Any) -> Any:
        return (
            [
                (id(layer), {key: id(value) for key, value in layer.__dict__.items()})
                for layer in model._flatten_layers()
            ],
            [(id(v), v.numpy().tobytes(), v.trainable) for v in model.variables],
            random.getstate(),
            str(np.random.get_state()),
        )
