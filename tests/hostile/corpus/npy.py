"""Hostile .npy files, alone and within archives."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from typing import Any

import numpy as np

from .case import Content, files
from .packing import zipped

__all__ = ["CASES", "described", "npy"]


def npy(header: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    text = header.encode("latin-1")
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def described(descr: str = "'<f4'", order: str = "False", shape: str = "(1,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("parametry-must-not-exist",)


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


REFUSED: dict[str, Content] = {
    "Python objects": pickled(),
    "objects by another name": npy(described("'|O8'"), bytes(8)),
    "objects in a structure": npy(described("[('a', '|O')]"), bytes(8)),
    "a structure": npy(described("[('a', '<f4')]"), bytes(4)),
    "a dtype of many": npy(described("'f4,f8'"), bytes(12)),
    "a dtype of nothing": npy(described("'|V0'"), b""),
    "a dtype of 3 bytes": npy(described("'|V3'"), bytes(3)),
    "a call": npy("{'descr': __import__('os').mkdir('/tmp/x'), 'shape': ()}"),
    "deep parentheses": npy("(" * 9000),
    "many minus signs": npy("{'descr': " + "-" * 9000 + "1}"),
    "a header of 4 gigabytes": npy(described(), version=2, length=(1 << 32) - 1),
    "a header beyond the end": npy(described(), length=60_000),
    "a version of tomorrow": npy(described(), bytes(4), version=9),
    "a negative size": npy(described(shape="(-1,)"), bytes(4)),
    "sizes that overflow": npy(described(shape="(4294967296, 4294967296)"), bytes(4)),
    "a huge size": npy(described(shape="(" + "9" * 900 + ",)"), bytes(4)),
    "a shape that is a list": npy(described(shape="[1]"), bytes(4)),
    "an order that is a number": npy(described(order="1"), bytes(4)),
    "fewer bytes than told": npy(described(shape="(1000000000,)"), bytes(4)),
    "more bytes than told": npy(described(), bytes(400)),
    "no bytes": npy(described()),
    "a dtype of records by a list": npy(described("[('a', '<f4', (1000000000,))]"), bytes(4)),
    "a null byte in its line": npy(described() + "\0", bytes(4)),
}

TEXT = npy(described("'<U4'", shape="(1,)"), bytes(16))  # which an archive may hold

CASES = [
    *files("npy", ".npy", {**REFUSED, "text": TEXT}),
    *files("npz", ".npz", {name: zipped({"a.npy": raw}) for name, raw in REFUSED.items()}),
    *files(
        "npz, deflated",
        ".npz",
        {name: zipped({"a.npy": raw}, zipfile.ZIP_DEFLATED) for name, raw in REFUSED.items()},
    ),
    *files("npz", ".npz", {"text": zipped({"a.npy": TEXT})}, refused=False),
]
