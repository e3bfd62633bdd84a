"""Keras 3 keeps the contract that parametry ships for every framework."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from zoo import CASES
from zoo.nesting import X

from parametry.testing import FrameworkContract


class TestKeras(FrameworkContract):
    def make(self) -> Any:
        encoder = keras.Sequential([layers.Dense(4, "tanh"), layers.Dropout(0.1)], name="encoder")
        inputs = keras.Input((4,))
        return keras.Model(inputs, layers.Dense(2)(encoder(inputs)))

    def make_tied(self) -> Any:
        return CASES["shared_between_submodels"].make()

    def arrays_of(self, model: Any) -> Sequence[Any]:
        return list(model.variables)

    def to_numpy(self, array: Any) -> Any:
        return keras.ops.convert_to_numpy(array)

    def train(self, model: Any) -> None:
        model.compile("sgd", "mse")
        model.fit(X, np.full((2, 2), 9.0), verbose=0)

    def state_of(self, model: Any) -> Any:
        return (
            [
                (id(layer), {key: id(value) for key, value in layer.__dict__.items()})
                for layer in model._flatten_layers()
            ],
            [(id(v), self.to_numpy(v).tobytes(), v.trainable) for v in model.variables],
            random.getstate(),
            str(np.random.get_state()),
        )
