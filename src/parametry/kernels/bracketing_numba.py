"""One pass that counts values by the bins of a sketch, and collects those within some brackets.

Bins of a block are worked out in vectors, and so is what lies below and within the brackets. What
is left is one count in memory: for two values at a time, in a table of all pairs of bins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.statistics import BINS, LEVELS
from parametry.kernels.bits_numba import FORESEEN, places_of_hits
from parametry.kernels.brackets import FINEST, Bracketed, Brackets
from parametry.kernels.numba_engine import compiled

__all__ = ["PIECE", "bracketed", "count_and_gather"]

PIECE: Final = 1 << 13
"""So many values stay in the second cache, to be read there once more."""

# A block and what is written beside it stay in the first cache.
_BLOCK: Final = 2048
# Room for so many times what a sample says that brackets hold, of a stretch.
_ROOM: Final = 1.25
_SHIFT: Final = FINEST.bit_length() - 1  # of a fine bin's number to the sketch's
_BITS: Final = BINS.bit_length() - 1


def bracketed(
    values: NDArray[Any], brackets: Brackets, look: Callable[[NDArray[Any], Any], int]
) -> Bracketed:
    """What lies in each bin of the sketch, below each bracket, and within.

    Args:
        values: A stretch of an array.
        brackets: The brackets.
        look: Calls `count_and_gather` with some of the values from the first on and with what it
            is given, until there is no room for a further `PIECE`; tells how many it has done.
    """
    levels, grid = len(LEVELS), brackets.grid
    assert grid.bins == BINS * FINEST
    assert len(brackets.lows) == levels
    real = np.float32 if values.dtype == np.float32 else np.float64
    place = real(1 / grid.width), real(grid.first), real(0), real(grid.bins - 1)
    counts, below = np.zeros(BINS, np.int64), np.zeros(levels, np.int64)
    pairs, slots = np.zeros((2, BINS * BINS), np.uint32), np.zeros(grid.bins, np.uint32)
    counted = counts, pairs, below, slots
    scratch = (
        np.zeros(_BLOCK, np.uint16),
        np.zeros(_BLOCK // 2, np.uint16),
        np.zeros(_BLOCK, np.uint8),
        np.zeros(_BLOCK + FORESEEN, np.uint16),
    )
    held: list[NDArray[Any]] = []
    left = values
    while left.size:
        room = np.empty(int(left.size * min(_ROOM * brackets.share, 1)) + 2 * PIECE, values.dtype)
        size = np.zeros(1, np.int64)
        done = look(left, (place, brackets.lows, brackets.widths, counted, scratch, room, size))
        held.append(room[: size[0]])
        left = left[done:]
    both = pairs.sum(axis=0, dtype=np.int64).reshape(BINS, BINS)
    counts += both.sum(axis=0) + both.sum(axis=1)
    return Bracketed(counts, below, slots.astype(np.int64), tuple(held))


@compiled()
def _bins(values: Any, place: Any, bins: Any) -> None:
    inverse, first, zero, last = place
    for i in range(values.size):
        step = np.floor(values[i] * inverse) - first
        step = step if step > zero else zero  # NaN, too, is in the first
        step = step if step < last else last
        bins[i] = np.uint16(np.int32(step))


@compiled()
def _paired(bins: Any, codes: Any) -> None:
    """The number of a pair of bins of the sketch, for each value and the one half a block on."""
    half = codes.size
    for i in range(half):
        other = np.uint16((bins[i + half] >> np.uint16(_SHIFT)) << np.uint16(_BITS))
        codes[i] = np.uint16((bins[i] >> np.uint16(_SHIFT)) | other)


@compiled()
def _count_pairs(codes: Any, pairs: Any) -> None:
    # Two tables, so that equal neighbours need not wait for each other.
    a, b = pairs[0], pairs[1]
    mask, one = np.uint64(0xFFFF), np.uint32(1)
    for i in range(codes.size):
        four = codes[i]
        a[four & mask] += one
        b[(four >> np.uint64(16)) & mask] += one
        a[(four >> np.uint64(32)) & mask] += one
        b[four >> np.uint64(48)] += one


@compiled()
def _marks(bins: Any, lows: Any, widths: Any, hits: Any, below: Any) -> None:
    """Which values are within a bracket, and how many are below each."""
    a, b, c, d, e, f, g = lows[0], lows[1], lows[2], lows[3], lows[4], lows[5], lows[6]
    wa, wb, wc, wd = widths[0], widths[1], widths[2], widths[3]
    we, wf, wg = widths[4], widths[5], widths[6]
    sign = np.uint16(15)
    # Counters as narrow as the bins leave room for more of them in a vector.
    na = nb = nc = nd = ne = nf = ng = np.uint16(0)
    for i in range(bins.size):
        at = bins[i]
        # What is below a bracket wraps around: to beyond its width, and to a sign.
        ta, tb, tc, td = np.uint16(at - a), np.uint16(at - b), np.uint16(at - c), np.uint16(at - d)
        te, tf, tg = np.uint16(at - e), np.uint16(at - f), np.uint16(at - g)
        na = np.uint16(na + (ta >> sign))
        nb = np.uint16(nb + (tb >> sign))
        nc = np.uint16(nc + (tc >> sign))
        nd = np.uint16(nd + (td >> sign))
        ne = np.uint16(ne + (te >> sign))
        nf = np.uint16(nf + (tf >> sign))
        ng = np.uint16(ng + (tg >> sign))
        low, high = (ta < wa) | (tb < wb) | (tc < wc), (te < we) | (tf < wf) | (tg < wg)
        hits[i] = np.uint8(low | high | (td < wd))
    for k, count in enumerate((na, nb, nc, nd, ne, nf, ng)):
        below[k] += np.int64(count)


@compiled()
def _gather(values: Any, bins: Any, places: Any, slots: Any, room: Any) -> None:
    """Write down the values at some places, and count them by their bin."""
    for k in range(places.size):
        at = places[k]
        room[k] = values[at]
        slots[bins[at]] += np.uint32(1)


@compiled()
def count_and_gather(values: Any, given: Any) -> Any:
    """Go on with some values; whether there is room for a further `PIECE`."""
    place, lows, widths, (counts, pairs, below, slots), scratch, room, size = given
    bins, codes, hits, places = scratch
    fours, block = codes.view(np.uint64), bins.size
    for start in range(0, values.size, block):
        some = values[start : start + block]
        _bins(some, place, bins)
        if some.size == block:
            _paired(bins, codes)
            _count_pairs(fours, pairs)
        else:
            for i in range(some.size):
                counts[bins[i] >> np.uint16(_SHIFT)] += 1
        _marks(bins[: some.size], lows, widths, hits, below)
        found = places_of_hits(hits, some.size, places)
        _gather(some, bins, places[:found], slots, room[size[0] :])
        size[0] += found
    return size[0] + PIECE <= room.size
