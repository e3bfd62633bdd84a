"""Exact quantiles in one pass: a sample tells between which slots of a grid each of them lies.

A quantile of all values lies within four standard deviations of the sample's, in ranks, but for one
array in some thousand. So one pass counts what lies below each of these brackets, and collects what
lies within, counted by its bin: the quantile is one of the few values in a bin. Where it is not
within, it is looked for in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.moments import Moments
from parametry.core.statistics import BINS, LEVELS, Distribution
from parametry.kernels.grid import Grid, in_working_precision
from parametry.kernels.ranks import between, ranks
from parametry.kernels.selection import Collected, values_at_ranks
from parametry.kernels.shares import in_shares

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


@dataclass(frozen=True, slots=True)
class Brackets:
    """For each of `LEVELS` the bins of a grid between which its quantile lies.

    Attributes:
        grid: A grid of `BINS` times `FINEST` bins. What lies outside of it counts to its first and
            last one here; so does NaN, to the first.
        lows: uint16 (7,): the number of the first bin of each bracket. No two brackets overlap.
        widths: uint16 (7,): how many bins it has; none where there are fewer brackets than levels.
        share: Which share of all values is within brackets, as a sample tells it.
    """

    grid: Grid
    lows: NDArray[np.uint16]
    widths: NDArray[np.uint16]
    share: float

    def inside(self) -> NDArray[np.bool_]:
        """For each bin whether it is in a bracket."""
        inside = np.zeros(self.grid.bins, np.bool_)
        for low, width in zip(self.lows.tolist(), self.widths.tolist(), strict=True):
            inside[low : low + width] = True
        return inside


@dataclass(frozen=True, slots=True)
class Bracketed:
    """What one pass tells of a stretch.

    Attributes:
        counts: int64 (64,): how many values lie in each bin of the sketch.
        below: int64 (7,): how many lie below each bracket.
        slots: int64 (8192,): how many lie in each bin that is within a bracket; none elsewhere.
        held: The values within brackets, in no order, in arrays that need not be full.
    """

    counts: NDArray[np.int64]
    below: NDArray[np.int64]
    slots: NDArray[np.int64]
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


def brackets_around(counts: NDArray[np.int64], grid: Grid, most: float) -> Brackets | None:
    """The brackets that a sample tells; None where they would hold too much, or there is none.

    Args:
        counts: int64 (8192,): how many finite values of a sample are in each bin.
        grid: The bins of the sketch, each cut into `FINEST`.
        most: The largest share of all values that may lie within the brackets.
    """
    ends = np.cumsum(counts)
    size = int(ends[-1])
    if not size:
        return None
    levels = np.array(LEVELS)
    centres = levels * (size - 1)
    reach = _DEVIATIONS * np.sqrt(levels * (1 - levels) * size) + 1
    first, last = np.floor(centres - reach), np.ceil(centres + reach)
    lows = np.where(first < 0, 0, np.searchsorted(ends, first, side="right"))
    highs = np.where(last >= size, grid.bins, np.searchsorted(ends, last, side="right") + 1)
    apart: list[tuple[int, int]] = []
    for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
        if apart and low < apart[-1][1]:  # they overlap: one for both
            apart[-1] = apart[-1][0], max(high, apart[-1][1])
        else:
            apart.append((low, high))
    share = float(sum(counts[low:high].sum() for low, high in apart)) / size
    if share > most:
        return None
    none = [(0, 0)] * (len(LEVELS) - len(apart))
    starts, stops = np.array(apart + none, np.uint16).T
    return Brackets(grid, starts.copy(), stops - starts, share)


def distribution_within(
    brackets: Brackets,
    parts: list[Bracketed],
    whole: Moments,
    collect: Callable[..., Collected],
) -> Distribution | None:
    """Quantiles and sketch, exactly; None where a quantile lies in no bracket.

    Args:
        brackets: The brackets.
        parts: What the pass told of each stretch.
        whole: The moments of all values, of which some are finite.
        collect: Gives the values in some slots of a grid but for zeros, and the slot of each.
    """
    grid = brackets.grid
    first, last = whole.nan + whole.negative_infinity, whole.positive_infinity
    sketched: NDArray[np.int64] = np.sum([part.counts for part in parts], axis=0)
    sketched[0] -= first
    sketched[-1] -= last
    counts, known = _slot_counts(brackets, parts, whole)
    lower, upper, shares = ranks(whole.finite)
    wanted = np.union1d(lower, upper)
    if not known[np.searchsorted(np.cumsum(counts), wanted, side="right")].all():
        return None

    def collected(slots: NDArray[np.int64]) -> list[Collected]:
        # What lies outside of the grid counts to its first and last bin here.
        beyond = {1: 0, grid.bins: grid.bins + 1}
        wider = np.union1d(slots, [beyond.get(slot, slot) for slot in slots.tolist()])
        here = wider.clip(1, grid.bins)
        found: list[Collected] = [[] for _ in parts]

        def look(index: int) -> None:
            part = parts[index]
            held = part.held[0] if len(part.held) == 1 else np.concatenate(part.held)
            rows = collect(held, grid, wider, part.slots[here - 1])
            found[index] = [
                np.concatenate([rows[row] for row in np.flatnonzero(here == slot)])
                for slot in slots.tolist()
            ]

        in_shares(look, range(len(parts)))
        return found

    of_zero = int(bins_of(np.zeros(1), grid)[0]) + 1
    values, left = values_at_ranks(wanted, counts, of_zero, whole, collected)
    if left:
        return None
    low = np.array([values[rank] for rank in lower.tolist()])
    high = np.array([values[rank] for rank in upper.tolist()])
    sketch = grid.coarser(FINEST).sketch(np.concatenate([[0], sketched, [0]]))
    assert len(sketched) == BINS
    return Distribution(between(low, high, shares), sketch, whole.finite, exact=True)


def _slot_counts(
    brackets: Brackets, parts: list[Bracketed], whole: Moments
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How many finite values are in each slot, and for which slots that is known.

    What lies between two brackets is told of the slot before the second alone.
    """
    counts = np.zeros(brackets.grid.bins + 2, np.int64)
    known = np.zeros(counts.size, np.bool_)
    inside = counts[1:-1]
    inside += np.sum([part.slots for part in parts], axis=0)
    known[1:-1] = brackets.inside()
    # What is not finite stands in the outermost bins, and so below brackets that begin later.
    first, last = whole.nan + whole.negative_infinity, whole.positive_infinity
    if known[1]:
        inside[0] -= first
    if known[-2]:
        inside[-1] -= last
    below: NDArray[np.int64] = np.sum([part.below for part in parts], axis=0)
    before = 0
    for low, width, under in zip(
        brackets.lows.tolist(), brackets.widths.tolist(), below.tolist(), strict=True
    ):
        if width:
            finite = under - first if low else 0
            counts[low] += finite - before
            before = finite + int(inside[low : low + width].sum())
    counts[-1] += whole.finite - before
    return counts, known
