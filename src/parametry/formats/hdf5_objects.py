"""The objects of an HDF5 file: what the header of a group or an array says of it.

This reads what HDF5 has written since its first version, and h5py writes by default: version 0 and
1 of the superblock, version 1 of object headers, groups as symbol tables. It follows each pointer
once, so that its work is bounded by the file's size, which HDF5's own library does not promise.

Source: HDF5 File Format Specification, II to IV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from parametry.formats.hdf5_bytes import UNDEFINED, Bytes
from parametry.formats.hdf5_types import Datatype, Malformed, datatype_of, shape_of

__all__ = ["Object", "Objects", "SIGNATURE"]

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
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
CONTINUATION: Final = 0x10
SYMBOL_TABLE: Final = 0x11
_SHARED: Final = 0x2
_ENTRY: Final = 40
_SOFT_LINK: Final = 2
_LONGEST_NAME: Final = 4096
_LONGEST_TEXT: Final = 4096
# What the reference to a text of any length takes: length, heap, index.
_REFERENCE: Final = 16
_MOST_MESSAGES: Final = 65_536
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
        file = self._file
        if file.take(0, len(SIGNATURE)) != SIGNATURE:
            raise file.fault("it does not begin as HDF5 files do", 0)
        version, offsets, lengths = file.number(8, 1), file.number(13, 1), file.number(14, 1)
        if version not in (0, 1):
            raise file.fault(
                f"it is laid out by version {version} of HDF5's superblock, read are 0 and 1, "
                "which h5py and Keras write (an h5py.File with libver='latest' is another)",
                8,
            )
        if (offsets, lengths) != (8, 8):
            raise file.fault(f"its addresses have {offsets} bytes, 8 are read", 13)
        start = 24 if version == 0 else 28
        if file.number(start, 8) != 0:
            raise file.fault("it begins behind another file's bytes", start)
        return self.object(file.number(start + 32 + 8, 8))

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
        file = self._file
        self.once(at)
        if file.take(at, 4) == b"OHDR":
            raise file.fault("its header is of version 2, read is 1, which h5py writes", at)
        if file.number(at, 1) != 1:
            raise file.fault("the header of an object should stand here", at)
        found = Object(at)
        blocks = [(at + 16, file.number(at + 8, 4))]
        count = 0
        while blocks:
            start, length = blocks.pop()
            block = file.take(start, length)
            position = 0
            while position + 8 <= length:
                kind = int.from_bytes(block[position : position + 2], "little")
                size = int.from_bytes(block[position + 2 : position + 4], "little")
                data = block[position + 8 : position + 8 + size]
                if len(data) < size:
                    raise file.fault("a message goes beyond its header", start + position)
                if block[position + 4] & _SHARED:
                    raise file.fault("a message is shared, which is not read", start + position)
                if kind == CONTINUATION:
                    if size < 16:
                        raise file.fault("a continuation is cut short", start + position)
                    further = int.from_bytes(data[:8], "little")
                    self.once(further)
                    blocks.append((further, int.from_bytes(data[8:16], "little")))
                elif kind:
                    found.messages.setdefault(kind, []).append(data)
                count += 1
                if count > _MOST_MESSAGES:
                    raise file.fault("its header has too many messages", at)
                position += 8 + size
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
        if table is None or len(table) < 16:
            raise file.fault(
                "it is a group of a newer layout, or with links that may lead out of the file; "
                "read are groups as h5py writes them",
                group.at,
                path,
            )
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
                    raise file.fault(
                        "it is a link by name, which is not followed",
                        node,
                        f"{path}/{name}" if path else name,
                    )
                yield name, at

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
            raw = self._heap_object(heap, index)[:length]
            self._text_left -= len(raw)
            if self._text_left < 0:
                raise self._file.fault("the texts are longer together than the file", heap)
        return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def _text(self, datatype: Datatype, value: bytes) -> str | None:
        if datatype.text == "variable":
            if len(value) < _REFERENCE:
                return None
            length, heap, index = _reference(value)
            raw = self._heap_object(heap, index)[:length]
        else:
            raw = value[: datatype.size]
        if len(raw) > _LONGEST_TEXT:
            return None
        return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")

    def _heap_object(self, heap: int, wanted: int) -> bytes:
        """An object of a global heap, which many texts share."""
        found = self._heaps.get(heap)
        if found is None:
            found = self._heaps[heap] = self._heap_of(heap)
        at, size = found.get(wanted, (heap, None))
        if size is None:
            raise self._file.fault("a text is not where it is said to be", heap)
        return self._file.take(at, size)

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
