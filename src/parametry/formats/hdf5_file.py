"""What an HDF5 file holds: its groups and arrays, found without anything that leads out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from parametry.core.address import part
from parametry.core.coverage import Gap
from parametry.core.dtype import numpy_dtype
from parametry.errors import DtypeMismatch, FormatError
from parametry.formats.file_store import Backing, Layout, checked_nbytes
from parametry.formats.hdf5_bytes import Bytes, Region
from parametry.formats.hdf5_layout import Places
from parametry.formats.hdf5_objects import DATASPACE, DATATYPE, Object, Objects
from parametry.formats.hdf5_types import Datatype, Malformed, datatype_of, shape_of

__all__ = ["Array", "Group", "Hdf5"]

_DEEPEST: Final = 100
_MOST_OBJECTS: Final = 1_000_000
# How many characters all paths may have together: objects share the names of the groups above them.
_MOST_PATH_TEXT: Final = 64 << 20


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
            walk.places.must_not_overlap()
        return cls(walk.groups, walk.arrays, tuple(walk.gaps))


class _Walk:
    """One walk over all groups and arrays, without recursion."""

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._objects = Objects(file)
        self.groups: dict[str, Group] = {}
        self.arrays: dict[str, Array] = {}
        self.gaps: list[Gap] = []
        self.places = Places(file, self._objects.once)

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
        backing = self.places.backing(path, thing, shape, datatype.size)
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
