"""The initializer, regularizer and constraint of each parameter, as its layer declares them."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

import parametry as pm

# Each of another kind and another value, so that no mix-up can pass.
KERNEL, RECURRENT, BIAS, OTHER = (
    {"initializer": "HeNormal", "regularizer": 0.01, "constraint": 1.0},
    {"initializer": "LecunUniform", "regularizer": 0.02, "constraint": 2.0},
    {"initializer": "RandomNormal", "regularizer": 0.03, "constraint": 3.0},
    {"initializer": "TruncatedNormal", "regularizer": 0.04, "constraint": 4.0},
)


def given(name: str, kind: dict[str, Any]) -> dict[str, Any]:
    """The constructor arguments that declare one variable: ``kernel_initializer=…`` and so on."""
    return {
        f"{name}_initializer": getattr(keras.initializers, kind["initializer"])(),
        f"{name}_regularizer": keras.regularizers.L2(kind["regularizer"]),
        f"{name}_constraint": keras.constraints.MaxNorm(kind["constraint"]),
    }


def told(entry: pm.Parameter) -> dict[str, Any]:
    initializer, regularizer, constraint = (
        entry.initializer,
        entry.regularizer,
        entry.constraint,
    )
    assert isinstance(initializer, dict)
    assert isinstance(regularizer, dict)
    assert isinstance(constraint, dict)
    assert regularizer["class"] == "L2"
    assert constraint["class"] == "MaxNorm"
    return {
        "initializer": initializer["class"],
        "regularizer": regularizer["l2"],
        "constraint": constraint["max_value"],
    }


KERNEL_AND_BIAS = {**given("kernel", KERNEL), **given("bias", BIAS)}
DECLARATIONS: list[tuple[Any, tuple[int, ...], dict[str, dict[str, Any]]]] = [
    (layers.Dense(2, **KERNEL_AND_BIAS), (4,), {"kernel": KERNEL, "bias": BIAS}),
    (
        layers.EinsumDense("ab,bc->ac", 2, bias_axes="c", **KERNEL_AND_BIAS),
        (4,),
        {"kernel": KERNEL, "bias": BIAS},
    ),
    (layers.Conv1D(2, 2, **KERNEL_AND_BIAS), (4, 3), {"kernel": KERNEL, "bias": BIAS}),
    (layers.Conv2DTranspose(2, 2, **KERNEL_AND_BIAS), (4, 4, 3), {"kernel": KERNEL, "bias": BIAS}),
    (
        layers.DepthwiseConv2D(2, **given("depthwise", KERNEL), **given("bias", BIAS)),
        (4, 4, 3),
        {"kernel": KERNEL, "bias": BIAS},
    ),
    (
        layers.SeparableConv2D(
            2,
            2,
            **given("depthwise", KERNEL),
            **given("pointwise", OTHER),
            **given("bias", BIAS),
        ),
        (4, 4, 3),
        {"depthwise_kernel": KERNEL, "pointwise_kernel": OTHER, "bias": BIAS},
    ),
    (layers.Embedding(5, 2, **given("embeddings", KERNEL)), (4,), {"embeddings": KERNEL}),
    (
        layers.BatchNormalization(**given("gamma", KERNEL), **given("beta", BIAS)),
        (4,),
        {"gamma": KERNEL, "beta": BIAS},
    ),
    (
        layers.LayerNormalization(**given("gamma", KERNEL), **given("beta", BIAS)),
        (4,),
        {"gamma": KERNEL, "beta": BIAS},
    ),
    (layers.PReLU(**given("alpha", KERNEL)), (4,), {"alpha": KERNEL}),
    *(
        (
            cls(2, **given("recurrent", RECURRENT), **KERNEL_AND_BIAS),
            (3, 4),
            {
                f"{cell}/kernel": KERNEL,
                f"{cell}/recurrent_kernel": RECURRENT,
                f"{cell}/bias": BIAS,
            },
        )
        for cls, cell in (
            (layers.LSTM, "lstm_cell"),
            (layers.GRU, "gru_cell"),
            (layers.SimpleRNN, "simple_rnn_cell"),
        )
    ),
    (
        layers.ConvLSTM1D(2, 2, **given("recurrent", RECURRENT), **KERNEL_AND_BIAS),
        (3, 4, 2),
        {
            "conv_lstm_cell/kernel": KERNEL,
            "conv_lstm_cell/recurrent_kernel": RECURRENT,
            "conv_lstm_cell/bias": BIAS,
        },
    ),
    (
        layers.TimeDistributed(layers.Dense(2, name="inner", **KERNEL_AND_BIAS)),
        (3, 4),
        {"inner/kernel": KERNEL, "inner/bias": BIAS},
    ),
    (
        # The wrapper holds its layer's kernel itself, and only the layer knows what it declared.
        layers.SpectralNormalization(layers.Dense(2, name="inner", **KERNEL_AND_BIAS)),
        (4,),
        {"kernel": KERNEL, "inner/bias": BIAS},
    ),
]


@pytest.mark.parametrize(
    ("layer", "shape", "expected"), DECLARATIONS, ids=[type(d[0]).__name__ for d in DECLARATIONS]
)
def test_each_parameter_tells_its_own(
    layer: Any, shape: tuple[int, ...], expected: dict[str, dict[str, Any]]
) -> None:
    layer.build((None, *shape))
    parameters = pm.inspect(layer).parameters
    assert {address: told(parameters[address]) for address in expected} == expected


def test_attention_tells_the_projections_own() -> None:
    layer = layers.MultiHeadAttention(2, 3, **KERNEL_AND_BIAS)
    layer.build((None, 5, 4), (None, 5, 4))
    parameters = pm.inspect(layer).parameters
    for part in ("query", "key", "value", "attention_output"):
        assert told(parameters[f"{part}/kernel"]) == KERNEL
        assert told(parameters[f"{part}/bias"]) == BIAS


def test_statistics_have_initializers_of_their_own() -> None:
    layer = layers.BatchNormalization(
        moving_mean_initializer="ones", moving_variance_initializer=keras.initializers.Constant(2)
    )
    layer.build((None, 4))
    parameters = pm.inspect(layer).parameters
    assert parameters["moving_mean"].initializer == {"class": "Ones"}
    assert parameters["moving_variance"].initializer == {"class": "Constant", "value": 2}
    assert parameters["gamma"].initializer == {"class": "Ones"}
    assert parameters["gamma"].regularizer is None
    assert parameters["gamma"].constraint is None


def test_a_variable_of_a_users_layer_tells_what_keras_keeps_with_it() -> None:
    class Scale(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(
                shape=(1,), name="factor", regularizer="l1", constraint="non_neg"
            )

    layer = Scale()
    layer.build((None, 4))
    entry = pm.inspect(layer).parameters["factor"]
    assert entry.regularizer == {"class": "L1", "l1": 0.01}
    assert entry.constraint == {"class": "NonNeg"}
    assert entry.initializer is None
    assert entry.to_dict()["regularizer"] == {"class": "L1", "l1": 0.01}
