"""Layers whose variables are not all trained: statistics and the seeds of random numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from zoo.case import case, of

SEED = "seed_generator/seed_generator_state"
STATISTICS = "gamma beta moving_mean moving_variance"


@case(of("dense") + of("batch_normalization", STATISTICS) + of("batch_normalization_1", STATISTICS))
def batch_normalization() -> Any:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3),
            layers.BatchNormalization(),
            layers.BatchNormalization(),
        ]
    )


@case(
    of("layer_normalization", "gamma beta")
    + of("group_normalization", "gamma beta")
    + of("rms_normalization", "scale")
    + of("spectral_normalization", "kernel vector_u")
    + of("spectral_normalization/dense", "bias"),
    # The wrapper keeps its layer's kernel as its own too, and stands above it.
    aliases={"spectral_normalization/dense/kernel": "spectral_normalization/kernel"},
)
def normalizations_that_are_trained() -> Any:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.LayerNormalization(),
            layers.GroupNormalization(2),
            layers.RMSNormalization(),
            layers.SpectralNormalization(layers.Dense(2)),
        ]
    )


@case(of("normalization", "mean variance count"))
def adapted_normalization() -> Any:
    normalization = layers.Normalization()
    normalization.adapt(np.arange(24, dtype="float32").reshape(8, 3))
    return keras.Sequential([keras.Input((3,)), normalization])


@case(of("dropout", SEED) + of("gaussian_noise", SEED) + of("noisy", SEED) + of("dropout_1", SEED))
def generators_of_random_numbers() -> Any:
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dropout(0.5),
            layers.GaussianNoise(0.1),
            layers.Dropout(0.2, seed=3, name="noisy"),
            layers.Dropout(0.2, seed=3),
        ]
    )


@case(of("random_flip", SEED) + of("random_rotation", SEED))
def augmentation() -> Any:
    return keras.Sequential(
        [keras.Input((8, 8, 3)), layers.RandomFlip(), layers.RandomRotation(0.1)]
    )


class Noise(layers.Layer):
    """Generators of its own, in an attribute and in a list."""

    def __init__(self, one: Any, *more: Any) -> None:
        super().__init__()
        self.one = one
        self.more = list(more)

    def call(self, inputs: Any) -> Any:
        return inputs + keras.random.normal((4,), seed=self.one)


def _generator(seed: int) -> Any:
    return keras.random.SeedGenerator(seed)


@case(
    [
        "noise/seed_generator/seed_generator_state",
        "noise/seed_generator_1/seed_generator_state",
        "noise/seed_generator_2/seed_generator_state",
    ]
)
def several_generators() -> Any:
    noise = Noise(_generator(1), _generator(2), _generator(3))
    return keras.Sequential([keras.Input((4,)), noise])


@case(of("noise", SEED), aliases={"noise_1/" + SEED: "noise/" + SEED})
def one_generator_for_two_layers() -> Any:
    shared = _generator(1)
    return keras.Sequential([keras.Input((4,)), Noise(shared), Noise(shared)])
