"""Statistics in plain NumPy: what the compiled loops are measured against, and enough for most.

Each function takes one stretch of an array: one axis, contiguous, in the machine's byte order.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.moments import Moments, Number, merge, two_sum
from parametry.core.statistics import BINS
from parametry.kernels.brackets import Bracketed, Brackets, bins_of
from parametry.kernels.grid import Grid, in_working_precision
from parametry.kernels.sampling import sample_places

__all__ = [
    "DIGIT",
    "OUTLYING",
    "byte_counts",
    "collect",
    "digit_counts",
    "keys",
    "moments",
    "moments_and_bracketed",
    "slot_counts",
    "take_sample",
    "value_of",
]

# So many values, widened to float64, stay in the processor's own cache.
_BLOCK: Final = 1 << 16
_SINGLE: Final = 4  # bytes of a float32
DIGIT: Final = 16
"""How many bits of a key `digit_counts` tells apart."""

OUTLYING: Final = 8.0
"""A value so many times as large as the mean magnitude is not one to take deviations from."""

_TOP: Final = np.uint64(1 << 63)


def moments(values: NDArray[Any], exponent: int = 0) -> Moments:
    """Counts, extremes and moments.

    Args:
        values: A stretch of an array.
        exponent: The power of two to divide by before anything is squared.
    """
    # What is worked out on the way goes to the same place for each block: new memory would cost as
    # much as the arithmetic.
    scratch = np.empty((2, min(values.size, _BLOCK)))
    blocks = (values[start : start + _BLOCK] for start in range(0, values.size, _BLOCK))
    with np.errstate(all="ignore"):
        return merge(_moments(block, exponent, scratch) for block in blocks)


def _moments(values: NDArray[Any], exponent: int, scratch: NDArray[Any]) -> Moments:
    low: Number
    high: Number
    count, nan, above, below = values.size, 0, 0, 0
    wide, work = scratch[:, :count]
    wide[:] = values
    narrow = values if values.dtype.itemsize >= _SINGLE else wide
    if kind(values.dtype) in ("bool", "integer"):
        low, high = int(values.min()), int(values.max())
    else:
        low, high = float(narrow.min()), float(narrow.max())  # NaN where one is there
        if not (math.isfinite(low) and math.isfinite(high)):
            nan = int(np.isnan(wide).sum())
            above, below = int((wide == np.inf).sum()), int((wide == -np.inf).sum())
            narrow = wide = wide[np.isfinite(wide)]
            work = work[: wide.size]
            if not wide.size:
                return Moments(
                    count=count, nan=nan, positive_infinity=above, negative_infinity=below
                )
            low, high = float(wide.min()), float(wide.max())
        low, high = low + 0.0, high + 0.0  # adding 0.0 turns −0.0 into 0.0
    zeros = int(np.count_nonzero(narrow == 0))  # several times as quick as of the floats
    if exponent:
        np.ldexp(wide, -exponent, out=wide)
    # Deviations from one of the values, rather than the values: their squares do not cancel.
    shift = float(wide[0])
    magnitudes = float(np.abs(wide, out=work).sum())
    total, squares = _deviations(wide, shift, work)
    if abs(shift) * wide.size > OUTLYING * magnitudes:
        shift += total / wide.size
        total, squares = _deviations(wide, shift, work)
    off = total / wide.size
    centre, residue = two_sum(shift, off)
    return Moments(
        count=count,
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
        zeros=zeros,
        min=low,
        max=high,
        centre=centre,
        residue=residue,
        squares=max(squares - total * off, 0.0),
        magnitudes=magnitudes,
        exponent=exponent,
    )


def _deviations(values: NDArray[Any], shift: float, work: NDArray[Any]) -> tuple[float, float]:
    """The sums of the deviations from one value, and of their squares."""
    deviations = np.subtract(values, shift, out=work)
    total = float(deviations.sum())
    return total, float(np.square(deviations, out=work).sum())


def slot_counts(values: NDArray[Any], grid: Grid) -> NDArray[np.int64]:
    """How many values are in each slot of a grid."""
    counts = np.zeros(grid.bins + 2, np.int64)
    for start in range(0, values.size, _BLOCK):
        block = in_working_precision(values[start : start + _BLOCK])
        counts += np.bincount(grid.slots(block), minlength=grid.bins + 2)
    return counts


def collect(
    values: NDArray[Any], grid: Grid, wanted: NDArray[np.int64], counts: NDArray[np.int64]
) -> list[NDArray[Any]]:
    """The values in each of the wanted slots of a grid, but for zeros.

    Args:
        values: A stretch of an array.
        grid: The grid.
        wanted: Numbers of slots, in ascending order.
        counts: How many values are in each of these at most.
    """
    out: list[list[NDArray[Any]]] = [[values[:0]] for _ in wanted]
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        slots = grid.slots(in_working_precision(block))
        slots[block == 0] = -1
        for found, slot in zip(out, wanted.tolist(), strict=True):
            found.append(block[slots == slot])
    return [np.concatenate(found) for found in out]


def moments_and_bracketed(values: NDArray[Any], brackets: Brackets) -> tuple[Moments, Bracketed]:
    """The moments, and what lies in each bin of the sketch, below each bracket, and within each."""
    return moments(values), _bracketed(values, brackets)


def _bracketed(values: NDArray[Any], brackets: Brackets) -> Bracketed:
    bins, inside = brackets.grid.bins, brackets.inside()
    counts = np.zeros(bins, np.int64)
    held = []
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        found = bins_of(block, brackets.grid)
        counts += np.bincount(found, minlength=bins)
        held.append(block[inside[found]])
    before = np.concatenate([[0], np.cumsum(counts)])
    below = before[brackets.lows.astype(np.intp)]
    sketched = counts.reshape(BINS, -1).sum(axis=1)
    return Bracketed(sketched, below, np.where(inside, counts, 0), tuple(held))


def take_sample(array: NDArray[Any], count: int, begin: int, out: NDArray[Any]) -> None:
    """Values of some parts of a `sample`, from the one with the number ``begin`` on."""
    array.take(_places(array.size, count, begin, begin + out.size), out=out, mode="clip")


@lru_cache(maxsize=16)  # a training's parameters are looked at again and again
def _places(size: int, count: int, begin: int, end: int) -> NDArray[np.int64]:
    places = sample_places(size, count, range(begin, end))
    places.flags.writeable = False
    return places


def byte_counts(values: NDArray[Any]) -> NDArray[np.int64]:
    """How often each bit pattern of a dtype of 8 or 16 bits occurs, in their order as integers.

    Args:
        values: A stretch of an array.
    """
    patterns = 1 << 8 * values.dtype.itemsize
    bits = values.view(np.uint8 if patterns == 1 << 8 else np.uint16)
    counts = np.zeros(patterns, np.int64)
    for start in range(0, bits.size, _BLOCK):
        counts += np.bincount(bits[start : start + _BLOCK], minlength=patterns)
    return counts


def keys(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Whole numbers that stand in the same order as the values; NaN comes last.

    Example:
        >>> keys(np.array([1, -1, 0], np.int64)).argsort().tolist()
        [1, 2, 0]
    """
    if kind(values.dtype) != "float":
        if values.dtype.kind == "u":
            return values.astype(np.uint64)
        return values.astype(np.int64).view(np.uint64) ^ _TOP
    with np.errstate(invalid="ignore"):  # a signalling NaN is one like any other
        wide = values.astype(np.float64) + 0.0  # without −0.0
    bits = wide.view(np.int64)
    ordered = bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))
    found = ordered.view(np.uint64) ^ _TOP
    found[np.isnan(wide)] = np.uint64(0xFFFFFFFFFFFFFFFF)
    return found


def value_of(key: int, dtype: np.dtype[Any]) -> float:
    """The value that a key stands for, as float64."""
    if dtype.kind == "u":
        return float(key)
    signed = key - (1 << 63)
    if kind(dtype) != "float":
        return float(signed)
    bits = np.array(signed, np.int64)
    return float((bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))).view(np.float64))


def digit_counts(values: NDArray[Any], low: int, shift: int) -> NDArray[np.int64]:
    """Of the keys from ``low`` on that differ from it in 16 bits: how often each of these occur.

    Args:
        values: A stretch of an array.
        low: A key whose lower ``shift + DIGIT`` bits are zero.
        shift: Where the 16 bits begin.
    """
    counts = np.zeros(1 << DIGIT, np.int64)
    for start in range(0, values.size, _BLOCK):
        digits = (keys(values[start : start + _BLOCK]) - np.uint64(low)) >> np.uint64(shift)
        inside = digits[digits < np.uint64(1 << DIGIT)]
        counts += np.bincount(inside.astype(np.intp), minlength=1 << DIGIT)
    return counts
