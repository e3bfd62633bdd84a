"""A zip archive's members: where their bytes are, read within what the archive can back.

Source: APPNOTE.TXT, PKWARE's specification of the format, for the local header.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import BLOCK

__all__ = ["Member", "ZipArchive", "names_in"]

_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x1
_UTF8: Final = 0x800
# What deflate can make of one byte at most, and the bytes that it has besides.
_MOST_EXPANSION: Final = 1032
_MOST_MEMBERS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
        for entry in _directory(source):
            member = _member(source, entry)
            if member.name in members:
                raise FormatError(
                    "the archive has two members of this name",
                    path=source.path,
                    address=member.name,
                    offset=entry.header_offset,
                )
            members[member.name] = member
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
    return frozenset(entry.filename for entry in _directory(FileBytes.of(path)))


def _directory(source: FileBytes) -> list[zipfile.ZipInfo]:
    try:
        with source.opened() as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            entries = zipfile.ZipFile(file).infolist()
    except FormatError:
        raise
    except Exception as error:  # a parser that is not ours may raise anything on damaged bytes
        raise FormatError(
            f"the archive's directory cannot be read: {str(error) or type(error).__name__}",
            path=source.path,
            hint="it may be cut short; get it again",
        ) from error
    if len(entries) > _MOST_MEMBERS:
        raise FormatError(f"the archive has {len(entries):,} members", path=source.path)
    return entries


def _member(source: FileBytes, entry: zipfile.ZipInfo) -> Member:
    def fault(message: str) -> FormatError:
        return FormatError(
            message, path=source.path, address=entry.filename, offset=max(entry.header_offset, 0)
        )

    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise fault(f"it is packed by method {entry.compress_type}, known are 0 and 8 (deflate)")
    if entry.flag_bits & _ENCRYPTED:
        raise fault("it is encrypted")
    told = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else "cp437", "replace")
    raw = source.read(entry.header_offset, _LOCAL_HEADER.size + len(told))
    fields = _LOCAL_HEADER.unpack(raw[: _LOCAL_HEADER.size])
    signature, _, _, method, *_, name_length, extra_length = fields
    if signature != _LOCAL_SIGNATURE or method != entry.compress_type:
        raise fault("its own header says otherwise than the directory")
    if name_length != len(told) or raw[_LOCAL_HEADER.size :] != told:
        raise fault("its own header has another name than the directory")
    packed = entry.compress_type == zipfile.ZIP_DEFLATED
    offset = entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    source.must_hold(offset, entry.compress_size)
    if packed and entry.file_size > (entry.compress_size + 1) * _MOST_EXPANSION:
        raise fault(
            f"it is said to unpack from {entry.compress_size:,} to {entry.file_size:,} bytes, "
            "which deflate cannot"
        )
    if not packed and entry.file_size != entry.compress_size:
        raise fault("it is stored as it is, and said to be of another length")
    return Member(
        source,
        entry.filename,
        offset,
        entry.compress_size,
        entry.file_size,
        entry.CRC,
        packed,
    )


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
