"""Statistics from a table of how often each value occurs: for dtypes of one byte, and of two.

A dtype of 8 bits has 256 values, so that counting bytes tells everything, exactly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.moments import Moments, two_sum
from parametry.core.statistics import LEVELS, Distribution
from parametry.kernels.grid import grid_around, in_working_precision
from parametry.kernels.ranks import between, ranks

__all__ = ["distribution_of_counts", "moments_of_counts", "values_of"]


def values_of(dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """The value of each bit pattern of a dtype of 8 or 16 bits."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"uint{8 * dtype.itemsize}")
    if kind(dtype) == "bool":
        return np.minimum(bits, 1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN like any other here
        values: NDArray[np.float64] = bits.view(dtype).astype(np.float64)
    return values


def moments_of_counts(counts: NDArray[np.int64], dtype: np.dtype[Any]) -> Moments:
    """Counts, extremes and moments of the values that were counted."""
    values = values_of(dtype)
    outside = ~np.isfinite(values)
    nan, above, below = (
        int(counts[found].sum())
        for found in (np.isnan(values), values == np.inf, values == -np.inf)
    )
    there = (counts > 0) & ~outside
    held, times = values[there], counts[there]
    if not held.size:
        count = int(counts.sum())
        return Moments(count=count, nan=nan, positive_infinity=above, negative_infinity=below)
    number = int if kind(dtype) in ("bool", "integer") else float
    size = int(times.sum())
    # The mean twice: of the values, and of what they deviate from it.
    first = math.fsum(held * times) / size
    centre, residue = two_sum(first, math.fsum((held - first) * times) / size)
    return Moments(
        count=int(counts.sum()),
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
        zeros=int(times[held == 0].sum()),
        min=number(held.min() + 0.0),
        max=number(held.max() + 0.0),
        centre=centre,
        residue=residue,
        squares=math.fsum(np.square(held - centre - residue) * times),
        magnitudes=math.fsum(np.abs(held) * times),
    )


def distribution_of_counts(counts: NDArray[np.int64], dtype: np.dtype[Any]) -> Distribution | None:
    """Quantiles and sketch of the finite values that were counted; None where there are none."""
    values = values_of(dtype)
    there = (counts > 0) & np.isfinite(values)
    order = np.argsort(values[there], kind="stable")
    held, times = values[there][order], counts[there][order]
    size = int(times.sum())
    if not size:
        return None
    ends = np.cumsum(times)
    lower, upper, shares = ranks(size)
    low = held[np.searchsorted(ends, lower, side="right")]
    high = held[np.searchsorted(ends, upper, side="right")]
    quantiles = between(low, high, shares)
    working = held.astype(in_working_precision(np.empty(0, dtype)).dtype)
    grid = grid_around(working, quantiles)
    found = np.bincount(grid.slots(working), weights=times, minlength=grid.bins + 2)
    assert len(quantiles) == len(LEVELS)
    return Distribution(quantiles, grid.sketch(found.astype(np.int64)), size, exact=True)
