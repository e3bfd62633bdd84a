"""Exact quantiles in one pass: a sample tells between which slots of a grid each of them lies.

A quantile of all values lies within four standard deviations of the sample's, in ranks, but for one
array in some thousand. So one pass counts what lies below each of these brackets, and collects what
lies within: the quantile is one of these. Where it is not, it is looked for in another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.moments import Moments
from parametry.core.statistics import LEVELS, Distribution
from parametry.kernels.draw import in_shares
from parametry.kernels.grid import Grid, in_working_precision
from parametry.kernels.ranks import between, ranks

__all__ = ["Brackets", "Bracketed", "brackets_around", "distribution_within"]

_DEVIATIONS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Brackets:
    """For each of `LEVELS` the slots of a grid between which its quantile lies.

    Attributes:
        grid: A grid of `BINS` times `FINE` bins. What lies outside of it counts to its first and
            last one here; so does NaN, to the first.
        lows: uint16 (7,): the number of the first bin of each bracket.
        widths: uint16 (7,): how many bins it has.
    """

    grid: Grid
    lows: NDArray[np.uint16]
    widths: NDArray[np.uint16]

    def bins_of(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """The number of the bin of each value, from 0 on."""
        slots = self.grid.slots(in_working_precision(values)) - 1
        return np.clip(slots, 0, self.grid.bins - 1)


@dataclass(frozen=True, slots=True)
class Bracketed:
    """What one pass tells of a stretch.

    Attributes:
        counts: int64 (64,): how many values lie in each bin of the sketch.
        below: int64 (7,): how many lie below each bracket.
        held: The values within any bracket, in no order.
    """

    counts: NDArray[np.int64]
    below: NDArray[np.int64]
    held: NDArray[Any]


def brackets_around(ordered: NDArray[Any], grid: Grid, most: float) -> Brackets | None:
    """The brackets that a sample tells; None where they would hold too much.

    Args:
        ordered: The finite values of a sample in ascending order, in working precision.
        grid: A grid of `BINS` times `FINE` bins.
        most: The largest share of all values that may lie within the brackets.
    """
    size = ordered.size
    levels = np.array(LEVELS)
    centres = levels * (size - 1)
    reach = _DEVIATIONS * np.sqrt(levels * (1 - levels) * size) + 1
    first, last = np.floor(centres - reach).astype(int), np.ceil(centres + reach).astype(int)
    everything = Brackets(grid, np.zeros(0, np.uint16), np.zeros(0, np.uint16))
    bins = everything.bins_of(ordered)
    lows = np.where(first < 0, 0, bins[np.maximum(first, 0)])
    highs = np.where(last >= size, grid.bins - 1, bins[np.minimum(last, size - 1)])
    inside = np.zeros(grid.bins, bool)
    for low, high in zip(lows, highs, strict=True):
        inside[low : high + 1] = True
    if np.count_nonzero(inside[bins]) > most * size:
        return None
    return Brackets(grid, lows.astype(np.uint16), (highs - lows + 1).astype(np.uint16))


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
    held = np.concatenate([part.held for part in parts])
    held = held[np.isfinite(held)]
    bins = brackets.bins_of(held)
    lower, upper, shares = ranks(whole.finite)
    found: list[tuple[float, float] | None] = [None] * len(LEVELS)

    def look(level: int) -> None:
        low = int(brackets.lows[level])
        inside = held[(bins >= low) & (bins < low + int(brackets.widths[level]))]
        place, after = int(lower[level] - below[level]), int(upper[level] - below[level])
        if place >= 0 and after < inside.size:
            inside.partition(place)
            found[level] = float(inside[place]), float(inside[after:].min())

    in_shares(look, range(len(LEVELS)))
    pairs = [pair for pair in found if pair is not None]
    if len(pairs) < len(LEVELS):
        return None
    low, high = np.array(pairs).T
    quantiles = between(low, high, shares)
    sketch = brackets.grid.coarser().sketch(np.concatenate([[0], counts, [0]]))
    return Distribution(quantiles, sketch, whole.finite, exact=True)
