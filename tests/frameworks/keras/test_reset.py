"""Resetting: every layer class of Keras's gets fresh values, distributed as it declares them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from test_every_keras_layer import CLASSES, needed

import parametry as pm
from parametry.errors import RuleError

# What a layer is made with, where the least that it needs has few values to tell a distribution.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Attention": {"use_scale": True, "score_mode": "concat"},
    "BatchNormalization": {"renorm": True},
    "Dense": {"units": 48},
    "DepthwiseConv1D": {"depth_multiplier": 12},
    "DepthwiseConv2D": {"depth_multiplier": 12},
    "EinsumDense": {"equation": "abc,cde->abde", "output_shape": (None, 6, 8), "bias_axes": "de"},
    "Embedding": {"input_dim": 60, "output_dim": 24},
    "GRU": {"units": 24},
    "GRUCell": {"units": 24},
    "GroupNormalization": {"groups": 3},
    "LSTM": {"units": 24},
    "LSTMCell": {"units": 24},
    "MultiHeadAttention": {"num_heads": 4, "key_dim": 8},
    "RMSNormalization": {},
    "ReversibleEmbedding": {"input_dim": 60, "output_dim": 24, "tie_weights": False},
    "SimpleRNN": {"units": 24},
    "SimpleRNNCell": {"units": 24},
    "Bidirectional": {"layer": lambda: layers.LSTM(24)},
    "RNN": {"cell": lambda: layers.LSTMCell(24)},
    "SpectralNormalization": {"layer": lambda: layers.Dense(48)},
    "StackedRNNCells": {"cells": lambda: [layers.LSTMCell(24), layers.GRUCell(24)]},
    "TimeDistributed": {"layer": lambda: layers.Dense(48)},
    **{
        name: {"filters": 16, "kernel_size": 3}
        for name in CLASSES
        if "Conv" in name and not name.startswith(("Depthwise", "ConvLSTM"))
    },
}
# What a layer is built on, where its class's name does not tell it.
SEQUENCE, SEVERAL = (None, 4, 12), [(None, 4, 12), (None, 4, 12)]
SHAPES: dict[str, Any] = {
    "AdditiveAttention": [(None, 4, 600), (None, 4, 600)],
    "Attention": SEVERAL,
    "Bidirectional": SEQUENCE,
    "ConvLSTM1D": (None, 4, 8, 6),
    "ConvLSTM2D": (None, 4, 8, 8, 6),
    "ConvLSTM3D": (None, 4, 5, 5, 5, 6),
    "EinsumDense": SEQUENCE,
    "Embedding": (None, 4),
    "GRU": SEQUENCE,
    "GroupQueryAttention": [(None, 4, 12)] * 3,
    "LSTM": SEQUENCE,
    "MultiHeadAttention": SEVERAL,
    "RNN": SEQUENCE,
    "ReversibleEmbedding": (None, 4),
    "STFTSpectrogram": (None, 600, 1),
    "SimpleRNN": SEQUENCE,
    "TimeDistributed": SEQUENCE,
}
# Layers with variables that declare no initial values, and why.
UNDECLARED = {
    "Normalization": "its mean and variance are adapted to data",
}
# Layers that cannot be built from a shape; none of them has variables but random generators' state.
MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
# The deviation of n normal numbers is off by 1 / sqrt(2 n) or so; four times that is allowed.
FEWEST = 400


def shape_for(name: str) -> Any:
    if name in SHAPES:
        return SHAPES[name]
    for axes in (1, 2, 3):
        if f"{axes}D" in name:
            return (None, *[6] * axes, 12)
    return (None, 12)


def is_seed(parameter: pm.Parameter) -> bool:
    return parameter.address.endswith("seed_generator_state")


@contextmanager
def noting_initializers() -> Iterator[dict[int, Any]]:
    """The initializer that each variable is really made with, by the variable's identity."""
    found: dict[int, Any] = {}
    base = next(
        cls
        for cls in keras.Variable.__mro__
        if cls.__name__ == "Variable" and "common" in cls.__module__
    )
    original = base.__init__

    def noting(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        found[id(self)] = initializer
        original(self, initializer, *args, **kwargs)

    base.__init__ = noting
    try:
        yield found
    finally:
        base.__init__ = original


def made(name: str) -> tuple[Any, dict[int, Any]]:
    """A built layer, and the initializers that its variables were made with."""
    keras.utils.set_random_seed(7)
    given = {
        **needed(name),
        **{
            key: value() if callable(value) else value
            for key, value in ARGUMENTS.get(name, {}).items()
        },
    }
    with noting_initializers() as initializers:
        layer = CLASSES[name](**given)
        if name not in MERGING:
            shape = shape_for(name)
            layer.build(*shape) if name in ("MultiHeadAttention", "GroupQueryAttention") else (
                layer.build(shape)
            )
    return layer, initializers


def describe(values: np.ndarray) -> tuple[float, float, float, float]:
    values = values.astype("float64")
    sizes = np.abs(values)
    return float(values.mean()), float(values.std()), float(np.quantile(sizes, 0.9)), sizes.max()


def check_distribution(values: np.ndarray, initializer: Any, parameter: pm.Parameter) -> None:
    """That values are distributed as those that Keras's own initializer gives."""
    if isinstance(initializer, str):
        initializer = keras.initializers.get(initializer)
    drawn = keras.ops.convert_to_numpy(initializer(parameter.shape, dtype=parameter.dtype))
    where = f"{parameter.address}: {parameter.provenance}"
    if np.ptp(drawn) == 0 or parameter.provenance.seed is None:
        np.testing.assert_allclose(values, drawn, rtol=1e-5, atol=1e-6, err_msg=where)
        return
    if values.size < FEWEST:
        assert np.abs(values).max() <= 3 * np.abs(drawn).max(), where
        return
    mean, deviation, large, largest = describe(values)
    _, expected, expected_large, expected_largest = describe(drawn)
    near = 4 / np.sqrt(2 * values.size)
    assert abs(mean) <= 4 * expected / np.sqrt(values.size), where
    assert deviation == pytest.approx(expected, rel=2 * near), where
    assert large == pytest.approx(expected_large, rel=2 * near), where
    assert largest <= 1.4 * expected_largest, where


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_layer_gets_fresh_values_as_it_declares(name: str) -> None:
    layer, initializers = made(name)
    weights = {a: p for a, p in pm.inspect(layer).parameters.items() if not is_seed(p)}
    if not weights:
        return
    if name in UNDECLARED:
        with pytest.raises(RuleError, match="its layer declares no initializer"):
            pm.reset(layer, seed=1)
        return
    for parameter in weights.values():
        parameter.assign(np.full(parameter.shape, 0.25, parameter.dtype))
    report = pm.reset(layer, seed=1)
    assert set(report.touched) == set(weights)
    for address, parameter in weights.items():
        values = parameter.numpy()
        assert values.size == 0 or not (values == 0.25).all(), address
        check_distribution(values, initializers[id(parameter.native)], parameter)


def test_every_layer_class_with_weights_was_tried() -> None:
    with_weights = {
        name
        for name in CLASSES
        if any(not is_seed(p) for p in pm.inspect(made(name)[0]).parameters.values())
    }
    assert {"Dense", "LSTM", "MultiHeadAttention", "BatchNormalization", "PReLU"} <= with_weights
    assert len(with_weights) >= 38
