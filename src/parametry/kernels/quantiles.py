"""Quantiles and sketch of a large array: from a sample, or exactly by counting.

Exactly: a sample tells roughly where the median is, how far values spread, and between which values
each quantile lies. One pass counts the values in the bins of the sketch, and collects those between
which a quantile lies, to be ordered (see `brackets`).

Where too many would be collected (values that are all but equal, heavy tails), a pass counts the
values in a grid of fine bins, which tells in which bin each wanted rank is, and a second one
collects what is in these few bins. A bin in which still too much is gets searched by counting
instead, 16 bits of a value's key at a time, which holds nothing but the counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from parametry.core.moments import Moments, merge
from parametry.core.statistics import Distribution
from parametry.kernels.brackets import (
    FINEST,
    Bracketed,
    Brackets,
    brackets_around,
    distribution_within,
)
from parametry.kernels.grid import Grid, grid_around, in_working_precision
from parametry.kernels.ranks import between, quantiles_of, ranks
from parametry.kernels.selection import Collected, values_at_ranks
from parametry.kernels.statistics_numpy import DIGIT, digit_counts, value_of

__all__ = ["Over", "distribution_of_all", "exact_distribution"]

# What lies within brackets may take so many bytes.
_MOST_BRACKETED: Final = 96 << 20
# With more of all values to collect, fine bins are counted as quickly.
_LARGEST_SHARE: Final = 0.1
T = TypeVar("T")


class Over(Protocol):
    """Applies a function to every stretch of an array; its results, in order."""

    def __call__(self, function: Callable[[NDArray[Any]], T], /) -> list[T]:
        """What the function gives for each."""
        ...


def distribution_of_all(values: NDArray[Any], *, exact: bool) -> Distribution | None:
    """Quantiles and sketch of values that fit into memory twice; None where none is finite.

    Args:
        values: The values, of any shape.
        exact: Whether they are all there are.
    """
    working = in_working_precision(values).reshape(-1)
    finite = np.isfinite(working)
    if not finite.all():
        working = working[finite]
    if not working.size:
        return None
    quantiles = quantiles_of(working)
    grid = _grid_of(working, quantiles)
    counts = np.bincount(grid.slots(working), minlength=grid.bins + 2)
    return Distribution(quantiles, grid.sketch(counts), working.size, exact)


def exact_distribution(
    over: Over, engine: Any, size: int, rough: NDArray[Any], wide: NDArray[Any]
) -> tuple[list[Moments], Distribution | None]:
    """Moments of every stretch, exact quantiles and an exact sketch, in one pass or in three.

    Args:
        over: Applies a function to every stretch of the array.
        engine: Who counts and collects: `statistics_numpy`, or the compiled loops.
        size: How many values the array has.
        rough: A `sample` of the array, around whose median the sketch lies.
        wide: A larger one, that tells where quantiles are.
    """
    guess = in_working_precision(rough)
    guess = guess[np.isfinite(guess)]
    if not guess.size:  # then almost nothing is finite, and any grid will do
        guess = np.zeros(1, guess.dtype)
    grid = _grid_of(guess, quantiles_of(guess))
    fine = grid.finer(FINEST)
    counts = _bin_counts(wide, fine, engine)
    room = _MOST_BRACKETED // rough.dtype.itemsize
    brackets = brackets_around(counts, fine, min(_LARGEST_SHARE, room / size))
    if brackets is not None:
        found = _by_brackets(over, engine, brackets, 2 * room)
        if found is not None:
            return found
    return _by_counting(over, engine, grid.finer(), rough.dtype)


def _bin_counts(values: NDArray[Any], grid: Grid, engine: Any) -> NDArray[np.int64]:
    """How many of the finite values are in each bin; what lies beyond is in the first and last."""
    finite = np.isfinite(values)
    counts = engine.slot_counts(values if finite.all() else values[finite], grid)
    counts[1] += counts[0]
    counts[-2] += counts[-1]
    inner: NDArray[np.int64] = counts[1:-1]
    return inner


def _by_brackets(
    over: Over, engine: Any, brackets: Brackets, room: int
) -> tuple[list[Moments], Distribution] | None:
    """The same in one pass; None where a sample misled."""
    held = 0

    def first(values: NDArray[Any]) -> tuple[Moments, Bracketed] | None:
        nonlocal held
        if held > room:
            return None
        moments, found = engine.moments_and_bracketed(values, brackets)
        held += found.size
        return moments, found

    told = [both for both in over(first) if both is not None]
    if held > room:
        return None
    parts = [moments for moments, _ in told]
    found = [bracketed for _, bracketed in told]
    distribution = distribution_within(brackets, found, merge(parts), engine.collect)
    return None if distribution is None else (parts, distribution)


def _grid_of(values: NDArray[Any], quantiles: tuple[float, ...]) -> Grid:
    return grid_around(np.array([values.min(), values.max()]), quantiles)


def _by_counting(
    over: Over, engine: Any, fine: Grid, dtype: np.dtype[Any]
) -> tuple[list[Moments], Distribution | None]:
    """The same of values of any kind: from a count in every fine bin, then of what is in few."""

    def first(values: NDArray[Any]) -> tuple[Moments, NDArray[np.int64]]:
        # The second finds in the cache what the first brought there.
        return engine.moments(values), engine.slot_counts(values, fine)

    found = over(first)
    parts = [part for part, _ in found]
    whole = merge(parts)
    if not whole.finite:
        return parts, None
    counts = np.sum([counted for _, counted in found], axis=0)
    counts[0] -= whole.nan + whole.negative_infinity
    counts[-1] -= whole.positive_infinity
    lower, upper, shares = ranks(whole.finite)
    wanted = np.union1d(lower, upper)

    def collected(slots: NDArray[np.int64]) -> list[Collected]:
        def some(values: NDArray[Any]) -> Collected:
            counted = engine.slot_counts(values, fine)[slots]
            return list(engine.collect(values, fine, slots, counted))

        return over(some)

    of_zero = int(fine.slots(np.zeros(1))[0])
    values, left = values_at_ranks(wanted, counts, of_zero, whole, collected)
    values |= _by_digits(over, left, whole.negative_infinity, dtype)
    low = np.array([values[int(rank)] for rank in lower])
    high = np.array([values[int(rank)] for rank in upper])
    quantiles = between(low, high, shares)
    sketch = fine.coarser().sketch(counts)
    return parts, Distribution(quantiles, sketch, whole.finite, exact=True)


def _by_digits(over: Over, wanted: list[int], below: int, dtype: np.dtype[Any]) -> dict[int, float]:
    """The values at these ranks by counting alone: slower, and of no size to speak of.

    Args:
        over: Applies a function to every stretch of the array.
        wanted: Ranks among the finite values.
        below: How many values come before these: −∞.
        dtype: The array's dtype.
    """
    known: dict[tuple[int, int], NDArray[np.int64]] = {}
    out: dict[int, float] = {}
    for rank in wanted:
        low, left = 0, rank + below
        for shift in range(64 - DIGIT, -1, -DIGIT):
            if (low, shift) not in known:
                known[low, shift] = _digits(over, low, shift)
            ends = np.cumsum(known[low, shift])
            digit = int(np.searchsorted(ends, left, side="right"))
            left -= int(ends[digit - 1]) if digit else 0
            low += digit << shift
        out[rank] = value_of(low, dtype)
    return out


def _digits(over: Over, low: int, shift: int) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = np.sum(
        over(lambda values: digit_counts(values, low, shift)), axis=0
    )
    return counted
