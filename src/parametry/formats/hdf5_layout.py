"""Where the values of HDF5's arrays are: in the header, in one piece, or in chunks.

Source: HDF5 File Format Specification, IV.A.2.i (data layout).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

from parametry.formats.file_store import Backing, Span
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_chunk_indices import Index, chunks_in_index
from parametry.formats.hdf5_chunks import Chunk, Chunked, chunks_in_tree, fill_value
from parametry.formats.hdf5_filters import Pipeline, pipeline_of
from parametry.formats.hdf5_objects import (
    DATASPACE,
    EXTERNAL,
    FILL_VALUE,
    FILTERS,
    LAYOUT,
    OLD_FILL_VALUE,
    Object,
)
from parametry.formats.hdf5_types import Malformed, limits_of

__all__ = ["Held", "Places"]

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_VERSIONS: Final = (3, 4)
# Bytes of chunks that are not there, which any file may have.
_GRANTED: Final = 1 << 20
_EDGES_UNFILTERED, _SINGLE_FILTERED = 1, 2
_SINGLE: Final = 1
# What stands between the kind of an index and its address.
_PARAMETERS: Final = {2: 0, 3: 1, 4: 5, 5: 6}


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

    def _chunked(self, path: str, thing: Object, shape: tuple[int, ...], itemsize: int) -> Chunked:
        """An array in chunks; each of them, and what none holds, backed by the file's bytes."""
        filters = thing.first(FILTERS)
        pipeline = Pipeline() if filters is None else pipeline_of(filters)
        block, found = self._chunks(thing, shape, itemsize, bool(pipeline.filters))
        length = prod(block) * itemsize
        chunks: list[Chunk] = []
        for chunk in found:
            if chunk.at + chunk.stored > self._file.length:
                raise Malformed("a chunk goes beyond the end of the file")
            if not pipeline.can_hold(chunk.stored, chunk.skipped, length):
                raise Malformed(
                    f"a chunk of {chunk.stored:,} bytes is said to hold {length:,}, which it cannot"
                )
            self._taken.append((chunk.at, chunk.stored, path))
            chunks.append(chunk)
        if len({chunk.start for chunk in chunks}) < len(chunks):
            raise Malformed("a chunk is there twice")
        fill = fill_value(thing.first(FILL_VALUE), thing.first(OLD_FILL_VALUE), itemsize)
        region = self._file.region
        array = Chunked(region, path, shape, itemsize, block, pipeline, fill, tuple(chunks))
        self._missing += array.missing
        if self._missing > max(self._file.length, _GRANTED):
            raise Malformed(
                f"{array.missing:,} of its bytes are in no chunk: arrays of fill values may "
                "together be as large as the file, and this is more"
            )
        return array

    def _chunks(
        self, thing: Object, shape: tuple[int, ...], itemsize: int, filtered: bool
    ) -> tuple[tuple[int, ...], Iterator[Chunk]]:
        """A chunk's shape, and the chunks."""
        message = thing.first(LAYOUT) or b""
        axes = len(shape) + 1
        is_older = message[0] == _VERSIONS[0]
        told, width, start = (2, 4, 11) if is_older else (3, message[4], 5)
        end = start + width * axes
        if axes < 2 or len(message) < end + 8 * (not is_older) or message[told] != axes:
            raise Malformed("its chunks do not have as many axes as it has")
        *block, size = (
            int.from_bytes(message[at : at + width], "little")
            for at in (start + width * axis for axis in range(axes))
        )
        if size != itemsize or 0 in block:
            raise Malformed("its chunks are of other values than it is, or of none")
        lengths = tuple(block)
        if is_older:
            at = int.from_bytes(message[3:11], "little")
            if at == UNDEFINED or 0 in shape:
                return lengths, iter(())
            return lengths, chunks_in_tree(self._file, at, shape, lengths, self._once)
        index = _index_of(thing, end, shape, lengths, itemsize=itemsize, filtered=filtered)
        if index.at == UNDEFINED or 0 in shape:
            return lengths, iter(())
        return lengths, chunks_in_index(self._file, index, self._once)


def _index_of(
    thing: Object,
    at: int,
    shape: tuple[int, ...],
    block: tuple[int, ...],
    *,
    itemsize: int,
    filtered: bool,
) -> Index:
    """The index that a layout of version 4 tells."""
    message = thing.first(LAYOUT) or b""
    kind, flags, at = message[at], message[2], at + 1
    if flags & _EDGES_UNFILTERED and filtered:
        raise Malformed("its chunks at the edges are kept otherwise than the others")
    single = None
    if kind == _SINGLE and flags & _SINGLE_FILTERED:
        single = (
            int.from_bytes(message[at : at + 8], "little"),
            int.from_bytes(message[at + 8 : at + 12], "little"),
        )
        at += 12
    at += _PARAMETERS.get(kind, 0)
    if len(message) < at + 8:
        raise Malformed("what tells of its chunks is cut short")
    limits = limits_of(thing.first(DATASPACE) or b"") or shape
    if any(limit is not None and limit < size for limit, size in zip(limits, shape, strict=True)):
        raise Malformed("it is larger than it may grow")
    address = int.from_bytes(message[at : at + 8], "little")
    return Index(kind, address, shape, limits, block, prod(block) * itemsize, filtered, single)
