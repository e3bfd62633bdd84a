"""The headers of HDF5's objects: the messages that say what an object is, in both versions.

Source: HDF5 File Format Specification, II.A (superblock) and IV.A.1 (object headers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parametry.formats.hdf5_bytes import Bytes

__all__ = ["SIGNATURE", "messages_at", "root_address"]

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_CONTINUATION: Final = 0x10
_SHARED: Final = 0x2
_MOST_MESSAGES: Final = 65_536
_CHECKSUM: Final = 4
# What a header of version 2 may have before its messages, by its flags.
_TIMES: Final = (0x20, 16)
_PHASES: Final = (0x10, 4)
_ORDERED: Final = 0x4


def root_address(file: Bytes) -> int:
    """Where the root group's header is.

    Raises:
        FormatError: It is no HDF5 file, or one of a layout that is not read.
    """
    if file.take(0, len(SIGNATURE)) != SIGNATURE:
        raise file.fault("it does not begin as HDF5 files do", 0)
    version = file.number(8, 1)
    if version > 3:
        raise file.fault(f"its superblock is of version {version}, read are 0 to 3", 8)
    sizes = (13, 14) if version < 2 else (9, 10)
    offsets, lengths = (file.number(at, 1) for at in sizes)
    if (offsets, lengths) != (8, 8):
        raise file.fault(f"its addresses have {offsets} bytes, 8 are read", sizes[0])
    start = {0: 24, 1: 28}.get(version, 12)
    if file.number(start, 8) != 0:
        raise file.fault("it begins behind another file's bytes", start)
    return file.number(start + (40 if version < 2 else 24), 8)


def messages_at(file: Bytes, at: int, once: Callable[[int], None]) -> dict[int, list[bytes]]:
    """The messages of the header at an address, by their types.

    Args:
        file: The HDF5 file.
        at: The header's address.
        once: Refuses an address that was met before.

    Raises:
        FormatError: No header is there, or it is damaged.
    """
    if file.take(at, 4) == b"OHDR":
        return _version_2(file, at, once)
    if file.number(at, 1) != 1:
        raise file.fault("the header of an object should stand here", at)
    return _gathered(file, at, [(at + 16, file.number(at + 8, 4))], once, (2, 2, 1, 3))


def _version_2(file: Bytes, at: int, once: Callable[[int], None]) -> dict[int, list[bytes]]:
    if file.number(at + 4, 1) != 2:
        raise file.fault("its header is of a version that is not read", at + 4)
    flags = file.number(at + 5, 1)
    start = at + 6 + sum(length for flag, length in (_TIMES, _PHASES) if flags & flag)
    width = 1 << (flags & 3)
    length = file.number(start, width)
    ordered = 2 if flags & _ORDERED else 0
    return _gathered(file, at, [(start + width, length)], once, (1, 2, 1, ordered))


def _gathered(
    file: Bytes,
    at: int,
    blocks: list[tuple[int, int]],
    once: Callable[[int], None],
    widths: tuple[int, int, int, int],
) -> dict[int, list[bytes]]:
    """The messages in some blocks, and in those that they continue in.

    The widths are those of a message's type, its length, its flags, and what is not read.
    """
    of_type, of_length, *_ = widths
    head = sum(widths)
    is_second = of_type == 1
    found: dict[int, list[bytes]] = {}
    count = 0
    while blocks:
        start, length = blocks.pop()
        block = file.take(start, length)
        position = 0
        while position + head <= length:
            kind = int.from_bytes(block[position : position + of_type], "little")
            after = position + of_type
            size = int.from_bytes(block[after : after + of_length], "little")
            flags = block[after + of_length]
            data = block[position + head : position + head + size]
            if len(data) < size:
                raise file.fault("a message goes beyond its header", start + position)
            if flags & _SHARED:
                raise file.fault("a message is shared, which is not read", start + position)
            if kind == _CONTINUATION:
                blocks.append(_continued(file, data, start + position, once, is_second))
            elif kind:
                found.setdefault(kind, []).append(data)
            count += 1
            if count > _MOST_MESSAGES:
                raise file.fault("its header has too many messages", at)
            position += head + size
    return found


def _continued(
    file: Bytes, data: bytes, at: int, once: Callable[[int], None], is_second: bool
) -> tuple[int, int]:
    """Where more messages are, and how many bytes they take."""
    if len(data) < 16:
        raise file.fault("a continuation is cut short", at)
    further, length = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")
    once(further)
    if not is_second:
        return further, length
    file.signature(further, b"OCHK")
    if length < 4 + _CHECKSUM:
        raise file.fault("a continuation is cut short", at)
    return further + 4, length - 4 - _CHECKSUM
