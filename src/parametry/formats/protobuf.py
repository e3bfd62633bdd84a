"""The wire format of protocol buffers, read without their schemas and never beyond the end.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Field", "ProtobufRefused", "fields", "varint"]

_LONGEST_VARINT: Final = 10
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


class ProtobufRefused(ValueError):
    """Bytes that are no message. Becomes a `parametry.FormatError` where the file is known.

    Args:
        message: What is wrong.
        at: At which of the bytes.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        number: Its number in the schema.
        value: A whole number (varints, fixed ones), or the bytes of text or an inner message.
        at: Where it begins in the message.
    """

    number: int
    value: int | bytes
    at: int

    @property
    def whole(self) -> int:
        """The number; `ProtobufRefused` where the field holds bytes."""
        if isinstance(self.value, int):
            return self.value
        raise ProtobufRefused(f"field {self.number} is no number", self.at)

    @property
    def data(self) -> bytes:
        """The bytes; `ProtobufRefused` where the field holds a number."""
        if isinstance(self.value, bytes):
            return self.value
        raise ProtobufRefused(f"field {self.number} holds no bytes", self.at)

    @property
    def text(self) -> str:
        """The bytes as text; what is no UTF-8 is escaped."""
        return self.data.decode("utf-8", "backslashreplace")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends.

    Example:
        >>> varint(bytes([0xAC, 0x02]), 0)
        (300, 2)
    """
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(data):
            raise ProtobufRefused("a number is cut short", at)
        byte = data[at + index]
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            if value >> 64:
                break
            return value, at + index + 1
    raise ProtobufRefused("a number is longer than 64 bits", at)


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in the order in which they stand.

    Raises:
        ProtobufRefused: The bytes are no message.

    Example:
        >>> [(field.number, field.value) for field in fields(bytes([8, 150, 1]))]
        [(1, 150)]
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = varint(data, at)
            yield Field(number, value, begin)
            continue
        if kind == _LENGTH:
            length, at = varint(data, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ProtobufRefused(f"there is no kind {kind} of field", begin)
        if at + length > len(data):
            raise ProtobufRefused(f"field {number} is cut short", begin)
        raw = data[at : at + length]
        at += length
        yield Field(number, raw if kind == _LENGTH else int.from_bytes(raw, "little"), begin)
