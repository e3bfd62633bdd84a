"""Exact quantiles in one pass: a sample tells between which slots of a grid each of them lies.

A quantile of all values lies within four standard deviations of the sample's, in ranks, but for one
array in some thousand. So one pass counts what lies below each of these brackets, and collects what
lies within: the quantile is one of these. Where it is not, it is looked for in another way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.moments import Moments
from parametry.core.statistics import BINS, LEVELS, Distribution
from parametry.kernels.draw import in_shares
from parametry.kernels.grid import Grid, in_working_precision
from parametry.kernels.ranks import between, ranks

__all__ = [
    "FINEST",
    "Bracketed",
    "Brackets",
    "bins_of",
    "brackets_around",
    "distribution_within",
]

FINEST: Final = 128
"""Into how many bins each bin of the sketch is cut, so that brackets hold little else."""

_DEVIATIONS: Final = 4.0
# What brackets hold is told by one in so many values of a sample in order.
_TOLD_BY: Final = 8
# A sample of so many tells roughly where in a bracket the quantile is.
_SELECTED_BY: Final = 4096


@dataclass(frozen=True, slots=True)
class Brackets:
    """For each of `LEVELS` the slots of a grid between which its quantile lies.

    Attributes:
        grid: A grid of `BINS` times `FINEST` bins. What lies outside of it counts to its first and
            last one here; so does NaN, to the first.
        lows: uint16 (7,): the number of the first bin of each bracket. No two brackets overlap.
        widths: uint16 (7,): how many bins it has; none where there are fewer brackets than levels.
        of_levels: The number of the bracket of each level; near levels may have one together.
    """

    grid: Grid
    lows: NDArray[np.uint16]
    widths: NDArray[np.uint16]
    of_levels: tuple[int, ...]

    def owners(self) -> NDArray[np.uint8]:
        """For each bin the number of the bracket that it is in; `len(LEVELS)` for none."""
        owners = np.full(self.grid.bins, len(LEVELS), np.uint8)
        for number, (low, width) in enumerate(zip(self.lows, self.widths, strict=True)):
            owners[int(low) : int(low) + int(width)] = number
        return owners


@dataclass(frozen=True, slots=True)
class Bracketed:
    """What one pass tells of a stretch.

    Attributes:
        counts: int64 (64,): how many values lie in each bin of the sketch.
        below: int64 (7,): how many lie below each bracket.
        held: The values within each bracket, in no order.
    """

    counts: NDArray[np.int64]
    below: NDArray[np.int64]
    held: tuple[NDArray[Any], ...]

    @property
    def size(self) -> int:
        """How many values the brackets hold."""
        return sum(inside.size for inside in self.held)


def bins_of(values: NDArray[Any], grid: Grid) -> NDArray[np.intp]:
    """The number of the bin of each value, from 0 on; of the first or last for what lies outside.

    Example:
        >>> bins_of(np.array([-9.0, 0.5, 9.0]), Grid(-2, 1.0, 4)).tolist()
        [0, 2, 3]
    """
    return np.clip(grid.slots(in_working_precision(values)) - 1, 0, grid.bins - 1)


def brackets_around(ordered: NDArray[Any], sketch: Grid, most: float) -> Brackets | None:
    """The brackets that a sample tells; None where they would hold too much.

    Args:
        ordered: The finite values of a sample in ascending order, in working precision.
        sketch: The bins of the sketch.
        most: The largest share of all values that may lie within the brackets.
    """
    size, grid = ordered.size, sketch.finer(FINEST)
    levels = np.array(LEVELS)
    centres = levels * (size - 1)
    reach = _DEVIATIONS * np.sqrt(levels * (1 - levels) * size) + 1
    first, last = np.floor(centres - reach).astype(int), np.ceil(centres + reach).astype(int)
    lows = np.where(first < 0, 0, bins_of(ordered[np.maximum(first, 0)], grid))
    highs = np.where(
        last >= size, grid.bins, bins_of(ordered[np.minimum(last, size - 1)], grid) + 1
    )
    apart: list[tuple[int, int]] = []
    of_levels: list[int] = []
    for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
        if apart and low < apart[-1][1]:  # they overlap: one for both
            apart[-1] = apart[-1][0], max(high, apart[-1][1])
        else:
            apart.append((low, high))
        of_levels.append(len(apart) - 1)
    none = [(0, 0)] * (len(LEVELS) - len(apart))
    starts, ends = np.array(apart + none, np.uint16).T
    brackets = Brackets(grid, starts.copy(), ends - starts, tuple(of_levels))
    owners = brackets.owners()[bins_of(ordered[::_TOLD_BY], grid)]
    return brackets if np.mean(owners < len(LEVELS)) <= most else None


def distribution_within(
    brackets: Brackets, parts: list[Bracketed], whole: Moments
) -> Distribution | None:
    """Quantiles and sketch, exactly; None where a quantile lies in no bracket.

    Args:
        brackets: The brackets.
        parts: What the pass told of each stretch.
        whole: The moments of all values, of which some are finite.
    """
    counts = np.sum([part.counts for part in parts], axis=0)
    counts[0] -= whole.nan + whole.negative_infinity
    counts[-1] -= whole.positive_infinity
    below = np.sum([part.below for part in parts], axis=0)
    # What is not finite stands in the first bin, and so below brackets that begin later.
    below[brackets.lows > 0] -= whole.nan + whole.negative_infinity
    lower, upper, shares = ranks(whole.finite)
    found: list[tuple[float, float] | None] = [None] * len(LEVELS)

    def look(level: int) -> None:
        number = brackets.of_levels[level]
        inside = np.concatenate([part.held[number] for part in parts])
        if whole.finite < whole.count:
            inside = inside[np.isfinite(inside)]
        place, after = int(lower[level] - below[number]), int(upper[level] - below[number])
        if place >= 0 and after < inside.size:
            nearer, skipped = _nearer(inside, place)
            nearer.partition(place - skipped)
            found[level] = float(nearer[place - skipped]), float(nearer[after - skipped :].min())

    in_shares(look, range(len(LEVELS)))
    pairs = [pair for pair in found if pair is not None]
    if len(pairs) < len(LEVELS):
        return None
    low, high = np.array(pairs).T
    sketch = brackets.grid.coarser(FINEST).sketch(np.concatenate([[0], counts, [0]]))
    assert len(counts) == BINS
    return Distribution(between(low, high, shares), sketch, whole.finite, exact=True)


def _nearer(values: NDArray[Any], place: int) -> tuple[NDArray[Any], int]:
    """Fewer values, among which the one at a place in order is and the next one; how many are less.

    A sample tells between which two values they are, most likely: R. W. Floyd and R. L. Rivest,
    "Expected time bounds for selection", Communications of the ACM 18 (1975). What else lies there
    is left out in a quarter of the time that it takes to move it aside.
    """
    if values.size <= _SELECTED_BY * _TOLD_BY:
        return values, 0
    some = np.sort(values[:: values.size // _SELECTED_BY])
    middle, reach = place / values.size * some.size, _DEVIATIONS * math.sqrt(some.size) / 2 + 1
    low, high = some[max(int(middle - reach), 0)], some[min(int(middle + reach), some.size - 1)]
    below = int(np.count_nonzero(values < low))
    inside = values[(values >= low) & (values <= high)]
    held = below <= place and place + 1 < below + inside.size
    return (inside, below) if held else (values, 0)
