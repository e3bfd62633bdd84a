"""The ways in which newer HDF5 files tell where an array's chunks are, besides the older tree.

An array that cannot grow has a single chunk, chunks one after the other, or a list of them (a fixed
array); one that grows along one axis a list of lists (an extensible array), along several a tree.

Source: HDF5 File Format Specification, IV.A.2.i and Appendix C; ``H5EAhdr.c`` and ``H5FApkg.h`` of
HDF5's library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from parametry.formats.hdf5_btree2 import records
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_chunks import Chunk
from parametry.formats.hdf5_types import Malformed

__all__ = ["Index", "chunks_in_index"]

_SINGLE, _IMPLICIT, _FIXED, _EXTENSIBLE, _TREE = 1, 2, 3, 4, 5
_PLAIN_RECORDS, _FILTERED_RECORDS = 10, 11
_CHECKSUM: Final = 4
# Signature, version and client of a block.
_HEAD: Final = 6
_MOST_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Index:
    """Where an array's chunks are told.

    Attributes:
        kind: Which of the ways it is.
        at: Its address.
        shape: The array's shape.
        limits: How far each axis may grow; None without end.
        block: A chunk's shape.
        length: Bytes of a chunk that is not filtered.
        filtered: Whether chunks go through filters, and tell their sizes.
        single: Size and left-out filters of a single chunk that is filtered.
    """

    kind: int
    at: int
    shape: tuple[int, ...]
    limits: tuple[int | None, ...]
    block: tuple[int, ...]
    length: int
    filtered: bool
    single: tuple[int, int] | None = None


def chunks_in_index(file: Bytes, index: Index, once: Callable[[int], None]) -> Iterator[Chunk]:
    """The chunks that an index tells.

    Args:
        file: The HDF5 file.
        index: The index.
        once: Refuses an address that was met before.

    Raises:
        FormatError: It is damaged.
        Malformed: It is of a kind that is not read, or a chunk lies where none can.
    """
    if index.kind == _SINGLE:
        stored, skipped = index.single or (index.length, 0)
        yield Chunk((0,) * len(index.shape), index.at, stored, skipped)
    elif index.kind == _IMPLICIT:
        yield from _implicit(file, index)
    elif index.kind == _FIXED:
        yield from _of_list(index, _fixed(file, index, once))
    elif index.kind == _EXTENSIBLE:
        yield from _of_list(index, _extensible(file, index, once))
    elif index.kind == _TREE:
        kind = _FILTERED_RECORDS if index.filtered else _PLAIN_RECORDS
        rank = len(index.shape)
        for record in records(file, index.at, kind, once):
            middle = len(record) - 8 * rank
            if middle < 8:
                raise Malformed("a record of its chunks is cut short")
            scaled = [
                int.from_bytes(record[place : place + 8], "little")
                for place in range(middle, len(record), 8)
            ]
            found = _chunk(index, _begin(index, scaled), record[:middle])
            if found is not None:
                yield found
    else:
        raise Malformed(f"its chunks are told in a way that is not read (index {index.kind})")


def _begin(index: Index, scaled: Sequence[int]) -> tuple[int, ...]:
    """Where a chunk begins, from how many chunks are before it along each axis."""
    start = tuple(at * length for at, length in zip(scaled, index.block, strict=True))
    if any(at >= size for at, size in zip(start, index.shape, strict=True)):
        raise Malformed("a chunk lies beyond its array")
    return start


def _strides(index: Index) -> list[tuple[int, int]]:
    """The axes, that which varies slowest first, and by how much a chunk's number grows along each.

    An axis without end varies slowest: the numbers of the chunks do not change when it grows.
    """
    axes = sorted(range(len(index.shape)), key=lambda axis: index.limits[axis] is not None)
    stride, found = 1, []
    for axis in reversed(axes):
        found.append((axis, stride))
        limit = index.limits[axis]
        stride *= -(-(index.shape[axis] if limit is None else limit) // index.block[axis])
    return found[::-1]


def _implicit(file: Bytes, index: Index) -> Iterator[Chunk]:
    """Chunks that stand one after the other."""
    limits = [limit or 0 for limit in index.limits]
    count = prod(-(-limit // block) for limit, block in zip(limits, index.block, strict=True))
    if index.at + count * index.length > file.length:
        raise Malformed("its chunks go beyond the end of the file")
    strides = _strides(index)
    for number in range(count):
        scaled = _scaled(number, strides)
        if all(
            at * block < size
            for at, block, size in zip(scaled, index.block, index.shape, strict=True)
        ):
            at = index.at + number * index.length
            yield Chunk(_begin(index, scaled), at, index.length, 0)


def _scaled(number: int, strides: Sequence[tuple[int, int]]) -> list[int]:
    """How many chunks are before one along each axis, from its number."""
    scaled = [0] * len(strides)
    for axis, stride in strides:
        scaled[axis], number = divmod(number, stride)
    return scaled


def _of_list(index: Index, blocks: Iterator[tuple[int, int, bytes]]) -> Iterator[Chunk]:
    """The chunks of a list: the number of the first, the size of an entry, the entries."""
    strides = _strides(index)
    for first, size, entries in blocks:
        for place in range(0, len(entries), size):
            entry = entries[place : place + size]
            if int.from_bytes(entry[:8], "little") != UNDEFINED:
                scaled = _scaled(first + place // size, strides)
                found = _chunk(index, _begin(index, scaled), entry)
                if found is not None:
                    yield found


def _chunk(index: Index, start: tuple[int, ...], entry: bytes) -> Chunk | None:
    at = int.from_bytes(entry[:8], "little")
    if at == UNDEFINED:
        return None
    if not index.filtered:
        return Chunk(start, at, index.length, 0)
    stored, skipped = int.from_bytes(entry[8:-4], "little"), int.from_bytes(entry[-4:], "little")
    return Chunk(start, at, stored, skipped)


def _checked_size(index: Index, size: int) -> int:
    """An entry's size: an address; where chunks are filtered, their size and what was left out."""
    if not (size == 8 if not index.filtered else 8 + 4 < size <= 8 + 8 + 4):
        raise Malformed(f"the entries of its chunks have {size} bytes")
    return size


def _fixed(
    file: Bytes, index: Index, once: Callable[[int], None]
) -> Iterator[tuple[int, int, bytes]]:
    """The entries of a fixed array, in its block or in pages of it."""
    at = index.at
    once(at)
    file.signature(at, b"FAHD")
    size = _checked_size(index, file.number(at + 6, 1))
    page_bits, count = file.number(at + 7, 1), file.number(at + 8, 8)
    block = file.number(at + 16, 8)
    if block == UNDEFINED or page_bits > _MOST_BITS:
        return
    once(block)
    file.signature(block, b"FADB")
    begin, page = block + _HEAD + 8, 1 << page_bits
    if count <= page:
        yield 0, size, file.take(begin, count * size)
        return
    pages = -(-count // page)
    there = file.take(begin, -(-pages // 8))
    begin += len(there) + _CHECKSUM
    for number in _written(there, pages):
        length = min(page, count - number * page)
        at = begin + number * (page * size + _CHECKSUM)
        yield number * page, size, file.take(at, length * size)


def _written(there: bytes, pages: int) -> list[int]:
    """The pages that were written, of which there is one bit for each."""
    bits = np.unpackbits(np.frombuffer(there, dtype=np.uint8))
    return [int(number) for number in np.flatnonzero(bits[:pages])]


@dataclass(frozen=True, slots=True)
class _Extensible:
    """The shape of an extensible array: its blocks grow as it does."""

    at: int
    size: int
    offset_bytes: int
    in_index: int
    smallest: int
    fewest: int
    page: int
    groups: int

    @classmethod
    def of(cls, file: Bytes, index: Index) -> _Extensible:
        at = index.at
        file.signature(at, b"EAHD")
        size = _checked_size(index, file.number(at + 6, 1))
        bits, in_index, smallest, fewest, page_bits = (
            file.number(at + place, 1) for place in range(7, 12)
        )
        powers = all(number and not number & (number - 1) for number in (smallest, fewest))
        if not powers or not 0 < bits <= _MOST_BITS or page_bits > _MOST_BITS:
            raise file.fault("a list of chunks is of a form that cannot be", at)
        groups = max(1 + bits - (smallest.bit_length() - 1), 0)
        return cls(at, size, -(-bits // 8), in_index, smallest, fewest, 1 << page_bits, groups)


def _extensible(
    file: Bytes, index: Index, once: Callable[[int], None]
) -> Iterator[tuple[int, int, bytes]]:
    """The entries of an extensible array: some in its index block, the others in groups of blocks.

    Each second group has twice as many blocks, the others blocks twice as large. The index block
    leads to the blocks of the first groups, and to a secondary block for each further one.
    """
    once(index.at)
    form = _Extensible.of(file, index)
    block = file.number(form.at + 12 + 6 * 8, 8)
    if block == UNDEFINED:
        return
    once(block)
    file.signature(block, b"EAIB")
    begin = block + _HEAD + 8
    yield 0, form.size, file.take(begin, form.in_index * form.size)
    begin += form.in_index * form.size
    direct = min(2 * (form.fewest.bit_length() - 1), form.groups)
    first = form.in_index
    for group in range(form.groups):
        blocks, entries = 1 << group // 2, form.smallest << (group + 1) // 2
        there: list[int] = []  # the pages of all blocks of the group
        if group < direct:
            addresses = _addresses(file, begin, blocks)
            begin += 8 * blocks
        else:
            (secondary,) = _addresses(file, begin, 1)
            begin += 8
            if secondary == UNDEFINED:
                first += blocks * entries
                continue
            once(secondary)
            file.signature(secondary, b"EASB")
            start = secondary + _HEAD + 8 + form.offset_bytes
            if entries > form.page:
                pages = entries // form.page
                bits = file.take(start, blocks * -(-pages // 8))
                there = _written(bits, blocks * pages)
                start += len(bits)
            addresses = _addresses(file, start, blocks)
        for number, address in enumerate(addresses):
            if address != UNDEFINED:
                once(address)
                pages = entries // form.page
                mine = [one - number * pages for one in there if 0 <= one - number * pages < pages]
                for begun, raw in _data_block(file, form, address, entries, mine):
                    yield first + begun, form.size, raw
            first += entries


def _addresses(file: Bytes, at: int, count: int) -> list[int]:
    raw = file.take(at, 8 * count)
    return [int.from_bytes(raw[place : place + 8], "little") for place in range(0, len(raw), 8)]


def _data_block(
    file: Bytes, form: _Extensible, at: int, entries: int, there: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """The entries of one block, by the place of the first; in pages where there are many.

    Args:
        file: The HDF5 file.
        form: The array's form.
        at: The block's address.
        entries: How many entries it has.
        there: Which of its pages were written.
    """
    file.signature(at, b"EADB")
    begin = at + _HEAD + 8 + form.offset_bytes
    if entries <= form.page:
        yield 0, file.take(begin, entries * form.size)
        return
    begin += _CHECKSUM
    for page in there:
        at = begin + page * (form.page * form.size + _CHECKSUM)
        yield page * form.page, file.take(at, form.page * form.size)
