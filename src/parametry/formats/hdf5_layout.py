"""Where the values of HDF5's arrays are: in the header, in one piece, or in chunks.

Source: HDF5 File Format Specification, IV.A.2.i (data layout).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Final

from parametry.formats.file_store import Backing, Span
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_objects import EXTERNAL, FILTERS, LAYOUT, Object
from parametry.formats.hdf5_types import Malformed

__all__ = ["Held", "Places"]

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_VERSIONS: Final = (3, 4)
# Bytes of chunks that are not there, which any file may have.
_GRANTED: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """An array's bytes, kept here: HDF5 has small ones in the array's header."""

    content: bytes | memoryview

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes."""
        buffer[:] = self.content

    def mapped(self) -> memoryview:
        """The bytes."""
        return memoryview(self.content)

    def check(self) -> None:
        """Nothing: they are read already."""


class Places:
    """The places of a file's arrays; no byte belongs to two of them.

    Args:
        file: The HDF5 file.
        once: Refuses an address that was met before.
    """

    def __init__(self, file: Bytes, once: Callable[[int], None]) -> None:
        self._file = file
        self._once = once
        self._taken: list[tuple[int, int, str]] = []
        self._missing = 0

    def backing(self, path: str, thing: Object, shape: tuple[int, ...], itemsize: int) -> Backing:
        """Where an array's values are.

        Args:
            path: The array's path, for messages.
            thing: Its header.
            shape: Its shape.
            itemsize: Bytes of one value.

        Raises:
            FormatError: They are not there, or in another file.
        """
        try:
            return self._backing(path, thing, shape, itemsize)
        except Malformed as fault:
            raise self._file.fault(str(fault), thing.at, path[:1000]) from None

    def must_not_overlap(self) -> None:
        """Bytes that many arrays share make a small file hold any number of large ones.

        Raises:
            FormatError: A byte belongs to two arrays, or to two chunks.
        """
        end = 0
        for at, length, path in sorted(self._taken):
            if at < end and length:
                raise self._file.fault("it overlaps another array", at, path[:1000])
            end = max(end, at + length)

    def _backing(self, path: str, thing: Object, shape: tuple[int, ...], itemsize: int) -> Backing:
        message = thing.first(LAYOUT) or b""
        if EXTERNAL in thing.messages:
            raise Malformed("its values are in another file")
        if len(message) < 2 or message[0] not in _VERSIONS:
            raise Malformed("it is laid out in a way that is not read")
        if message[1] == _CHUNKED:
            return self._chunked(path, thing, shape, itemsize)
        if message[1] not in (_COMPACT, _CONTIGUOUS):
            raise Malformed("it is a virtual array, made of other files")
        if FILTERS in thing.messages:
            raise Malformed("it has filters, and is not in chunks")
        nbytes = prod(shape) * itemsize
        if message[1] == _COMPACT:
            content = message[4 : 4 + int.from_bytes(message[2:4], "little")]
            if len(content) < nbytes:
                raise Malformed(f"it is said to have {nbytes:,} bytes, and holds {len(content):,}")
            return Held(content[:nbytes])
        if len(message) < 18:
            raise Malformed("where its values are cannot be read")
        at, length = (int.from_bytes(message[i : i + 8], "little") for i in (2, 10))
        if not nbytes:
            return Held(b"")
        if at == UNDEFINED or length < nbytes or at + nbytes > self._file.length:
            held = 0 if at == UNDEFINED else min(length, max(0, self._file.length - at))
            raise Malformed(f"it is said to have {nbytes:,} bytes, and holds {held:,}")
        self._taken.append((at, nbytes, path))
        region = self._file.region
        if region.unpacked is not None:
            return Held(memoryview(region.unpacked)[at : at + nbytes])
        return Span(region.source, region.offset + at, nbytes)

    def _chunked(self, path: str, thing: Object, shape: tuple[int, ...], itemsize: int) -> Backing:
        """An array in chunks; each of them, and what none holds, backed by the file's bytes."""
        # Keras's own files have none, and show what they hold sooner without the code for it.
        from parametry.formats.hdf5_chunked import chunked

        array = chunked(self._file, self._once, path, thing, shape=shape, itemsize=itemsize)
        self._taken += [(chunk.at, chunk.stored, path) for chunk in array.chunks]
        self._missing += array.missing
        if self._missing > max(self._file.length, _GRANTED):
            raise Malformed(
                f"{array.missing:,} of its bytes are in no chunk: arrays of fill values may "
                "together be as large as the file, and this is more"
            )
        return array
