"""Writing ``.npz``, with the manifest as a member of its own."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from typing import IO, Any, Final

import numpy as np

from parametry.core.dtype import numpy_dtype
from parametry.core.manifest import MEMBER, Manifest
from parametry.formats.npz import SUFFIX
from parametry.formats.writing import Destination, Written, array_of, bytes_of, opened, with_dtypes

__all__ = ["add_member", "write_npz"]

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_ALIGNMENT: Final = 64
_FIXED_HEADER: Final = 30
_LONG_SIZES: Final = 20
# An extra field that fills: the number is the one that Android's zipalign uses for it.
_FILLER: Final = 0xD935


def write_npz(
    destination: Destination, parameters: Mapping[str, Written], manifest: Manifest
) -> None:
    """Write parameters to an ``.npz`` archive that `numpy.load` reads, one after the other.

    Equal input gives equal bytes. Nothing is compressed, and each array begins at a multiple of 64
    bytes, so that it can be mapped. Memory is needed for one parameter at a time. A dtype that
    NumPy does not have itself (bfloat16) is stored as NumPy stores it, as bytes of no dtype, and
    the manifest says which it is.

    Args:
        destination: A path, which is replaced whole or not at all; or a file open for writing.
        parameters: By canonical address, each array once: ties stand in the manifest.
        manifest: What goes beside them, in the member ``parametry.json``.

    Raises:
        FormatError: Values that are not as their parameter tells.
        OSError: The system cannot write there.

    Example:
        >>> write_npz("net.npz", model.parameters, manifest)         # doctest: +SKIP
    """
    unnamed = {
        address: entry.dtype
        for address, entry in parameters.items()
        if numpy_dtype(entry.dtype).isbuiltin != 1
    }
    with opened(destination) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        add_member(archive, MEMBER, with_dtypes(manifest, unnamed).to_json().encode())
        for address, entry in parameters.items():
            array = array_of(address, entry)
            info = _aligned(f"{address}{SUFFIX}", archive.fp)
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(
                    member,
                    {
                        "descr": _descr(array.dtype),
                        "fortran_order": False,
                        "shape": array.shape,
                    },
                )
                member.write(bytes_of(array))


def add_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a small member to an archive that is open for writing, with the same bytes each time."""
    info = zipfile.ZipInfo(name, _EARLIEST)
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _descr(dtype: np.dtype[Any]) -> str:
    """What NumPy's header calls a dtype: of those that are not its own, their size alone."""
    # ml_dtypes has some that would be written as '<f1', which NumPy itself cannot read.
    return dtype.str if dtype.isbuiltin == 1 else f"|V{dtype.itemsize}"


def _aligned(name: str, file: IO[bytes] | None) -> zipfile.ZipInfo:
    """A member whose bytes will begin at a multiple of the alignment."""
    info = zipfile.ZipInfo(name, _EARLIEST)
    info.external_attr = 0o644 << 16
    position = 0 if file is None else file.tell()
    begin = position + _FIXED_HEADER + len(name.encode()) + _LONG_SIZES + 4
    fill = -begin % _ALIGNMENT
    info.extra = struct.pack("<HH", _FILLER, fill) + bytes(fill)
    return info
