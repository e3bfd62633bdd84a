"""Quantized layers, which keep other variables than before, and layers with low-rank additions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.case import case, of

# Two of an input's, the kernel's and the output gradient's each.
FLOAT8 = " ".join(
    f"{of_what}_{what}"
    for of_what in ("inputs", "kernel", "outputs_grad")
    for what in ("scale", "amax_history")
)


def _quantized(mode: str, *stack: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), *stack])
    for layer in model.layers:
        layer.quantize(mode)
    return model


@case(
    of("dense", "bias kernel kernel_scale") + of("einsum_dense", "kernel kernel_scale"),
)
def dense_in_int8() -> Any:
    return _quantized("int8", layers.Dense(4), layers.EinsumDense("ab,bc->ac", 4))


@case(
    of("dense", "bias kernel kernel_scale kernel_zero g_idx")
    + of("einsum_dense", "kernel kernel_scale kernel_zero g_idx"),
)
def dense_in_int4() -> Any:
    return _quantized("int4", layers.Dense(4), layers.EinsumDense("ab,bc->ac", 4))


@case(of("dense", "kernel bias " + FLOAT8) + of("einsum_dense", "kernel " + FLOAT8))
def dense_in_float8() -> Any:
    return _quantized("float8", layers.Dense(4), layers.EinsumDense("ab,bc->ac", 4))


@case(of("embedding", "embeddings embeddings_scale"))
def embedding_in_int8() -> Any:
    return _quantized("int8", layers.Embedding(10, 4))


@case(of("embedding", "embeddings embeddings_scale embeddings_zero g_idx"))
def embedding_in_int4() -> Any:
    return _quantized("int4", layers.Embedding(10, 4))


@case(
    of("dense", "kernel bias lora_kernel_a lora_kernel_b")
    + of("einsum_dense", "kernel lora_kernel_a lora_kernel_b")
    + of("embedding", "embeddings lora_embeddings_a lora_embeddings_b")
)
def low_rank_additions() -> Any:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4),
            layers.EinsumDense("ab,bc->ac", 4),
            layers.Embedding(5, 2),
        ]
    )
    for layer in model.layers:
        layer.enable_lora(2)
    return model
