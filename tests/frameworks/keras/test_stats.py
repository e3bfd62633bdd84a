"""`parametry.stats` of a live model, on each backend."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

import parametry as pm


def net(dtype: str = "float32") -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dropout(0.5),
            layers.Dense(4, dtype=dtype),
        ]
    )
    kernel = np.linspace(-1, 1, 128).reshape(8, 16)
    model.layers[0].kernel.assign(kernel)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_live_model(dtype: str) -> None:
    model = net(dtype)
    view = pm.inspect(model)
    found = pm.stats(model)
    assert list(found) == list(view.parameters)
    for address, entry in view.parameters.items():
        values = entry.numpy().astype(np.float64)
        one = found[address]
        assert (one.count, one.shape, one.dtype) == (values.size, entry.shape, entry.dtype)
        assert (one.min, one.max) == (values.min(), values.max())
        assert one.mean == pytest.approx(values.mean(), abs=1e-12)
        assert one.std == pytest.approx(values.std(), abs=1e-12)
        assert one.median == np.median(values)
        assert one.exact
    assert found["dense/kernel"].dtype == dtype
    assert not found.nonfinite()
    assert found == pm.stats(view)


def test_what_is_not_finite_is_found() -> None:
    model = net("bfloat16")
    values = np.zeros(16, np.float32)
    values[[1, 2]] = math.nan, -math.inf
    model.layers[0].bias.assign(values)
    bad = pm.stats(model).nonfinite()
    assert list(bad) == ["dense/bias"]
    assert (bad["dense/bias"].nan, bad["dense/bias"].negative_infinity) == (1, 1)
    assert bad["dense/bias"].zeros == 14


def test_the_optimizer_too() -> None:
    model = net()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    found = pm.stats(pm.inspect(model).optimizer_parameters)
    assert found.total.count > 0
    assert found.total.nonfinite == 0
