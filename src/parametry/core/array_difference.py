"""How far two arrays of one shape are apart: which elements differ, and by how much.

The arrays are read in blocks, so that what is worked out beside them stays small, and everything is
worked out in float64, whatever their dtypes: bfloat16, float8 and integers below 2⁵³ are exact in
it. Larger integers are compared as they are, and their distance is exact until it is rounded to a
float. Norms are scaled, so that no square of a finite value overflows or vanishes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.value import to_json_value

__all__ = ["ArrayDifference", "array_difference"]

# What is worked out of a block fits in the cache; and from 10,000 elements on OpenBLAS starts
# threads for a product, which takes thirty times as long where other work holds the cores.
_BLOCK = 1 << 13
# Within these, no square of an element that matters has overflowed or vanished.
_SMALLEST_SQUARE, _LARGEST_SQUARE = 1e-200, 1e200
_NUMBERS = frozenset({"bool", "integer", "float", "complex"})


@dataclass(frozen=True, slots=True)
class ArrayDifference:
    """How far two arrays of one shape are apart.

    Distances, norms and the cosine are over the pairs of elements that are finite on both sides;
    they are None where there is no such pair, and for what is not a number (text).

    Attributes:
        size: How many elements each has.
        changed: How many elements differ.
        max_abs: The largest absolute difference.
        mean_abs: The mean absolute difference.
        relative: The L2 norm of the difference, divided by that of the first array; None also where
            that is zero.
        cosine: The cosine of the angle between the two as vectors; None also where either is zero.
        nonfinite: How many NaN and infinities the first and the second hold.

    Example:
        >>> found = array_difference(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
        >>> found.changed, found.share, found.max_abs, found.mean_abs, found.relative
        (1, 0.5, 0.5, 0.25, 0.1)
    """

    size: int
    changed: int
    max_abs: float | None
    mean_abs: float | None
    relative: float | None
    cosine: float | None
    nonfinite: tuple[int, int]

    @property
    def share(self) -> float:
        """The share of elements that differ, from 0 to 1."""
        return self.changed / self.size

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data."""
        return {
            "size": self.size,
            "changed": self.changed,
            "share": self.share,
            "max_abs": to_json_value(self.max_abs),
            "mean_abs": to_json_value(self.mean_abs),
            "relative": to_json_value(self.relative),
            "cosine": to_json_value(self.cosine),
            "nonfinite": list(self.nonfinite),
        }


def array_difference(
    first: NDArray[Any], second: NDArray[Any], *, tolerance: float = 0.0
) -> ArrayDifference | None:
    """How two arrays differ, or None where no element does.

    An element differs where it is further than the tolerance from its counterpart. With a tolerance
    of 0 every change of a value counts, and that of a zero's sign: between arrays of one dtype this
    says whether their bits differ. NaN equals NaN, whatever its bits; an infinity equals itself.

    Args:
        first: Any shape and dtype; only read.
        second: The same shape; the dtype may be another.
        tolerance: The largest absolute difference that does not count.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> array_difference(np.array([1.0, np.nan]), np.array([1.0, np.nan])) is None
        True
        >>> array_difference(np.array([1, 2]), np.array([1, 4])).max_abs
        2.0
    """
    if first.shape != second.shape:
        raise ValueError(f"arrays of the shapes {first.shape} and {second.shape} are not compared")
    one, two = _flat(first), _flat(second)
    if one.dtype == two.dtype and _equal_bits(one, two):
        return None
    kinds = {kind(one.dtype), kind(two.dtype)}
    if not kinds <= _NUMBERS:
        changed = int(np.count_nonzero(one != two))
        return (
            ArrayDifference(one.size, changed, None, None, None, None, (0, 0)) if changed else None
        )
    tally = _Tally(tolerance)
    for start in range(0, one.size, _BLOCK):
        blocks = one[start : start + _BLOCK], two[start : start + _BLOCK]
        if kinds <= {"bool", "integer"}:
            tally.add_integers(*blocks)
        else:
            tally.add_floats(*blocks, np.complex128 if "complex" in kinds else np.float64)
    return tally.result(one.size) if tally.changed else None


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array).reshape(-1)


def _equal_bits(one: NDArray[Any], two: NDArray[Any]) -> bool:
    if one.dtype.hasobject:
        return False
    return all(
        one[start : start + _BLOCK].tobytes() == two[start : start + _BLOCK].tobytes()
        for start in range(0, one.size, _BLOCK)
    )


class _Tally:
    """What is known after some blocks."""

    __slots__ = ("_largest", "_norms", "_pairs", "_sum", "_tolerance", "changed", "nonfinite")

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self.changed = 0
        self.nonfinite = (0, 0)
        self._pairs = 0
        self._largest = 0.0
        self._sum = 0.0
        # Of each block: the norms of both, of their difference, and the cosine between both.
        self._norms: list[tuple[float, float, float, float]] = []

    def add_integers(self, one: NDArray[Any], two: NDArray[Any]) -> None:
        """Take in a block of integers or truth values."""
        distance, differs = _apart_as_integers(one, two)
        if self._tolerance:
            differs &= distance > self._tolerance
        self.changed += int(np.count_nonzero(differs))
        largest = float(distance.max())
        self._measure(_wide(one, np.float64), _wide(two, np.float64), distance, largest)

    def add_floats(self, one: NDArray[Any], two: NDArray[Any], wide: Any) -> None:
        """Take in a block of which at least one is of floats, or of complex numbers."""
        # A difference may overflow, that of two infinities is NaN, and some NaN tell of a cast.
        with np.errstate(over="ignore", invalid="ignore"):
            one, two = _wide(one, wide), _wide(two, wide)
            distance = np.abs(two - one)
            same = distance <= self._tolerance if self._tolerance else _same_bits(one, two)
        largest = float(distance.max())
        if not math.isfinite(largest):  # something is not finite, or a difference overflows
            same |= _same_bits(one, two) | (np.isnan(one) & np.isnan(two))
            finite_one, finite_two = np.isfinite(one), np.isfinite(two)
            first, second = self.nonfinite
            first += one.size - int(np.count_nonzero(finite_one))
            second += two.size - int(np.count_nonzero(finite_two))
            self.nonfinite = first, second
            finite = finite_one & finite_two
            one, two, distance = one[finite], two[finite], distance[finite]
            largest = float(distance.max(initial=0.0))
        self.changed += same.size - int(np.count_nonzero(same))
        if one.size:
            self._measure(one, two, distance, largest)

    def _measure(
        self, one: NDArray[Any], two: NDArray[Any], distance: NDArray[Any], largest: float
    ) -> None:
        self._pairs += one.size
        self._largest = max(self._largest, largest)
        with np.errstate(over="ignore"):
            self._sum += float(distance.sum())
        self._norms.append(_norms(one, two, distance))

    def result(self, size: int) -> ArrayDifference:
        """How the arrays differ, after the last block."""
        if not self._pairs:
            return ArrayDifference(size, self.changed, None, None, None, None, self.nonfinite)
        one, two, apart = (math.hypot(*(row[which] for row in self._norms)) for which in range(3))
        cosine = None
        if 0 < one < math.inf and 0 < two < math.inf:
            total = math.fsum(c * (n / one) * (m / two) for n, m, _, c in self._norms)
            cosine = max(-1.0, min(1.0, total))
        return ArrayDifference(
            size,
            self.changed,
            self._largest,
            self._sum / self._pairs,
            apart / one if 0 < one < math.inf else None,
            cosine,
            self.nonfinite,
        )


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
