"""Writes models and variables into a folder, by TensorFlow and Keras, and what they really are.

    python tests/formats/programs/write_by_tensorflow.py FOLDER

``expected.json`` says what `parametry.inspect` gives for each live model, ``expected.npz`` has its
arrays under ``name:address``; for variables without a model, what TensorFlow's reader gives.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
import tf_keras

import parametry as pm


class Block(tf_keras.layers.Layer):
    """A layer with a variable of its own, and with layers as attributes and in a list."""

    def __init__(self, width: int, **others: Any) -> None:
        super().__init__(**others)
        self.width = width
        self.up = tf_keras.layers.Dense(width, activation="gelu")
        self.downs = [tf_keras.layers.Dense(2), tf_keras.layers.Dense(2, name="last")]
        self.scale = self.add_weight(name="scale", shape=(2,), initializer="ones")

    def call(self, x: Any) -> Any:
        return self.downs[1](self.downs[0](self.up(x))) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


class Net(tf_keras.Model):
    """A model of the user's own class, whose layers only its attributes tell."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(5)
        self.rnn = tf_keras.layers.GRU(2)
        self.attention = tf_keras.layers.MultiHeadAttention(2, 3)
        self.frozen = tf_keras.layers.Dense(3, trainable=False)
        self.head = tf_keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.block(self.frozen(self.rnn(self.attention(x, x)))))


def functional() -> Any:
    layers = tf_keras.layers
    layers.Dense(1)  # a process in which layers were made before
    inner = tf_keras.Sequential(
        [tf_keras.Input((3,)), layers.Dense(3), layers.BatchNormalization()], name="inner"
    )
    start = tf_keras.Input((6, 4))
    x = layers.Bidirectional(layers.LSTM(2))(start)
    x = inner(layers.Dense(3, kernel_regularizer="l2")(x))
    net = tf_keras.Model(start, layers.Dense(2, name="head")(Block(5)(x)))
    rate = tf_keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
    net.compile(tf_keras.optimizers.Adam(rate), "mse", metrics=["mae"])
    net.fit(np.ones((8, 6, 4)), np.ones((8, 2)), verbose=0)
    return net


def subclassed() -> Any:
    net = Net()
    net.compile(tf_keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    net.fit(np.ones((8, 6, 4)), np.ones((8, 1)), verbose=0)
    return net


class Encoder(keras.layers.Layer):
    def __init__(self, **others: Any) -> None:
        super().__init__(**others)
        self.first = keras.layers.Dense(3)
        self.more = [keras.layers.Dense(3), keras.layers.BatchNormalization()]
        self.gain = self.add_weight(name="gain", shape=(3,))

    def call(self, x: Any) -> Any:
        return self.more[1](self.more[0](self.first(x))) * self.gain


class Modern(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.rnn = keras.layers.LSTM(2)
        self.attention = keras.layers.MultiHeadAttention(2, 3)
        self.head = keras.layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(self.encoder(self.attention(x, x))))


def modern_functional() -> Any:
    layers = keras.layers
    layers.Dense(1)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.BatchNormalization()])
    start = keras.Input((6, 4))
    x = inner(layers.Dense(3)(layers.Bidirectional(layers.LSTM(2))(start)))
    return keras.Model(start, layers.Dense(2, name="head")(x))


def partitioned(folder: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        for name, shape, axis, pieces in (
            ("rows", (7, 4), 0, 3),
            ("columns", (5, 6), 1, 2),
            ("middle", (3, 5, 2), 1, 4),
            ("one", (9,), 0, 9),
        ):
            v1.get_variable(
                name,
                shape=shape,
                initializer=v1.random_normal_initializer(seed=1),
                partitioner=v1.fixed_size_partitioner(pieces, axis=axis),
            )
        v1.get_variable("whole", shape=(3,), initializer=v1.ones_initializer())
        saver = v1.train.Saver(sharded=True)
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            saver.save(session, str(folder / "partitioned"), write_meta_graph=False)
    (folder / "checkpoint").unlink()


def main(folder: Path) -> None:
    arrays: dict[str, Any] = {}
    expected: dict[str, Any] = {}

    def told(name: str, net: Any) -> None:
        view = pm.inspect(net)
        expected[name] = {
            "parameters": {at: entry.role for at, entry in view.parameters.items()},
            "optimizer": list(view.optimizer_parameters),
            "layers": {at: layer.class_name for at, layer in view.layers.items()},
            "hyperparameters": {at: entry.value for at, entry in view.hyperparameters.items()},
        }
        for entry in [*view.parameters.values(), *view.optimizer_parameters.values()]:
            arrays[f"{name}:{entry.address}"] = entry.numpy()

    for name, net in (("functional", functional()), ("subclassed", subclassed())):
        net.save(str(folder / name), save_format="tf")
        told(name, net)
    modern = Modern()
    modern(np.ones((2, 6, 4)))
    for name, net in (("exported", modern_functional()), ("exported_subclassed", modern)):
        net.export(str(folder / name), verbose=False)
        told(name, net)
        tf.train.Checkpoint(net).write(str(folder / f"{name}_checkpoint"))
    partitioned(folder)
    reader = tf.train.load_checkpoint(str(folder / "partitioned"))
    for key in reader.get_variable_to_dtype_map():
        arrays[f"partitioned:{key}"] = reader.get_tensor(key)
    np.savez(folder / "expected.npz", **arrays)
    (folder / "expected.json").write_text(json.dumps(expected, default=str), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
