"""Datatypes and shapes as HDF5 writes them.

Source: HDF5 File Format Specification, IV.A.2.b (dataspace) and IV.A.2.d (datatype).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Datatype", "Malformed", "datatype_of", "limits_of", "shape_of"]

_FIXED, _FLOAT, _STRING, _OPAQUE, _COMPOUND, _ENUM, _VLEN = 0, 1, 3, 5, 6, 8, 9
_DEEPEST: Final = 4
# The versions from the third on write what is read here alike.
_LATEST: Final = 5
_WITHOUT_END: Final = (1 << 64) - 1
_LONGEST_NAME: Final = 256
_IMPLIED_BIT: Final = 2
# (bits, where exponent and mantissa begin and how long they are, bias) of what NumPy has.
_FLOATS: Final[Mapping[tuple[int, ...], str]] = {
    (16, 10, 5, 0, 10, 15): "float16",
    (32, 23, 8, 0, 23, 127): "float32",
    (64, 52, 11, 0, 52, 1023): "float64",
    (16, 7, 8, 0, 7, 127): "bfloat16",
}
_BITS: Final = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
_COMPLEX: Final = {"float32": "complex64", "float64": "complex128"}


class Malformed(ValueError):
    """A message that cannot be read; the caller knows where it stands."""


@dataclass(frozen=True, slots=True)
class Datatype:
    """What an array or attribute holds.

    Attributes:
        size: Bytes of one value.
        name: The dtype's name, as ``float32``; empty for what is no number.
        big_endian: Whether the most significant byte comes first.
        text: ``fixed`` or ``variable`` for text, else empty.
        opaque: Whether the file tells no more than a value's size.
    """

    size: int
    name: str = ""
    big_endian: bool = False
    text: str = ""
    opaque: bool = False


def shape_of(raw: bytes) -> tuple[int, ...] | None:
    """The shape that a dataspace message tells; None for one of no values at all.

    Raises:
        Malformed: It cannot be read.
    """
    if len(raw) < 4:
        raise Malformed("its dataspace is cut short")
    version, rank = raw[0], raw[1]
    if version not in (1, 2):
        raise Malformed(f"its dataspace is of version {version}, known are 1 and 2")
    if version == 2 and raw[3] == 2:
        return None
    begin = 8 if version == 1 else 4
    if len(raw) < begin + 8 * rank:
        raise Malformed("its dataspace is cut short")
    return tuple(
        int.from_bytes(raw[at : at + 8], "little") for at in range(begin, begin + 8 * rank, 8)
    )


def limits_of(raw: bytes) -> tuple[int | None, ...] | None:
    """How far an array may grow along each axis, None without end; None where it cannot grow.

    Raises:
        Malformed: It cannot be read.
    """
    shape = shape_of(raw)
    if shape is None or not raw[2] & 1:
        return None
    begin = (8 if raw[0] == 1 else 4) + 8 * len(shape)
    if len(raw) < begin + 8 * len(shape):
        raise Malformed("its dataspace is cut short")
    found = [
        int.from_bytes(raw[at : at + 8], "little") for at in range(begin, begin + 8 * len(shape), 8)
    ]
    return tuple(None if limit == _WITHOUT_END else limit for limit in found)


def datatype_of(raw: bytes) -> Datatype:
    """What a datatype message tells.

    Raises:
        Malformed: It cannot be read.
    """
    return _parsed(raw, 0)[0]


def _parsed(raw: bytes, depth: int) -> tuple[Datatype, int]:
    """A datatype, and how many bytes its message takes."""
    if len(raw) < 8:
        raise Malformed("its datatype is cut short")
    if depth > _DEEPEST:
        raise Malformed("its datatype is made of others too deep")
    kind, version, bits = raw[0] & 15, raw[0] >> 4, raw[1]
    size = int.from_bytes(raw[4:8], "little")
    body = raw[8:]
    if kind == _FIXED:
        return _fixed(body, bits, size), 8 + 4
    if kind == _FLOAT:
        return _float(body, bits, size), 8 + 12
    if kind == _ENUM:
        return _enum(raw, version, size, depth), len(raw)
    if kind == _COMPOUND:
        return _compound(raw, version, size, depth), len(raw)
    if kind == _OPAQUE:
        return Datatype(size, _BITS.get(size, ""), opaque=True), len(raw)
    if kind == _STRING:
        return Datatype(size, text="fixed"), 8
    if kind == _VLEN and bits & 15 == 1:
        return Datatype(size, text="variable"), len(raw)
    return Datatype(size), len(raw)


def _fixed(body: bytes, bits: int, size: int) -> Datatype:
    offset, precision = _numbers(body, 2, 2)
    if offset or precision != size * 8 or size not in _BITS:
        return Datatype(size)
    name = ("int" if bits & 8 else "uint") + str(precision)
    return Datatype(size, name, bool(bits & 1))


def _float(body: bytes, bits: int, size: int) -> Datatype:
    offset, precision, *form = _numbers(body, 2, 2, 1, 1, 1, 1, 4)
    name = _FLOATS.get((precision, *form), "")
    usual = not offset and precision == size * 8 and bits >> 4 & 3 == _IMPLIED_BIT
    return Datatype(size, name if usual and not bits & 0x40 else "", bool(bits & 1))


def _enum(raw: bytes, version: int, size: int, depth: int) -> Datatype:
    """An enumeration of FALSE and TRUE is how h5py writes truth values."""
    base, length = _parsed(raw[8:], depth + 1)
    count = int.from_bytes(raw[1:3], "little")
    if count != 2 or size != 1 or base.name not in ("int8", "uint8"):
        return Datatype(size)
    at, names = 8 + length, []
    for _ in range(count):
        name, at = _name(raw, at, padded=version < 3)
        names.append(name)
    is_bool = names == [b"FALSE", b"TRUE"] and raw[at : at + 2] == b"\0\1"
    return Datatype(size, "bool" if is_bool else "")


def _compound(raw: bytes, version: int, size: int, depth: int) -> Datatype:
    """Two floats named r and i are how h5py writes complex numbers."""
    if int.from_bytes(raw[1:3], "little") != 2 or not 1 <= version <= _LATEST:
        return Datatype(size)
    at, parts = 8, []
    for _ in range(2):
        name, at = _name(raw, at, padded=version < 3)
        width = 4 if version < 3 else max(1, (size.bit_length() + 7) // 8)
        offset = int.from_bytes(raw[at : at + width], "little")
        at += width + (28 if version == 1 else 0)
        part, length = _parsed(raw[at:], depth + 1)
        at += length
        parts.append((name, offset, part.name, part.big_endian))
    half = size // 2
    real, imaginary = parts
    if real[:2] != (b"r", 0) or imaginary[:2] != (b"i", half) or real[2:] != imaginary[2:]:
        return Datatype(size)
    fits = half * 8 == {"float32": 32, "float64": 64}.get(real[2], 0)
    return Datatype(size, _COMPLEX[real[2]] if fits else "", real[3])


def _name(raw: bytes, at: int, *, padded: bool) -> tuple[bytes, int]:
    """A name that ends in a zero, and where what follows it begins."""
    end = raw.find(b"\0", at, at + _LONGEST_NAME)
    if end < 0:
        raise Malformed("a name in its datatype has no end")
    taken = end - at + 1
    return raw[at:end], at + (-(-taken // 8) * 8 if padded else taken)


def _numbers(body: bytes, *widths: int) -> list[int]:
    if len(body) < sum(widths):
        raise Malformed("its datatype is cut short")
    out, at = [], 0
    for width in widths:
        out.append(int.from_bytes(body[at : at + width], "little"))
        at += width
    return out
