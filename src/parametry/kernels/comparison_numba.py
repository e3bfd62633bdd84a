"""The loops of `comparison_numpy`, compiled: both arrays in one pass, at the memory's speed.

Values are taken in blocks that stay in the first cache and are gone through there twice: as bits,
for how many differ, and as numbers, for the sums. A block in which something is not finite, so that
a sum of squares is not, is gone through pair by pair; one whose squares float64 does not hold is
left to NumPy, which scales.

Sums may be reordered by the compiler, so that they use the processor's vectors. The largest
distance is found among their bits: those of floats from zero on are in the order of the values, and
the compiler uses vectors for integers alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.array_difference import Distance
from parametry.core.dtype import kind, numpy_dtype
from parametry.kernels import comparison_numpy
from parametry.kernels.numba_engine import compiled

__all__ = ["distances", "takes"]

_BLOCK: Final = 4096
_SMALLEST_SQUARE, _LARGEST_SQUARE = 1e-200, 1e200
_SUMS: Final = frozenset({"reassoc", "nsz", "contract"})
_NARROW: Final = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
_INTEGERS: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
# Values of other kinds are widened in stretches that stay in the second cache.
_WIDENED: Final = 1 << 15


def takes(one: np.dtype[Any], two: np.dtype[Any]) -> bool:
    """Whether two dtypes can be compared here: floats, and integers to 32 bits.

    Example:
        >>> takes(np.dtype("float32"), np.dtype("float16"))
        True
        >>> takes(np.dtype("int64"), np.dtype("int64"))
        False
    """
    known = ("float32", "float64", *_NARROW, *_INTEGERS)
    return one.name in known and two.name in known


def distances(one: NDArray[Any], two: NDArray[Any], tolerance: float) -> Iterator[Distance]:
    """As `comparison_numpy.distances`."""
    common = _common(one.dtype, two.dtype)
    if one.dtype == two.dtype == common:
        yield from _of_one_dtype(one, two, tolerance)
        return
    for start in range(0, one.size, _WIDENED):
        part = slice(start, start + _WIDENED)
        yield from _of_one_dtype(one[part].astype(common), two[part].astype(common), tolerance)


def _common(one: np.dtype[Any], two: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which two are compared, which holds all values of both."""
    if one == two and (one.name in _INTEGERS or one.itemsize >= 4):
        return one
    narrow = all(kind(each) == "float" and each.itemsize <= 4 for each in (one, two))
    return numpy_dtype("float32" if narrow else "float64")


def _of_one_dtype(one: NDArray[Any], two: NDArray[Any], tolerance: float) -> Iterator[Distance]:
    bits = f"int{8 * one.dtype.itemsize}"
    beyond = np.zeros(-(-one.size // _BLOCK), np.bool_)
    found = _distances(
        (_fixed(one), _fixed(two)),
        (_fixed(one.view(bits)), _fixed(two.view(bits))),
        tolerance,
        beyond,
    )
    changed, ones, twos, pairs, largest, total, first, second, apart, both = found
    first, second = math.sqrt(first), math.sqrt(second)
    cosine = both / first / second if first and second else 0.0
    yield Distance(
        changed, (ones, twos), pairs, largest, total, first, second, math.sqrt(apart), cosine
    )
    for block in np.flatnonzero(beyond).tolist():
        part = slice(block * _BLOCK, (block + 1) * _BLOCK)
        yield from comparison_numpy.distances(one[part], two[part], tolerance)


def _fixed(values: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written to: numba compiles once for what can and what cannot."""
    view = values.view()
    view.flags.writeable = False
    return view


@compiled()
def _differing(one: Any, two: Any) -> Any:
    count = np.int32(0)
    for i in range(one.size):
        if one[i] != two[i]:
            count = np.int32(count + np.int32(1))
    return np.int64(count)


@compiled(fastmath=_SUMS)
def _sums(one: Any, two: Any, distances: Any) -> Any:
    """Of the distances, which are kept, of squares of both, of the distances, and of products."""
    total = first = second = apart = both = 0.0
    for i in range(one.size):
        a, b = np.float64(one[i]), np.float64(two[i])
        distance = abs(b - a)
        distances[i] = distance
        total += distance
        first += a * a
        second += b * b
        apart += distance * distance
        both += a * b
    return total, first, second, apart, both


@compiled()
def _largest(bits: Any) -> Any:
    largest = np.int64(0)
    for i in range(bits.size):
        largest = max(largest, bits[i])
    return np.int64(largest).view(np.float64)


@compiled()
def _further_than(distances: Any, tolerance: Any) -> Any:
    count = 0
    for i in range(distances.size):
        if distances[i] > tolerance:
            count += 1
    return count


@compiled()
def _finite_pairs(one: Any, two: Any, kept: Any, other: Any) -> Any:
    """The pairs that are finite on both sides, and what is to be told of the others."""
    changed = ones = twos = size = 0
    for i in range(one.size):
        a, b = np.float64(one[i]), np.float64(two[i])
        ones += not np.isfinite(a)
        twos += not np.isfinite(b)
        if np.isfinite(a) and np.isfinite(b):
            kept[size], other[size] = a, b
            size += 1
        elif not (a == b or (np.isnan(a) and np.isnan(b))):
            changed += 1
    return changed, ones, twos, size


@compiled()
def _is_beyond(sums: Any, differs: Any) -> Any:
    """Whether squares may have overflowed or vanished; that of no distance is zero rightly."""
    for square in (sums[1], sums[2]):
        if not _SMALLEST_SQUARE < square < _LARGEST_SQUARE:
            return True
    return differs and not _SMALLEST_SQUARE < sums[3] < _LARGEST_SQUARE


@compiled()
def _distances(values: Any, bits: Any, tolerance: Any, beyond: Any) -> Any:
    one, two = values
    scratch = np.empty(_BLOCK, np.float64)
    kept, other = np.empty(_BLOCK, np.float64), np.empty(_BLOCK, np.float64)
    changed = ones = twos = pairs = 0
    largest = total = first = second = apart = both = 0.0
    for start in range(0, one.size, _BLOCK):
        a, b = one[start : start + _BLOCK], two[start : start + _BLOCK]
        odd, odd_ones, odd_twos, size = 0, 0, 0, a.size
        sums = _sums(a, b, scratch)
        if np.isfinite(sums[1]) and np.isfinite(sums[2]):
            block = slice(start, start + _BLOCK)
            differing = _differing(bits[0][block], bits[1][block])
        else:
            odd, odd_ones, odd_twos, size = _finite_pairs(a, b, kept, other)
            finite, others = kept[:size], other[:size]
            sums = _sums(finite, others, scratch)
            differing = _differing(finite.view(np.int64), others.view(np.int64))
        distances = scratch[:size]
        furthest = _largest(distances.view(np.int64)) if differing else 0.0
        if size and _is_beyond(sums, furthest > 0):
            beyond[start // _BLOCK] = True
            continue
        if tolerance > 0:
            differing = _further_than(distances, tolerance)
        changed += differing + odd
        ones += odd_ones
        twos += odd_twos
        pairs += size
        largest = max(largest, furthest)
        total += sums[0]
        first += sums[1]
        second += sums[2]
        apart += sums[3]
        both += sums[4]
    return changed, ones, twos, pairs, largest, total, first, second, apart, both
