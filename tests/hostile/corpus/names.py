"""Names that would steer a terminal, a page or a path, in every place where a file has names."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from parametry.formats.crc32c import crc32c, masked

from .case import Content, files, folders
from .hdf5 import hdf5
from .keras_archive import NONE, keras_archive
from .packing import zipped
from .safetensors import entry, safetensors
from .tensorflow import DATA, HEADER, message, number, table, written
from .torch_pickle import P2, archive, tensor, text
from .zip_archive import ONE

__all__ = ["CASES"]

NAMES = {
    "an escape sequence": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "a C1 control": "a\x9b2Jb",
    "line breaks": "a\r\nb\u2028c\x85d",
    "bidi overrides": "a\u202edrowssap\u2066b\u200f",
    "a NUL": "a\0b",
    "rich's markup": "[bold red]a[/bold red][link=http://example.com]b[/link]",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;",
    "invisible letters": "a\u200bb\ufeffc\u00add\U000e0041",
    "combining marks": "a" + "\u0301" * 5000,
    "a path": "../../../etc/passwd",
    "a pattern": "**/{a,b}[c]*?",
    "percent signs": "%2F%00%%",
    "100,000 letters": "n" * 100_000,
    "one space": " ",
}
TOO_LONG = ("100,000 letters", "combining marks")
"""Names that are longer than one in HDF5, or a key in a pickle, may be."""


def in_safetensors(name: str) -> bytes:
    header: dict[str, Any] = {"__metadata__": {name: name, "format": name}, name: entry(0, 4)}
    return safetensors(header, bytes(4))


def in_configuration(name: str) -> bytes:
    layer = {"class_name": name, "module": name, "config": {"name": name, name: name}}
    config = {
        "class_name": name,
        "config": {"name": name, "layers": [layer]},
        "compile_config": {"optimizer": {"class_name": name, "config": {name: [name]}}},
    }
    return keras_archive(NONE, json.dumps(config).encode())


def in_pickle(name: str) -> bytes:
    raw = text(name.encode())
    settings = text(b"hyper_parameters") + b"}(" + raw + raw + b"u"
    weights = text(b"state_dict") + b"}(" + raw + tensor(b")", b")") + b"u"
    return archive(P2 + b"}(" + settings + weights + b"u.")


def in_hdf5(name: str) -> bytes:
    """The name of a group and an attribute, put in for others of its length.

    For a name that is not ASCII, h5py would write a group of the newest kind, which is not read.
    """
    raw = name.encode().replace(b"/", b"").replace(b"\0", b"0")
    other = "y" * len(raw)

    def make(root: Any) -> None:
        group = root.create_group(f"layers/{other}")
        group.create_group("vars")["0"] = np.zeros(3)
        group["vars"].attrs["name"] = other[:1000]

    return hdf5(make).replace(other.encode(), raw).replace(other[:1000].encode(), raw[:1000])


def checkpoint(name: str) -> bytes:
    checksum = masked(crc32c(DATA)).to_bytes(4, "little")
    said = message((1, 1), (2, message((2, message((1, 3))))), (5, 12))
    return table([HEADER, (name.encode() + b"/kernel", said + number(6 << 3 | 5) + checksum)])


def named(make: Any, *without: str) -> dict[str, Content]:
    return {words: make(name) for words, name in NAMES.items() if words not in without}


def _checkpoints() -> dict[str, Any]:
    return {
        f"{words} in a checkpoint": lambda folder, name=name: written(folder, checkpoint(name))
        for words, name in NAMES.items()
    }


CASES = [
    *files("names in safetensors", ".safetensors", named(in_safetensors), refused=False),
    *files("names in a configuration", ".keras", named(in_configuration), refused=False),
    *files("names in a pickle", ".pt", named(in_pickle, *TOO_LONG), refused=False),
    *files("names in a pickle", ".pt", {words: in_pickle(NAMES[words]) for words in TOO_LONG}),
    *files("names in HDF5", ".weights.h5", named(in_hdf5, *TOO_LONG), refused=False),
    *files("names in HDF5", ".weights.h5", {words: in_hdf5(NAMES[words]) for words in TOO_LONG}),
    *files(
        "names in npz",
        ".npz",
        named(lambda name: zipped({f"{name[:60_000]}.npy": ONE}), "a NUL"),
        refused=False,
    ),
    *folders("names", _checkpoints(), refused=False),
]
