"""TensorFlow's sorted table of keys and values: the ``.index`` of a checkpoint.

Blocks of entries whose keys share their beginnings, each with a checksum; a block that tells where
the blocks are; a footer that tells where that one is.

Source: https://github.com/google/leveldb/blob/main/doc/table_format.md, as TensorFlow keeps it in
``tsl/lib/io/table_builder.cc``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parametry.errors import FormatError
from parametry.formats.crc32c import crc32c, masked
from parametry.formats.file_bytes import FileBytes
from parametry.formats.protobuf import ProtobufRefused, varint

__all__ = ["FOOTER", "MAGIC", "entries"]

MAGIC: Final = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER: Final = 48
_TRAILER: Final = 5  # a byte for the compression, four for the checksum
_PLAIN: Final = 0
_MOST_ENTRIES: Final = 1_000_000
# A key gives only what differs from the one before: a few bytes can stand for a long one.
_MOST_KEY_BYTES: Final = 64 << 20


def entries(source: FileBytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table, in the order of the keys.

    Raises:
        FormatError: The file is no table, or cut short or damaged.
    """
    if source.size < FOOTER:
        raise FormatError("it is too short for a table", path=source.path)
    footer = source.read(source.size - FOOTER, FOOTER)
    if footer[-len(MAGIC) :] != MAGIC:
        raise FormatError(
            "its last bytes are not those of a table", path=source.path, offset=source.size - 8
        )
    try:
        _, at = _handle(footer, 0)
        index, _ = _handle(footer, at)
    except ProtobufRefused as refused:
        raise FormatError(str(refused), path=source.path, offset=source.size - FOOTER) from None
    left, room = _MOST_ENTRIES, _MOST_KEY_BYTES
    covered = 0
    for _, where in _block(source, index):
        try:
            handle, _ = _handle(where, 0)
        except ProtobufRefused as refused:
            raise FormatError(str(refused), path=source.path, offset=index[0]) from None
        covered += handle[1] + _TRAILER
        if covered > source.size:  # each block belongs to the table once
            raise FormatError("its blocks overlap", path=source.path, offset=handle[0])
        for pair in _block(source, handle):
            left -= 1
            room -= len(pair[0])
            if left < 0 or room < 0:
                raise FormatError(
                    "it has too many entries, or their keys are too long", path=source.path
                )
            yield pair


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Where a block begins and how long it is; and where the handle ends."""
    offset, at = varint(data, at)
    length, at = varint(data, at)
    return (offset, length), at


def _block(source: FileBytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    offset, length = handle
    raw = source.read(offset, length + _TRAILER)
    data, kind = raw[:length], raw[length]
    told = int.from_bytes(raw[length + 1 :], "little")
    if masked(crc32c(raw[: length + 1])) != told:
        raise FormatError("a block's checksum is wrong", path=source.path, offset=offset)
    if kind != _PLAIN:
        raise FormatError(
            f"a block is compressed (kind {kind}), which TensorFlow's checkpoints never are",
            path=source.path,
            offset=offset,
        )
    try:
        yield from _pairs(data)
    except ProtobufRefused as refused:
        raise FormatError(str(refused), path=source.path, offset=offset + refused.at) from None


def _pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(data[-4:], "little")
    end = len(data) - 4 * (restarts + 1)
    if len(data) < 4 or end < 0:
        raise ProtobufRefused("a block is shorter than it says", 0)
    key, at = b"", 0
    while at < end:
        begin = at
        shared, at = varint(data, at)
        fresh, at = varint(data, at)
        length, at = varint(data, at)
        if shared > len(key) or at + fresh + length > end:
            raise ProtobufRefused("an entry is longer than its block", begin)
        key = key[:shared] + data[at : at + fresh]
        at += fresh
        yield key, data[at : at + length]
        at += length
