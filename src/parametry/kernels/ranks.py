"""Which values a quantile lies between, and where."""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.statistics import LEVELS

__all__ = ["between", "quantiles_of", "quantiles_of_sorted", "ranks"]

# Fewer values are sorted as quickly.
_WORTH_COUNTING: Final = 1 << 13
_SIGN: Final = 1 << 15


def ranks(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each of `LEVELS`: the ranks of the two values around the quantile, and its share.

    The quantile is where NumPy's default, ``linear``, has it: definition 7 of Hyndman and Fan,
    "Sample quantiles in statistical packages" (1996).

    Example:
        >>> lower, upper, shares = ranks(6)
        >>> int(lower[3]), int(upper[3]), float(shares[3])
        (2, 3, 0.5)
    """
    positions = np.array(LEVELS) * (size - 1)
    lower = np.floor(positions).astype(np.int64)
    upper = np.minimum(lower + 1, size - 1)
    return lower, upper, positions - lower


def between(
    low: NDArray[Any], high: NDArray[Any], shares: NDArray[np.float64]
) -> tuple[float, ...]:
    """The points that lie these shares of the way from one value to the other, as NumPy has them.

    Example:
        >>> between(np.array([0.0]), np.array([4.0]), np.array([0.25]))
        (1.0,)
    """
    a, b = low.astype(np.float64), high.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        step = b - a
        found = np.where(shares < 0.5, a + step * shares, b - step * (1 - shares))
    # Two doubles may be further apart than any double.
    wide = np.isinf(step)
    found[wide] = (a * (1 - shares) + b * shares)[wide]
    return tuple((found + 0.0).tolist())


def quantiles_of_sorted(ordered: NDArray[Any]) -> tuple[float, ...]:
    """The quantiles at `LEVELS` of values in ascending order, of which there is at least one."""
    lower, upper, shares = ranks(ordered.size)
    return between(ordered[lower], ordered[upper], shares)


def quantiles_of(values: NDArray[Any]) -> tuple[float, ...]:
    """The quantiles at `LEVELS` of values in any order; they are not changed.

    Values are counted by the upper 16 bits of their patterns, which tells between which of them the
    wanted ranks are; so few are left to be sorted.

    Args:
        values: Finite float32 or float64, contiguous, at least one.

    Example:
        >>> quantiles_of(np.array([3.0, 1.0, 2.0]))[3]
        2.0
    """
    if values.size < _WORTH_COUNTING:
        return quantiles_of_sorted(np.sort(values))
    halves = values.dtype.itemsize // 2
    upper = values.view(np.uint16)[halves - 1 if sys.byteorder == "little" else 0 :: halves]
    counts = np.bincount(upper, minlength=2 * _SIGN)
    # Patterns of negative values stand in the opposite order, behind those of the others.
    ends = np.concatenate([counts[: _SIGN - 1 : -1], counts[:_SIGN]])
    np.cumsum(ends, out=ends)
    low, high, shares = ranks(values.size)
    places = np.unique(np.searchsorted(ends, np.union1d(low, high), side="right"))
    patterns = np.where(places < _SIGN, 2 * _SIGN - 1 - places, places - _SIGN)
    wanted = np.zeros(2 * _SIGN, bool)
    wanted[patterns] = True
    some = np.sort(values[wanted[upper]])
    # How many values are left out before each of the ranks.
    held = counts[patterns]
    left_out = ends[places] - np.cumsum(held)
    at_low, at_high = (
        some[rank - left_out[np.searchsorted(ends[places], rank, side="right")]]
        for rank in (low, high)
    )
    return between(at_low, at_high, shares)
