"""Keras 2 does not let its variables be exchanged: what needs it says so and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tf_keras

import parametry as pm
from parametry import errors


@pytest.mark.parametrize(
    "act",
    [
        lambda model: pm.tie(model, "dense/kernel", "dense_1/kernel"),
        lambda model: pm.untie(model, "both/a/dense/kernel"),
        lambda model: pm.freeze(model, "dense/kernel"),
        lambda model: pm.unfreeze(model, layers="dense"),
    ],
    ids=["tie", "untie", "freeze", "unfreeze"],
)
def test_keras_2_says_that_it_cannot(act: Callable[[Any], Any]) -> None:
    shared = tf_keras.layers.Dense(4)
    ends = [tf_keras.Sequential([shared], name=name) for name in "ab"]
    model = tf_keras.Sequential(
        [
            tf_keras.Input((4,)),
            tf_keras.layers.Dense(4),
            tf_keras.layers.Dense(4),
            tf_keras.Sequential(ends, name="both"),
        ]
    )
    before = [(id(variable), variable.trainable) for variable in model.variables]
    with pytest.raises(errors.NotSupported, match="tf_keras"):
        act(model)
    assert [(id(variable), variable.trainable) for variable in model.variables] == before
