"""CRC-32C (Castagnoli), the checksum in TensorFlow's checkpoints, by NumPy alone.

The data is cut into lanes of equal length that advance side by side, two bytes at a time; what they
come to is put together by the checksum's linearity: a register over more zeros is the register
times a matrix over GF(2).

Source: RFC 3720, appendix B.4 (polynomial 0x1EDC6F41, reflected 0x82F63B78); the mask is that of
``tensorflow/tsl/lib/hash/crc32c.h``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Crc32c", "crc32c", "masked"]

_POLYNOMIAL: Final = 0x82F63B78
_ALL: Final = 0xFFFFFFFF
_LANES: Final = 4096
_MASK_DELTA: Final = 0xA282EAD8
_Words = NDArray[np.uint32]


@lru_cache(maxsize=1)
def _tables() -> tuple[list[int], _Words]:
    """What one byte, and what two bytes, do to a register."""
    one = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        one = (one >> np.uint32(1)) ^ (np.uint32(_POLYNOMIAL) * (one & np.uint32(1)))
    low = np.arange(1 << 16, dtype=np.uint32)
    first = one[low & np.uint32(255)] ^ (low >> np.uint32(8))
    two = one[first & np.uint32(255)] ^ (first >> np.uint32(8))
    return one.tolist(), two


class Crc32c:
    """A checksum over bytes that come in pieces.

    Example:
        >>> checksum = Crc32c()
        >>> checksum.add(b"1234"); checksum.add(b"56789")
        >>> hex(checksum.value)
        '0xe3069283'
    """

    def __init__(self) -> None:
        self._register = _ALL

    @property
    def value(self) -> int:
        """The checksum of all bytes until now."""
        return self._register ^ _ALL

    def add(self, data: bytes | memoryview) -> None:
        """Go on with more bytes."""
        view = np.frombuffer(data, dtype=np.uint8)
        lanes = len(view) // (2 * _LANES) * 2 * _LANES
        if lanes:
            self._register = _advanced(self._register, lanes) ^ _of_lanes(view[:lanes])
        one, _ = _tables()
        register = self._register
        for byte in view[lanes:].tolist():
            register = one[(register ^ byte) & 255] ^ (register >> 8)
        self._register = register


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    checksum = Crc32c()
    checksum.add(data)
    return checksum.value


def masked(checksum: int) -> int:
    """A checksum as TensorFlow stores it, so that bytes that hold checksums are checked well.

    Example:
        >>> hex(masked(0xE3069283))
        '0xc78ab0e5'
    """
    return (((checksum >> 15) | (checksum << 17)) + _MASK_DELTA) & _ALL


def _of_lanes(view: NDArray[np.uint8]) -> int:
    """The register over the bytes, from a register of zero."""
    _, two = _tables()
    words = np.ascontiguousarray(view.view("<u2").reshape(_LANES, -1).T).astype(np.uint32)
    registers: _Words = np.zeros(_LANES, np.uint32)
    for word in words:
        registers = two[(registers ^ word) & np.uint32(0xFFFF)] ^ (registers >> np.uint32(16))
    length = 2 * len(words)
    while len(registers) > 1:
        registers = _times(_zeros(length), registers[0::2]) ^ registers[1::2]
        length *= 2
    return int(registers[0])


def _advanced(register: int, length: int) -> int:
    """A register over so many zero bytes more."""
    return int(_times(_zeros(length), np.array([register], np.uint32))[0])


@lru_cache(maxsize=256)
def _zeros(length: int) -> tuple[int, ...]:
    """The matrix that so many zero bytes are: what becomes of each bit of a register."""
    if length == 1:
        one, _ = _tables()
        return tuple(one[(1 << bit) & 255] ^ ((1 << bit) >> 8) for bit in range(32))
    half = np.array(_zeros(length // 2), np.uint32)
    columns = _times(_zeros(length // 2), half)
    if length % 2:
        columns = _times(_zeros(1), columns)
    return tuple(columns.tolist())


def _times(matrix: tuple[int, ...], registers: NDArray[Any]) -> _Words:
    out: _Words = np.zeros(len(registers), np.uint32)
    for bit, column in enumerate(matrix):
        out ^= np.uint32(column) * ((registers >> np.uint32(bit)) & np.uint32(1))
    return out
