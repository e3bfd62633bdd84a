"""HDF5 arrays in chunks: where the chunks are, and their bytes put together.

Each chunk is a block of the array, all of one shape, those at the edges filled up. A tree tells
where each one begins, how many bytes it takes, and which filters it went through. A chunk that is
not there holds the fill value.

Source: HDF5 File Format Specification, III.A.1 (version 1 B-trees) and IV.A.2.i (data layout).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final

import numpy as np

from parametry.errors import FormatError
from parametry.formats.file_store import must_not_swell
from parametry.formats.hdf5_bytes import Bytes, Region
from parametry.formats.hdf5_filters import Pipeline
from parametry.formats.hdf5_types import Malformed

__all__ = ["Chunk", "Chunked", "chunks_in_tree", "fill_value"]

_OF_CHUNKS: Final = 1
_NODE: Final = 24
_MOST_LEVELS: Final = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk.

    Attributes:
        start: Where it begins in the array, along each axis.
        at: Its address in the HDF5 file.
        stored: How many bytes it takes there.
        skipped: The filters that were left out for it, one bit for each.
    """

    start: tuple[int, ...]
    at: int
    stored: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """An array's bytes, in chunks.

    Attributes:
        region: Where the HDF5 file is.
        path: The array's path in it.
        shape: The array's shape.
        itemsize: Bytes of one value.
        block: A chunk's shape.
        pipeline: The filters.
        fill: The bytes of one value where a chunk is not there.
        chunks: The chunks.
    """

    region: Region
    path: str
    shape: tuple[int, ...]
    itemsize: int
    block: tuple[int, ...]
    pipeline: Pipeline
    fill: bytes
    chunks: tuple[Chunk, ...] = field(repr=False)

    @property
    def missing(self) -> int:
        """How many bytes of the array no chunk holds."""
        held = sum(prod(self._length(chunk)) for chunk in self.chunks)
        return (prod(self.shape) - held) * self.itemsize

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes, chunk after chunk."""
        stored = sum(chunk.stored for chunk in self.chunks)
        must_not_swell(stored, len(buffer), path=self.region.source.path, address=self.path)
        whole = np.frombuffer(buffer, dtype=np.uint8).reshape(*self.shape, self.itemsize)
        if self.missing:
            whole[:] = np.frombuffer(self.fill, dtype=np.uint8)
        for chunk in self.chunks:
            lengths = self._length(chunk)
            there = tuple(
                slice(start, start + length)
                for start, length in zip(chunk.start, lengths, strict=True)
            )
            content = np.frombuffer(self._content(chunk), dtype=np.uint8)
            block = content.reshape(*self.block, self.itemsize)
            whole[there] = block[tuple(slice(length) for length in lengths)]

    def mapped(self) -> None:
        """None: the bytes are scattered."""
        return None

    def check(self) -> None:
        """Read and unpack each chunk, and let it go."""
        for chunk in self.chunks:
            self._content(chunk)

    def _length(self, chunk: Chunk) -> list[int]:
        """How far a chunk reaches along each axis within the array."""
        return [
            min(length, size - start)
            for start, length, size in zip(chunk.start, self.block, self.shape, strict=True)
        ]

    def _content(self, chunk: Chunk) -> bytes | memoryview:
        region = self.region
        if region.unpacked is not None:
            raw: bytes | memoryview = memoryview(region.unpacked)[chunk.at :][: chunk.stored]
        else:
            raw = region.source.read(region.offset + chunk.at, chunk.stored)
        length = prod(self.block) * self.itemsize
        if self.pipeline.filters:
            must_not_swell(chunk.stored, length, path=region.source.path, address=self.path)
        try:
            return self.pipeline.undone(raw, chunk.skipped, length)
        except Malformed as fault:
            raise FormatError(
                str(fault),
                path=region.source.path,
                address=self.path,
                offset=None if region.unpacked is not None else region.offset + chunk.at,
            ) from None


def chunks_in_tree(
    file: Bytes, tree: int, shape: Sequence[int], block: Sequence[int], once: Callable[[int], None]
) -> Iterator[Chunk]:
    """The chunks that a tree of version 1 leads to.

    Args:
        file: The HDF5 file.
        tree: The tree's address.
        shape: The array's shape.
        block: A chunk's shape.
        once: Refuses an address that was met before.

    Raises:
        FormatError: The tree is damaged, or a chunk lies where none can, or twice.
    """
    rank = len(shape)
    key = 8 + 8 * (rank + 1)
    seen: set[tuple[int, ...]] = set()
    stack: list[tuple[int, int | None]] = [(tree, None)]
    while stack:
        at, expected = stack.pop()
        once(at)
        file.signature(at, b"TREE")
        kind, level, count = file.number(at + 4, 1), file.number(at + 5, 1), file.number(at + 6, 2)
        if kind != _OF_CHUNKS or level > _MOST_LEVELS or expected not in (None, level):
            raise file.fault("it is no tree of chunks, or its levels do not follow each other", at)
        entries = file.take(at + _NODE, count * (key + 8))
        below: list[int] = []
        for place in range(0, len(entries), key + 8):
            entry = entries[place : place + key + 8]
            numbers = [int.from_bytes(entry[i : i + 8], "little") for i in range(8, len(entry), 8)]
            *start, _, child = numbers
            if level:
                below.append(child)
                continue
            where = tuple(start)
            _must_lie_within(file, at, where, shape, block)
            if where in seen:
                raise file.fault("a chunk is there twice", at)
            seen.add(where)
            stored = int.from_bytes(entry[:4], "little")
            yield Chunk(where, child, stored, int.from_bytes(entry[4:8], "little"))
        stack.extend((child, level - 1) for child in reversed(below))


def _must_lie_within(
    file: Bytes, at: int, start: Sequence[int], shape: Sequence[int], block: Sequence[int]
) -> None:
    for begin, size, length in zip(start, shape, block, strict=True):
        if begin >= size or begin % length:
            raise file.fault("a chunk lies beyond its array, or across others", at)


def fill_value(message: bytes | None, old: bytes | None, itemsize: int) -> bytes:
    """The bytes of one value where nothing was written: zeros where the file tells no other.

    Args:
        message: The message of the fill value.
        old: The message that HDF5 wrote before 1.6.
        itemsize: Bytes of one value.

    Raises:
        Malformed: It is cut short.
    """
    told: bytes | None = old
    if message is not None:
        if len(message) < 2:
            raise Malformed("its fill value is cut short")
        version = message[0]
        if version in (1, 2):
            told = message[4:] if version == 1 or message[3:4] == b"\1" else None
        else:
            told = message[2:] if message[1] & 0x20 else None
    if told is None or len(told) < 4 or int.from_bytes(told[:4], "little") != itemsize:
        return bytes(itemsize)
    if len(told) < 4 + itemsize:
        raise Malformed("its fill value is cut short")
    return told[4 : 4 + itemsize]
