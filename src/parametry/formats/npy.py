"""Reading one array as NumPy writes it: a line that describes it, then its bytes.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from parametry.core.dtype import kind, numpy_dtype
from parametry.errors import DtypeMismatch, FormatError
from parametry.formats.assembling import Found, address_of_name, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import Layout, Span, checked_nbytes
from parametry.formats.peek import Peek

__all__ = ["LONGEST_START", "MAGIC", "NAME", "Header", "header_of", "read", "recognises"]

NAME: Final = "npy"
MAGIC: Final = b"\x93NUMPY"
LONGEST_START: Final = 12 + 10_000
"""How many bytes a header may take, NumPy's own limit on the line with what stands before it."""
# What NumPy writes, in the order in which it writes it; nothing else is evaluated.
_LINE = re.compile(
    r"\{\s*'descr':\s*(?P<descr>'[^'\\]*'|\[.*\]),\s*'fortran_order':\s*(?P<order>True|False),"
    r"\s*'shape':\s*\((?P<shape>[0-9L,\s]*)\)\s*,?\s*\}\s*\Z",
    re.DOTALL,
)
_DESCR = re.compile(r"([<>|=])?([a-zA-Z])(\d*)\Z")
_MOST_DIGITS = 20
# Bytes of no dtype that NumPy knows: how it writes bfloat16 and the other dtypes of ml_dtypes.
_BITS: Final = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}


@dataclass(frozen=True, slots=True)
class Header:
    """What an array's header says.

    Attributes:
        layout: How the bytes are to be understood; None where they are text or dates.
        length: How many bytes the header takes.
        nbytes: How many bytes the array has behind it.
        descr: The dtype as the header names it.
        opaque: Whether the header names no dtype, only how many bytes a value has.
    """

    layout: Layout | None
    length: int
    nbytes: int
    descr: str
    opaque: bool = False


def recognises(peek: Peek) -> bool:
    """Whether the file begins as NumPy's arrays do."""
    return peek.start.startswith(MAGIC)


def read(path: str | os.PathLike[str]) -> Contents:
    """What a ``.npy`` file holds: one array, at the address of the file's own name.

    Raises:
        FormatError: It is cut short or damaged, or holds no numbers.
    """
    source = FileBytes.of(path)
    name = Path(source.path).stem
    start = source.read(0, min(LONGEST_START, source.size))
    header = header_of(start, path=source.path, address=name)
    if header.layout is None:
        raise FormatError(f"it holds no numbers, but {header.descr}", path=source.path)
    if header.length + header.nbytes != source.size:
        raise FormatError(
            f"it has {source.size - header.length:,} bytes behind its header, its shape and dtype "
            f"need {header.nbytes:,}",
            path=source.path,
            offset=header.length,
        )
    span = Span(source, header.length, header.nbytes)
    found = Found(name, address_of_name(name, is_address=False), header.layout, span)
    return Contents(source.path, NAME, assemble(source.path, [found], None), None)


def header_of(start: bytes, *, path: str, address: str, offset: int = 0) -> Header:
    """What the header at the start of an array's bytes says.

    Args:
        start: The array's first bytes: the whole header, or `LONGEST_START` of them.
        path: The file, for messages.
        address: The array, likewise.
        offset: Where the bytes begin in the file, likewise.

    Raises:
        FormatError: It is no header, or one of Python objects, which only running code could read.
    """

    def fault(message: str, hint: str | None = None) -> FormatError:
        return FormatError(message, path=path, address=address, offset=offset, hint=hint)

    if not start.startswith(MAGIC) or len(start) < 10:
        raise fault("it does not begin as an array of NumPy does")
    version = start[6]
    if version not in (1, 2, 3):
        raise fault(f"its header is of version {version}, known are 1 to 3")
    begin = 10 if version == 1 else 12
    length = begin + int.from_bytes(start[8:begin], "little")
    if length > LONGEST_START:
        raise fault(f"its header is said to be {length:,} bytes long")
    if length > len(start):
        raise fault("its header is cut short")
    line = start[begin:length].decode("utf-8" if version == 3 else "latin-1", "replace")
    found = _LINE.match(line)
    if found is None:
        raise fault("its header cannot be read")
    descr = found["descr"].strip("'")
    dtype = _dtype(descr)
    if dtype is None:
        if "O" in descr:
            raise fault(
                "it holds Python objects, which only running what the file says could read",
                hint="save it with numpy.savez from arrays of numbers",
            )
        raise fault(f"its dtype is {descr[:100]!r}, which is none of numbers")
    sizes = [size.strip().rstrip("L") for size in found["shape"].split(",") if size.strip()]
    if not all(size.isascii() and size.isdigit() and len(size) <= _MOST_DIGITS for size in sizes):
        raise fault("its shape is no list of sizes")
    shape, nbytes = checked_nbytes(
        [int(size) for size in sizes], dtype.itemsize, path=path, address=address
    )
    if dtype.kind in "SUMm":
        return Header(None, length, nbytes, _KIND_NAMES[dtype.kind])
    opaque = dtype.kind == "V"
    name = _BITS.get(dtype.itemsize) if opaque else dtype.newbyteorder("=").name
    if name is None or not _is_of_numbers(name):
        raise fault(f"its dtype is {descr[:100]!r}, which is none of numbers")
    big_endian = dtype.byteorder == ">" or (dtype.byteorder == "=" and _NATIVE_IS_BIG)
    layout = Layout(shape, name, big_endian != _NATIVE_IS_BIG, found["order"] == "True")
    return Header(layout, length, nbytes, descr, opaque)


_KIND_NAMES: Final = {"S": "bytes", "U": "text", "M": "dates", "m": "lengths of time"}
_NATIVE_IS_BIG: Final = np.dtype(">i2").isnative


def _dtype(descr: str) -> np.dtype[np.generic] | None:
    """The dtype of a description of plain values; None for all else."""
    if _DESCR.match(descr) is None or len(descr) > 8 or "O" in descr:
        return None
    try:
        found = np.dtype(descr)
    except TypeError:
        return None
    return found if found.itemsize and not found.hasobject else None


def _is_of_numbers(name: str) -> bool:
    try:
        return kind(numpy_dtype(name)) in ("bool", "integer", "float", "complex")
    except DtypeMismatch:
        return False
