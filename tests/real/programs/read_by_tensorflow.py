"""Reads the real models by TensorFlow and Keras 2, and writes down what they really are.

    python tests/real/programs/read_by_tensorflow.py UNPACKED FOLDER

``arrays.npz`` has every array as the framework has it, and ``live.json`` what `parametry.inspect`
gives for the live models.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf
import tf_keras

import parametry as pm

PITCH = "basic_pitch/saved_models/icassp_2022/nmp"


def main(unpacked: Path, folder: Path) -> None:
    arrays: dict[str, Any] = {}
    live: dict[str, Any] = {}

    def told(name: str, net: Any) -> None:
        view = pm.inspect(net)
        live[name] = {
            "parameters": {at: entry.role for at, entry in view.parameters.items()},
            "layers": {at: layer.class_name for at, layer in view.layers.items()},
            "hyperparameters": {at: entry.value for at, entry in view.hyperparameters.items()},
        }
        arrays.update({f"{name}:{at}": entry.numpy() for at, entry in view.parameters.items()})

    for number in range(1, 6):
        path = unpacked / f"spliceai/models/spliceai{number}.h5"
        told(f"spliceai{number}", tf_keras.models.load_model(path, compile=False))
    told("basic_pitch", tf_keras.models.load_model(unpacked / PITCH, compile=False))
    reader = tf.train.load_checkpoint(str(unpacked / PITCH / "variables/variables"))
    for key, dtype in reader.get_variable_to_dtype_map().items():
        if dtype != tf.string:
            arrays[f"checkpoint:{key}"] = reader.get_tensor(key)
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "live.json").write_text(json.dumps(live, default=str), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
