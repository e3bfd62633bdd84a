"""How far two stretches are apart, worked out by NumPy: the definition of the compiled loops.

Everything is worked out in float64, whatever the dtypes: bfloat16, float8 and integers below 2⁵³
are exact in it. Larger integers are compared as they are, and their distance is exact until it is
rounded to a float. Norms are scaled, so that no square of a finite value overflows or vanishes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.array_difference import Distance
from parametry.core.dtype import kind

__all__ = ["distances"]

# What is worked out of a block fits in the cache; and from 10,000 elements on OpenBLAS starts
# threads for a product, which takes thirty times as long where other work holds the cores.
_BLOCK: Final = 1 << 13
# Within these, no square of an element that matters has overflowed or vanished.
_SMALLEST_SQUARE, _LARGEST_SQUARE = 1e-200, 1e200


def distances(one: NDArray[Any], two: NDArray[Any], tolerance: float) -> Iterator[Distance]:
    """How far two stretches of numbers are apart, block by block.

    Args:
        one: Of one axis, contiguous.
        two: Of the same length; the dtype may be another.
        tolerance: The largest absolute difference that does not count.
    """
    kinds = {kind(one.dtype), kind(two.dtype)}
    for start in range(0, one.size, _BLOCK):
        blocks = one[start : start + _BLOCK], two[start : start + _BLOCK]
        if kinds <= {"bool", "integer"}:
            yield _of_integers(*blocks, tolerance)
        else:
            yield _of_floats(*blocks, tolerance, "complex" in kinds)


def _of_integers(one: NDArray[Any], two: NDArray[Any], tolerance: float) -> Distance:
    distance, differs = _apart_as_integers(one, two)
    if tolerance:
        differs &= distance > tolerance
    changed = int(np.count_nonzero(differs))
    wide = _wide(one, np.float64), _wide(two, np.float64)
    return _measured(Distance(changed), *wide, distance)


def _of_floats(
    one: NDArray[Any], two: NDArray[Any], tolerance: float, is_complex: bool
) -> Distance:
    """Of a block of which at least one is of floats, or of complex numbers."""
    wide = np.complex128 if is_complex else np.float64
    # A difference may overflow, that of two infinities is NaN, and some NaN tell of a cast.
    with np.errstate(over="ignore", invalid="ignore"):
        one, two = _wide(one, wide), _wide(two, wide)
        distance = np.abs(two - one)
        same = distance <= tolerance if tolerance else _same_bits(one, two)
    nonfinite = (0, 0)
    if not math.isfinite(distance.max()):  # something is not finite, or a difference overflows
        same |= _same_bits(one, two) | (np.isnan(one) & np.isnan(two))
        finite_one, finite_two = np.isfinite(one), np.isfinite(two)
        nonfinite = (
            one.size - int(np.count_nonzero(finite_one)),
            two.size - int(np.count_nonzero(finite_two)),
        )
        finite = finite_one & finite_two
        one, two, distance = one[finite], two[finite], distance[finite]
    changed = same.size - int(np.count_nonzero(same))
    return _measured(Distance(changed, nonfinite), one, two, distance)


def _measured(
    known: Distance, one: NDArray[Any], two: NDArray[Any], distance: NDArray[Any]
) -> Distance:
    """What is known, with the figures of the pairs that are finite on both sides."""
    if not one.size:
        return known
    with np.errstate(over="ignore"):
        total = float(distance.sum())
    norms = _norms(one, two, distance)
    return Distance(known.changed, known.nonfinite, one.size, float(distance.max()), total, *norms)


def _wide(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    if kind(array.dtype) == "integer" and array.dtype.isbuiltin != 1:  # int4 casts to int8 alone
        array = array.astype(np.int8)
    return array.astype(dtype)


def _apart_as_integers(
    one: NDArray[Any], two: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The absolute differences, exact until they are rounded to float64, and which are not zero."""
    one, two = (a if a.dtype.isbuiltin == 1 else a.astype(np.int8) for a in (one, two))
    differs = np.not_equal(one, two)
    common = np.result_type(one, two, np.uint8)
    if common.kind not in "iu":  # int64 with uint64, which no integer holds both
        return np.abs(one.astype(np.float64) - two.astype(np.float64)), differs
    one, two = one.astype(common), two.astype(common)
    # Without sign and modulo 2**64, the larger less the smaller is right even where it exceeds the
    # range of the signed dtype.
    larger, smaller = np.maximum(one, two).astype(np.uint64), np.minimum(one, two).astype(np.uint64)
    return (larger - smaller).astype(np.float64), differs


def _same_bits(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two arrays of float64, or of complex128, have the same bits."""
    same: NDArray[np.bool_] = one.view(np.int64) == two.view(np.int64)
    if one.dtype.kind == "c":
        same = same[::2] & same[1::2]
    return same


def _norms(
    one: NDArray[Any], two: NDArray[Any], distance: NDArray[Any]
) -> tuple[float, float, float, float]:
    """The L2 norms of both and of their difference, and the cosine between both; 0 if undefined."""
    pairs = ((one, one), (two, two), (distance, distance), (one, two))
    first, second, apart, both = (float(np.vdot(x, y).real) for x, y in pairs)
    if all(_SMALLEST_SQUARE < square < _LARGEST_SQUARE for square in (first, second, apart)):
        first, second = math.sqrt(first), math.sqrt(second)
        return first, second, math.sqrt(apart), both / first / second
    (first, unit), (second, other) = _scaled(one), _scaled(two)
    return first, second, _scaled(distance)[0], float(np.vdot(unit, other).real)


def _scaled(array: NDArray[Any]) -> tuple[float, NDArray[Any]]:
    """The L2 norm, and the array divided by it; of zeros, zero and the array itself."""
    largest = float(np.abs(array).max())
    if largest == 0 or not math.isfinite(largest):
        return largest, array
    scaled = array / largest
    length = math.sqrt(float(np.vdot(scaled, scaled).real))
    return largest * length, scaled / length
