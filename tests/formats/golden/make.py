"""Writes the golden files beside it, with the packages that the formats belong to.

Run once, with the versions that ``versions.json`` then names::

    KERAS_BACKEND=jax python tests/formats/golden/make.py

``expected.json`` has what the live models and arrays were: shape, dtype, role, and a hash of the
bytes, by address.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy
from keras import layers

import parametry as pm

HERE = Path(__file__).parent


def mlp() -> Any:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, activation="relu"),
            layers.Dropout(0.1),
            layers.BatchNormalization(),
            layers.Dense(2, name="head"),
        ]
    )
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    return model


def lstm() -> Any:
    given = keras.Input((5, 2))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(given)
    x = layers.GRU(2, use_bias=False)(x)
    return keras.Model(given, layers.Dense(1, use_bias=False)(x))


def attention() -> Any:
    given = keras.Input((3, 4))
    x = layers.MultiHeadAttention(2, 2)(given, given)
    return keras.Model(given, layers.LayerNormalization(center=False)(x))


def nested() -> Any:
    inner = keras.Sequential([layers.Dense(3, name="first"), layers.Dense(3)], name="inner")
    given = keras.Input((3,))
    model = keras.Model(given, layers.Dense(1)(inner(given)))
    inner.trainable = False
    return model


def shared() -> Any:
    tower = keras.Sequential([layers.Dense(2)], name="tower")
    left, right = keras.Input((3,)), keras.Input((3,))
    return keras.Model([left, right], layers.Add()([tower(left), tower(right)]))


def half() -> Any:
    dense = layers.Dense(2, dtype="bfloat16")
    return keras.Sequential([keras.Input((3,)), dense, layers.BatchNormalization(scale=False)])


MODELS = [mlp, lstm, attention, nested, shared, half]


def told(array: Any, role: str | None = None) -> dict[str, Any]:
    raw = np.ascontiguousarray(array).tobytes()
    out: dict[str, Any] = {
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    return out if role is None else {**out, "role": role}


def arrays() -> dict[str, Any]:
    numbers = np.random.default_rng(0)
    return {
        "encoder.0.weight": numbers.normal(size=(3, 4)).astype("float32"),
        "encoder.0.bias": numbers.normal(size=4),
        "half": numbers.normal(size=5).astype("float16"),
        "steps": np.array(7, "int64"),
        "mask": np.array([[True, False], [False, True]]),
        "empty": np.zeros((0, 3), "int8"),
        "big": np.arange(6, dtype="uint32").reshape(2, 3),
    }


def main() -> None:
    keras.utils.set_random_seed(0)
    expected: dict[str, Any] = {}
    for make in MODELS:
        model, name = make(), make.__name__
        model.save(HERE / f"{name}.keras")
        model.save_weights(HERE / f"{name}.weights.h5")
        expected[name] = {
            address: told(entry.numpy(), entry.role)
            for address, entry in pm.inspect(model).parameters.items()
        }
    plain = arrays()
    safetensors.numpy.save_file(
        {**plain, "brain": np.ones(3, ml_dtypes.bfloat16)},
        HERE / "arrays.safetensors",
        {"format": "np"},
    )
    np.savez(HERE / "arrays.npz", **plain, columns=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    np.savez_compressed(HERE / "packed.npz", **plain, swapped=np.arange(3, dtype=">i4"))
    np.save(HERE / "array.npy", np.arange(12, dtype="float32").reshape(3, 4))
    expected["arrays"] = {name: told(array) for name, array in plain.items()}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
    versions = {m.__name__: m.__version__ for m in (keras, np, safetensors, ml_dtypes)}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
