"""Trains on two devices of this machine and prints what a recorder told, as JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

import parametry as pm


def distributed() -> Any:
    """What makes a model on two devices."""
    if keras.backend.backend() == "jax":
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        return keras.name_scope("two")
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(processor, [half, half])
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()


def main(home: str) -> None:
    x = np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
    with distributed():
        keras.utils.set_random_seed(1)
        net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1)])
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
        net.compile(keras.optimizers.Adam(schedule), "mse", metrics=["mae"])
    told = []
    for epochs in (1, 2):
        recorder = pm.Recorder(home=home, statistics_every=2, gradients=True)
        history = net.fit(
            x, x[:, :1], batch_size=16, epochs=epochs, verbose=0, callbacks=[recorder]
        )
        run = recorder.run
        assert run is not None
        kernel = run.statistics("dense/kernel")
        try:
            gradient = run.statistics("dense/kernel", of="gradient")
        except pm.UnknownAddress:
            gradient = ()
        told.append(
            {
                "steps": run.metrics("optimizer/learning_rate").steps.tolist(),
                "rates": run.metrics("optimizer/learning_rate").values.tolist(),
                "loss": run.metrics("loss", per="epoch").values.tolist(),
                "history": history.history["loss"],
                "kernel": [entry.step for entry in kernel],
                "gradient": [entry.step for entry in gradient],
                "notes": [event.address for event in run.events if event.kind == "note"],
            }
        )
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
