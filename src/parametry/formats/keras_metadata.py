"""What Keras 2 tells of its layers beside a SavedModel, or in it.

Since TensorFlow 2.5 it stands in ``keras_metadata.pb``, before in the SavedModel's own graph of
objects. Each object's ``metadata`` is JSON.

Source: ``keras/src/protobuf/saved_metadata.proto``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from parametry.core.strict_json import JsonRefused, parse
from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.protobuf import ProtobufRefused, fields, varint
from parametry.formats.tensorflow_graph import graph_of, paths_in

__all__ = ["KerasObject", "keras_objects"]

_METADATA: Final = "keras_metadata.pb"
_SAVED_MODEL: Final = "saved_model.pb"
_MOST_BYTES: Final = 256 << 20
_DEEPEST: Final = 200
_ROOT: Final = "root"
_OF_KERAS: Final = "_tf_keras_"
# Of a field, its key and its length, which are numbers of ten bytes at most each.
_LONGEST_HEAD: Final = 20
_MOST_FIELDS: Final = 10_000
_META_GRAPHS, _OBJECT_GRAPH = 2, 7
_USER_OBJECT: Final = 4


@dataclass(frozen=True, slots=True)
class KerasObject:
    """An object of Keras's, as its file tells of it.

    Attributes:
        path: The attributes that lead to it from the model; the model has none.
        kind: What it is, as ``_tf_keras_layer``.
        said: Its class, name, configuration and more, as plain data.
    """

    path: tuple[str, ...]
    kind: str
    said: Mapping[str, Any]


def keras_objects(folder: Path) -> list[KerasObject]:
    """The objects of Keras's in a SavedModel; none where Keras did not write it.

    Args:
        folder: The SavedModel's folder.

    Raises:
        FormatError: A file is damaged.
    """
    path = folder / _METADATA
    if path.is_file():
        return _read(path, _from_metadata)
    return _read(folder / _SAVED_MODEL, _from_saved_model)


def _read(path: Path, objects: Callable[[FileBytes], Iterator[KerasObject]]) -> list[KerasObject]:
    source = FileBytes.of(path)
    try:
        return list(objects(source))
    except (ProtobufRefused, JsonRefused) as refused:
        raise FormatError(str(refused), path=path) from None


def _from_metadata(source: FileBytes) -> Iterator[KerasObject]:
    for node in fields(_whole(source, 0, source.size)):
        if node.number == 1:
            known = {each.number: each for each in fields(node.data)}
            said = _said(known[5].data) if 5 in known else None
            if said is not None and {3, 4} <= known.keys():
                root, *path = known[3].text.split(".")
                if root == _ROOT:
                    yield KerasObject(tuple(path), known[4].text, said)


def _from_saved_model(source: FileBytes) -> Iterator[KerasObject]:
    for number, offset, length in _skimmed(source, 0, source.size):
        if number == _META_GRAPHS:
            for inner, start, size in _skimmed(source, offset, length):
                if inner == _OBJECT_GRAPH:
                    yield from _from_graph(_whole(source, start, size))
                    return


def _from_graph(serialized: bytes) -> Iterator[KerasObject]:
    for path, node in paths_in(graph_of(serialized)):
        for user in (each for each in node.fields if each.number == _USER_OBJECT):
            known = {each.number: each for each in fields(user.data)}
            if {1, 3} <= known.keys() and known[1].text.startswith(_OF_KERAS):
                said = _said(known[3].data)
                if said is not None:
                    yield KerasObject(path, known[1].text, said)


def _whole(source: FileBytes, offset: int, length: int) -> bytes:
    if length > _MOST_BYTES:
        raise ProtobufRefused(f"what it tells of its objects has {length:,} bytes", offset)
    return source.read(offset, length)


def _said(metadata: bytes) -> dict[str, Any] | None:
    """The JSON of an object; None where it is no object, as that of Keras's metrics may be."""
    if not metadata:
        return None
    said = parse(metadata, deepest=_DEEPEST)
    return said if isinstance(said, dict) else None


def _skimmed(source: FileBytes, offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Number, offset and length of a message's fields that hold bytes, which are not read.

    The graph of a model's operations stands before its objects, and may take gigabytes.
    """
    at, end, count = offset, offset + length, 0
    while at < end:
        count += 1
        if count > _MOST_FIELDS:
            raise ProtobufRefused(f"a message has more than {_MOST_FIELDS:,} fields", offset)
        head = source.read(at, min(_LONGEST_HEAD, end - at))
        key, taken = varint(head, 0)
        kind = key & 7
        size, after = (0, taken) if kind in (1, 5) else varint(head, taken)
        skipped = {0: 0, 1: 8, 2: size, 5: 4}.get(kind)
        if skipped is None or at + after + skipped > end:
            raise ProtobufRefused(f"field {key >> 3} is cut short, or of no kind", at)
        if kind == 2:
            yield key >> 3, at + after, size
        at += after + skipped
