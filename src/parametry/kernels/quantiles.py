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
    Bracketed,
    Brackets,
    brackets_around,
    distribution_within,
)
from parametry.kernels.draw import in_shares
from parametry.kernels.grid import Grid, grid_around, in_working_precision
from parametry.kernels.ranks import between, quantiles_of_sorted, ranks
from parametry.kernels.statistics_numpy import DIGIT, digit_counts, value_of

__all__ = [
    "SAMPLE",
    "Over",
    "distribution_of_all",
    "exact_distribution",
    "sample",
    "sample_places",
    "wide_sample",
]

SAMPLE: Final = 1 << 16
"""How many values a sample has; an array with no more is taken whole."""

# Values that are collected to be sorted: 64 MiB of doubles, and twice that while they are sorted.
_MOST_COLLECTED: Final = 1 << 23
# A sample has one in so many values. With fewer the brackets hold more values, with more it takes
# longer to take and to sort the sample than to collect them.
_VALUES_FOR_EACH: Final = 1 << 10
_WIDEST_SAMPLE: Final = 1 << 20
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
    ordered = np.sort(working[finite]) if not finite.all() else np.sort(working)
    if not ordered.size:
        return None
    quantiles = quantiles_of_sorted(ordered)
    grid = grid_around(ordered, quantiles)
    counts = np.bincount(grid.slots(ordered), minlength=grid.bins + 2)
    return Distribution(quantiles, grid.sketch(counts), ordered.size, exact)


def sample(array: NDArray[Any], count: int = SAMPLE) -> NDArray[Any]:
    """One value from each of 65,536 equally long parts of an array, each anywhere within its part.

    The same array gives the same sample. The rank of its quantile at a level ``q`` is off by a
    standard deviation of at most ``sqrt(q * (1 - q)) / 256`` of all ranks: 0.2 % for the median.

    Args:
        array: An array of no fewer values than are asked for.
        count: How many parts.
    """
    places = sample_places(array.size, count)
    if not array.flags.c_contiguous:
        return array[np.unravel_index(places, array.shape)]
    flat, out = array.reshape(-1), np.empty(count, array.dtype)

    def take(begin: int) -> None:  # each waits for the memory, and two wait no longer than one
        some = slice(begin, begin + SAMPLE)
        flat.take(places[some], out=out[some], mode="clip")

    in_shares(take, range(0, count, SAMPLE))
    return out


def sample_places(size: int, count: int = SAMPLE) -> NDArray[np.int64]:
    """Where in an array of so many values, in C order, those of its `sample` are."""
    edges = np.arange(count + 1, dtype=np.int64) * (size // count)
    edges += np.arange(count + 1, dtype=np.int64) * (size % count) // count
    # Where in its part: a hash of its number, so that no period of the array can meet the sample's.
    numbers = np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    shares = (numbers >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return edges[:-1] + (np.diff(edges) * shares).astype(np.int64)


def wide_sample(array: NDArray[Any]) -> NDArray[Any]:
    """A `sample` that grows with the array, from which less is to be collected then."""
    wanted = array.size // _VALUES_FOR_EACH
    return sample(array, min(max(wanted, SAMPLE), _WIDEST_SAMPLE))


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
    guess = _finite_in_order(rough)
    if not guess.size:  # then almost nothing is finite, and any grid will do
        guess = np.zeros(1, guess.dtype)
    grid = grid_around(guess, quantiles_of_sorted(guess))
    wider = _finite_in_order(wide)
    room = _MOST_BRACKETED // rough.dtype.itemsize
    share = min(_LARGEST_SHARE, room / size)
    brackets = brackets_around(wider, grid, share) if wider.size else None
    if brackets is not None:
        found = _by_brackets(over, engine, brackets, 2 * room)
        if found is not None:
            return found
    return _by_counting(over, engine, grid.finer(), rough.dtype)


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
    whole = merge(parts)
    distribution = distribution_within(brackets, [found for _, found in told], whole)
    return None if distribution is None else (parts, distribution)


def _finite_in_order(values: NDArray[Any]) -> NDArray[Any]:
    ordered = np.sort(in_working_precision(values))
    finite: NDArray[Any] = ordered[np.isfinite(ordered)]
    return finite


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
    values = _at_ranks(over, engine, fine, counts, whole, wanted, dtype)
    low = np.array([values[int(rank)] for rank in lower])
    high = np.array([values[int(rank)] for rank in upper])
    quantiles = between(low, high, shares)
    sketch = fine.coarser().sketch(counts)
    return parts, Distribution(quantiles, sketch, whole.finite, exact=True)


def _at_ranks(  # noqa: PLR0917 - what two passes are told
    over: Over,
    engine: Any,
    grid: Grid,
    counts: NDArray[np.int64],
    whole: Moments,
    wanted: NDArray[np.int64],
    dtype: np.dtype[Any],
) -> dict[int, float]:
    """The finite values at these ranks."""
    ends = np.cumsum(counts)
    slots = np.searchsorted(ends, wanted, side="right")
    # Zeros are known by their number, and a bin may hold nothing else: they are not collected.
    of_zero = int(grid.slots(np.zeros(1))[0])
    held = counts.copy()
    held[of_zero] -= whole.zeros
    collected = _collected(over, engine, grid, _few(held, slots))
    out: dict[int, float] = {}
    places: dict[int, dict[int, int]] = {slot: {} for slot in collected}
    left: list[int] = []
    for rank, slot in zip(wanted.tolist(), slots.tolist(), strict=True):
        if slot not in collected:
            left.append(rank)
            continue
        place = rank - int(ends[slot] - counts[slot])
        if slot == of_zero:
            negative = int(np.count_nonzero(collected[slot] < 0))
            if negative <= place < negative + whole.zeros:
                out[rank] = 0.0
                continue
            place -= whole.zeros if place > negative else 0
        places[slot][rank] = place
    asked = [slot for slot, ranked in places.items() if ranked]

    def order(index: int) -> None:
        ranked = places[asked[index]]
        ordered = np.partition(collected[asked[index]], list(ranked.values()))
        out.update({rank: float(ordered[place]) for rank, place in ranked.items()})

    in_shares(order, range(len(asked)))
    return out | _by_digits(over, left, whole.negative_infinity, dtype)


def _few(held: NDArray[np.int64], slots: NDArray[np.intp]) -> NDArray[np.int64]:
    """Of these slots, those that hold few enough values to collect, in order."""
    chosen: list[int] = []
    room = _MOST_COLLECTED
    for slot in sorted(set(slots.tolist()), key=lambda slot: int(held[slot])):
        if held[slot] <= room:
            chosen.append(slot)
            room -= int(held[slot])
    return np.array(sorted(chosen), np.int64)


def _collected(
    over: Over, engine: Any, grid: Grid, slots: NDArray[np.int64]
) -> dict[int, NDArray[Any]]:
    """The finite values in each of these slots but for zeros, in no order."""
    if not slots.size:
        return {}

    def found(values: NDArray[Any]) -> list[NDArray[Any]]:
        some = engine.collect(values, grid, slots)
        some = some[np.isfinite(some)]
        at = grid.slots(in_working_precision(some))
        return [some[at == slot] for slot in slots]

    parts = zip(*over(found), strict=True)
    return {int(slot): np.concatenate(part) for slot, part in zip(slots, parts, strict=True)}


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
