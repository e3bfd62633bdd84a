"""An array in a file as a place of values: read as a copy, viewed without one, never written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import numpy_dtype
from parametry.core.provenance import Provenance
from parametry.core.value import Plain
from parametry.errors import AssignmentError, FormatError
from parametry.formats.file_bytes import FileBytes

__all__ = ["Backing", "FileStore", "Layout", "Span", "checked_nbytes", "must_not_swell"]

BLOCK = 1 << 20
# NumPy's own limits: axes of an array, and bytes that an index can count.
_MOST_AXES = 64
_MOST_BYTES = (1 << 63) - 1
# An array that is packed may become this large, whatever it takes in the file, or so many times as
# large; only zeros pack better.
_UNSUSPICIOUS = 256 << 20
_MOST_EXPANSION = 100


class Backing(Protocol):
    """Where the bytes of one array are, in the file's own order."""

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer, which is as long as the array is, with its bytes."""
        ...

    def mapped(self) -> memoryview | None:
        """The bytes without a copy, read-only; None where they are packed or scattered."""
        ...

    def check(self) -> None:
        """Read all bytes and let them go, so that reading them again finds no fault."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """An array's bytes that stand one after the other in a file."""

    source: FileBytes
    offset: int
    length: int

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes."""
        self.source.read_into(self.offset, buffer)

    def mapped(self) -> memoryview | None:
        """The bytes as the system maps them."""
        return self.source.mapped(self.offset, self.length)

    def check(self) -> None:
        """Read all bytes."""
        for _ in self.source.blocks(self.offset, self.length, BLOCK):
            pass


@dataclass(frozen=True, slots=True)
class Layout:
    """How an array's bytes are to be understood.

    Attributes:
        shape: Its shape.
        dtype: Its dtype's name, as ``float32`` or ``bfloat16``.
        big_endian: Whether the most significant byte comes first.
        by_columns: Whether the first axis varies fastest (Fortran's order).
        packed: How many values share a byte; 1 where none do.
    """

    shape: tuple[int, ...]
    dtype: str
    big_endian: bool = False
    by_columns: bool = False
    packed: int = 1


class FileStore:
    """The values of one array in a file.

    Args:
        path: The file, for messages.
        address: The array's address, likewise.
        layout: How the bytes are to be understood.
        backing: Where they are.
        provenance: Where the initial values came from, as the file's manifest tells it.
    """

    __slots__ = ("_address", "_backing", "_layout", "_path", "_provenance")

    def __init__(
        self,
        path: str,
        address: str,
        layout: Layout,
        backing: Backing,
        provenance: Provenance | None = None,
    ) -> None:
        self._path = path
        self._address = address
        self._layout = layout
        self._backing = backing
        self._provenance = provenance

    @property
    def native(self) -> None:
        """None: there is no framework's object, the values are in a file."""
        return None

    def declared(self) -> dict[str, Plain]:
        """Nothing: what a layer declared of it stands among the hyperparameters."""
        return {}

    def provenance(self) -> Provenance | None:
        """Where the initial values came from, as the file's manifest tells it."""
        return self._provenance

    def read(self) -> NDArray[Any]:
        """A copy of the values, C-contiguous, in the array's own dtype and the machine's order.

        Raises:
            FormatError: The bytes cannot be read, or are no values of that dtype.
        """
        layout, stored = self._layout, self._stored()
        count = _count(layout.shape)
        try:
            raw = np.empty(-(-count // layout.packed), dtype=stored)
        except MemoryError:
            raise FormatError(
                f"its {count * stored.itemsize:,} bytes are more than there is memory for",
                path=self._path,
                address=self._address,
            ) from None
        self._backing.read_into(raw.view(np.uint8).data)
        if layout.packed > 1:
            raw = _unpacked(raw.view(np.uint8), count).view(stored)
        if layout.big_endian:
            raw = raw.byteswap(inplace=True)
        self._must_be_values(raw)
        if layout.by_columns:
            return np.ascontiguousarray(raw.reshape(layout.shape[::-1]).T).reshape(layout.shape)
        return raw.reshape(layout.shape)

    def view(self) -> NDArray[Any] | None:
        """The values without a copy: a read-only array over the file's own pages.

        Returns:
            The array; None where the file holds the values packed, scattered, compressed, or in
            another machine's byte order.

        Raises:
            FormatError: The file ends before, or was changed since it was opened.
        """
        layout, stored = self._layout, self._stored()
        if layout.packed > 1 or (layout.big_endian and stored.itemsize > 1):
            return None
        pages = self._backing.mapped()
        if pages is None:
            return None
        flat = np.frombuffer(pages, dtype=np.uint8).view(stored)
        self._must_be_values(flat)
        if layout.by_columns:
            return flat.reshape(layout.shape[::-1]).T
        return flat.reshape(layout.shape)

    def check(self) -> None:
        """Read all bytes and let them go: what `read` would find at fault is found now.

        Raises:
            FormatError: The bytes cannot be read, or are no values of that dtype.
        """
        self._backing.check()
        if self._layout.dtype == "bool":
            self.read()

    def write(self, array: NDArray[Any]) -> NoReturn:
        """Raises: a file's values are not written through its view."""
        raise AssignmentError(
            f"{self._address} is in the file {self._path}, which is only read",
            hint="load the file into a model, change the model, and save it",
        )

    def _stored(self) -> np.dtype[Any]:
        return numpy_dtype(self._layout.dtype)

    def _must_be_values(self, raw: NDArray[Any]) -> None:
        if self._layout.dtype == "bool" and raw.size and raw.view(np.uint8).max() > 1:
            raise FormatError(
                "a truth value is neither 0 nor 1", path=self._path, address=self._address
            )


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def _unpacked(raw: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Values of four bits, two in a byte, the first in the lower half; one in a byte each."""
    out = np.empty((len(raw), 2), dtype=np.uint8)
    np.bitwise_and(raw, 15, out=out[:, 0])
    np.right_shift(raw, 4, out=out[:, 1])
    return out.reshape(-1)[:count]


def must_not_swell(stored: int, length: int, *, path: str, address: str) -> None:
    """Refuse bytes that a few others are said to unpack to.

    Args:
        stored: How many bytes there are in the file.
        length: How many they become.
        path: The file, for messages.
        address: The array, likewise.

    Raises:
        FormatError: They would be more than a quarter of a gigabyte, and a hundred times as many.
    """
    if length > max(_UNSUSPICIOUS, stored * _MOST_EXPANSION):
        raise FormatError(
            f"it is said to unpack from {stored:,} to {length:,} bytes",
            path=path,
            address=address,
            hint="where you trust it, store it without compression",
        )


def checked_nbytes(
    shape: object, itemsize: int, *, path: str, address: str | None = None
) -> tuple[tuple[int, ...], int]:
    """A shape that a file tells, and how many bytes an array of it has.

    Args:
        shape: What stands where a shape is expected.
        itemsize: Bytes of one value.
        path: The file, for messages.
        address: The array, likewise.

    Raises:
        FormatError: It is no list of whole numbers from 0 on, has more axes than an array can have,
            or counts more bytes than any memory has.
    """
    if not isinstance(shape, (list, tuple)):
        raise FormatError("its shape is no list of sizes", path=path, address=address)
    if len(shape) > _MOST_AXES:
        raise FormatError(f"its shape has {len(shape):,} axes", path=path, address=address)
    # An axis of no length makes an array of no bytes, and its other axes must be countable still.
    countable = itemsize
    for length in shape:
        if type(length) is not int or length < 0:
            raise FormatError("its shape is no list of sizes", path=path, address=address)
        countable *= length or 1
    if countable > _MOST_BYTES:
        raise FormatError(
            f"its shape counts {countable:,} bytes, more than any memory has",
            path=path,
            address=address,
        )
    return tuple(shape), 0 if 0 in shape else countable
