"""Reading what ``torch.save`` wrote before torch 1.6: a stream of pickles, then the storages.

Five pickles follow each other: a magic number, the version, the machine that wrote it, the object,
and the keys of the storages. Then each storage stands there: its number of elements in eight bytes,
and the elements, always with the least significant byte first.

Source: ``torch/serialization.py``, ``_legacy_save`` and ``_legacy_load``.
"""

from __future__ import annotations

import os
from typing import Any, Final

from parametry.errors import FormatError
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import Span
from parametry.formats.torch_contents import contents_of
from parametry.formats.torch_file import MAGIC
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle
from parametry.formats.torch_tensors import storage_of
from parametry.formats.torch_values import DTYPES, Fault, Storage

__all__ = ["NAME", "LegacyStorages", "read_stream", "span_at", "viewed"]

NAME: Final = "torch legacy"
VERSION: Final = 1001
_COUNT_BYTES: Final = 8


class LegacyStorages:
    """The storages that a legacy pickle speaks of, before their bytes are reached."""

    def __init__(self) -> None:
        self.roots: dict[str, Storage] = {}
        self.spans: dict[str, Span] = {}

    def load(self, pid: Any) -> Any:
        """The storage of ``("storage", class, key, device, numel, view)``; a module's class.

        Raises:
            Fault: It is neither, or a view goes past its storage.
        """
        if type(pid) is not tuple or len(pid) < 2 or pid[0] not in ("storage", "module"):
            raise Fault("a persistent id is neither of a storage nor of a module")
        if pid[0] == "module":  # the class, with its source, which is not looked at
            return pid[1]
        if len(pid) not in (5, 6):
            raise Fault("a storage's persistent id has another length than 5 or 6")
        root = storage_of(pid[1], pid[2], pid[4])
        if self.roots.setdefault(root.key, root).nbytes != root.nbytes:
            raise Fault(f"storage {root.key[:100]!r} is said to have two lengths")
        view = pid[5] if len(pid) == 6 else None
        return root if view is None else viewed(root, view)


def viewed(root: Storage, view: Any) -> Storage:
    """The part of a storage that ``(key, offset, length)`` tells, in elements.

    Raises:
        Fault: It goes past the storage.
    """
    if type(view) is not tuple or len(view) != 3 or not all(type(n) is int for n in view[1:]):
        raise Fault("a view of a storage is no key, offset and length")
    itemsize = DTYPES[root.dtype].itemsize
    start, nbytes = view[1] * itemsize, view[2] * itemsize
    if start < 0 or nbytes < 0 or start + nbytes > root.nbytes:
        raise Fault(f"a view of storage {root.key[:100]!r} goes past its {root.nbytes:,} bytes")
    return Storage(root.key, root.dtype, nbytes, start)


def read_stream(path: str | os.PathLike[str]) -> Contents:
    """What a legacy torch file holds: its pickles are run as inert data, no storage is read.

    Raises:
        FormatError: It is cut short or damaged, or a pickle names or calls what no model's file
            needs.
    """
    source = FileBytes.of(path)
    storages = LegacyStorages()
    data = source.mapped(0, source.size)
    at = 0

    def run() -> Any:
        nonlocal at
        found, at = unpickle(Pickle(data, source.path, at, source.size), storages.load)
        return found

    if run() != MAGIC:
        raise FormatError("its first pickle is not torch's magic number", path=source.path)
    version = run()
    if version != VERSION or type(version) is not int:
        raise FormatError(f"its version is not {VERSION}", path=source.path)
    run()  # the machine that wrote it; the storages are in one order on all of them
    root = run()
    begin = at
    keys = run()
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise FormatError("its storages' keys are no texts", path=source.path, offset=begin)
    _find(source, storages, keys, at)
    return contents_of(
        root,
        lambda storage: storages.spans[storage.key],
        path=source.path,
        format_name=NAME,
    )


def _find(source: FileBytes, storages: LegacyStorages, keys: list[str], at: int) -> None:
    """Where each storage's bytes are: they stand in the order of the keys."""
    for key in keys:
        root = storages.roots.get(key)
        if root is None or key in storages.spans:
            raise FormatError(
                f"storage {key[:100]!r} is there, and the pickle speaks of none or of one",
                path=source.path,
                offset=at,
            )
        storages.spans[key] = span_at(source, at, root)
        at += _COUNT_BYTES + root.nbytes
    missing = storages.roots.keys() - storages.spans.keys()
    if missing:
        raise FormatError(
            f"storage {min(missing)[:100]!r} is not in the file", path=source.path, offset=at
        )


def span_at(source: FileBytes, at: int, root: Storage) -> Span:
    """The bytes of a storage that begins with its count of elements.

    Raises:
        FormatError: The count is another than the pickle says, or the file ends before.
    """
    count = int.from_bytes(source.read(at, _COUNT_BYTES), "little")
    expected = root.nbytes // DTYPES[root.dtype].itemsize
    if count != expected:
        raise FormatError(
            f"storage {root.key[:100]!r} has {count:,} elements here, the pickle says {expected:,}",
            path=source.path,
            offset=at,
        )
    source.must_hold(at + _COUNT_BYTES, root.nbytes)
    return Span(source, at + _COUNT_BYTES, root.nbytes)
