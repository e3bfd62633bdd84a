"""What an HDF5 file holds: its groups and arrays, found without anything that leads out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final

from parametry.core.address import part
from parametry.core.coverage import Gap
from parametry.core.dtype import numpy_dtype
from parametry.errors import DtypeMismatch, FormatError
from parametry.formats.file_store import Backing, Layout, Span, checked_nbytes
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes, Region
from parametry.formats.hdf5_chunks import Chunk, Chunked, chunks_in_tree, fill_value
from parametry.formats.hdf5_filters import Pipeline, pipeline_of
from parametry.formats.hdf5_objects import (
    DATASPACE,
    DATATYPE,
    EXTERNAL,
    FILL_VALUE,
    FILTERS,
    LAYOUT,
    OLD_FILL_VALUE,
    Object,
    Objects,
)
from parametry.formats.hdf5_types import Datatype, Malformed, datatype_of, shape_of

__all__ = ["Array", "Group", "Hdf5"]

_COMPACT, _CONTIGUOUS, _CHUNKED = 0, 1, 2
_LAYOUT_VERSION: Final = 3
_DEEPEST: Final = 100
_MOST_OBJECTS: Final = 1_000_000
# How many characters all paths may have together: objects share the names of the groups above them.
_MOST_PATH_TEXT: Final = 64 << 20
# Bytes of chunks that are not there, which any file may have.
_GRANTED: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """An array's bytes, kept here: HDF5 has small ones in the array's header."""

    content: bytes | memoryview

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
                than its bytes can be, or went through a filter that is not known.
        """
        with region.opened() as file:
            walk = _Walk(file)
            walk.run()
            walk.must_not_overlap()
        return cls(walk.groups, walk.arrays, tuple(walk.gaps))


class _Walk:
    """One walk over all groups and arrays, without recursion."""

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._objects = Objects(file)
        self.groups: dict[str, Group] = {}
        self.arrays: dict[str, Array] = {}
        self.gaps: list[Gap] = []
        self._taken: list[tuple[int, int, str]] = []
        self._missing = 0

    def run(self) -> None:
        stack = [("", self._objects.root(), 0)]
        room = _MOST_PATH_TEXT
        while stack:
            path, group, depth = stack.pop()
            label, texts = self._objects.text(group, b"name"), self._objects.texts(group)
            self.groups[path] = Group(path, label, texts)
            if depth > _DEEPEST:
                raise self._fault(path, group, f"its groups lie more than {_DEEPEST} deep")
            below: list[tuple[str, Object, int]] = []
            for name, at in self._objects.links(group, path):
                inner = f"{path}/{part(name)}" if path else part(name)
                room -= len(inner)
                if room < 0:
                    raise self._fault(inner, group, "the paths of its arrays take too much room")
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
        shape, _ = checked_nbytes(shape, datatype.size, path=source, address=path)
        layout = Layout(shape, name, datatype.big_endian)
        backing = self._backing(path, thing, layout, datatype.size)
        self.arrays[path] = Array(path, layout, backing)

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

    def _backing(self, path: str, thing: Object, layout: Layout, itemsize: int) -> Backing:
        message = thing.first(LAYOUT) or b""
        nbytes = prod(layout.shape) * itemsize
        if EXTERNAL in thing.messages:
            raise self._fault(path, thing, "its values are in another file")
        if len(message) < 2 or message[0] != _LAYOUT_VERSION:
            raise self._fault(
                path,
                thing,
                "it is laid out in a way that is not read: a virtual array, made of other files, "
                "or a newer layout than h5py writes",
            )
        if message[1] == _CHUNKED:
            try:
                return self._chunked(path, thing, layout, itemsize, message)
            except Malformed as fault:
                raise self._fault(path, thing, str(fault)) from None
        if FILTERS in thing.messages:
            raise self._fault(path, thing, "it has filters, and is not in chunks")
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
        self._taken.append((at, nbytes, path))
        region = self._file.region
        if region.unpacked is not None:
            return Held(memoryview(region.unpacked)[at : at + nbytes])
        return Span(region.source, region.offset + at, nbytes)

    def _chunked(
        self, path: str, thing: Object, layout: Layout, itemsize: int, message: bytes
    ) -> Backing:
        """An array in chunks; each of them, and what none holds, backed by the file's bytes."""
        shape, rank = layout.shape, len(layout.shape)
        if len(message) < 11 + 4 * (rank + 1) or message[2] != rank + 1 or not rank:
            raise Malformed("its chunks do not have as many axes as it has")
        sizes = [
            int.from_bytes(message[at : at + 4], "little")
            for at in range(11, 11 + 4 * (rank + 1), 4)
        ]
        block = tuple(sizes[:-1])
        if sizes[-1] != itemsize or 0 in block:
            raise Malformed("its chunks are of other values than it is, or of none")
        tree = int.from_bytes(message[3:11], "little")
        filters = thing.first(FILTERS)
        pipeline = Pipeline() if filters is None else pipeline_of(filters)
        chunks: list[Chunk] = []
        if tree != UNDEFINED and 0 not in shape:
            chunks += chunks_in_tree(self._file, tree, shape, block, self._objects.once)
        length = prod(block) * itemsize
        for chunk in chunks:
            if chunk.at + chunk.stored > self._file.length:
                raise self._fault(path, thing, "a chunk goes beyond the end of the file")
            if not pipeline.can_hold(chunk.stored, chunk.skipped, length):
                raise Malformed(
                    f"a chunk of {chunk.stored:,} bytes is said to hold {length:,}, which it cannot"
                )
            self._taken.append((chunk.at, chunk.stored, path))
        fill = fill_value(thing.first(FILL_VALUE), thing.first(OLD_FILL_VALUE), itemsize)
        region = self._file.region
        found = Chunked(region, path, shape, itemsize, block, pipeline, fill, tuple(chunks))
        self._missing += found.missing
        if self._missing > max(self._file.length, _GRANTED):
            raise Malformed(
                f"{found.missing:,} of its bytes are in no chunk: arrays of fill values may "
                "together be as large as the file, and this is more"
            )
        return found

    def must_not_overlap(self) -> None:
        """Bytes that many arrays share make a small file hold any number of large ones."""
        end = 0
        for at, length, path in sorted(self._taken):
            if at < end and length:
                raise self._file.fault("it overlaps another array", at, path)
            end = max(end, at + length)
