"""Counting values by the slots of a grid or by their bits, and collecting those in some slots.

Slots of a block are worked out in vectors first. What then takes the time is one count in memory
for each value: about one in a cycle, 0.34 ns where a plain sum took 0.17 ns (AMD EPYC, one thread).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.kernels.bits_numba import FORESEEN, places_of_hits
from parametry.kernels.grid import Grid
from parametry.kernels.numba_engine import compiled, fixed

__all__ = ["byte_counts", "collect", "slot_counts"]

_BLOCK: Final = 4096
_AT_ONCE: Final = 8  # slots that `_mark` looks for


def _scalars(values: NDArray[Any], grid: Grid) -> tuple[Any, ...]:
    """What finds a value's slot, in the precision that `in_working_precision` has."""
    real = np.float32 if values.dtype == np.float32 else np.float64
    return real(1 / grid.width), real(grid.first), real(-1), real(grid.bins)


def slot_counts(values: NDArray[Any], grid: Grid) -> NDArray[np.int64]:
    """As `statistics_numpy.slot_counts`."""
    counts = np.zeros((2, grid.bins + 2), np.uint32)
    _count_slots(fixed(values), _scalars(values, grid), counts)
    total: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)
    return total


@compiled()
def _slots(values: Any, grid: Any, slots: Any) -> None:
    inverse, first, below, above = grid
    for i in range(values.size):
        step = np.floor(values[i] * inverse) - first
        step = step if step > below else below  # NaN, too, is below
        step = step if step < above else above
        slots[i] = np.uint16(np.int32(step) + np.int32(1))


@compiled()
def _count_slots(values: Any, grid: Any, counts: Any) -> None:
    slots = np.zeros(_BLOCK, np.uint16)
    words = slots.view(np.uint64)
    mask = np.uint64(0xFFFF)
    # Two tables, so that equal neighbours need not wait for each other.
    a, b = counts[0], counts[1]
    one = np.uint32(1)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        _slots(some, grid, slots)
        for i in range(some.size // 4):
            word = words[i]
            a[word & mask] += one
            b[(word >> np.uint64(16)) & mask] += one
            a[(word >> np.uint64(32)) & mask] += one
            b[word >> np.uint64(48)] += one
        for i in range(some.size // 4 * 4, some.size):
            a[slots[i]] += one


def collect(
    values: NDArray[Any], grid: Grid, wanted: NDArray[np.int64], counts: NDArray[np.int64]
) -> list[NDArray[Any]]:
    """As `statistics_numpy.collect`."""
    starts = np.cumsum(counts) - counts
    ends, out = starts.copy(), np.empty(int(counts.sum()), values.dtype)
    owners = np.zeros(grid.bins + 2, np.uint16)
    owners[wanted] = np.arange(wanted.size, dtype=np.uint16)
    rows = -(-wanted.size // _AT_ONCE)
    looked_for = np.resize(wanted.astype(np.uint16), (rows, _AT_ONCE))  # the same ones again
    _collect(fixed(values), _scalars(values, grid), looked_for, owners, out, ends)
    return [out[start:end] for start, end in zip(starts, ends, strict=True)]


@compiled()
def _collect(  # noqa: PLR0917 - what it reads, and what it writes
    values: Any, grid: Any, wanted: Any, owners: Any, out: Any, ends: Any
) -> None:
    slots = np.empty(_BLOCK, np.uint16)
    hits = np.zeros(_BLOCK, np.uint8)
    places = np.empty(_BLOCK + FORESEEN, np.uint16)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        _slots(some, grid, slots)
        hits[:] = 0
        for row in wanted:
            _mark(slots[: some.size], row, hits)
        found = places_of_hits(hits, some.size, places)
        for k in range(found):
            at = places[k]
            if some[at] != 0:
                owner = owners[slots[at]]
                out[ends[owner]] = some[at]
                ends[owner] += 1


@compiled()
def _mark(slots: Any, wanted: Any, hits: Any) -> None:
    a, b, c, d = wanted[0], wanted[1], wanted[2], wanted[3]
    e, f, g, h = wanted[4], wanted[5], wanted[6], wanted[7]
    for i in range(slots.size):
        slot = slots[i]
        low = (slot == a) | (slot == b) | (slot == c) | (slot == d)
        high = (slot == e) | (slot == f) | (slot == g) | (slot == h)
        hits[i] |= np.uint8(low | high)


def byte_counts(values: NDArray[Any]) -> NDArray[np.int64]:
    """As `statistics_numpy.byte_counts`."""
    bits = fixed(values, np.uint8 if values.dtype.itemsize == 1 else np.uint16)
    # More tables than one, so that equal neighbours need not wait for each other: as many as fit
    # into the second cache.
    tables = 4 if values.dtype.itemsize == 1 else 2
    counts = np.zeros((tables, 1 << 8 * values.dtype.itemsize), np.uint32)
    _count_bytes(bits, counts)
    total: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)
    return total


@compiled()
def _count_bytes(bits: Any, counts: Any) -> None:
    a, b, c, d = counts[0], counts[1], counts[-2], counts[-1]
    one = np.uint32(1)
    for i in range(bits.size // 4):
        a[bits[4 * i]] += one
        b[bits[4 * i + 1]] += one
        c[bits[4 * i + 2]] += one
        d[bits[4 * i + 3]] += one
    for i in range(bits.size // 4 * 4, bits.size):
        a[bits[i]] += one
