"""Hostile files of Keras 1 and 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from .case import files
from .hdf5 import hdf5

__all__ = ["CASES", "model", "weights"]


def weights(root: Any, *names: str, layer: str = "dense", kept: str = "dense/kernel:0") -> None:
    """A file of one layer whose list has some names, and that has one array."""
    root.attrs["layer_names"] = np.array([layer.encode()])
    group = root.create_group("dense")
    group.attrs["weight_names"] = np.array([name.encode() for name in names])
    group[kept] = np.zeros((2, 3), "float32")


def model(root: Any, config: Any) -> None:
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    root.attrs["model_config"] = text
    weights(root.create_group("model_weights"), "dense/kernel:0")


def without_layer_names(root: Any) -> None:
    weights(root, "dense/kernel:0")
    del root.attrs["layer_names"]
    root.attrs["keras_version"] = "2.1.0"


def without_weight_names(root: Any) -> None:
    weights(root, "dense/kernel:0")
    del root["dense"].attrs["weight_names"]


def names_of_numbers(root: Any) -> None:
    weights(root, "dense/kernel:0")
    root["dense"].attrs["weight_names"] = np.arange(3)


def two_in_one_place(root: Any) -> None:
    weights(root, "dense/kernel:0", "net/dense/kernel:0")
    root["dense/net/dense/kernel:0"] = np.zeros(3)


def nested(depth: int) -> str:
    start = '{"class_name":"Sequential","config":{"name":"a","layers":['
    return start * depth + "]}}" * depth


REFUSED: dict[str, Callable[[Any], None]] = {
    "no layer_names": without_layer_names,
    "no weight_names": without_weight_names,
    "weight_names that are numbers": names_of_numbers,
    "a layer that is not there": lambda root: weights(root, "dense/kernel:0", layer="other"),
    "a layer above": lambda root: weights(root, "dense/kernel:0", layer=".."),
    "a layer that is the root": lambda root: weights(root, "dense/kernel:0", layer="/"),
    "a weight that is not there": lambda root: weights(root, "dense/bias:0"),
    "a weight of another group": lambda root: weights(root, "../dense/dense/kernel:0"),
    "a weight by its whole path": lambda root: weights(root, "/dense/dense/kernel:0"),
    "a weight by a way of dots": lambda root: weights(root, "./dense/kernel:0"),
    "a weight without a name": lambda root: weights(root, ""),
    "a weight that is a group": lambda root: weights(root, "dense"),
    "a weight twice": lambda root: weights(root, "dense/kernel:0", "dense/kernel:0"),
    "weights with one address": two_in_one_place,
    "a configuration that is no JSON": lambda root: model(root, "{"),
    "a configuration that is a list": lambda root: model(root, []),
    "a configuration with a key twice": lambda root: model(root, '{"a": 1, "a": 2}'),
    "a configuration that is not UTF-8": lambda root: model(root, b'{"a": "\xff\xfe"}'),
    "a deep configuration": lambda root: model(root, nested(20_000)),
    "deep lists": lambda root: model(root, "[" * 60_000),
    "a huge number": lambda root: model(root, '{"a": ' + "9" * 30_000 + "}"),
    "an external link": lambda root: (
        weights(root, "dense/kernel:0", "x"),
        root["dense"].__setitem__("x", h5py.ExternalLink("/etc/passwd", "/")),
    ),
    "a soft link": lambda root: (
        weights(root, "dense/kernel:0", "x"),
        root["dense"].__setitem__("x", h5py.SoftLink("/dense/dense/kernel:0")),
    ),
}

CASES = files("Keras 2", ".h5", {name: hdf5(make) for name, make in REFUSED.items()})
