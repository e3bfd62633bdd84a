"""Reading safetensors: a header of JSON, then the arrays' bytes one after the other.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from parametry.core.dtype import numpy_dtype
from parametry.core.manifest import KEY, Manifest
from parametry.core.strict_json import JsonRefused, parse
from parametry.errors import FormatError
from parametry.formats.assembling import Described, Found, addresses_of_names, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import Layout, Span, checked_nbytes
from parametry.formats.peek import Peek

__all__ = ["DTYPES", "NAME", "read", "recognises"]

NAME: Final = "safetensors"
DTYPES: Final[Mapping[str, str]] = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "U16": "uint16",
    "I16": "int16",
    "F16": "float16",
    "BF16": "bfloat16",
    "U32": "uint32",
    "I32": "int32",
    "F32": "float32",
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
    "C64": "complex64",
    "F4": "float4_e2m1fn",
}
"""The format's names of dtypes, and NumPy's and ml_dtypes'."""
LENGTH_BYTES: Final = 8
_PACKED: Final = {"F4": 2}
# What Hugging Face's libraries write for the framework that a file is of.
_FRAMEWORKS: Final = {"pt": "torch", "tf": "tensorflow", "np": "numpy"}
# The format's own limit on its header.
_LONGEST_HEADER: Final = 100_000_000
_HEADER_DEPTH: Final = 4


def recognises(peek: Peek) -> bool:
    """Whether the file begins as safetensors do: a length that the file can hold, then ``{``."""
    length = int.from_bytes(peek.start[:LENGTH_BYTES], "little")
    return peek.start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{" and 2 <= length < 1 << 40


def read(path: str | os.PathLike[str]) -> Contents:
    """What a safetensors file holds.

    Raises:
        FormatError: It is cut short or damaged, or says of itself what cannot be.
    """
    source = FileBytes.of(path)
    header, start = _header(source)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError("its __metadata__ is no mapping from text to text", path=source.path)
    text = metadata.get(KEY)
    manifest = None if text is None else Manifest.from_json(text, path=source.path)
    addresses = addresses_of_names(header, is_address=manifest is not None)
    arrays = [_array(source, start, name, addresses[name], entry) for name, entry in header.items()]
    _must_fill(source, start, arrays)
    framework = metadata.get("format", "")[:100]
    framework = _FRAMEWORKS.get(framework, framework)
    model = assemble(source.path, arrays, manifest, Described(framework=framework))
    return Contents(source.path, NAME, model, manifest)


def _header(source: FileBytes) -> tuple[dict[str, Any], int]:
    """The header's entries, and the byte at which the arrays begin."""
    length = int.from_bytes(source.read(0, LENGTH_BYTES), "little")
    if length > _LONGEST_HEADER:
        raise FormatError(
            f"its header is said to be {length:,} bytes long, the format allows "
            f"{_LONGEST_HEADER:,}",
            path=source.path,
            offset=0,
        )
    raw = source.read(LENGTH_BYTES, length)
    try:
        header = parse(raw, deepest=_HEADER_DEPTH)
    except JsonRefused as refused:
        raise FormatError(
            f"its header cannot be read: {refused}", path=source.path, offset=LENGTH_BYTES
        ) from None
    if not isinstance(header, dict):
        raise FormatError("its header is no object", path=source.path, offset=LENGTH_BYTES)
    return header, LENGTH_BYTES + length


def _array(source: FileBytes, start: int, name: str, address: str, entry: Any) -> Found:
    path = source.path
    if not isinstance(entry, dict):
        raise FormatError("its entry is no object", path=path, address=name)
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise FormatError(
            f"its dtype is {str(dtype)[:100]!r}, expected one of {', '.join(DTYPES)}",
            path=path,
            address=name,
        )
    packed = _PACKED.get(dtype, 1)
    itemsize = numpy_dtype(DTYPES[dtype]).itemsize
    shape, nbytes = checked_nbytes(entry.get("shape"), itemsize, path=path, address=name)
    if nbytes % packed:
        raise FormatError(f"{dtype} values do not fill a byte", path=path, address=name)
    offsets = entry.get("data_offsets")
    if (
        not isinstance(offsets, list)
        or len(offsets) != 2
        or type(offsets[0]) is not int
        or type(offsets[1]) is not int
    ):
        raise FormatError("its data_offsets are no two numbers", path=path, address=name)
    begin, end = offsets
    if begin < 0 or end < begin or start + end > source.size:
        raise FormatError(
            f"its bytes are said to be {begin:,} to {end:,} of {source.size - start:,}",
            path=path,
            address=name,
            offset=start + max(begin, 0),
        )
    if end - begin != nbytes // packed:
        raise FormatError(
            f"it has {end - begin:,} bytes, its shape and dtype need {nbytes // packed:,}",
            path=path,
            address=name,
            offset=start + begin,
        )
    layout = _layout(shape, DTYPES[dtype], packed)
    span = Span(source, start + begin, end - begin)
    return Found(name, address, layout, span)


@lru_cache(maxsize=4096)
def _layout(shape: tuple[int, ...], dtype: str, packed: int) -> Layout:
    """A layout, of which a model's thousands of arrays have a few."""
    return Layout(shape, dtype, packed=packed)


def _must_fill(source: FileBytes, start: int, arrays: list[Found]) -> None:
    """The arrays stand one after the other and fill the file: no gap hides anything."""
    position = start
    spans = [(found.backing, found.name) for found in arrays if isinstance(found.backing, Span)]
    for span, name in sorted(spans, key=lambda pair: (pair[0].offset, pair[0].length)):
        if span.offset != position:
            fault = "overlaps another array" if span.offset < position else "leaves a gap before it"
            raise FormatError(f"it {fault}", path=source.path, address=name, offset=span.offset)
        position += span.length
    if position != source.size:
        raise FormatError(
            f"{source.size - position:,} bytes behind the last array belong to none",
            path=source.path,
            offset=position,
        )
