"""The arrays of a TensorFlow checkpoint: an index of what they are, and shards of their bytes.

Source: ``tensorflow/core/protobuf/tensor_bundle.proto`` and
``tensorflow/core/util/tensor_bundle/tensor_bundle.cc``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from parametry.core.dtype import numpy_dtype
from parametry.errors import FormatError
from parametry.formats.crc32c import Crc32c, masked
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import BLOCK, Backing, Layout, Span, checked_nbytes
from parametry.formats.protobuf import Field, ProtobufRefused, fields, varint
from parametry.formats.tensorflow_slices import Extent, Sliced, extents_of, pieces_of
from parametry.formats.tensorflow_table import entries
from parametry.formats.within import within

__all__ = ["Bundle", "ChecksummedSpan", "Entry", "read_bundle"]

STRING: Final = 7
DTYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "int8",
    12: "uint8",
    13: "int32",
    14: "bfloat16",
    15: "int16",
    16: "uint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
}
"""``DataType`` of ``types.proto``, and NumPy's names; quantized kinds by their bits."""
_MOST_SHARDS: Final = 100_000


@dataclass(slots=True)
class ChecksummedSpan:
    """An array's bytes in a shard, with the checksum that they must have.

    A copy is compared with the checksum, once; a mapped view is not.
    """

    span: Span
    checksum: int
    _is_right: bool = field(default=False, repr=False)

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer with the bytes, and compare their checksum."""
        self.span.read_into(buffer)
        if not self._is_right:
            checksum = Crc32c()
            checksum.add(buffer)
            self._compare(checksum)

    def mapped(self) -> memoryview | None:
        """The bytes as the system maps them."""
        return self.span.mapped()

    def check(self) -> None:
        """Read all bytes and compare their checksum."""
        checksum = Crc32c()
        for block in self.span.source.blocks(self.span.offset, self.span.length, BLOCK):
            checksum.add(block)
        self._compare(checksum)

    def _compare(self, checksum: Crc32c) -> None:
        if masked(checksum.value) != self.checksum:
            raise FormatError(
                "an array's checksum is wrong: its bytes were damaged",
                path=self.span.source.path,
                offset=self.span.offset,
            )
        self._is_right = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One array of the bundle.

    Attributes:
        key: What the checkpoint calls it.
        layout: How its bytes are to be understood.
        backing: Where they are.
    """

    key: str
    layout: Layout
    backing: Backing


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a checkpoint holds.

    Attributes:
        path: The index file.
        entries: The arrays, in the order of their keys.
        graph: The serialized object graph; None in a checkpoint of named variables.
        unread: Key and reason of what is no array that can be read.
    """

    path: str
    entries: tuple[Entry, ...]
    graph: bytes | None
    unread: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Raw:
    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    checksum: int = 0
    slices: list[tuple[Extent, ...]] = field(default_factory=list)


_GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"


def read_bundle(index: FileBytes) -> Bundle:
    """Read the index of a checkpoint; of the shards, only the object graph.

    Raises:
        FormatError: The index is damaged, a shard is missing, or an array is not within its shard.
    """
    shards: _Shards | None = None
    slices: dict[bytes, _Raw] = {}
    found: list[Entry] = []
    unread: list[tuple[str, str]] = []
    graph: bytes | None = None
    for raw_key, value in entries(index):
        key = raw_key.decode("utf-8", "backslashreplace")
        try:
            if shards is None:
                shards = _Shards(index, *_header(raw_key, value))
                continue
            raw = _entry(value)
        except ProtobufRefused as refused:
            raise FormatError(str(refused), path=index.path, address=key) from None
        if raw_key.startswith(b"\0"):
            slices[raw_key] = raw  # of an array that is named by itself, behind it
        elif raw.slices:
            whole = shards.sliced(raw_key, raw, slices)
            if whole is None:
                unread.append((key, "it is stored in slices that do not make a whole"))
            else:
                found.append(whole)
        elif key == _GRAPH and raw.dtype == STRING:
            graph = shards.text(key, raw)
        elif raw.dtype == STRING:
            unread.append((key, "it holds text"))
        elif raw.dtype not in DTYPES:
            unread.append((key, f"its kind of values (DataType {raw.dtype}) is not known"))
        else:
            found.append(shards.array(key, raw))
    if shards is None:
        raise FormatError("the index has no header", path=index.path)
    shards.must_be_apart()
    return Bundle(index.path, tuple(found), graph, tuple(unread))


def _header(key: bytes, value: bytes) -> tuple[int, bool]:
    """How many shards there are, and whether their most significant byte comes first."""
    if key:
        raise ProtobufRefused("the index does not begin with its header", 0)
    known = {each.number: each for each in fields(value)}
    count = known[1].whole if 1 in known else 0
    endianness = known[2].whole if 2 in known else 0
    if not 0 < count <= _MOST_SHARDS or endianness not in (0, 1):
        raise ProtobufRefused(f"the header tells of {count:,} shards", 0)
    return count, endianness == 1


def _entry(value: bytes) -> _Raw:
    raw = _Raw()
    for each in fields(value):
        if each.number == 1:
            raw.dtype = each.whole
        elif each.number == 2:
            raw.shape = _shape(each)
        elif each.number == 3:
            raw.shard = each.whole
        elif each.number == 4:
            raw.offset = each.whole
        elif each.number == 5:
            raw.size = each.whole
        elif each.number == 6:
            raw.checksum = each.whole
        elif each.number == 7:
            raw.slices.append(extents_of(each))
    return raw


def _shape(field_of_shape: Field) -> tuple[int, ...]:
    """A ``TensorShapeProto``'s sizes; an axis that says nothing has the size 0."""
    sizes: list[int] = []
    for axis in fields(field_of_shape.data):
        if axis.number == 2:
            told = [each.whole for each in fields(axis.data) if each.number == 1]
            size = told[-1] if told else 0
            sizes.append(size - (1 << 64) if size >> 63 else size)
    return tuple(sizes)


class _Shards:
    """The files of a checkpoint's bytes, each opened when the first array needs it."""

    def __init__(self, index: FileBytes, count: int, big_endian: bool) -> None:
        self._index = index
        self._prefix = Path(index.path).with_suffix("")
        self._count = count
        self._big_endian = big_endian
        self._opened: dict[int, FileBytes] = {}
        self._taken: list[tuple[Span, str]] = []

    def must_be_apart(self) -> None:
        """No byte belongs to two arrays, so that a file gives no more than it holds."""
        spans = [(span, key) for span, key in self._taken if span.length]
        spans.sort(key=lambda pair: (pair[0].source.path, pair[0].offset))
        for (before, _), (span, key) in pairwise(spans):
            if span.source is before.source and span.offset < before.offset + before.length:
                raise FormatError(
                    "it overlaps another array",
                    path=span.source.path,
                    address=key,
                    offset=span.offset,
                )

    def array(self, key: str, raw: _Raw) -> Entry:
        """An array within its shard."""
        layout, nbytes = self._layout(key, raw)
        if nbytes != raw.size:
            raise FormatError(
                f"it has {raw.size:,} bytes, its shape and dtype need {nbytes:,}",
                path=self._index.path,
                address=key,
            )
        return Entry(key, layout, ChecksummedSpan(self._span(key, raw), raw.checksum))

    def sliced(self, key: bytes, raw: _Raw, slices: Mapping[bytes, _Raw]) -> Entry | None:
        """An array in slices, each within its shard; None where they do not make a whole."""
        name = key.decode("utf-8", "backslashreplace")
        if raw.dtype not in DTYPES:
            return None
        layout, _ = self._layout(name, raw)
        made = pieces_of(key, layout.shape, raw.slices)
        if made is None:
            return None
        axis, pieces = made
        parts: list[tuple[int, Backing]] = []
        for piece in pieces:
            stored = slices.get(piece.key)
            if stored is None or stored.shape != piece.shape or stored.dtype != raw.dtype:
                raise FormatError(
                    f"its slice from {piece.start:,} on is not in the checkpoint, or of another "
                    "shape or kind",
                    path=self._index.path,
                    address=name,
                )
            parts.append((piece.shape[axis], self.array(name, stored).backing))
        itemsize = numpy_dtype(layout.dtype).itemsize
        return Entry(name, layout, Sliced(layout.shape, itemsize, axis, tuple(parts)))

    def _layout(self, key: str, raw: _Raw) -> tuple[Layout, int]:
        """How an array's bytes are to be understood, and how many there are."""
        dtype = DTYPES[raw.dtype]
        itemsize = numpy_dtype(dtype).itemsize
        shape, nbytes = checked_nbytes(raw.shape, itemsize, path=self._index.path, address=key)
        return Layout(shape, dtype, big_endian=self._big_endian), nbytes

    def text(self, key: str, raw: _Raw) -> bytes:
        """The one text of an array without axes: its length, a checksum of that, its bytes."""
        span = self._span(key, raw)
        data = span.source.read(span.offset, span.length)
        try:
            length, at = varint(data[:16], 0)
        except ProtobufRefused as refused:
            raise FormatError(str(refused), path=span.source.path, address=key) from None
        told, begin = data[at : at + 4], at + 4
        if raw.shape or begin + length != len(data):
            raise FormatError("it is no single text", path=span.source.path, address=key)
        # The checksum is over the length as four bytes (eight where it needs them), then as stored.
        checksum = Crc32c()
        checksum.add(length.to_bytes(4 if length < 1 << 32 else 8, "little"))
        if masked(checksum.value) != int.from_bytes(told, "little"):
            raise FormatError("its length's checksum is wrong", path=span.source.path, address=key)
        checksum.add(told)
        checksum.add(data[begin:])
        if masked(checksum.value) != raw.checksum:
            raise FormatError("its checksum is wrong", path=span.source.path, address=key)
        return data[begin:]

    def _span(self, key: str, raw: _Raw) -> Span:
        shard = self._shard(raw.shard, key)
        if raw.offset + raw.size > shard.size:
            raise FormatError(
                f"its bytes are said to be {raw.offset:,} to {raw.offset + raw.size:,} of "
                f"{shard.size:,}",
                path=shard.path,
                address=key,
                offset=min(raw.offset, shard.size),
            )
        span = Span(shard, raw.offset, raw.size)
        self._taken.append((span, key))
        return span

    def _shard(self, number: int, key: str) -> FileBytes:
        if number >= self._count:
            raise FormatError(
                f"it is said to be in shard {number:,} of {self._count:,}",
                path=self._index.path,
                address=key,
            )
        known = self._opened.get(number)
        if known is None:
            name = f"{self._prefix.name}.data-{number:05d}-of-{self._count:05d}"
            path = within(self._prefix.parent, name)
            try:
                known = self._opened[number] = FileBytes.of(path)
            except FileNotFoundError:
                raise FormatError(
                    f"the shard {name} is not beside the index",
                    path=self._index.path,
                    hint="copy all files of the checkpoint",
                ) from None
        return known
