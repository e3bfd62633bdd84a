"""Sound HDF5 files of all layouts, for fuzzers and random damage to begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from .hdf5 import hdf5

__all__ = ["LAYOUTS"]


def few(root: Any) -> None:
    """A group, an attribute, and arrays in one piece and in the header."""
    root.attrs["about"] = "a text"
    root.create_group("layers/dense/vars")["0"] = np.arange(6.0).reshape(2, 3)
    root["layers/dense/vars/1"] = np.float32(3)
    root["layers/dense/vars"].attrs["name"] = "dense"


def many(root: Any) -> None:
    """More links and attributes than a header has room for: a heap, and a tree of version 2."""
    for number in range(40):
        root[f"vars/{number}"] = np.float32(number)
        root.attrs[f"attribute {number}"] = "a" * number


def in_chunks(root: Any) -> None:
    """Each of the indices of chunks, and each filter."""
    values = np.arange(400, dtype="f4").reshape(20, 20)
    root.create_dataset("vars/0", data=values, chunks=(20, 20))
    root.create_dataset("vars/1", data=values, chunks=(7, 6), compression="gzip", shuffle=True)
    root.create_dataset("vars/2", data=values, chunks=(4, 4), fletcher32=True)
    root.create_dataset("vars/3", data=values, chunks=(5, 5), maxshape=(None, 20))
    root.create_dataset("vars/4", data=values, chunks=(5, 5), maxshape=(None, None))


_MAKERS: Final[dict[str, Callable[[Any], None]]] = {
    "few": few,
    "many": many,
    "in chunks": in_chunks,
}
LAYOUTS: Final[dict[str, bytes]] = {
    f"{name}, {libver}": hdf5(make, libver=libver)
    for name, make in _MAKERS.items()
    for libver in ("earliest", "latest")
}
"""Files by their content and the version of the library that could read them."""
