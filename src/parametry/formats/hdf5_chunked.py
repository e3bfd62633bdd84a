"""What HDF5 tells of an array in chunks: their shape, their filters, and where each of them is.

Source: HDF5 File Format Specification, IV.A.2.i (data layout).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Final

from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_chunk_indices import Index, chunks_in_index
from parametry.formats.hdf5_chunks import Chunk, Chunked, chunks_in_tree, fill_value
from parametry.formats.hdf5_filters import Pipeline, pipeline_of
from parametry.formats.hdf5_objects import (
    DATASPACE,
    FILL_VALUE,
    FILTERS,
    LAYOUT,
    OLD_FILL_VALUE,
    Object,
)
from parametry.formats.hdf5_types import Malformed, limits_of

__all__ = ["chunked"]

_OLDER: Final = 3
_SHORTEST: Final = 12
_EDGES_UNFILTERED, _SINGLE_FILTERED = 1, 2
_SINGLE: Final = 1
# What stands between the kind of an index and its address.
_PARAMETERS: Final = {2: 0, 3: 1, 4: 5, 5: 6}


def chunked(
    file: Bytes,
    once: Callable[[int], None],
    path: str,
    thing: Object,
    *,
    shape: tuple[int, ...],
    itemsize: int,
) -> Chunked:
    """An array in chunks.

    Args:
        file: The HDF5 file.
        once: Refuses an address that was met before.
        path: The array's path, for messages.
        thing: Its header.
        shape: Its shape.
        itemsize: Bytes of one value.

    Raises:
        Malformed: The chunks are not in the file, cannot hold what they should, or are there twice.
    """
    filters = thing.first(FILTERS)
    pipeline = Pipeline() if filters is None else pipeline_of(filters)
    block, found = _chunks(
        file, once, thing, shape=shape, itemsize=itemsize, filtered=bool(pipeline.filters)
    )
    length = prod(block) * itemsize
    chunks: list[Chunk] = []
    for chunk in found:
        if chunk.at + chunk.stored > file.length:
            raise Malformed("a chunk goes beyond the end of the file")
        if not pipeline.can_hold(chunk.stored, chunk.skipped, length):
            raise Malformed(
                f"a chunk of {chunk.stored:,} bytes is said to hold {length:,}, which it cannot"
            )
        chunks.append(chunk)
    if len({chunk.start for chunk in chunks}) < len(chunks):
        raise Malformed("a chunk is there twice")
    fill = fill_value(thing.first(FILL_VALUE), thing.first(OLD_FILL_VALUE), itemsize)
    return Chunked(file.region, path, shape, itemsize, block, pipeline, fill, tuple(chunks))


def _chunks(
    file: Bytes,
    once: Callable[[int], None],
    thing: Object,
    *,
    shape: tuple[int, ...],
    itemsize: int,
    filtered: bool,
) -> tuple[tuple[int, ...], Iterator[Chunk]]:
    """A chunk's shape, and the chunks."""
    message = thing.first(LAYOUT) or b""
    axes = len(shape) + 1
    if len(message) < _SHORTEST:
        raise Malformed("what tells of its chunks is cut short")
    is_older = message[0] == _OLDER
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
        return lengths, chunks_in_tree(file, at, shape, lengths, once)
    index = _index_of(thing, end, shape, lengths, itemsize=itemsize, filtered=filtered)
    if index.at == UNDEFINED or 0 in shape:
        return lengths, iter(())
    return lengths, chunks_in_index(file, index, once)


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
