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
from parametry.kernels.brackets import FINEST, Bracketed, Brackets
from parametry.kernels.numba_engine import compiled

__all__ = ["PIECE", "bracketed", "count_and_gather"]

PIECE: Final = 1 << 13
"""So many values stay in the second cache, to be read there once more."""

# A block and what is written beside it stay in the first cache.
_BLOCK: Final = 2048
# So many values there is room for in each bracket. Room for all of a stretch would be made of pages
# of 2 MiB, which the system fills with zeros before a few kilobytes are written.
_ROOM: Final = 6 * PIECE
_SHIFT: Final = FINEST.bit_length() - 1  # of a fine bin's number to the sketch's
_BITS: Final = BINS.bit_length() - 1


def bracketed(
    values: NDArray[Any], brackets: Brackets, look: Callable[[NDArray[Any], Any], int]
) -> Bracketed:
    """What lies in each bin of the sketch, below each bracket, and within each.

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
    looked_for = brackets.lows, brackets.widths, brackets.owners()
    counts, below = np.zeros(BINS, np.int64), np.zeros(levels, np.int64)
    pairs = np.zeros((2, BINS * BINS), np.uint32)
    room = np.empty((levels, _ROOM), values.dtype)
    held: list[list[NDArray[Any]]] = [[values[:0]] for _ in range(levels)]
    left = values
    while left.size:
        sizes = np.zeros(levels, np.int64)
        done = look(left, (place, looked_for, (counts, pairs, below), (room, sizes)))
        for inside, row, size in zip(held, room, sizes.tolist(), strict=True):
            inside.append(row[:size].copy())
        left = left[done:]
    both = pairs.sum(axis=0, dtype=np.int64).reshape(BINS, BINS)
    counts += both.sum(axis=0) + both.sum(axis=1)
    within = (inside[1] if len(inside) == 2 else np.concatenate(inside) for inside in held)
    return Bracketed(counts, below, tuple(within))


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
def _gather(  # noqa: PLR0917 - what it reads, and what it writes
    values: Any, bins: Any, owners: Any, words: Any, full: Any, room: Any, sizes: Any
) -> None:
    """Write down the values with a hit, of which a word tells for eight, by their bracket."""
    found = np.intp(0)
    for i in range((values.size + 7) // 8):
        full[found] = i
        found += np.intp(words[i] != 0)  # no branch, which no processor could foresee
    one, ones = np.uint64(1), np.uint64(0x0101010101010101)
    for k in range(found):
        start = 8 * np.intp(full[k])
        word = words[full[k]]
        while word != 0:
            rest = word & (word - one)
            # Of the lowest byte that is not zero: how many are below it.
            at = start + np.intp((((word ^ rest) - one) & ones) * ones >> np.uint64(56))
            owner = owners[bins[at]]
            room[owner, sizes[owner]] = values[at]
            sizes[owner] += 1
            word = rest


@compiled()
def count_and_gather(values: Any, given: Any) -> Any:
    """Go on with some values; whether there is room for a further `PIECE`."""
    place, (lows, widths, owners), (counts, pairs, below), (room, sizes) = given
    bins = np.zeros(_BLOCK, np.uint16)
    codes = np.zeros(_BLOCK // 2, np.uint16)
    hits = np.zeros(_BLOCK, np.uint8)
    full = np.empty(_BLOCK // 8 + 1, np.uint16)
    fours, words = codes.view(np.uint64), hits.view(np.uint64)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        _bins(some, place, bins)
        if some.size == _BLOCK:
            _paired(bins, codes)
            _count_pairs(fours, pairs)
        else:
            hits[some.size :] = 0
            for i in range(some.size):
                counts[bins[i] >> np.uint16(_SHIFT)] += 1
        _marks(bins[: some.size], lows, widths, hits, below)
        _gather(some, bins, owners, words, full, room, sizes)
    return sizes.max() + PIECE <= room.shape[1]
