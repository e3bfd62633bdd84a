"""The bytes of an HDF5 file, taken in small pieces, each checked to be there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes

__all__ = ["UNDEFINED", "Bytes", "Region"]

UNDEFINED: Final = (1 << 64) - 1
"""The address of what is nowhere."""
_PAGE: Final = 1 << 16
_MOST_PAGES: Final = 256
# All structures but arrays and heaps are small.
_LONGEST_PIECE: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a file that an HDF5 file takes: all of it, or a member of an archive.

    Attributes:
        source: The file.
        offset: Where it begins.
        length: How many bytes it takes.
        unpacked: The HDF5 file itself, where the archive holds it compressed.
    """

    source: FileBytes
    offset: int
    length: int
    unpacked: bytes | None = field(default=None, repr=False)

    @contextmanager
    def opened(self) -> Iterator[Bytes]:
        """Its bytes, while the block runs.

        Raises:
            FormatError: The file was changed since it was opened, or cannot be read.
        """
        if self.unpacked is not None:
            yield Bytes(self, None)
            return
        with self.source.opened() as descriptor:
            yield Bytes(self, descriptor)


class Bytes:
    """The bytes of an open HDF5 file, by the addresses that the file itself uses.

    Args:
        region: Where it is.
        descriptor: The open file; None where the region is unpacked.
    """

    def __init__(self, region: Region, descriptor: int | None) -> None:
        self.region = region
        self._descriptor = descriptor
        self._pages: dict[int, bytes] = {}
        unpacked = region.unpacked
        self.length = region.length if unpacked is None else len(unpacked)

    def fault(self, message: str, at: int | None = None, address: str | None = None) -> FormatError:
        """The error that names the file and, where the file is not unpacked, the byte in it.

        Args:
            message: What is wrong.
            at: The address in the HDF5 file.
            address: The array or group.
        """
        if at is not None:
            at = None if self.region.unpacked is not None else self.region.offset + at
        return FormatError(message, path=self.region.source.path, offset=at, address=address)

    def take(self, at: int, length: int) -> bytes:
        """Some bytes.

        Raises:
            FormatError: They are not all there, or too many for a piece of structure.
        """
        if length > _LONGEST_PIECE or at + length > self.length:
            raise self.fault(
                f"{length:,} bytes are said to be here, the file ends at {self.length:,}",
                min(at, self.length),
            )
        if self.region.unpacked is not None:
            return self.region.unpacked[at : at + length]
        first, last = at // _PAGE, (at + max(length, 1) - 1) // _PAGE
        if first == last:
            start = at - first * _PAGE
            return self._page(first)[start : start + length]
        joined = b"".join(self._page(number) for number in range(first, last + 1))
        start = at - first * _PAGE
        return joined[start : start + length]

    def _page(self, number: int) -> bytes:
        found = self._pages.get(number)
        if found is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            found = self._read(number * _PAGE, min(_PAGE, self.length - number * _PAGE))
            self._pages[number] = found
        return found

    def _read(self, at: int, length: int) -> bytes:
        assert self._descriptor is not None
        found = b""
        try:
            while len(found) < length:
                os.lseek(self._descriptor, self.region.offset + at + len(found), os.SEEK_SET)
                more = os.read(self._descriptor, length - len(found))
                if not more:
                    raise self.fault("the file became shorter while it was read", at)
                found += more
        except OSError as error:
            raise self.fault(f"it cannot be read: {error}", at) from error
        return found

    def number(self, at: int, length: int) -> int:
        """An unsigned number, the least significant byte first."""
        return int.from_bytes(self.take(at, length), "little")

    def signature(self, at: int, expected: bytes) -> None:
        """Refuse a structure that does not begin as it should.

        Raises:
            FormatError: It begins otherwise.
        """
        if self.take(at, len(expected)) != expected:
            raise self.fault(f"{expected.decode()} should stand here", at)
