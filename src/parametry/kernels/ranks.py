"""Which values a quantile lies between, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.statistics import LEVELS

__all__ = ["between", "quantiles_of_sorted", "ranks"]


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
