"""Writing ``.weights.h5`` in Keras's own layout, with the manifest in a dataset of its own.

Each variable stands where Keras looks for it: the manifest's names say where. Source:
``keras.src.saving.saving_lib.H5IOStore``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.address import split, unpart
from parametry.core.dtype import kind, numpy_dtype
from parametry.core.manifest import MEMBER, Manifest
from parametry.errors import FormatError, FrameworkMissing
from parametry.formats.atomic import settle, temporary_beside
from parametry.formats.keras_layout import is_laid_out
from parametry.formats.writing import Destination, Written, array_of

__all__ = ["write_keras_weights"]

_HELD: Final = frozenset({"bool", "integer", "float"})


def write_keras_weights(
    destination: Destination, parameters: Mapping[str, Written], manifest: Manifest
) -> None:
    """Write parameters to a file that Keras's `load_weights` reads.

    Equal input gives equal bytes. Memory is needed for one parameter at a time where a path is
    given, and for the whole file where a file is. A tied address that the framework wrote once more
    stands in the file once more.

    Args:
        destination: A path, which is replaced whole or not at all; or a file open for writing.
        parameters: By canonical address.
        manifest: What goes beside them. Its names say where each address stands in Keras's layout,
            as ``layers/dense/vars/0``.

    Raises:
        FormatError: The place of a parameter is not known, or its dtype has none in HDF5.
        FrameworkMissing: h5py is not installed.
        OSError: The system cannot write there.

    Example:
        >>> write_keras_weights("net.weights.h5", model.parameters, manifest)   # doctest: +SKIP
    """
    path = destination if isinstance(destination, (str, os.PathLike)) else None
    places = {address: _place(address, manifest, path) for address in parameters}
    for address, entry in parameters.items():
        if kind(numpy_dtype(entry.dtype)) not in _HELD:
            raise FormatError(
                f"Keras's files hold no {entry.dtype}",
                path=path,
                address=address,
                hint="write it to .npz",
            )
    again = {
        alias: (tie.address, alias in tie.transposed)
        for tie in manifest.ties
        for alias in tie.aliases
        if alias in manifest.names and tie.address in parameters
    }
    h5py = _h5py()

    def fill(file: Any) -> None:
        for address, entry in parameters.items():
            _put(file, places[address], array_of(address, entry))
        for alias, (address, turned) in again.items():
            array = array_of(address, parameters[address])
            _put(file, _place(alias, manifest, path), array.T if turned else array)
        text = np.frombuffer(manifest.to_json().encode(), dtype=np.uint8)
        file.create_dataset(MEMBER, data=text, track_times=False)

    if isinstance(destination, (str, os.PathLike)):
        with temporary_beside(destination) as temporary:
            with h5py.File(temporary, "w") as file:
                fill(file)
            settle(temporary, destination)
    else:
        _through_memory(h5py, destination, fill)


def _through_memory(h5py: Any, destination: BinaryIO, fill: Any) -> None:
    """h5py reads what it writes, which a file that is only written to does not allow."""
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        fill(file)
    destination.write(whole.getbuffer())


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise FrameworkMissing(
            "HDF5 files are written by h5py, which is not installed",
            hint='pip install "parametry[files]"',
        ) from None
    return h5py


def _place(address: str, manifest: Manifest, path: object) -> str:
    found = manifest.names.get(address, "")
    if not is_laid_out(found):
        raise FormatError(
            "it is not known where Keras looks for it, which a file of Keras's tells",
            path=path,
            address=address,
            hint=f"say it: map={{{address!r}: 'layers/…/vars/0'}}; or write .safetensors, which "
            "parametry.load reads by address",
        )
    return found


def _put(file: Any, place: str, array: NDArray[Any]) -> None:
    path = "/".join(unpart(step) for step in split(place))
    if path in file:
        raise FormatError("two parameters have this place in Keras's layout", address=place)
    contiguous = np.ascontiguousarray(array).reshape(array.shape)  # it gives no 0-d arrays
    dataset = file.create_dataset(path, data=contiguous, track_times=False)
    if array.dtype.isbuiltin != 1:  # HDF5 has no name for it, and Keras says it so
        dataset.attrs["dtype"] = array.dtype.name
