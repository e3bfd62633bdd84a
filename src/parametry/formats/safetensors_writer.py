"""Writing safetensors, with the manifest in the header's metadata.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from parametry.core.dtype import kind, numpy_dtype
from parametry.core.manifest import KEY, Manifest
from parametry.errors import FormatError
from parametry.formats.safetensors import DTYPES, LENGTH_BYTES
from parametry.formats.writing import Destination, Written, array_of, bytes_of, opened, with_dtypes

__all__ = ["write_safetensors"]

_NAMES: Final = {name: code for code, name in DTYPES.items() if code != "F4"}
# Dtypes without a name in the format go as unsigned integers of their size; the manifest says so.
_BITS: Final = {1: "U8", 2: "U16", 4: "U32", 8: "U64"}
_ALIGNMENT: Final = 8


def write_safetensors(
    destination: Destination, parameters: Mapping[str, Written], manifest: Manifest
) -> None:
    """Write parameters to a safetensors file, one after the other.

    Equal input gives equal bytes. Memory is needed for one parameter at a time. The arrays stand in
    the order of their dtypes' sizes, the largest first, so that each begins at a multiple of its
    own; the header lists them in the order given.

    Args:
        destination: A path, which is replaced whole or not at all; or a file open for writing.
        parameters: By canonical address, each array once: ties stand in the manifest.
        manifest: What goes beside them.

    Raises:
        FormatError: A dtype that the format cannot hold (complex128), or values that are not as
            their parameter tells.
        OSError: The system cannot write there.

    Example:
        >>> write_safetensors("net.safetensors", model.parameters, manifest)   # doctest: +SKIP
    """
    codes = {address: _code(address, entry.dtype) for address, entry in parameters.items()}
    unnamed = {
        address: entry.dtype for address, entry in parameters.items() if entry.dtype not in _NAMES
    }
    order = sorted(parameters, key=lambda address: -_itemsize(parameters[address]))
    offsets: dict[str, tuple[int, int]] = {}
    position = 0
    for address in order:
        end = position + _nbytes(parameters[address])
        offsets[address] = (position, end)
        position = end
    header: dict[str, Any] = {"__metadata__": {KEY: with_dtypes(manifest, unnamed).to_json()}}
    for address, entry in parameters.items():
        header[address] = {
            "dtype": codes[address],
            "shape": list(entry.shape),
            "data_offsets": list(offsets[address]),
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with opened(destination) as file:
        file.write(len(text).to_bytes(LENGTH_BYTES, "little"))
        file.write(text)
        for address in order:
            file.write(bytes_of(array_of(address, parameters[address])))


def _code(address: str, dtype: str) -> str:
    found = _NAMES.get(dtype)
    if found is None and kind(numpy_dtype(dtype)) != "complex":
        found = _BITS.get(numpy_dtype(dtype).itemsize)
    if found is None:
        raise FormatError(
            f"safetensors holds no {dtype}", address=address, hint="save to .npz, which does"
        )
    return found


def _itemsize(entry: Written) -> int:
    return numpy_dtype(entry.dtype).itemsize


def _nbytes(entry: Written) -> int:
    nbytes = _itemsize(entry)
    for length in entry.shape:
        nbytes *= length
    return nbytes
