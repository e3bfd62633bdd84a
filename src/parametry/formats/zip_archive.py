"""A zip archive's members: where their bytes are, read within what the archive can back.

Source: APPNOTE.TXT, PKWARE's specification of the format, for the local header.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import BLOCK
from parametry.formats.zip_directory import DEFLATED, ENCRYPTED, STORED, Entry, directory

__all__ = ["Member", "ZipArchive", "names_in"]

_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
# What deflate can make of one byte at most, and the bytes that it has besides.
_MOST_EXPANSION: Final = 1032


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of an archive: a `parametry.formats.file_store.Backing`.

    Attributes:
        source: The archive's file.
        name: The member's name.
        offset: Where its bytes begin in the file.
        stored: How many bytes it takes in the file.
        length: How many bytes it has, unpacked.
        checksum: Their CRC-32.
        packed: Whether they are deflated.
    """

    source: FileBytes
    name: str
    offset: int
    stored: int
    length: int
    checksum: int
    packed: bool

    def blocks(self) -> Iterator[memoryview]:
        """The member's bytes in blocks of at most a megabyte, unpacked.

        Raises:
            FormatError: They are damaged: too few, too many, or with another checksum.
        """
        checksum = length = 0
        for block in self._unpacked():
            length += len(block)
            if length > self.length:
                raise self._fault(f"it unpacks to more than its {self.length:,} bytes")
            checksum = zlib.crc32(block, checksum)
            yield block
        if length != self.length:
            raise self._fault(f"it has {length:,} bytes, expected {self.length:,}")
        if checksum != self.checksum:
            raise self._fault("its checksum is another: it is damaged")

    def start(self, length: int) -> bytes:
        """The first bytes of the member, fewer where it is shorter.

        Raises:
            FormatError: They cannot be unpacked.
        """
        if not self.packed:
            return self.source.read(self.offset, min(length, self.length))
        found = b""
        for block in self._unpacked():
            found += bytes(block[: length - len(found)])
            if len(found) >= length:
                break
        return found

    def content(self, most: int) -> bytes:
        """All bytes of a member that is to be small.

        Raises:
            FormatError: They are damaged, or more than `most`.
        """
        if self.length > most:
            raise self._fault(f"it is {self.length:,} bytes long, {most:,} are allowed")
        return b"".join(bytes(block) for block in self.blocks())

    def check(self) -> None:
        """Read all bytes, unpack them and compare the checksum.

        Raises:
            FormatError: They are damaged.
        """
        for _ in self.blocks():
            pass

    def _unpacked(self) -> Iterator[memoryview]:
        raw = self.source.blocks(self.offset, self.stored, BLOCK)
        if not self.packed:
            yield from raw
            return
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in raw:
                rest: bytes | memoryview = packed
                while rest and not inflater.eof:
                    yield memoryview(inflater.decompress(rest, BLOCK))
                    rest = inflater.unconsumed_tail
            # What is left in the inflater when its input has ended.
            while not inflater.eof and (last := inflater.decompress(b"", BLOCK)):
                yield memoryview(last)
        except zlib.error as error:
            raise self._fault(f"it cannot be unpacked: {error}") from None
        if not inflater.eof or inflater.unused_data:
            raise self._fault("its packed bytes do not end where they should")

    def _fault(self, message: str) -> FormatError:
        return FormatError(message, path=self.source.path, address=self.name, offset=self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class ZipArchive:
    """A zip archive as its directory tells it, each member checked against its own header.

    Attributes:
        source: The file.
        members: Its members by name, in their order; folders are left out.
    """

    source: FileBytes
    members: MappingProxyType[str, Member]

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> ZipArchive:
        """The archive at a path.

        Raises:
            FormatError: It is damaged; a name is there twice; members overlap; one is encrypted, or
                packed otherwise than by deflate, or said to be longer than its bytes could unpack
                to.
        """
        source = FileBytes.of(path)
        members: dict[str, Member] = {}
        with source.reading() as read:
            for entry in directory(source):
                if entry.name in members:
                    raise FormatError(
                        "the archive has two members of this name",
                        path=source.path,
                        address=entry.name,
                        offset=entry.offset,
                    )
                members[entry.name] = _member(source, entry, read)
        _must_not_overlap(source, list(members.values()))
        kept = {name: found for name, found in members.items() if not name.endswith("/")}
        return cls(source, MappingProxyType(kept))


def names_in(path: str | os.PathLike[str]) -> frozenset[str]:
    """The names that an archive's directory tells, without a look at its members.

    Args:
        path: The archive.

    Raises:
        FormatError: The directory cannot be read.
    """
    return frozenset(entry.name for entry in directory(FileBytes.of(path)))


def _member(source: FileBytes, entry: Entry, read: Callable[[int, int], bytes]) -> Member:
    def fault(message: str) -> FormatError:
        return FormatError(message, path=source.path, address=entry.name, offset=entry.offset)

    if entry.method not in (STORED, DEFLATED):
        raise fault(f"it is packed by method {entry.method}, known are 0 and 8 (deflate)")
    if entry.flags & ENCRYPTED:
        raise fault("it is encrypted")
    raw = read(entry.offset, _LOCAL_HEADER.size + len(entry.stored_name))
    fields = _LOCAL_HEADER.unpack(raw[: _LOCAL_HEADER.size])
    signature, _, _, method, *_, name_length, extra_length = fields
    if signature != _LOCAL_SIGNATURE or method != entry.method:
        raise fault("its own header says otherwise than the directory")
    if name_length != len(entry.stored_name) or raw[_LOCAL_HEADER.size :] != entry.stored_name:
        raise fault("its own header has another name than the directory")
    packed = entry.method == DEFLATED
    offset = entry.offset + _LOCAL_HEADER.size + name_length + extra_length
    source.must_hold(offset, entry.stored)
    if packed and entry.length > (entry.stored + 1) * _MOST_EXPANSION:
        raise fault(
            f"it is said to unpack from {entry.stored:,} to {entry.length:,} bytes, "
            "which deflate cannot"
        )
    if not packed and entry.length != entry.stored:
        raise fault("it is stored as it is, and said to be of another length")
    return Member(source, entry.name, offset, entry.stored, entry.length, entry.checksum, packed)


def _must_not_overlap(source: FileBytes, members: list[Member]) -> None:
    """Bytes that several members share make a small archive unpack to any size."""
    end = 0
    for member in sorted(members, key=lambda member: (member.offset, member.stored)):
        if member.offset < end:
            raise FormatError(
                "it overlaps another member",
                path=source.path,
                address=member.name,
                offset=member.offset,
            )
        end = member.offset + member.stored
