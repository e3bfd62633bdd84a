"""Keras 2 models are initialised and reset as those of Keras 3 are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tf_keras as keras
from tf_keras import layers

import parametry as pm


def net() -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 12)),
            layers.LSTM(8, return_sequences=True, name="memory"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(40, name="head", kernel_initializer="he_normal"),
        ]
    )


def values(model: Any) -> dict[str, np.ndarray]:
    return {address: p.numpy() for address, p in pm.inspect(model).parameters.items()}


def test_rules_and_names_and_objects() -> None:
    first, second = net(), net()
    rules = {
        "**": 0,
        "**/kernel": "glorot_uniform",
        "head/kernel": keras.initializers.RandomNormal(0.5, 0.1, seed=4),
        "norm/gamma": lambda shape, dtype, rng: rng.normal(size=shape),
    }
    for model in (first, second):
        pm.initialize(model, rules, seed=2)
    one, other = values(first), values(second)
    assert all((one[address] == other[address]).all() for address in one)
    kernel = next(v for a, v in one.items() if a.startswith("memory") and a.endswith("/kernel"))
    assert np.abs(kernel).max() <= np.sqrt(6 / (12 + 32))
    assert one["head/kernel"].mean() == pytest.approx(0.5, abs=0.03)
    assert (one["norm/moving_variance"] == 0).all()


def test_reset_gives_what_layers_declare() -> None:
    model = net()
    for parameter in pm.inspect(model).parameters.values():
        parameter.assign(np.full(parameter.shape, 0.25, "float32"))
    report = pm.reset(model, seed=1)
    found = values(model)
    assert not report.untouched
    assert all(not (v == 0.25).any() for v in found.values())
    assert found["head/kernel"].std() == pytest.approx(np.sqrt(2 / 8), rel=0.1)
    bias = next(v for a, v in found.items() if a.startswith("memory") and a.endswith("/bias"))
    assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    assert (found["norm/moving_variance"] == 1).all()


@pytest.mark.parametrize("name", ["Adam", "Adagrad"])
def test_the_optimizer_starts_again(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(8, 6, 12)).astype("float32")
    model = net()
    model.compile(getattr(keras.optimizers, name)(0.01), "mse")
    model.fit(x, np.zeros((8, 6, 40)), verbose=0)
    pm.reset(model, seed=1, optimizer=True)
    slots = pm.inspect(model).optimizer_parameters
    expected = 0.1 if name == "Adagrad" else 0.0
    kept = [a for a in slots if not a.endswith(("learning_rate", "iterations", "iteration"))]
    assert all((slots[a].numpy() == np.float32(expected)).all() for a in kept)
    assert int(model.optimizer.iterations.numpy()) == 0
    model.fit(x, np.zeros((8, 6, 40)), verbose=0)


def test_lsuv() -> None:
    x = np.random.default_rng(0).normal(size=(64, 12)).astype("float32")
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(16, "relu"), layers.Dense(5, name="head")]
    )
    pm.initialize(model, {"**/kernel": pm.lsuv()}, seed=0, sample=x)
    assert np.var(model(x).numpy()) == pytest.approx(1, abs=0.1)
