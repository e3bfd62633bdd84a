"""A zip archive's directory: which members it tells of, and where they are.

The directory stands at the archive's end, behind the members, and is found by the record that
closes the file. An archive of more than 4 GiB, or of more than 65,535 members, has two records more
(zip64), and numbers of 64 bits. Archives in several files, or with anything before the first member
that the offsets do not count, are refused.

Source: APPNOTE.TXT, PKWARE's specification of the format, sections 4.3.12 to 4.3.16 and 4.5.3.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes

__all__ = ["DEFLATED", "ENCRYPTED", "STORED", "UTF8", "Entry", "directory"]

STORED: Final = 0
DEFLATED: Final = 8
ENCRYPTED: Final = 0x1
UTF8: Final = 0x800

_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_LONGEST_COMMENT: Final = 0xFFFF
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_END_64_SIGNATURE: Final = b"PK\x06\x06"
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"
# A number that stands in the entry's extra field of this kind instead.
_TOO_LONG: Final = 0xFFFFFFFF
_ZIP64: Final = 1
_EXTRA: Final = struct.Struct("<2H")
_NUMBER: Final = struct.Struct("<Q")
_MOST_MEMBERS: Final = 1_000_000


class Entry(NamedTuple):
    """What the directory says of one member.

    Attributes:
        name: Its name.
        stored_name: The same as the bytes that stand in the archive.
        flags: Bits, of which `ENCRYPTED` and `UTF8` are read.
        method: How it is packed: `STORED` or `DEFLATED`, or one that is not read.
        checksum: The CRC-32 of its bytes, unpacked.
        stored: How many bytes it takes in the file.
        length: How many bytes it has, unpacked.
        offset: Where its own header begins in the file.
    """

    name: str
    stored_name: bytes
    flags: int
    method: int
    checksum: int
    stored: int
    length: int
    offset: int


def directory(source: FileBytes) -> list[Entry]:
    """The members that an archive's directory tells, in its order; their bytes are not looked at.

    Args:
        source: The archive.

    Raises:
        FormatError: There is no directory, or it is damaged.
    """
    count, length, offset = _extent(source)
    if count > _MOST_MEMBERS:
        raise FormatError(f"the archive has {count:,} members", path=source.path)
    if length < count * _ENTRY.size:
        raise _fault(source, f"{count:,} members are said to be in {length:,} bytes", offset)
    raw = source.read(offset, length)
    found: list[Entry] = []
    at = 0
    for _ in range(count):
        entry, at = _entry(source, raw, at, offset)
        found.append(entry)
    if at != length:
        raise _fault(source, f"{length - at:,} bytes behind the last member", offset + at)
    return found


def _extent(source: FileBytes) -> tuple[int, int, int]:
    """How many members there are, how long the directory is, and where it begins."""
    start = max(source.size - _END.size - _LONGEST_COMMENT, 0)
    tail = source.read(start, source.size - start)
    at = len(tail)
    while (at := tail.rfind(_END_SIGNATURE, 0, at)) >= 0:
        # The signature may stand in a comment too; the true record ends where the file does.
        if at + _END.size <= len(tail):
            fields = _END.unpack_from(tail, at)
            if at + _END.size + fields[7] == len(tail):
                break
    else:
        raise _fault(source, "its end is not there", source.size)
    _, disk, disk_of_directory, here, count, length, offset, _ = fields
    end = start + at
    if end >= _LOCATOR.size:
        locator = _LOCATOR.unpack(source.read(end - _LOCATOR.size, _LOCATOR.size))
        if locator[0] == _LOCATOR_SIGNATURE:
            end = locator[2]
            fields = _END_64.unpack(source.read(end, _END_64.size))
            if fields[0] != _END_64_SIGNATURE:
                raise _fault(source, "its zip64 record is not where it is said to be", end)
            _, _, _, _, disk, disk_of_directory, here, count, length, offset = fields
    if disk or disk_of_directory or here != count:
        raise _fault(source, "it is one of several files", end)
    if offset + length != end:
        raise _fault(source, "it does not stand before the archive's end", offset)
    return count, length, offset


def _entry(source: FileBytes, raw: bytes, at: int, start: int) -> tuple[Entry, int]:
    """The entry at a position of the directory, and the position behind it."""
    if at + _ENTRY.size > len(raw):
        raise _fault(source, "it ends within an entry", start + at)
    (
        signature, _, _, flags, method, _, _, checksum, stored, length,
        name_length, extra_length, comment_length, disk, _, _, offset,
    ) = _ENTRY.unpack_from(raw, at)  # fmt: skip
    name_at = at + _ENTRY.size
    extra_at = name_at + name_length
    end = extra_at + extra_length + comment_length
    if signature != _ENTRY_SIGNATURE or end > len(raw) or disk not in (0, 0xFFFF):
        raise _fault(source, "an entry is damaged", start + at)
    if _TOO_LONG in (stored, length, offset):
        numbers = _zip64(raw[extra_at : extra_at + extra_length])
        given = (length, stored, offset)
        if len(numbers) < given.count(_TOO_LONG):
            raise _fault(source, "an entry has no zip64 numbers", start + at)
        rest = iter(numbers)
        length, stored, offset = (next(rest) if n == _TOO_LONG else n for n in given)
    stored_name = raw[name_at:extra_at]
    try:
        is_utf8 = flags & UTF8 or stored_name.isascii()
        name = stored_name.decode("utf-8" if is_utf8 else "cp437")
    except UnicodeDecodeError:
        raise _fault(source, "a name is no UTF-8", start + name_at) from None
    if "\0" in name:
        raise _fault(source, "a name holds a NUL", start + name_at)
    entry = Entry(name, stored_name, flags, method, checksum, stored, length, offset)
    return entry, end


def _zip64(extra: bytes) -> list[int]:
    """The numbers in an entry's extra field of that kind: length, stored length, offset."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            held = extra[at : at + length]
            return [number for (number,) in _NUMBER.iter_unpack(held[: len(held) // 8 * 8])]
        at += length
    return []


def _fault(source: FileBytes, message: str, offset: int) -> FormatError:
    return FormatError(
        f"the archive's directory cannot be read: {message}",
        path=source.path,
        offset=offset,
        hint="it may be cut short; get it again",
    )
