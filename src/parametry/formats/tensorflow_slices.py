"""Variables that a checkpoint holds in slices, as TensorFlow 1 writes partitioned ones.

The entry of the whole has its shape and lists its slices; each slice is an entry of its own, under
a key made of the name and of where the slice lies. TensorFlow partitions along one axis, and such
slices are put together.

Source: ``tensorflow/core/util/saved_tensor_slice_util.cc`` and ``tsl/lib/strings/ordered_code.cc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Final, TypeAlias

import numpy as np

from parametry.formats.file_store import Backing
from parametry.formats.protobuf import Field, ProtobufRefused, fields

__all__ = ["Extent", "Piece", "Sliced", "extents_of", "key_of_slice", "pieces_of"]

Extent: TypeAlias = tuple[int, int]
"""Begin and length along one axis; a length of -1 is all of it."""
_ALL: Final = -1
_SIGN: Final = 1 << 63
_ESCAPED: Final = {0: b"\0\xff", 255: b"\xff\0"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One slice of an array.

    Attributes:
        key: The slice's key.
        shape: Its shape.
        start: Where it begins along the axis that is cut.
    """

    key: bytes
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Sliced:
    """An array's bytes, in slices along one axis.

    Attributes:
        shape: The array's shape.
        itemsize: Bytes of one value.
        axis: The axis along which it is cut.
        parts: The slices in their order: the length along the axis, and where the bytes are.
    """

    shape: tuple[int, ...]
    itemsize: int
    axis: int
    parts: tuple[tuple[int, Backing], ...]

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes, slice after slice."""
        before, after = prod(self.shape[: self.axis]), prod(self.shape[self.axis + 1 :])
        whole = np.frombuffer(buffer, dtype=np.uint8)
        whole = whole.reshape(before, self.shape[self.axis], after * self.itemsize)
        start = 0
        for length, backing in self.parts:
            part = np.empty((before, length, after * self.itemsize), dtype=np.uint8)
            backing.read_into(part.reshape(-1).data)
            whole[:, start : start + length] = part
            start += length

    def mapped(self) -> None:
        """None: the bytes are scattered."""
        return None

    def check(self) -> None:
        """Read the bytes of each slice."""
        for _, backing in self.parts:
            backing.check()


def extents_of(serialized: Field) -> tuple[Extent, ...]:
    """Where a slice lies along each axis, from its ``TensorSliceProto``.

    Raises:
        ProtobufRefused: It is no such message, or lies where nothing can.
    """
    found: list[Extent] = []
    for axis in (each for each in fields(serialized.data) if each.number == 1):
        known = {each.number: each.whole for each in fields(axis.data)}
        start, length = known.get(1, 0), known.get(2, _ALL)
        if start >= _SIGN or length >= _SIGN:
            raise ProtobufRefused("a slice begins before its array, or has no length", axis.at)
        found.append((start, length))
    return tuple(found)


def pieces_of(
    name: bytes, shape: tuple[int, ...], slices: Sequence[tuple[Extent, ...]]
) -> tuple[int, list[Piece]] | None:
    """The axis along which an array is cut, and its slices one after the other.

    Args:
        name: The array's key.
        shape: Its shape.
        slices: Where each slice lies.

    Returns:
        None where the slices do not make the array: they are cut along several axes, overlap, or
        leave a gap.
    """
    if not shape or any(len(extents) != len(shape) for extents in slices):
        return None
    cut = {
        axis
        for extents in slices
        for axis, (start, length) in enumerate(extents)
        if length != _ALL and (start, length) != (0, shape[axis])
    }
    if len(cut) > 1:
        return None
    axis = min(cut, default=0)
    whole = (0, shape[axis])
    spans = sorted(
        (whole if extents[axis][1] == _ALL else extents[axis], extents) for extents in slices
    )
    pieces: list[Piece] = []
    end = 0
    for (start, length), extents in spans:
        if start != end:
            return None
        end += length
        own = (*shape[:axis], length, *shape[axis + 1 :])
        pieces.append(Piece(key_of_slice(name, extents), own, start))
    return (axis, pieces) if end == shape[axis] else None


def key_of_slice(name: bytes, extents: Sequence[Extent]) -> bytes:
    """The key of a slice's entry.

    Args:
        name: The key of the whole.
        extents: Where the slice lies along each axis.

    Example:
        >>> key_of_slice(b"w", [(0, 3), (0, -1)]).hex(" ")
        '00 77 00 01 01 02 80 83 80 7f'
    """
    escaped = b"".join(_ESCAPED.get(byte, bytes([byte])) for byte in name)
    rank = len(extents)
    size = -(-rank.bit_length() // 8)
    out = b"\0" + escaped + b"\0\1" + bytes([size]) + rank.to_bytes(size, "big")
    return out + b"".join(_signed(number) for extent in extents for number in extent)


def _signed(number: int) -> bytes:
    """A number in as few bytes as it needs, so that bytes sort as numbers do."""
    length = (~number if number < 0 else number).bit_length() // 7 + 1
    marks = ((1 << length) - 1) << (7 * length)
    return (marks ^ number & (1 << 8 * length) - 1).to_bytes(length, "big")
