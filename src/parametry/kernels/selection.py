"""Values at given ranks, from how many values are in each slot of a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.moments import Moments
from parametry.kernels.shares import in_shares

__all__ = ["Collected", "values_at_places", "values_at_ranks"]

Collected = list[NDArray[Any]]
"""Of each slot asked for, the values of a part of the array that are in it, but for zeros."""

# Fewer values are partitioned as quickly.
_WORTH_NARROWING: Final = 1 << 14
# Values that are collected to be ordered: 64 MiB of doubles, and twice that while they are.
_MOST_COLLECTED: Final = 1 << 23


def values_at_ranks(
    wanted: NDArray[np.int64],
    counts: NDArray[np.int64],
    of_zero: int,
    whole: Moments,
    collect: Callable[[NDArray[np.int64]], list[Collected]],
) -> tuple[dict[int, float], list[int]]:
    """The finite values at these ranks, and the ranks whose slots hold too many to be collected.

    Args:
        wanted: Ranks among the finite values, in ascending order.
        counts: int64 (bins + 2,): how many finite values are in each slot.
        of_zero: The slot that a zero is in.
        whole: The moments of all values.
        collect: Gives what is in some slots: of every part of the array.
    """
    ends = np.cumsum(counts)
    slots = np.searchsorted(ends, wanted, side="right")
    # Zeros are known by their number, and a slot may hold nothing else: they are not collected.
    held = counts.copy()
    held[of_zero] -= whole.zeros
    chosen = _few(held, slots)
    found = collect(chosen) if chosen.size else []
    out: dict[int, float] = {}

    def order(index: int) -> None:
        slot = int(chosen[index])
        some = np.concatenate([part[index] for part in found])
        finite = np.isfinite(some)
        if not finite.all():
            some = some[finite]
        ranked = wanted[slots == slot]
        places = ranked - int(ends[slot] - counts[slot])
        before, zeros = (int((some < 0).sum()), whole.zeros) if slot == of_zero else (0, 0)
        is_zero = (before <= places) & (places < before + zeros)
        places = np.where(places < before, places, places - zeros)
        out.update(zip(ranked[is_zero].tolist(), [0.0] * len(ranked), strict=False))
        if not is_zero.all():
            out.update(
                zip(
                    ranked[~is_zero].tolist(),
                    values_at_places(some, places[~is_zero]).astype(np.float64).tolist(),
                    strict=True,
                )
            )

    in_shares(order, range(len(chosen)))
    return out, [rank for rank in wanted.tolist() if rank not in out]


def values_at_places(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """The values that stand at these places in ascending order.

    Those of one slot are spread evenly more often than not: then most of them are left out by three
    comparisons, which take a tenth of the time of partitioning all.

    Args:
        values: Finite values in any order, which may have another order afterwards.
        places: Places in ascending order, at least one.
    """
    if values.size >= _WORTH_NARROWING and values.dtype.kind == "f":
        real, size = values.dtype.type, values.size
        margin = 2 / math.sqrt(size)  # four standard deviations of a place, at most
        low = float(values.min())
        width = float(values.max()) - low
        bottom = real(low + width * max(int(places[0]) / size - margin, 0.0))
        top = real(low + width * min(int(places[-1]) / size + margin, 1.0))
        below = int(np.count_nonzero(values < bottom))
        middle = values[(values >= bottom) & (values <= top)]
        if below <= places[0] and places[-1] < below + middle.size:
            values, places = middle, places - below
    values.partition(np.unique(places))
    found: NDArray[Any] = values[places]
    return found


def _few(held: NDArray[np.int64], slots: NDArray[np.intp]) -> NDArray[np.int64]:
    """Of these slots, those that hold few enough values to collect, in order."""
    chosen: list[int] = []
    room = _MOST_COLLECTED
    for slot in sorted(set(slots.tolist()), key=lambda slot: int(held[slot])):
        if held[slot] <= room:
            chosen.append(slot)
            room -= int(held[slot])
    return np.array(sorted(chosen), np.int64)
