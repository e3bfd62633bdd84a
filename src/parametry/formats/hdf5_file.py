"""What an HDF5 file holds: its groups and arrays, found without anything that leads out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from parametry.core.address import part
from parametry.core.coverage import Gap
from parametry.core.dtype import numpy_dtype
from parametry.errors import DtypeMismatch, FormatError
from parametry.formats.file_store import Backing, Layout, Span, checked_nbytes
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes, Region
from parametry.formats.hdf5_objects import (
    DATASPACE,
    DATATYPE,
    EXTERNAL,
    FILTERS,
    LAYOUT,
    Object,
    Objects,
)
from parametry.formats.hdf5_types import Datatype, Malformed, datatype_of, shape_of

__all__ = ["Array", "Group", "Hdf5"]

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_LAYOUT_VERSION: Final = 3
_DEEPEST: Final = 100
_MOST_OBJECTS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """An array's bytes, kept here: HDF5 has small ones in the array's header."""

    content: bytes

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes."""
        buffer[:] = self.content

    def mapped(self) -> memoryview:
        """The bytes."""
        return memoryview(self.content)

    def check(self) -> None:
        """Nothing: they are read already."""


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
        texts: Its attributes that are one text or a list of texts, by name.
    """

    path: str
    name: str | None
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hdf5:
    """What an HDF5 file holds: its headers, read once.

    Attributes:
        groups: Its groups by path.
        arrays: Its arrays by path.
        gaps: What it holds that is no array of numbers.
    """

    groups: Mapping[str, Group]
    arrays: Mapping[str, Array]
    gaps: tuple[Gap, ...]

    @classmethod
    def of(cls, region: Region) -> Hdf5:
        """What the HDF5 file in a region holds.

        Raises:
            FormatError: It is damaged; it has a link by name, a virtual or an external array, which
                may lead out of it; two pointers lead to one place; an array is said to be larger
                than its bytes, or is in chunks.
        """
        with region.opened() as file:
            walk = _Walk(file)
            walk.run()
        _must_not_overlap(region, walk.arrays.values())
        return cls(walk.groups, walk.arrays, tuple(walk.gaps))


class _Walk:
    """One walk over all groups and arrays, without recursion."""

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._objects = Objects(file)
        self.groups: dict[str, Group] = {}
        self.arrays: dict[str, Array] = {}
        self.gaps: list[Gap] = []

    def run(self) -> None:
        stack = [("", self._objects.root(), 0)]
        while stack:
            path, group, depth = stack.pop()
            label, texts = self._objects.text(group, b"name"), self._objects.texts(group)
            self.groups[path] = Group(path, label, texts)
            if depth > _DEEPEST:
                raise self._fault(path, group, f"its groups lie more than {_DEEPEST} deep")
            below: list[tuple[str, Object, int]] = []
            for name, at in self._objects.links(group, path):
                inner = f"{path}/{part(name)}" if path else part(name)
                thing = self._objects.object(at)
                if thing.is_group:
                    below.append((inner, thing, depth + 1))
                elif thing.is_array:
                    self._add(inner, thing)
                if inner in self.groups or len(self.groups) + len(self.arrays) > _MOST_OBJECTS:
                    raise self._fault(inner, thing, "it is there twice, or one of too many")
            stack.extend(reversed(below))

    def _fault(self, path: str, thing: Object, message: str) -> FormatError:
        return self._file.fault(message, thing.at, path[:1000])

    def _add(self, path: str, thing: Object) -> None:
        if path in self.arrays:
            raise self._fault(path, thing, "it is there twice")
        datatype_message, dataspace = thing.first(DATATYPE), thing.first(DATASPACE)
        if datatype_message is None or dataspace is None:
            raise self._fault(path, thing, "it has no datatype, or no shape")
        try:
            datatype, shape = datatype_of(datatype_message), shape_of(dataspace)
        except Malformed as fault:
            raise self._fault(path, thing, str(fault)) from None
        name = self._dtype(thing, datatype)
        if not name or shape is None:
            self.gaps.append(Gap(path, "it is no array of numbers"))
            return
        source = self._file.region.source.path
        shape, nbytes = checked_nbytes(shape, datatype.size, path=source, address=path)
        layout = Layout(shape, name, datatype.big_endian)
        self.arrays[path] = Array(path, layout, self._backing(path, thing, nbytes))

    def _dtype(self, thing: Object, datatype: Datatype) -> str:
        """The dtype's name; where the file knows but a size, the one that Keras says beside it."""
        if not datatype.opaque:
            return datatype.name
        told = self._objects.text(thing, b"dtype")
        if told is None:
            return datatype.name
        try:
            fits = numpy_dtype(told).itemsize == datatype.size
        except DtypeMismatch:
            fits = False
        return told if fits else datatype.name

    def _backing(self, path: str, thing: Object, nbytes: int) -> Backing:
        message = thing.first(LAYOUT) or b""
        if EXTERNAL in thing.messages:
            raise self._fault(path, thing, "its values are in another file")
        if len(message) < 2 or message[0] != _LAYOUT_VERSION:
            raise self._fault(
                path,
                thing,
                "it is laid out in a way that is not read: a virtual array, made of other files, "
                "or a newer layout than h5py writes",
            )
        if message[1] == _CHUNKED or FILTERS in thing.messages:
            raise self._fault(
                path,
                thing,
                "it is in chunks or packed, as neither Keras nor parametry writes it; "
                "h5repack -l CONTI -f NONE unpacks it",
            )
        if message[1] == _COMPACT:
            length = int.from_bytes(message[2:4], "little")
            content = message[4 : 4 + length]
            if length < nbytes or len(content) < nbytes:
                raise self._fault(
                    path, thing, f"it is said to have {nbytes:,} bytes, and holds {len(content):,}"
                )
            return Held(content[:nbytes])
        if message[1] != _CONTIGUOUS or len(message) < 18:
            raise self._fault(path, thing, "where its values are cannot be read")
        at, length = (int.from_bytes(message[i : i + 8], "little") for i in (2, 10))
        if not nbytes:
            return Held(b"")
        if at == UNDEFINED or length < nbytes or at + nbytes > self._file.length:
            held = 0 if at == UNDEFINED else min(length, max(0, self._file.length - at))
            raise self._fault(
                path, thing, f"it is said to have {nbytes:,} bytes, and holds {held:,}"
            )
        region = self._file.region
        if region.unpacked is not None:
            return Held(region.unpacked[at : at + nbytes])
        return Span(region.source, region.offset + at, nbytes)


def _must_not_overlap(region: Region, arrays: Iterable[Array]) -> None:
    """Bytes that many arrays share make a small file hold any number of large ones."""
    end = 0
    spans = [(found.backing, found.path) for found in arrays if isinstance(found.backing, Span)]
    for span, path in sorted(spans, key=lambda pair: (pair[0].offset, pair[0].length)):
        if span.offset < end:
            raise FormatError(
                "it overlaps another array",
                path=region.source.path,
                address=path,
                offset=span.offset,
            )
        end = span.offset + span.length
