"""Makes the golden checkpoints in ``tensorflow/``, by TensorFlow and Keras themselves.

    python tests/formats/golden/make_tensorflow.py

``expected.npz`` holds every array as TensorFlow's own reader gives it, under
``checkpoint:key``, and ``expected.json`` the addresses that `parametry.inspect` gives for the live
models that wrote the files.
"""

from __future__ import annotations

import json
import os
import shutil
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

HERE = Path(__file__).parent / "tensorflow"


def keras_2() -> Any:
    layers = tf_keras.layers
    tf_keras.layers.Dense(1)  # a process in which layers were made before
    net = tf_keras.Sequential(
        [
            tf_keras.Input((6, 4)),
            layers.LSTM(2),
            layers.Dense(3),
            layers.BatchNormalization(),
            layers.Dense(2, name="head"),
        ]
    )
    net.compile(tf_keras.optimizers.Adam(0.01), "mse")
    net.fit(np.ones((8, 6, 4)), np.ones((8, 2)), verbose=0)
    return net


def keras_3() -> Any:
    layers = keras.layers
    layers.Dense(1)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3)], name="inner")
    start = keras.Input((4,))
    end = layers.Dense(2, name="head")(inner(layers.Dense(3)(start)))
    return keras.Model(start, end)


def graph_style() -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        kernel = v1.get_variable("dense/kernel", shape=(4, 3))
        v1.get_variable("dense/bias", shape=(3,), initializer=v1.zeros_initializer())
        v1.get_variable("half", initializer=tf.constant([1.5, 2.5], tf.bfloat16))
        v1.get_variable("words", initializer=tf.constant(["a", "b"]))
        v1.get_variable("wide", shape=(4, 6), partitioner=v1.fixed_size_partitioner(2, axis=1))
        v1.train.get_or_create_global_step()
        step = v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(kernel))
        saver = v1.train.Saver()
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            session.run(step)
            saver.save(session, str(HERE / "graph"), write_meta_graph=False, write_state=False)


def main() -> None:
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    two, three = keras_2(), keras_3()
    two.save_weights(str(HERE / "weights"), save_format="tf")
    (HERE / "checkpoint").unlink()
    two.save(str(HERE / "saved"), save_format="tf")
    (HERE / "saved" / "saved_model.pb").write_bytes(b"")  # large, and not read
    (HERE / "saved" / "fingerprint.pb").unlink()
    shutil.rmtree(HERE / "saved" / "assets", ignore_errors=True)
    tf.train.Checkpoint(model=three).save(str(HERE / "steps" / "ckpt"))
    graph_style()
    arrays, addresses = {}, {}
    for name in ("weights", "saved/variables/variables", "steps/ckpt-1", "graph"):
        reader = tf.train.load_checkpoint(str(HERE / name))
        for key, dtype in reader.get_variable_to_dtype_map().items():
            if dtype != tf.string:
                array = reader.get_tensor(key)
                arrays[f"{name}:{key}"] = array.view("u2") if dtype == tf.bfloat16 else array
    for name, net in (("weights", two), ("steps/ckpt-1", three)):
        view = pm.inspect(net)
        addresses[name] = [[*view.parameters], [*view.optimizer_parameters]]
    np.savez_compressed(HERE / "expected.npz", **arrays)
    (HERE / "expected.json").write_text(json.dumps(addresses, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
