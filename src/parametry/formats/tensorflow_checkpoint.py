"""Reading TensorFlow's checkpoints and a SavedModel's variables, without TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from parametry.core.coverage import Gap
from parametry.core.parameter import Role
from parametry.errors import FormatError
from parametry.formats.assembling import Described, Found, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.keras_metadata import keras_objects
from parametry.formats.keras_saved_model import SavedKeras
from parametry.formats.peek import Peek
from parametry.formats.protobuf import ProtobufRefused
from parametry.formats.tensorflow_bundle import Bundle, Entry, read_bundle
from parametry.formats.tensorflow_graph import graph_of, names_in
from parametry.formats.tensorflow_objects import named
from parametry.formats.tensorflow_table import FOOTER, MAGIC

__all__ = ["NAME", "read", "recognises"]

NAME: Final = "tensorflow"
_MOST_GAPS: Final = 20


def recognises(peek: Peek) -> bool:
    """Whether the file ends as a table does: the index of a checkpoint."""
    if peek.size < FOOTER:
        return False
    return FileBytes.of(peek.path).read(peek.size - len(MAGIC), len(MAGIC)) == MAGIC


def read(path: str | os.PathLike[str]) -> Contents:
    """What a checkpoint holds.

    Args:
        path: Its ``.index``, or that of a SavedModel's ``variables``.

    Raises:
        FormatError: It is cut short or damaged, or a shard is missing.
    """
    index = FileBytes.of(path)
    bundle = read_bundle(index)
    try:
        graph = None if bundle.graph is None else graph_of(bundle.graph)
    except ProtobufRefused as refused:
        raise FormatError(f"its object graph: {refused}", path=index.path) from None
    folder = _saved_model(Path(index.path))
    told = None
    if folder is not None and graph is not None:
        told = SavedKeras.of(keras_objects(folder), graph)
    layers = {} if told is None else told.variables
    called = named(
        [entry.key for entry in bundle.entries],
        None if graph is None else names_in(graph),
        {key: variable.address for key, variable in layers.items()},
    )
    by_key = {entry.key: entry for entry in bundle.entries}
    arrays = [
        Found(
            key,
            name.address,
            by_key[key].layout,
            by_key[key].backing,
            name.role or (layers[key].role if key in layers else _role_of(by_key[key])),
            layers[key].layer if key in layers else None,
        )
        for key, name in called.items()
    ]
    stem = Path(index.path).stem if folder is None else folder.name
    known = Described(stem, framework="tensorflow", gaps=_gaps(bundle))
    if told is not None:
        known = Described(
            told.name,
            told.class_name,
            f"keras {told.version}".strip(),
            told.classes,
            told.hyperparameters,
            _gaps(bundle),
        )
    return Contents(index.path, NAME, assemble(index.path, arrays, None, known), None)


def _role_of(entry: Entry) -> Role | None:
    """Whole numbers count something: no gradient changes them."""
    return "state" if entry.layout.dtype.startswith(("int", "uint", "bool")) else None


def _saved_model(index: Path) -> Path | None:
    """The SavedModel's folder that the index is within, if it is."""
    folder = index.absolute().parent.parent
    is_within = index.parent.name == "variables" and (folder / "saved_model.pb").is_file()
    return folder if is_within else None


def _gaps(bundle: Bundle) -> tuple[Gap, ...]:
    gaps = [Gap(key, reason) for key, reason in bundle.unread[:_MOST_GAPS]]
    if len(bundle.unread) > _MOST_GAPS:
        gaps.append(Gap("", f"{len(bundle.unread) - _MOST_GAPS} more arrays are not shown"))
    return tuple(gaps)
