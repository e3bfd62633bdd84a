"""Writes the golden files in ``legacy/``: HDF5 as Keras 2 has it, and weights in shards.

Run once::

    python tests/formats/golden/make_legacy.py

``expected.json`` and ``sharded.json`` have what the live models were, by address.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tf_keras
from tf_keras import layers

import parametry as pm

HERE = Path(__file__).parent / "legacy"


def mlp() -> Any:
    model = tf_keras.Sequential(
        [
            layers.Dense(3, activation="relu", input_shape=(4,)),
            layers.Dropout(0.1),
            layers.BatchNormalization(),
            layers.Dense(2, name="head", kernel_regularizer=tf_keras.regularizers.L2(0.01)),
        ]
    )
    schedule = tf_keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    model.compile(tf_keras.optimizers.Adam(schedule), "mse", metrics=["mae"])
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    return model


def lstm() -> Any:
    given = tf_keras.Input((5, 2))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(given)
    x = layers.GRU(2, use_bias=False)(x)
    model = tf_keras.Model(given, layers.Dense(1, use_bias=False)(x))
    model.compile(tf_keras.optimizers.legacy.SGD(0.1, momentum=0.9), "mse")
    model.fit(np.ones((4, 5, 2)), np.ones((4, 5, 1)), verbose=0)
    return model


def attention() -> Any:
    given = tf_keras.Input((3, 4))
    x = layers.MultiHeadAttention(2, 2)(given, given)
    x = layers.TimeDistributed(layers.Dense(2))(x)
    return tf_keras.Model(given, layers.LayerNormalization(center=False)(x))


def nested() -> Any:
    innermost = tf_keras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    inner = tf_keras.Sequential([layers.Dense(3, name="first"), innermost], name="inner")
    given = tf_keras.Input((3,))
    model = tf_keras.Model(given, layers.Dense(1)(layers.Dense(3)(inner(given))))
    inner.layers[0].trainable = False
    model.layers[2].trainable = False
    return model


def shared() -> Any:
    dense = layers.Dense(2, name="common")
    tower = tf_keras.Sequential([dense], name="tower")
    left, right = tf_keras.Input((3,)), tf_keras.Input((3,))
    added = layers.Add()([tower(left), tower(right), dense(left)])
    return tf_keras.Model([left, right], added)


MODELS = [mlp, lstm, attention, nested, shared]


def modern() -> Any:
    """The same layout, as Keras 3 writes it."""
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(2, name="last")])
    given = keras.Input((3,))
    x = keras.layers.LSTM(2)(keras.layers.Reshape((3, 1))(given))
    model = keras.Model(given, keras.layers.Dense(1)(inner(keras.layers.BatchNormalization()(x))))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    return model


def sharded() -> Any:
    """Weights that Keras 3 writes in shards, one layer's in two of them."""
    first, norm = keras.layers.Dense(16), keras.layers.BatchNormalization()
    last = [keras.layers.Dense(8), keras.layers.Dense(4, name="head")]
    return keras.Sequential([keras.Input((4,)), first, norm, *last])


def told(entry: Any) -> dict[str, Any]:
    return {
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "sha256": hashlib.sha256(entry.numpy().tobytes()).hexdigest(),
        "role": entry.role,
    }


def described(model: Any) -> dict[str, Any]:
    seen = pm.inspect(model)
    return {
        "parameters": {at: told(entry) for at, entry in seen.parameters.items()},
        "optimizer": {at: told(entry) for at, entry in seen.optimizer_parameters.items()},
        "aliases": {at: list(entry.aliases) for at, entry in seen.parameters.items()},
        "classes": {at: layer.class_name for at, layer in seen.layers.items()},
        "hyperparameters": {at: entry.value for at, entry in seen.hyperparameters.items()},
    }


def main() -> None:
    HERE.mkdir(exist_ok=True)
    tf_keras.utils.set_random_seed(0)
    keras.utils.set_random_seed(0)
    expected: dict[str, Any] = {}
    for make in [*MODELS, modern]:
        model, name = make(), make.__name__
        model.save(HERE / f"{name}.h5")
        if make is not modern:
            model.save_weights(HERE / f"{name}_weights.h5")
        expected[name] = described(model)
    model = sharded()
    model.save_weights(HERE / "sharded.weights.json", max_shard_size=600 / 1024**3)
    expected_of_shards = described(model)["parameters"]
    (HERE / "sharded.json").write_text(json.dumps(expected_of_shards, indent=1) + "\n")
    text = json.dumps(expected, indent=1, sort_keys=True)
    (HERE / "expected.json").write_text(text + "\n")
    versions = {m.__name__: m.__version__ for m in (tf_keras, keras, h5py, np)}
    (HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
