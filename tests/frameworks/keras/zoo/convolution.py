"""Convolutions of every kind, and activations that learn."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.case import case, of


@case(
    of("conv2d")
    + of("separable_conv2d", "depthwise_kernel pointwise_kernel bias")
    + of("depthwise_conv2d")
    + of("conv2d_transpose")
)
def convolutions() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(3, 3),
            layers.SeparableConv2D(3, 3),
            layers.DepthwiseConv2D(2),
            layers.Conv2DTranspose(2, 2),
        ]
    )


@case(["conv1d/kernel", "p_re_lu/alpha", "stem/kernel", "stem/bias", "p_re_lu_1/alpha"])
def learned_activations() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 2)),
            layers.Conv1D(3, 3, use_bias=False),
            layers.PReLU(),
            layers.Conv1D(3, 3, name="stem"),
            layers.PReLU(shared_axes=[1]),
        ]
    )
