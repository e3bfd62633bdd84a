"""What Keras 2 tells of its layers beside a SavedModel: ``keras_metadata.pb``.

Source: ``keras/src/protobuf/saved_metadata.proto``; each object's ``metadata`` is JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from parametry.core.strict_json import JsonRefused, parse
from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.protobuf import ProtobufRefused, fields

__all__ = ["METADATA", "layer_classes"]

METADATA: Final = "keras_metadata.pb"
_MOST_BYTES: Final = 256 << 20
_DEEPEST: Final = 200


def layer_classes(path: Path) -> dict[str, str]:
    """The class of each layer by its name; nothing where there is no such file.

    A name that layers of different classes have is left out.

    Raises:
        FormatError: The file is damaged.
    """
    found: dict[str, str] = {}
    for said in _objects(path):
        name, class_name = said.get("name"), said.get("class_name")
        if isinstance(name, str) and isinstance(class_name, str):
            known = found.setdefault(name, class_name)
            found[name] = known if known == class_name else ""
    return {name: class_name for name, class_name in found.items() if class_name}


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        source = FileBytes.of(path)
    except FileNotFoundError:
        return
    if source.size > _MOST_BYTES:
        raise FormatError(f"it has {source.size:,} bytes", path=path)
    try:
        for node in fields(source.read(0, source.size)):
            for each in fields(node.data) if node.number == 1 else ():
                if each.number == 5:
                    said = parse(each.data, deepest=_DEEPEST)
                    if isinstance(said, dict):
                        yield said
    except (ProtobufRefused, JsonRefused) as refused:
        raise FormatError(str(refused), path=path) from None
