"""Grids: bins of one width around the median, found by arithmetic that never rounds.

A bin's width is a power of two and every edge a whole multiple of it. Then ``floor(x / width)`` is
exact in the precision of the values themselves, and so is the bin: NumPy, numba and a device put
every value into the same one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.statistics import BINS, LEVELS, Sketch

__all__ = ["FINE", "Grid", "grid_around", "in_working_precision"]

FINE: Final = 32
"""Into how many finer bins each bin of the sketch is cut to look for quantiles."""

# The least and the largest power of two that a bin may be wide, so that neither the reciprocal of a
# finer bin's width nor the last edge overflows; and how many bits a bin's number may have, so that
# those of finer bins are exact.
_LIMITS: Final = {
    np.dtype(np.float32): (-120, 120, 18),
    np.dtype(np.float64): (-1000, 1017, 46),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """``bins`` bins from ``first * width`` on; one more slot on each side for what lies beyond.

    Attributes:
        first: The number of the first bin: its lower edge divided by the width.
        width: The width of a bin, a power of two.
        bins: How many there are.
    """

    first: int
    width: float
    bins: int

    def slots(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """The slot of each value: 0 below the first bin, ``bins + 1`` above the last; NaN has 0.

        Args:
            values: float32 or float64, as `in_working_precision` gives them.
        """
        real = values.dtype.type
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            steps = values * real(1 / self.width)
            # In place, since new memory costs more than the arithmetic.
            np.floor(steps, out=steps)
            steps -= real(self.first)
            # What NaN becomes as an integer differs from one processor to the next.
            steps[np.isnan(steps)] = real(-1)
            np.maximum(steps, real(-1), out=steps)
            np.minimum(steps, real(self.bins), out=steps)
        slots: NDArray[np.intp] = steps.astype(np.intp)
        slots += 1
        return slots

    def finer(self, times: int = FINE) -> Grid:
        """The same range in so many times as many bins: a power of two, of at most 128."""
        return Grid(self.first * times, self.width / times, self.bins * times)

    def coarser(self, times: int = FINE) -> Grid:
        """What `finer` made this grid from."""
        return Grid(self.first // times, self.width * times, self.bins // times)

    def sketch(self, counts: NDArray[np.int64]) -> Sketch:
        """The sketch of what was counted in the slots of this grid, or of the finer one."""
        inner = counts[1:-1].copy()
        inner[0] += counts[0]
        inner[-1] += counts[-1]
        bins = inner.reshape(self.bins, -1).sum(axis=1)
        return Sketch(self.first * self.width, self.width, tuple(bins.tolist()))


def in_working_precision(values: NDArray[Any]) -> NDArray[Any]:
    """The values as float32 where that holds them all, else as float64 (integers of 64 bits round).

    Example:
        >>> in_working_precision(np.zeros(1, np.float16)).dtype
        dtype('float32')
    """
    narrow = kind(values.dtype) == "float" and values.dtype.itemsize <= 4
    return values.astype(np.float32 if narrow else np.float64, copy=False)


def grid_around(extremes: NDArray[Any], quantiles: tuple[float, ...]) -> Grid:
    """The 64 bins around the median that reach twice the interquartile range to both sides.

    Where half of the values are equal, they reach from the quantile 0.01 to that of 0.99; where
    almost all are, to the smallest and the largest.

    Args:
        extremes: Finite values in working precision: the least is the first, the largest the last.
        quantiles: Their quantiles at `LEVELS`.
    """
    at = dict(zip(LEVELS, quantiles, strict=True))
    median = at[0.5]
    # Halves are taken first: the difference of two doubles may be larger than any.
    reach = 4 * (at[0.75] / 2 - at[0.25] / 2)
    if not reach:
        reach = 2 * (at[0.99] / 2 - at[0.01] / 2)
    if not reach:
        reach = max(median / 2 - float(extremes[0]) / 2, float(extremes[-1]) / 2 - median / 2) * 2
    least, most, digits = _LIMITS[extremes.dtype]
    wanted = _exponent_above(reach / (BINS / 2)) if reach else least
    readable = _exponent_above(abs(median)) - digits if median else least
    if not reach and not median:
        wanted = 0
    width = math.ldexp(1.0, min(max(wanted, readable, least), most))
    return Grid(round(median / width) - BINS // 2, width, BINS)


def _exponent_above(value: float) -> int:
    """The exponent of the least power of two that is no smaller."""
    if math.isinf(value):
        return 1024
    mantissa, exponent = math.frexp(value)
    return exponent - 1 if mantissa == 0.5 else exponent
