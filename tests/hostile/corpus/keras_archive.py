"""Hostile .keras archives."""

from __future__ import annotations

import json
import zipfile
from typing import Any

from .case import Content, files
from .hdf5 import REFUSED as HDF5
from .hdf5 import hdf5
from .packing import patched, zipped

__all__ = ["CASES", "keras_archive"]


CONFIG = b'{"class_name": "Sequential", "config": {"name": "net", "layers": []}}'


def keras_archive(
    weights: bytes, config: bytes = CONFIG, method: int = zipfile.ZIP_STORED
) -> bytes:
    members = {"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": config}
    return zipped({**members, "model.weights.h5": weights}, method)


NONE = hdf5(lambda root: None)
REFUSED: dict[str, Content] = {
    "no weights": zipped({"metadata.json": b"{}", "config.json": b"{}"}),
    "a configuration that is a list": keras_archive(NONE, b"[]"),
    "a deep configuration": keras_archive(NONE, b'{"a":' * 100_000),
    "a key twice": keras_archive(NONE, b'{"a": 1, "a": 2}'),
    "NaN": keras_archive(NONE, b'{"a": NaN}'),
    "an infinity": keras_archive(NONE, b'{"a": -Infinity}'),
    "an integer of 5,000 digits": keras_archive(NONE, b'{"a": ' + b"9" * 5000 + b"}"),
    "sixteen million lists": lambda: keras_archive(
        NONE, b'{"a":[' + b"[]," * 16_000_000 + b"0]}", zipfile.ZIP_DEFLATED
    ),
    "a configuration that is a bomb": lambda: keras_archive(
        NONE, b" " * 300_000_000, zipfile.ZIP_DEFLATED
    ),
    "weights that are text": keras_archive(b"hello"),
    "weights that unpack to a bomb": keras_archive(bytes(90_000_000), CONFIG, zipfile.ZIP_DEFLATED),
    "weights with another checksum": patched(keras_archive(NONE), b"PK\x01\x02", 16, b"\1\2\3\4"),
}


def nested(depth: int, name: str, leaves: int) -> bytes:
    """Models within models, each with a long name, and many layers in the innermost."""
    inside: list[Any] = [
        {"class_name": "Dense", "config": {"name": f"leaf{number}", "units": 3}}
        for number in range(leaves)
    ]
    for _ in range(depth):
        inside = [{"class_name": "Functional", "config": {"name": name, "layers": inside}}]
    return json.dumps(inside[0]).encode()


CALLS = {
    "module": "os",
    "class_name": "system",
    "config": {"command": "touch executed", "layers": [{"class_name": "Lambda"}]},
    "registered_name": "os>system",
}
LAMBDA = {"class_name": "Lambda", "config": {"name": "a", "function": ["4wEAAAAAAA==", None, None]}}
READ: dict[str, Content] = {
    "a configuration that calls": keras_archive(NONE, json.dumps(CALLS).encode()),
    "a Lambda with code": keras_archive(
        NONE, json.dumps({"class_name": "Sequential", "config": {"layers": [LAMBDA]}}).encode()
    ),
    "models in models": lambda: keras_archive(NONE, nested(60, "n", 100)),
    "bytes of nothing said to be a list": keras_archive(NONE, b'{"config": {"layers": "abc"}}'),
    "layers that are no layers": keras_archive(
        NONE, b'{"config": {"layers": [1, null, [], {}, {"config": 3}, {"class_name": []}]}}'
    ),
    "a compile configuration that is text": keras_archive(NONE, b'{"compile_config": "abc"}'),
}

SWOLLEN: dict[str, Content] = {
    "models in models with long names": lambda: keras_archive(NONE, nested(60, "n" * 5000, 5000)),
}

CASES = [
    *files("keras", ".keras", SWOLLEN),
    *files("keras", ".keras", REFUSED),
    *files(
        "keras",
        ".keras",
        {f"weights with {name}": keras_archive(hdf5(make)) for name, make in HDF5.items()},
    ),
    *files("keras", ".keras", READ, refused=False),
]
