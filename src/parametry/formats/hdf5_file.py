"""An HDF5 file's groups and arrays, through h5py, without anything that leads out of the file.

Source: https://docs.hdfgroup.org/hdf5/v1_14/ (storage layouts, links, filters).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from parametry.core.address import part
from parametry.core.coverage import Gap
from parametry.core.dtype import kind, numpy_dtype
from parametry.errors import DtypeMismatch, FormatError, FrameworkMissing
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import Backing, Layout, Span, checked_nbytes

__all__ = ["SIGNATURE", "Array", "Group", "Hdf5", "Region", "require_h5py"]

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_DEEPEST: Final = 100
_LONGEST_NAME: Final = 4096
_MOST_OBJECTS: Final = 1_000_000
_LARGEST_CHUNK: Final = 256 << 20
_MOST_CHUNKS: Final = 1_000_000
# The filters that h5py itself brings, by number: for any other, HDF5 would load a library.
_FILTERS: Final = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_PACKING: Final = frozenset({1, 32000})
_MOST_EXPANSION: Final = 1032
_BITS: Final = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
_NUMBERS: Final = ("bool", "integer", "float", "complex")


def require_h5py() -> Any:
    """The package h5py.

    Raises:
        FrameworkMissing: It is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise FrameworkMissing(
            "HDF5 files need h5py, which is not installed",
            hint='pip install "parametry[files]"',
        ) from None
    return h5py


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
    def opened(self) -> Iterator[Any]:
        """The ``h5py.File``, open for reading while the block runs.

        Raises:
            FormatError: It is damaged, or whatever h5py says of it.
        """
        h5py = require_h5py()
        with self.source.opened() as descriptor:
            raw: io.RawIOBase | io.BytesIO
            if self.unpacked is None:
                raw = _Window(descriptor, self.offset, self.length)
            else:
                raw = io.BytesIO(self.unpacked)
            try:
                with h5py.File(raw, "r") as file:
                    yield file
            except FormatError:
                raise
            except Exception as error:  # h5py raises all kinds of errors on damaged bytes
                raise FormatError(
                    f"HDF5 cannot read it: {_first_line(error)}",
                    path=self.source.path,
                    hint="it is cut short or damaged; get it again",
                ) from error


class _Window(io.RawIOBase):
    """A part of an open file as a file of its own."""

    def __init__(self, descriptor: int, offset: int, length: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._length - self._position)]
        os.lseek(self._descriptor, self._offset + self._position, os.SEEK_SET)
        count = os.readv(self._descriptor, [view])
        self._position += count
        return count


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


@dataclass(frozen=True, slots=True)
class Array:
    """One array of an HDF5 file.

    Attributes:
        path: Its path, as ``layers/dense/vars/0``.
        layout: How its bytes are to be understood.
        backing: Where they are.
    """

    path: str
    layout: Layout
    backing: Backing


@dataclass(frozen=True, slots=True)
class Group:
    """One group of an HDF5 file.

    Attributes:
        path: Its path; empty for the root.
        name: Its attribute ``name``, where it has one that is text.
    """

    path: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Hdf5:
    """What an HDF5 file holds: its headers, read once.

    Attributes:
        region: Where it is.
        groups: Its groups by path.
        arrays: Its arrays by path.
        gaps: What it holds that is no array of numbers.
    """

    region: Region
    groups: Mapping[str, Group]
    arrays: Mapping[str, Array]
    gaps: tuple[Gap, ...]

    @classmethod
    def of(cls, region: Region) -> Hdf5:
        """What the HDF5 file in a region holds.

        Raises:
            FormatError: It is damaged; it has a link, a virtual or an external array that leads out
                of it; an array is said to be larger than its bytes, or packed by a filter that
                would have to be loaded.
            FrameworkMissing: h5py is not installed.
        """
        with region.opened() as file:
            walk = _Walk(region)
            walk.run(file)
        _must_not_overlap(region.source, walk.arrays.values())
        return cls(region, walk.groups, walk.arrays, tuple(walk.gaps))


class _Walk:
    """One walk over all groups and arrays, each once, without recursion."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._path = region.source.path
        self._seen: set[int] = set()
        self.groups: dict[str, Group] = {}
        self.arrays: dict[str, Array] = {}
        self.gaps: list[Gap] = []

    def run(self, root: Any) -> None:
        stack = [("", root, 0)]
        while stack:
            path, group, depth = stack.pop()
            self._once(path, group)
            self.groups[path] = Group(path, self._name_of(group))
            below = [(name, self._follow(path, group, name)) for name in group]
            for name, thing in reversed(below):
                inner = f"{path}/{part(name)}" if path else part(name)
                if _is_group(thing):
                    if depth >= _DEEPEST:
                        raise self._fault(inner, f"its groups lie more than {_DEEPEST} deep")
                    stack.append((inner, thing, depth + 1))
                elif hasattr(thing, "chunks"):
                    self._once(inner, thing)
                    self._add(inner, thing)

    def _fault(self, address: str, message: str) -> FormatError:
        return FormatError(message, path=self._path, address=address[:_LONGEST_NAME])

    def _once(self, path: str, thing: Any) -> None:
        h5py = require_h5py()
        where = int(h5py.h5o.get_info(thing.id).addr)
        if where in self._seen:
            raise self._fault(path, "two paths of the file lead to it")
        if len(self._seen) >= _MOST_OBJECTS:
            raise self._fault(path, f"the file has more than {_MOST_OBJECTS:,} objects")
        self._seen.add(where)

    def _follow(self, path: str, group: Any, name: str) -> Any:
        h5py = require_h5py()
        address = f"{path}/{name}"
        if len(name) > _LONGEST_NAME:
            raise self._fault(address, "its name is too long")
        link = group.get(name, getclass=True, getlink=True)
        if link is not h5py.HardLink:
            raise self._fault(address, f"it is a {link.__name__}, which may lead out of the file")
        return group[name]

    def _name_of(self, group: Any) -> str | None:
        h5py = require_h5py()
        if not h5py.h5a.exists(group.id, b"name"):
            return None
        attribute = h5py.h5a.open(group.id, b"name")
        if attribute.shape != () or attribute.get_storage_size() > _LONGEST_NAME:
            return None
        found = group.attrs["name"]
        return found if isinstance(found, str) else None

    def _add(self, path: str, dataset: Any) -> None:
        layout = self._layout(path, dataset)
        if layout is None:
            self.gaps.append(Gap(path, "it is no array of numbers"))
            return
        _, nbytes = checked_nbytes(
            layout.shape, numpy_dtype(layout.dtype).itemsize, path=self._path, address=path
        )
        self.arrays[path] = Array(path, layout, self._backing(path, dataset, layout, nbytes))

    def _layout(self, path: str, dataset: Any) -> Layout | None:
        dtype, shape = dataset.dtype, dataset.shape
        if shape is None or not isinstance(dtype, np.dtype) or dtype.hasobject:
            return None
        if dtype.kind == "V" and dtype.fields is None:
            name = self._told_dtype(dataset) or _BITS.get(dtype.itemsize)
        else:
            name = dtype.newbyteorder("=").name
        try:
            known = None if name is None else numpy_dtype(name)
        except DtypeMismatch:
            known = None
        if name is None or known is None or kind(known) not in _NUMBERS:
            return None
        if known.itemsize != dtype.itemsize:
            raise self._fault(path, f"its values have {dtype.itemsize} bytes, {name} has not")
        return Layout(tuple(int(size) for size in shape), name, dtype.byteorder == ">")

    def _told_dtype(self, dataset: Any) -> str | None:
        """The attribute by which Keras tells that the bytes are of bfloat16."""
        h5py = require_h5py()
        if not h5py.h5a.exists(dataset.id, b"dtype"):
            return None
        attribute = h5py.h5a.open(dataset.id, b"dtype")
        if attribute.shape != () or attribute.get_storage_size() > _LONGEST_NAME:
            return None
        found = dataset.attrs["dtype"]
        return found if isinstance(found, str) else None

    def _backing(self, path: str, dataset: Any, layout: Layout, nbytes: int) -> Backing:
        h5py = require_h5py()
        plan = dataset.id.get_create_plist()
        kept = plan.get_layout()
        if dataset.is_virtual or kept == h5py.h5d.VIRTUAL:
            raise self._fault(path, "it is a virtual array, made of other files")
        if plan.get_external_count():
            raise self._fault(path, "its values are in another file")
        stored = int(dataset.id.get_storage_size())
        if not nbytes:
            return Span(self._region.source, self._region.offset, 0)
        if kept == h5py.h5d.CHUNKED:
            self._check_chunks(path, dataset, plan, nbytes, stored)
        elif stored < nbytes:
            raise self._fault(path, f"it is said to have {nbytes:,} bytes, and holds {stored:,}")
        offset = dataset.id.get_offset()
        plain = h5py.h5t.py_create(dataset.dtype, logical=True) == dataset.id.get_type()
        if kept == h5py.h5d.CONTIGUOUS and offset is not None and self._region.unpacked is None:
            if not (0 <= offset <= self._region.length - nbytes):
                raise self._fault(path, "its values are said to lie beyond the end of the file")
            if plain or dataset.dtype.kind == "V":
                return Span(self._region.source, self._region.offset + int(offset), nbytes)
        return Dataset(self._region, dataset.name, layout.shape, dataset.dtype)

    def _check_chunks(self, path: str, dataset: Any, plan: Any, nbytes: int, stored: int) -> None:
        numbers = {int(plan.get_filter(at)[0]) for at in range(plan.get_nfilters())}
        for number in sorted(numbers - _FILTERS.keys()):
            raise self._fault(
                path, f"it is packed by filter {number}, known are {', '.join(_FILTERS.values())}"
            )
        most = (stored + 1) * (_MOST_EXPANSION if numbers & _PACKING else 1)
        chunk = dataset.dtype.itemsize
        count = 1
        for length, size in zip(dataset.shape, dataset.chunks, strict=True):
            chunk *= int(size)
            count *= -(-int(length) // int(size))
        if nbytes > most or chunk > _LARGEST_CHUNK or chunk > most or count > _MOST_CHUNKS:
            raise self._fault(
                path,
                f"it is said to have {nbytes:,} bytes in {count:,} chunks of {chunk:,}, "
                f"and holds {stored:,}",
            )
        held = int(dataset.id.get_num_chunks())
        if held != count:
            raise self._fault(path, f"it should have {count:,} chunks, and holds {held:,}")


def _is_group(thing: Any) -> bool:
    return hasattr(thing, "create_group")


@dataclass(frozen=True, slots=True)
class Dataset:
    """An array that HDF5 itself must read: in chunks, packed, or within a header.

    Attributes:
        region: Where the HDF5 file is.
        name: The array's path in it.
        shape: Its shape.
        dtype: The dtype in which h5py gives it.
    """

    region: Region
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the values, in the file's own byte order."""
        h5py = require_h5py()
        target = np.frombuffer(buffer, dtype=np.uint8).view(self.dtype).reshape(self.shape)
        with self.region.opened() as file:
            dataset = file[self.name]
            if dataset.shape != self.shape or dataset.dtype != self.dtype:
                raise FormatError("it is another array now", path=self.region.source.path)
            dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, target)

    def mapped(self) -> None:
        """None: the values are not there as they are."""
        return

    def check(self) -> None:
        """Read all values."""
        count = self.dtype.itemsize
        for length in self.shape:
            count *= length
        self.read_into(memoryview(bytearray(count)))


def _must_not_overlap(source: FileBytes, arrays: Any) -> None:
    """Bytes that many arrays share make a small file hold any number of large ones."""
    end = 0
    spans = [(found.backing, found.path) for found in arrays if isinstance(found.backing, Span)]
    for span, path in sorted(spans, key=lambda pair: (pair[0].offset, pair[0].length)):
        if span.length and span.offset < end:
            raise FormatError(
                "it overlaps another array", path=source.path, address=path, offset=span.offset
            )
        end = max(end, span.offset + span.length)
