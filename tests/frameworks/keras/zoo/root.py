"""Variables that the root model holds itself, in every way that Keras has."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.case import case, of


class Holder(keras.Model):
    """Variables made by `add_weight`, as attributes, and in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = keras.Variable(1.0)
        self.offset = self.add_weight(shape=(2,), name="offset")
        self.several = [keras.Variable(np.zeros(size, "float32"), name="v") for size in (2, 3)]
        self.steps = self.add_weight(shape=(), trainable=False, name="steps")
        self.plain = self.add_weight(shape=(2,))
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs) * self.temperature + self.offset


@case(["variable", "offset", "several/0", "several/1", "variable_1", "steps", *of("dense")])
def variables_on_the_root() -> Any:
    model = Holder()
    model(np.ones((2, 4), "float32"))
    return model
