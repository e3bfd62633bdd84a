"""The links of HDF5's groups of the newer layout: in the group's header, or in a heap of their own.

Source: HDF5 File Format Specification, IV.A.2.c (link info) and IV.A.2.g (link).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from parametry.formats.hdf5_btree2 import records
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_fractal_heap import FractalHeap
from parametry.formats.hdf5_types import Malformed

__all__ = ["dense", "link_of"]

_HARD: Final = 0
_ORDER, _TYPE, _ENCODING = 0x4, 0x8, 0x10
_INFO_ORDER: Final = {"links": 8, "attributes": 2}
# Types of a tree's records, and what stands before an object's place in the heap.
_OF_NAMES: Final = {"links": (5, 4), "attributes": (8, 0)}


def link_of(message: bytes) -> tuple[str, int | None]:
    """Name and address of what a link leads to; None for one that leads there by a name.

    Args:
        message: The link.

    Raises:
        Malformed: It cannot be read.
    """
    if len(message) < 2 or message[0] != 1:
        raise Malformed("a link cannot be read")
    flags, at = message[1], 2
    kind = message[at] if flags & _TYPE and len(message) > at else _HARD
    at += bool(flags & _TYPE) + 8 * bool(flags & _ORDER) + bool(flags & _ENCODING)
    width = 1 << (flags & 3)
    length = int.from_bytes(message[at : at + width], "little")
    at += width
    if at + length + 8 * (kind == _HARD) > len(message):
        raise Malformed("a link is cut short")
    name = message[at : at + length].decode("utf-8", "surrogateescape")
    at += length
    return name, int.from_bytes(message[at : at + 8], "little") if kind == _HARD else None


def dense(
    file: Bytes, infos: Sequence[bytes], what: str, once: Callable[[int], None]
) -> Iterator[bytes]:
    """The messages that are in a heap rather than in the header, in the order of their tree.

    Args:
        file: The HDF5 file.
        infos: The messages that tell of the heap.
        what: ``links`` or ``attributes``.
        once: Refuses an address that was met before.

    Raises:
        FormatError: The heap or its tree is damaged.
        Malformed: The message is cut short.
    """
    kind, before = _OF_NAMES[what]
    for info in infos:
        at = 2 + (_INFO_ORDER[what] if len(info) > 1 and info[1] & 1 else 0)
        if len(info) < at + 16:
            raise Malformed(f"what tells of its {what} is cut short")
        heap, tree = (int.from_bytes(info[i : i + 8], "little") for i in (at, at + 8))
        if heap == UNDEFINED:
            continue
        once(heap)
        held = FractalHeap.of(file, heap)
        width = file.number(heap + 5, 2)
        for record in records(file, tree, kind, once):
            yield held.object(record[before : before + width])
