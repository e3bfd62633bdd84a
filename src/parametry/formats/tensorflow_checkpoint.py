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
from parametry.formats.keras_metadata import METADATA, layer_classes
from parametry.formats.peek import Peek
from parametry.formats.protobuf import ProtobufRefused
from parametry.formats.tensorflow_bundle import Bundle, Entry, read_bundle
from parametry.formats.tensorflow_objects import full_names, named
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
        names = None if bundle.graph is None else full_names(bundle.graph)
    except ProtobufRefused as refused:
        raise FormatError(f"its object graph: {refused}", path=index.path) from None
    folder = _saved_model(Path(index.path))
    classes = {} if folder is None else layer_classes(folder / METADATA)
    called = named([entry.key for entry in bundle.entries], names, classes)
    order = {key: place for place, key in enumerate(called)}
    arrays = [
        Found(
            entry.key,
            called[entry.key].address,
            entry.layout,
            entry.backing,
            called[entry.key].role or _role_of(entry),
        )
        for entry in sorted(
            (entry for entry in bundle.entries if entry.key in called),
            key=lambda entry: order[entry.key],
        )
    ]
    known = Described(
        (Path(index.path).stem if folder is None else folder.name),
        "",
        "tensorflow",
        gaps=_gaps(bundle),
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
