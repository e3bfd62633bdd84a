"""HDF5's fractal heap: where groups of many links, and objects of many attributes, keep them.

Objects lie in one space of addresses, which rows of blocks cover, each row of blocks twice as large
as those of the row before.

Source: HDF5 File Format Specification, III.G.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parametry.formats.hdf5_btree2 import bytes_for
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes

__all__ = ["FractalHeap"]

_MANAGED, _TINY = 0, 2
_WIDTH_AT: Final = 110
_MOST_STEPS: Final = 64


@dataclass(frozen=True, slots=True)
class FractalHeap:
    """A heap of objects.

    Attributes:
        file: The HDF5 file.
        at: Its header's address.
        offset_bytes: How many bytes an object's offset takes.
        length_bytes: How many its length takes.
        width: How many blocks a row has.
        first: The size of a block of the first row.
        direct_rows: How many rows hold objects; the further ones hold rows.
        root: The address of the root block.
        rows: How many rows the root has; none where it holds objects itself.
    """

    file: Bytes
    at: int
    offset_bytes: int
    length_bytes: int
    width: int
    first: int
    direct_rows: int
    root: int
    rows: int

    @classmethod
    def of(cls, file: Bytes, at: int) -> FractalHeap:
        """The heap whose header is at an address.

        Raises:
            FormatError: There is none, or one of a kind that is not read.
        """
        file.signature(at, b"FRHP")
        if file.number(at + 7, 2):
            raise file.fault("a heap has filters, which are not read", at)
        largest_object = file.number(at + 10, 4)
        table = at + _WIDTH_AT
        width, first, largest = (
            file.number(table, 2),
            file.number(table + 2, 8),
            file.number(table + 10, 8),
        )
        bits = file.number(table + 18, 2)
        root, rows = file.number(table + 22, 8), file.number(table + 30, 2)
        powers = all(number and not number & (number - 1) for number in (width, first, largest))
        if not powers or largest < first or not 0 < bits <= 64:
            raise file.fault("a heap's blocks are of sizes that cannot be", table)
        length_bytes = min((largest.bit_length() + 6) // 8, bytes_for(largest_object))
        direct_rows = largest.bit_length() - first.bit_length() + 2
        return cls(file, at, -(-bits // 8), length_bytes, width, first, direct_rows, root, rows)

    def object(self, identifier: bytes) -> bytes:
        """The bytes of an object.

        Args:
            identifier: Where it is, as a record of a tree tells it.

        Raises:
            FormatError: It is not there, or kept in a way that is not read.
        """
        kind = identifier[0] >> 4 & 3 if identifier else -1
        if kind == _TINY:
            return identifier[1 : 2 + (identifier[0] & 15)]
        if kind != _MANAGED or len(identifier) < 1 + self.offset_bytes + self.length_bytes:
            raise self.file.fault("a heap's object is kept in a way that is not read", self.at)
        middle = 1 + self.offset_bytes
        offset = int.from_bytes(identifier[1:middle], "little")
        length = int.from_bytes(identifier[middle : middle + self.length_bytes], "little")
        return self.file.take(self._place(offset), length)

    def _place(self, offset: int) -> int:
        """Where in the file an offset in the heap is."""
        file, block, rows = self.file, self.root, self.rows
        if not rows:
            if offset >= self.first:
                raise file.fault("a heap's object lies beyond it", self.at)
            return block + offset
        row_bytes = self.width * self.first
        for _ in range(_MOST_STEPS):
            file.signature(block, b"FHIB")
            row = (offset // row_bytes).bit_length()
            size = self.first << max(row - 1, 0)
            begin = row_bytes << (row - 1) if row else 0
            column = (offset - begin) // size
            if row >= rows:
                break
            entry = block + 13 + self.offset_bytes + 8 * (row * self.width + column)
            block = file.number(entry, 8)
            offset -= begin + column * size
            if block == UNDEFINED:
                break
            if row < self.direct_rows:
                file.signature(block, b"FHDB")
                return block + offset
            rows = size.bit_length() - row_bytes.bit_length() + 1
        raise file.fault("a heap's object lies beyond it", self.at)
