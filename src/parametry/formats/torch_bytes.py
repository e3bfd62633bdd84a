"""The bytes of a tensor: a view with an offset and strides over a storage in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.formats.file_store import Layout, Span, must_not_swell
from parametry.formats.torch_values import DTYPES, Tensor
from parametry.formats.zip_archive import Member

__all__ = ["ArrayBytes", "TensorBytes", "backing_of", "layout_of"]


def layout_of(tensor: Tensor, *, big_endian: bool) -> Layout:
    """How the values of a tensor are understood, as an array in C's order or by columns.

    A ``complex32`` has a last axis more, of its real and its imaginary part.
    """
    shape = tensor.shape
    if tensor.dtype == "complex32":
        shape = (*shape, 2)
    by_columns = _is_by_columns(tensor) and tensor.storage is not None
    return Layout(shape, DTYPES[tensor.dtype].name, big_endian, by_columns)


def backing_of(tensor: Tensor, bytes_of: Span | Member, *, big_endian: bool) -> TensorBytes:
    """Where the values of a tensor are.

    Args:
        tensor: The tensor; its view lies within its storage.
        bytes_of: The bytes of the storage's key.
        big_endian: The file's byte order.
    """
    itemsize = DTYPES[tensor.dtype].itemsize
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride, strict=True))
    length = 0 if 0 in tensor.shape else (last + 1) * itemsize
    begin = 0 if tensor.storage is None else tensor.storage.start
    start = begin + tensor.offset * itemsize if length else 0
    return TensorBytes(tensor, bytes_of, start, length, big_endian)


def _is_contiguous(tensor: Tensor) -> bool:
    return _follows(tensor.shape, tensor.stride)


def _is_by_columns(tensor: Tensor) -> bool:
    """Whether the first axis varies fastest, as in a transposed matrix."""
    return (
        len(tensor.shape) > 1
        and not _is_contiguous(tensor)
        and tensor.dtype != "complex32"
        and _follows(tensor.shape[::-1], tensor.stride[::-1])
    )


def _follows(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    expected = 1
    for length, step in zip(reversed(shape), reversed(stride), strict=True):
        if length != 1 and step != expected:
            return 0 in shape
        expected *= length
    return True


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """A `parametry.formats.file_store.Backing` over a view of a storage.

    Attributes:
        tensor: The view.
        bytes_of: The bytes that it lies in, stored or packed.
        start: The view's first byte in them.
        length: How many bytes it spans; more than it shows, where it has gaps.
        big_endian: The file's byte order.
    """

    tensor: Tensor
    bytes_of: Span | Member
    start: int
    length: int
    big_endian: bool

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the view's elements, in C's order or by columns."""
        if not len(buffer):
            return
        if self._is_dense():
            self._fill(buffer)
        else:
            self._gather(buffer)
        self._flip_signs(buffer)

    def mapped(self) -> memoryview | None:
        """The bytes as the system maps them, if they stand one after the other as they are."""
        if self.tensor.conjugate or self.tensor.negative or not self._is_dense():
            return None
        span = self._span()
        return None if span is None else span.mapped()

    def check(self) -> None:
        """Nothing: many views share a storage, which the file's contents check once."""

    def _is_dense(self) -> bool:
        return _is_contiguous(self.tensor) or _is_by_columns(self.tensor)

    def _span(self) -> Span | None:
        """The view's bytes in the file; None where they are packed."""
        whole = self.bytes_of
        if isinstance(whole, Member) and whole.packed:
            return None
        return Span(whole.source, whole.offset + self.start, self.length)

    def _fill(self, buffer: memoryview) -> None:
        span = self._span()
        if span is not None:
            span.read_into(buffer)
            return
        member = self.bytes_of
        assert isinstance(member, Member)
        must_not_swell(member.stored, len(buffer), path=member.source.path, address=member.name)
        at = 0
        for block in member.blocks():
            low, high = max(self.start - at, 0), min(self.start + self.length - at, len(block))
            if low < high:
                to = at + low - self.start
                buffer[to : to + high - low] = block[low:high]
            at += len(block)

    def _gather(self, buffer: memoryview) -> None:
        """Copy the elements of a view with gaps, one axis after the other."""
        span = self._span()
        raw: Any = None if span is None else span.mapped()
        if raw is None:
            raw = np.empty(self.length, dtype=np.uint8)
            self._fill(memoryview(raw))
        item = np.dtype(f"V{DTYPES[self.tensor.dtype].itemsize}")
        strides = tuple(step * item.itemsize for step in self.tensor.stride)
        seen: NDArray[Any] = np.ndarray(self.tensor.shape, item, raw, 0, strides)
        np.frombuffer(buffer, dtype=item).reshape(self.tensor.shape)[...] = seen

    def _flip_signs(self, buffer: memoryview) -> None:
        """Undo what the tensor's conjugate and negative bits say of the stored values."""
        tensor = self.tensor
        if not (tensor.conjugate or tensor.negative):
            return
        width = DTYPES[tensor.dtype].itemsize // (2 if tensor.dtype.startswith("complex") else 1)
        numbers = np.frombuffer(buffer, dtype=np.uint8).reshape(-1, width)
        sign = numbers[:, 0 if self.big_endian else width - 1]
        if tensor.negative:
            sign ^= 0x80
        if tensor.conjugate:
            sign[1::2] ^= 0x80


@dataclass(frozen=True, slots=True)
class ArrayBytes:
    """The bytes of an array that the pickle itself held."""

    array: NDArray[Any]

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the array's bytes in C's order."""
        flat = np.ascontiguousarray(self.array).reshape(-1).view(np.uint8)
        np.frombuffer(buffer, dtype=np.uint8)[...] = flat

    def mapped(self) -> memoryview | None:
        """None: the values stand within the pickle."""
        return None

    def check(self) -> None:
        """Nothing is left to read."""
