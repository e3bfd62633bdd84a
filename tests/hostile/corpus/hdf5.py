"""Hostile HDF5 files, alone and within archives of Keras."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from .case import Content, files

__all__ = ["CASES", "hdf5"]


def hdf5(make: Callable[[Any], None], **options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as root:
        make(root)
    return file.getvalue()


def external_storage(root: Any) -> None:
    root.create_dataset("vars/0", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(root: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    root.create_virtual_dataset("vars/0", layout)


def cyclic(root: Any) -> None:
    root.create_group("a")["b"] = root["/"]


def linked_twice(root: Any) -> None:
    root["vars/0"] = np.zeros(3)
    root["vars/1"] = root["vars/0"]


def deep(root: Any) -> None:
    for _ in range(500):
        root = root.create_group("a")


def of_fill(root: Any) -> None:
    root.create_dataset("vars/0", (1 << 30,), "f4")


def in_chunks(root: Any) -> None:
    root.create_dataset("vars/0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


def referring() -> bytes:
    """Thousands of references to one text of 16 MB, of which each takes one letter."""

    def make(root: Any) -> None:
        root.attrs["long"] = "v" * 16_000_000
        for number in range(4):
            root.attrs[f"names{number}"] = np.array(["n"] * 4000, dtype=object)

    content = bytearray(hdf5(make))
    at = content.index((16_000_000).to_bytes(4, "little"), content.index(b"long"))
    long = (1).to_bytes(4, "little") + bytes(content[at + 4 : at + 16])
    short = re.compile(rb"(?:\x01\0\0\0.{12}){4000}", re.DOTALL)
    for found in list(short.finditer(bytes(content))):
        content[found.start() : found.end()] = long * 4000
    return bytes(content)


def of_long_names(root: Any) -> None:
    """Names of 4,000 letters a hundred deep, and below them thousands of arrays."""
    for _ in range(98):
        root = root.create_group("n" * 4000)
    for number in range(4000):
        root[str(number)] = np.zeros(1)


REFUSED: dict[str, Callable[[Any], None]] = {
    "an external link": lambda root: root.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")),
    "a soft link": lambda root: root.__setitem__("a", h5py.SoftLink("/vars")),
    "a group that holds the root": cyclic,
    "an array with two names": linked_twice,
    "values in another file": external_storage,
    "a virtual array": virtual,
    "groups 3,000 deep": deep,
    "4 gigabytes that are not there": of_fill,
    "4 terabytes in chunks that are not there": in_chunks,
    "a filter to be loaded": lambda root: root.create_dataset(
        "vars/0", (4,), "f4", chunks=(4,), scaleoffset=2
    ),
}


def cut(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


def changed(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


ARRAY = hdf5(lambda root: root.__setitem__("vars/0", np.arange(4.0)))
RAW: dict[str, Content] = {
    "a signature alone": b"\x89HDF\r\n\x1a\n",
    "cut in half": cut(ARRAY, 0.5),
    "a layout that is yet to come": changed(ARRAY, 8, b"\4"),
    "a root at 2^64 - 2": changed(ARRAY, 64, b"\xfe" + b"\xff" * 7),
    "a root that is the superblock": changed(ARRAY, 64, bytes(8)),
    "addresses of 4 bytes": changed(ARRAY, 13, b"\4\4"),
    "a tree of arrays": ARRAY.replace(b"TREE\0\0", b"TREE\1\0", 1),
    "an array of 2^63 bytes": ARRAY.replace(
        (4).to_bytes(8, "little") * 2, (1 << 60).to_bytes(8, "little") * 2
    ),
    "a bomb of one chunk": lambda: hdf5(packed),
    "names of a hundred groups that add up": lambda: hdf5(of_long_names),
}


def named_long(root: Any) -> None:
    """Short names of groups, and attributes that give them long ones."""
    root = root.create_group("layers")
    for _ in range(90):
        root = root.create_group("a")
        root.attrs["name"] = "n" * 4000
    for number in range(500):
        root.create_group(f"b{number}").create_group("vars")["0"] = np.zeros(1)


def packed(root: Any) -> None:
    """A gigabyte of zeros in one chunk."""
    root.create_dataset(
        "vars/0", (1 << 30,), "u1", chunks=(1 << 30,), compression="gzip"
    ).id.write_direct_chunk((0,), zlib.compress(bytes(1 << 30), 1))


def packed_in_many(root: Any) -> None:
    """Twenty arrays of sixteen megabytes each, in chunks of a few bytes."""
    raw = zlib.compress(bytes(16 << 20), 9)
    for number in range(20):
        root.create_dataset(
            f"vars/{number}", (16 << 20,), "u1", chunks=(16 << 20,), compression="gzip"
        ).id.write_direct_chunk((0,), raw)


READ: dict[str, Content] = {
    "attributes that give long names": lambda: hdf5(named_long),
    "a bomb of twenty arrays": lambda: hdf5(packed_in_many),
    "references to one long text": referring,
    "no arrays": hdf5(lambda root: None),
}

CASES = [
    *files("HDF5", ".weights.h5", {name: hdf5(make) for name, make in REFUSED.items()}),
    *files("HDF5", ".weights.h5", RAW),
    *files("HDF5", ".weights.h5", READ, refused=False),
]
