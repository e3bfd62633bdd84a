"""Attention: layers that make their own sublayers."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.case import case, of


def _projections(layer: str, *before_output: str) -> list[str]:
    inputs = [address for part in ("query", "key", "value") for address in of(f"{layer}/{part}")]
    return [*inputs, *before_output, *of(f"{layer}/attention_output")]


@case(_projections("multi_head_attention"))
def multi_head_attention() -> Any:
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3)(inputs, inputs))


@case(
    _projections(
        "multi_head_attention",
        "multi_head_attention/dropout/seed_generator/seed_generator_state",
    )
    + _projections(
        "multi_head_attention_1",
        "multi_head_attention_1/dropout/seed_generator/seed_generator_state",
    )
)
def attention_with_dropout() -> Any:
    inputs = keras.Input((5, 4))
    hidden = layers.MultiHeadAttention(2, 3, dropout=0.1)(inputs, inputs)
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3, dropout=0.1)(hidden, inputs))


@case(_projections("grouped_query_attention"))
def grouped_query_attention() -> Any:
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.GroupQueryAttention(3, 4, 2)(inputs, inputs))


@case(["attention/scale", "additive_attention/scale"])
def dot_and_additive_attention() -> Any:
    inputs = keras.Input((5, 4))
    hidden = layers.Attention(use_scale=True)([inputs, inputs])
    return keras.Model(inputs, layers.AdditiveAttention()([hidden, inputs]))
