"""The objects of an HDF5 file: what the header of a group or an array says of it.

This reads groups as symbol tables, which h5py writes by default, and those of the newer layout
(``libver="latest"``, ``track_order=True``). It follows each pointer once, so that its work is
bounded by the file's size, which HDF5's own library does not promise.

Source: HDF5 File Format Specification, II to IV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from parametry.errors import FormatError
from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_headers import messages_at, root_address
from parametry.formats.hdf5_types import Datatype, Malformed, datatype_of, shape_of

__all__ = ["Object", "Objects"]

# Types of messages.
DATASPACE: Final = 0x1
LINK_INFO: Final = 0x2
DATATYPE: Final = 0x3
OLD_FILL_VALUE: Final = 0x4
FILL_VALUE: Final = 0x5
LINK: Final = 0x6
EXTERNAL: Final = 0x7
LAYOUT: Final = 0x8
FILTERS: Final = 0xB
ATTRIBUTE: Final = 0xC
SYMBOL_TABLE: Final = 0x11
ATTRIBUTE_INFO: Final = 0x15
_ENTRY: Final = 40
_SOFT_LINK: Final = 2
_LONGEST_NAME: Final = 4096
_LONGEST_TEXT: Final = 4096
# What the reference to a text of any length takes: length, heap, index.
_REFERENCE: Final = 16
# How many texts a heap may hold; HDF5 begins a new one when 4,096 bytes are full.
_MOST_TEXTS: Final = 4096


@dataclass(slots=True)
class Object:
    """One object's header.

    Attributes:
        at: Its address in the HDF5 file.
        messages: What its header holds: for each type, where each message's data is, in bytes.
    """

    at: int
    messages: dict[int, list[bytes]] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """Whether it holds other objects."""
        return bool(self.messages.keys() & {SYMBOL_TABLE, LINK_INFO, LINK})

    @property
    def is_array(self) -> bool:
        """Whether it holds values."""
        return LAYOUT in self.messages

    def first(self, kind: int) -> bytes | None:
        """The data of the first message of a type."""
        found = self.messages.get(kind)
        return found[0] if found else None


class Objects:
    """The objects of an open HDF5 file; each structure in it is read once.

    Args:
        file: The file's bytes.
    """

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._seen: set[int] = set()
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        # Many references may lead to one text; a file's texts take no more bytes than it has.
        self._text_left = file.length

    def root(self) -> Object:
        """The root group.

        Raises:
            FormatError: It is no HDF5 file, or one of a layout that is not read.
        """
        return self.object(root_address(self._file))

    def once(self, at: int) -> None:
        """Refuse a structure that two pointers lead to: it is a cycle, or made to look large.

        Raises:
            FormatError: It was met before.
        """
        if at in self._seen:
            raise self._file.fault("two pointers of the file lead here", min(at, self._file.length))
        self._seen.add(at)

    def object(self, at: int) -> Object:
        """The object whose header stands at an address.

        Raises:
            FormatError: It cannot be read, or was met before.
        """
        self.once(at)
        found = Object(at, messages_at(self._file, at, self.once))
        if ATTRIBUTE_INFO in found.messages:
            try:
                more = self._in_heap(found.messages[ATTRIBUTE_INFO], "attributes")
            except Malformed as fault:
                raise self._file.fault(str(fault), at) from None
            found.messages.setdefault(ATTRIBUTE, []).extend(more)
        return found

    def links(self, group: Object, path: str) -> Iterator[tuple[str, int]]:
        """Name and address of each object in a group, in the order of their names.

        Args:
            group: The group.
            path: Its path, for messages.

        Raises:
            FormatError: The group is damaged, is kept in another way, or has a link by name, which
                may lead out of the file.
        """
        file = self._file
        table = group.first(SYMBOL_TABLE)
        if table is None:
            yield from self._newer_links(group, path)
            return
        if len(table) < 16:
            raise file.fault("what it holds cannot be read", group.at, path)
        tree, heap = (int.from_bytes(table[at : at + 8], "little") for at in (0, 8))
        self.once(heap)
        file.signature(heap, b"HEAP")
        names, names_length = file.number(heap + 24, 8), file.number(heap + 8, 8)
        if names + names_length > file.length:
            raise file.fault("the names of a group go beyond the end of the file", heap, path)
        for node in self._leaves(tree):
            file.signature(node, b"SNOD")
            entries = file.take(node + 8, file.number(node + 6, 2) * _ENTRY)
            for start in range(0, len(entries), _ENTRY):
                entry = entries[start : start + _ENTRY]
                offset, at = (int.from_bytes(entry[i : i + 8], "little") for i in (0, 8))
                name = self._name(names, names_length, offset)
                if int.from_bytes(entry[16:20], "little") == _SOFT_LINK or at == UNDEFINED:
                    raise self._not_followed(node, path, name)
                yield name, at

    def _newer_links(self, group: Object, path: str) -> Iterator[tuple[str, int]]:
        """The same of a group of the newer layout."""
        from parametry.formats.hdf5_links import link_of

        found: dict[str, int] = {}
        try:
            more = self._in_heap(group.messages.get(LINK_INFO, []), "links")
            for message in [*group.messages.get(LINK, []), *more]:
                name, at = link_of(message)
                if at is None:
                    raise self._not_followed(group.at, path, name)
                if name in found:
                    raise Malformed(f"two links of it are called {name[:200]!r}")
                found[name] = at
        except Malformed as fault:
            raise self._file.fault(str(fault), group.at, path) from None
        yield from sorted(found.items())

    def _in_heap(self, infos: Sequence[bytes], what: str) -> list[bytes]:
        """The messages that are in heaps; many records may lead to one, as with texts."""
        from parametry.formats.hdf5_links import dense

        found: list[bytes] = []
        for message in dense(self._file, infos, what, self.once):
            self._text_left -= len(message)
            if self._text_left < 0:
                raise Malformed(f"its {what} are longer together than the file")
            found.append(message)
        return found

    def _not_followed(self, at: int, path: str, name: str) -> FormatError:
        where = f"{path}/{name}" if path else name
        return self._file.fault("it is a link by name, which is not followed", at, where)

    def _leaves(self, tree: int) -> Iterator[int]:
        """The tables at the ends of a group's tree, from left to right."""
        file = self._file
        stack = [tree]
        levels: dict[int, int] = {}
        while stack:
            at = stack.pop()
            self.once(at)
            if levels.get(at) == 0:
                yield at
                continue
            file.signature(at, b"TREE")
            if file.number(at + 4, 1) != 0:
                raise file.fault("it is no tree of a group", at)
            level, count = file.number(at + 5, 1), file.number(at + 6, 2)
            expected = levels.get(at)
            if expected is not None and level != expected - 1:
                raise file.fault("a tree's levels do not follow each other", at)
            children = file.take(at + 24, 8 + 16 * count)
            below = [
                int.from_bytes(children[8 + 16 * i : 16 + 16 * i], "little") for i in range(count)
            ]
            for child in below:
                levels[child] = level
            stack.extend(reversed(below))

    def _name(self, names: int, length: int, offset: int) -> str:
        file = self._file
        if offset >= length:
            raise file.fault("a name lies beyond the names of its group", names)
        raw = file.take(names + offset, min(length - offset, _LONGEST_NAME))
        end = raw.find(b"\0")
        if end < 0:
            raise file.fault("a name has no end", names + offset)
        return raw[:end].decode("utf-8", "surrogateescape")

    def text(self, thing: Object, name: bytes) -> str | None:
        """An attribute's value where it is one text; None where it is not there, or something else.

        Raises:
            FormatError: It cannot be read.
        """
        for raw in thing.messages.get(ATTRIBUTE, ()):
            try:
                known, datatype, shape, value = _attribute(raw)
            except Malformed as fault:
                raise self._file.fault(f"an attribute cannot be read: {fault}", thing.at) from None
            if known == name and shape == () and datatype.text:
                return self._text(datatype, value)
        return None

    def texts(self, thing: Object) -> dict[str, tuple[str, ...]]:
        """All attributes that are one text, or a list of texts, which may be empty.

        Raises:
            FormatError: An attribute cannot be read, or the texts together are longer than the
                file, which holds each once.
        """
        out: dict[str, tuple[str, ...]] = {}
        for raw in thing.messages.get(ATTRIBUTE, ()):
            try:
                name, datatype, shape, value = _attribute(raw)
                found = self._list(datatype, shape, value)
            except Malformed as fault:
                raise self._file.fault(f"an attribute cannot be read: {fault}", thing.at) from None
            if found is not None:
                out[name.decode("utf-8", "surrogateescape")] = found
        return out

    def _list(
        self, datatype: Datatype, shape: tuple[int, ...] | None, value: bytes
    ) -> tuple[str, ...] | None:
        if shape == (0,):
            return ()  # which h5py writes as numbers, whatever the list was to hold
        if not datatype.text or shape is None or len(shape) > 1:
            return None
        size = _REFERENCE if datatype.text == "variable" else datatype.size
        count = shape[0] if shape else 1
        if size == 0 or count * size > len(value):
            raise Malformed(f"{count:,} texts are not in {len(value):,} bytes")
        return tuple(
            self._unbounded(datatype, value[at : at + size]) for at in range(0, count * size, size)
        )

    def _unbounded(self, datatype: Datatype, value: bytes) -> str:
        """A text of any length that the file can back."""
        raw = value
        if datatype.text == "variable":
            length, heap, index = _reference(value)
            if length == 0:
                return ""
            raw = self._heap_object(heap, index, length)
            self._text_left -= len(raw)
            if self._text_left < 0:
                raise self._file.fault("the texts are longer together than the file", heap)
        return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def _text(self, datatype: Datatype, value: bytes) -> str | None:
        if datatype.text == "variable":
            if len(value) < _REFERENCE:
                return None
            length, heap, index = _reference(value)
            raw = self._heap_object(heap, index, length)
        else:
            raw = value[: datatype.size]
        if len(raw) > _LONGEST_TEXT:
            return None
        return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def _heap_object(self, heap: int, wanted: int, length: int) -> bytes:
        """The first bytes of an object of a global heap, which many texts share."""
        found = self._heaps.get(heap)
        if found is None:
            found = self._heaps[heap] = self._heap_of(heap)
        at, size = found.get(wanted, (heap, None))
        if size is None:
            raise self._file.fault("a text is not where it is said to be", heap)
        return self._file.take(at, min(size, length))

    def _heap_of(self, heap: int) -> dict[int, tuple[int, int]]:
        """Where each object of a global heap is, and how long."""
        file = self._file
        file.signature(heap, b"GCOL")
        end = heap + file.number(heap + 8, 8)
        out: dict[int, tuple[int, int]] = {}
        at = heap + 16
        while at + 16 <= end and len(out) < _MOST_TEXTS:
            index, size = file.number(at, 2), file.number(at + 8, 8)
            if not index:
                break
            out[index] = (at + 16, size)
            at += 16 + -(-size // 8) * 8
        return out


def _reference(value: bytes) -> tuple[int, int, int]:
    """Length, heap and index of a text of any length."""
    return (
        int.from_bytes(value[:4], "little"),
        int.from_bytes(value[4:12], "little"),
        int.from_bytes(value[12:16], "little"),
    )


def _attribute(raw: bytes) -> tuple[bytes, Datatype, tuple[int, ...] | None, bytes]:
    """Name, datatype, shape and value of an attribute message."""
    if len(raw) < 9:
        raise Malformed("it is cut short")
    version = raw[0]
    if version not in (1, 2, 3):
        raise Malformed(f"it is of version {version}")
    if version > 1 and raw[1]:
        raise Malformed("its datatype is shared, which is not read")
    sizes = [int.from_bytes(raw[at : at + 2], "little") for at in (2, 4, 6)]
    at, parts = 9 if version == 3 else 8, []
    for size in sizes:
        if at + size > len(raw):
            raise Malformed("it is cut short")
        parts.append(raw[at : at + size])
        at += -(-size // 8) * 8 if version == 1 else size
    name, datatype, shape = parts
    return name.rstrip(b"\0"), datatype_of(datatype), shape_of(shape), raw[at:]
