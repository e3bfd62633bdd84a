"""The filters that an HDF5 file's chunks went through, undone: deflate, shuffle and fletcher32.

Nothing is loaded for a filter that the file names: one that is not known here is refused.

Source: HDF5 File Format Specification, IV.A.2.l (filter pipeline), and ``H5Zshuffle.c``,
``H5Zfletcher32.c`` and ``H5checksum.c`` of HDF5's library.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from parametry.formats.hdf5_types import Malformed

__all__ = ["Filter", "Pipeline", "fletcher32", "pipeline_of"]

_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
_KNOWN: Final[Mapping[int, str]] = {_DEFLATE: "deflate", _SHUFFLE: "shuffle", _FLETCHER: "fletcher"}
_NAMES: Final[Mapping[int, str]] = {
    4: "szip",
    5: "nbit",
    6: "scale-offset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
_FIRST_WITH_NAME: Final = 256
_MOST_FILTERS: Final = 32
_CHECKSUM: Final = 4
# What deflate can make of one byte at most.
_MOST_EXPANSION: Final = 1032
_MODULUS: Final = 65535
_WORDS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        number: Which it is.
        values: What it is told, as the size of one value for the shuffle.
    """

    number: int
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The filters of an array, in the order in which its writer used them.

    Attributes:
        filters: The filters.
    """

    filters: tuple[Filter, ...] = ()

    def can_hold(self, stored: int, skipped: int, length: int) -> bool:
        """Whether a chunk's bytes can become as many as it should have.

        Args:
            stored: How many bytes the chunk takes in the file.
            skipped: The filters that were left out for it, one bit for each.
            length: How many bytes it is to have.
        """
        used = [filter for filter, _ in self._used(skipped, length)]
        if any(filter.number == _DEFLATE for filter in used):
            return length <= (stored + 1) * _MOST_EXPANSION
        return stored == length + _CHECKSUM * sum(one.number == _FLETCHER for one in used)

    def undone(self, raw: bytes | memoryview, skipped: int, length: int) -> bytes | memoryview:
        """A chunk's bytes as they were before the filters.

        Args:
            raw: The bytes in the file.
            skipped: The filters that were left out for it, one bit for each.
            length: How many bytes there are to be.

        Raises:
            Malformed: They are not as many, or damaged.
        """
        for filter, before in reversed(list(self._used(skipped, length))):
            if filter.number == _DEFLATE:
                raw = _inflated(raw, before)
            elif filter.number == _FLETCHER:
                raw = _checked(raw)
            else:
                raw = _unshuffled(raw, filter.values[0])
        if len(raw) != length:
            raise Malformed(f"a chunk has {len(raw):,} bytes, expected {length:,}")
        return raw

    def _used(self, skipped: int, length: int) -> Iterator[tuple[Filter, int]]:
        """The filters that a chunk went through, each with how many bytes there were before it."""
        for place, filter in enumerate(self.filters):
            if not skipped >> place & 1:
                yield filter, length
                if filter.number == _FLETCHER:
                    length += _CHECKSUM


def pipeline_of(raw: bytes) -> Pipeline:
    """The filters that a message tells.

    Raises:
        Malformed: It cannot be read; it has a filter that is not known here, or deflates twice,
            which lets a few bytes become any number.
    """
    if len(raw) < 2 or raw[0] not in (1, 2):
        raise Malformed("its filters cannot be read")
    version, count = raw[0], raw[1]
    if count > _MOST_FILTERS:
        raise Malformed(f"it has {count} filters")
    at = 8 if version == 1 else 2
    found: list[Filter] = []
    for _ in range(count):
        filter, at = _filter(raw, at, version)
        found.append(filter)
    if [filter.number for filter in found].count(_DEFLATE) > 1:
        raise Malformed("it is deflated twice")
    return Pipeline(tuple(found))


def _filter(raw: bytes, at: int, version: int) -> tuple[Filter, int]:
    """A filter, and where the next one begins."""

    def number(length: int) -> int:
        nonlocal at
        if at + length > len(raw):
            raise Malformed("its filters are cut short")
        at += length
        return int.from_bytes(raw[at - length : at], "little")

    which = number(2)
    name_length = number(2) if version == 1 or which >= _FIRST_WITH_NAME else 0
    number(2)  # whether it may be left out
    count = number(2)
    number(-(-name_length // 8) * 8 if version == 1 else name_length)
    values = tuple(number(4) for _ in range(count))
    if version == 1 and count % 2:
        number(4)
    if which not in _KNOWN:
        raise Malformed(
            f"it is packed by {_NAMES.get(which, 'a filter that is not known')} (filter {which}); "
            f"read are {', '.join(_KNOWN.values())}"
        )
    if which == _SHUFFLE and (not values or not values[0]):
        raise Malformed("its shuffle does not tell the size of a value")
    return Filter(which, values), at


def _inflated(raw: bytes | memoryview, length: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(raw, length) if length else b""
        more = inflater.decompress(inflater.unconsumed_tail, 1)  # none; it reads the end
    except zlib.error as error:
        raise Malformed(f"a chunk cannot be unpacked: {error}") from None
    if more or not inflater.eof or len(found) != length:
        raise Malformed(f"a chunk does not unpack to {length:,} bytes")
    return found


def _checked(raw: bytes | memoryview) -> bytes | memoryview:
    if len(raw) < _CHECKSUM:
        raise Malformed("a chunk is shorter than its checksum")
    content, told = raw[:-_CHECKSUM], raw[-_CHECKSUM:]
    if fletcher32(content) != int.from_bytes(told, "little"):
        raise Malformed("a chunk's checksum is wrong: its bytes were damaged")
    return content


def _unshuffled(raw: bytes | memoryview, size: int) -> bytes | memoryview:
    count = len(raw) // size
    if size == 1 or count <= 1:
        return raw
    together = count * size  # what is left over stays as it is
    planes = np.frombuffer(raw, dtype=np.uint8, count=together).reshape(size, count)
    return planes.T.tobytes() + bytes(raw[together:])


def fletcher32(content: bytes | memoryview) -> int:
    """The checksum of Fletcher over words of two bytes, the greater byte first, as HDF5 has it.

    Example:
        >>> hex(fletcher32(bytes([1, 2, 3])))
        '0x5040402'
    """
    odd = len(content) % 2
    words = np.frombuffer(bytes(content) + b"\0" * odd, dtype=">u2")
    first = second = 0
    for start in range(0, len(words), _WORDS):
        block = words[start : start + _WORDS].astype(np.uint64)
        left = np.arange(len(block), 0, -1, dtype=np.uint64)
        second += first * len(block) + int((left * block).sum())
        first += int(block.sum())
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    """A sum in 16 bits, whose carries were added again and again: zero for nothing alone."""
    return total and (total % _MODULUS or _MODULUS)
