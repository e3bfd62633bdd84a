"""Reading and marking ``.weights.h5``: Keras's weights in an HDF5 file."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np

from parametry.core.manifest import MEMBER, Manifest
from parametry.errors import FormatError, FrameworkMissing
from parametry.formats.assembling import Described, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.hdf5_bytes import Region
from parametry.formats.hdf5_file import Hdf5
from parametry.formats.hdf5_headers import SIGNATURE
from parametry.formats.keras_layers import UNKNOWN
from parametry.formats.keras_legacy import contents_of, is_legacy
from parametry.formats.keras_weights import arrays_and_layers
from parametry.formats.peek import Peek

__all__ = ["NAME", "add_manifest", "read", "recognises"]

NAME: Final = "hdf5"
_LONGEST_MANIFEST: Final = 256 << 20


def recognises(peek: Peek) -> bool:
    """Whether the file begins as HDF5 files do."""
    return peek.start.startswith(SIGNATURE)


def read(path: str | os.PathLike[str]) -> Contents:
    """What a file of Keras's weights holds, or a whole model as Keras 1 and 2 write it.

    Raises:
        FormatError: It is cut short, damaged or hostile.
    """
    source = FileBytes.of(path)
    file = Hdf5.of(Region(source, 0, source.size))
    if is_legacy(file):
        return contents_of(source.path, file)
    manifest = _manifest_in(source.path, file)
    arrays, layers = arrays_and_layers(source.path, file, manifest, UNKNOWN)
    described = Described(framework="keras", layers=layers, gaps=file.gaps)
    return Contents(source.path, NAME, assemble(source.path, arrays, manifest, described), manifest)


def _manifest_in(path: str, file: Hdf5) -> Manifest | None:
    told = file.arrays.get(MEMBER)
    if told is None:
        return None
    layout = told.layout
    if layout.dtype != "uint8" or len(layout.shape) != 1 or layout.shape[0] > _LONGEST_MANIFEST:
        raise FormatError("the manifest is no text", path=path, address=MEMBER)
    text = bytearray(layout.shape[0])
    told.backing.read_into(memoryview(text))
    return Manifest.from_json(bytes(text), path=path)


def add_manifest(path: str | os.PathLike[str], manifest: Manifest) -> None:
    """Put a manifest into a file of Keras's weights, in place of one that it has.

    It stands in a dataset of its own, ``parametry.json``, at the root. Keras reads only the paths
    that its model has, and no attribute's name has a dot: `load_weights` passes over it. The file
    is changed where it is; give a temporary one that takes the final one's place afterwards.

    Args:
        path: The file.
        manifest: What goes into it.

    Raises:
        FrameworkMissing: h5py is not installed.
        OSError: The file cannot be written.
    """
    try:
        import h5py
    except ImportError:
        raise FrameworkMissing(
            "a manifest is put into an HDF5 file by h5py, which is not installed",
            hint='pip install "parametry[files]"',
        ) from None
    text = np.frombuffer(manifest.to_json().encode(), dtype=np.uint8)
    with h5py.File(os.fspath(path), "r+") as file:
        _replace(file, text)


def _replace(file: Any, text: Any) -> None:
    if MEMBER in file:
        del file[MEMBER]
    file.create_dataset(MEMBER, data=text, track_times=False)
