"""Reading and marking ``.keras``: a zip archive of JSON and, within it, weights in HDF5.

Source: ``keras.src.saving.saving_lib``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from parametry.conventions.configuration import hyperparameters_of
from parametry.core.manifest import MEMBER, Manifest
from parametry.core.strict_json import JsonRefused, parse
from parametry.errors import FormatError
from parametry.formats.assembling import Described, assemble
from parametry.formats.contents import Contents
from parametry.formats.hdf5_bytes import Region
from parametry.formats.hdf5_file import Hdf5
from parametry.formats.keras_layers import said_of
from parametry.formats.keras_weights import arrays_and_layers
from parametry.formats.peek import Peek
from parametry.formats.zip_archive import Member, ZipArchive

__all__ = ["NAME", "add_manifest", "read", "recognises"]

NAME: Final = "keras"
CONFIG: Final = "config.json"
METADATA: Final = "metadata.json"
WEIGHTS: Final = "model.weights.h5"
_LONGEST_JSON: Final = 256 << 20
# Weights hardly pack. What is said to unpack to much more than this is no model's.
_UNSUSPICIOUS: Final = 64 << 20
_MOST_EXPANSION: Final = 20


def recognises(peek: Peek) -> bool:
    """Whether it is an archive with what Keras puts into its own."""
    return peek.is_zip and CONFIG in peek.names and METADATA in peek.names


def read(path: str | os.PathLike[str]) -> Contents:
    """What a ``.keras`` file holds. The weights are read where they stand in the archive.

    Raises:
        FormatError: It is cut short, damaged or hostile.
    """
    archive = ZipArchive.of(path)
    source = archive.source.path
    config = _json(archive, CONFIG)
    metadata = _json(archive, METADATA)
    weights = archive.members.get(WEIGHTS)
    if weights is None:
        raise FormatError(
            f"the archive has no {WEIGHTS}", path=source, hint="save it with Keras 3's model.save"
        )
    told = archive.members.get(MEMBER)
    manifest = None
    if told is not None:
        manifest = Manifest.from_json(told.content(_LONGEST_JSON), path=source)
    file = Hdf5.of(_region(archive, weights))
    root = said_of(config)
    arrays, layers = arrays_and_layers(source, file, manifest, root)
    name = (root.arguments or {}).get("name")
    described = Described(
        name=name if isinstance(name, str) else "",
        class_name=root.class_name,
        framework=f"keras {_version(metadata)}".strip(),
        layers=layers,
        hyperparameters=lambda: hyperparameters_of(config),
        gaps=file.gaps,
    )
    model = assemble(source, arrays, manifest, described)
    return Contents(source, NAME, model, manifest, config, (weights.check,))


def _json(archive: ZipArchive, name: str) -> Mapping[str, Any]:
    member = archive.members[name]
    path = archive.source.path
    try:
        found = parse(member.content(_LONGEST_JSON), deepest=500)
    except JsonRefused as refused:
        raise FormatError(
            f"it cannot be read: {refused}", path=path, address=name, offset=member.offset
        ) from None
    if not isinstance(found, dict):
        raise FormatError("it is no object", path=path, address=name, offset=member.offset)
    return found


def _version(metadata: Mapping[str, Any]) -> str:
    found = metadata.get("keras_version")
    return found[:50] if isinstance(found, str) else ""


def _region(archive: ZipArchive, weights: Member) -> Region:
    source = archive.source
    if not weights.packed:
        return Region(source, weights.offset, weights.length)
    if weights.length > max(_UNSUSPICIOUS, weights.stored * _MOST_EXPANSION):
        raise FormatError(
            f"it is said to unpack from {weights.stored:,} to {weights.length:,} bytes",
            path=source.path,
            address=weights.name,
            offset=weights.offset,
            hint="where you trust it, pack it anew without compression: zip -0",
        )
    return Region(source, weights.offset, weights.stored, weights.content(weights.length))


def add_manifest(path: str | os.PathLike[str], manifest: Manifest) -> None:
    """Append a manifest to a ``.keras`` file that has none, as the member ``parametry.json``.

    Keras's `load_model` passes over it. The file is changed where it is; give a temporary one that
    takes the final one's place afterwards.

    Args:
        path: The file.
        manifest: What goes into it.

    Raises:
        FormatError: The file is no archive, or has a manifest.
        OSError: The file cannot be written.
    """
    if MEMBER in ZipArchive.of(path).members:
        raise FormatError("it has a manifest already", path=path, hint="save the model anew")
    import zipfile

    from parametry.formats.npz_writer import add_member

    with zipfile.ZipFile(path, "a") as archive:
        add_member(archive, MEMBER, manifest.to_json().encode())
