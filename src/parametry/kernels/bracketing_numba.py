"""One pass that counts values by the bins of a sketch, and collects those within some brackets.

Bins of a block are worked out in vectors, and so is what lies below and within the brackets. What
is left is one count in memory: for two neighbours at a time, in a table of all pairs of bins.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.statistics import BINS, LEVELS
from parametry.kernels.brackets import Bracketed, Brackets
from parametry.kernels.grid import FINE
from parametry.kernels.numba_engine import compiled, fixed

__all__ = ["bracketed"]

_BLOCK: Final = 4096
_SHIFT: Final = FINE.bit_length() - 1  # of a fine bin's number to the sketch's
_BITS: Final = BINS.bit_length() - 1
_PAIRS: Final = BINS * BINS


def bracketed(values: NDArray[Any], brackets: Brackets) -> Bracketed:
    """As `statistics_numpy.bracketed`."""
    assert brackets.grid.bins == BINS * FINE
    assert len(brackets.lows) == len(LEVELS)
    real = np.float32 if values.dtype == np.float32 else np.float64
    grid = brackets.grid
    place = real(1 / grid.width), real(grid.first), real(0), real(grid.bins - 1)
    pairs = np.zeros((2, _PAIRS), np.uint32)
    below = np.zeros(len(LEVELS), np.int64)
    single = np.zeros(BINS, np.int64)
    held = np.empty(values.size, values.dtype)
    size = _bracketed(
        fixed(values), place, brackets.lows, brackets.widths, pairs, single, below, held
    )
    both = pairs.sum(axis=0, dtype=np.int64).reshape(BINS, BINS)
    counts = both.sum(axis=0) + both.sum(axis=1) + single
    return Bracketed(counts, below, held[:size].copy())


@compiled()
def _bins(values: Any, place: Any, bins: Any) -> None:
    inverse, first, zero, last = place
    for i in range(values.size):
        step = np.floor(values[i] * inverse) - first
        step = step if step > zero else zero  # NaN, too, is in the first
        step = step if step < last else last
        bins[i] = np.uint16(np.int32(step))


@compiled()
def _paired(words: Any, codes: Any) -> None:
    """The number of each pair of bins of the sketch, from two fine bins in a word."""
    mask = np.uint32(BINS - 1)
    for i in range(codes.size):
        word = words[i]
        first = (word >> np.uint32(_SHIFT)) & mask
        second = (word >> np.uint32(16 + _SHIFT)) & mask
        codes[i] = np.uint16(first | (second << np.uint32(_BITS)))


@compiled()
def _marks(bins: Any, lows: Any, widths: Any, hits: Any, below: Any) -> None:
    """Which values are within a bracket, and how many are below each."""
    a, b, c, d, e, f, g = lows[0], lows[1], lows[2], lows[3], lows[4], lows[5], lows[6]
    wa, wb, wc, wd = widths[0], widths[1], widths[2], widths[3]
    we, wf, wg = widths[4], widths[5], widths[6]
    # Counters as narrow as the bins leave room for more of them in a vector.
    na = nb = nc = nd = ne = nf = ng = np.uint16(0)
    for i in range(bins.size):
        at = bins[i]
        na = np.uint16(na + np.uint16(at < a))
        nb = np.uint16(nb + np.uint16(at < b))
        nc = np.uint16(nc + np.uint16(at < c))
        nd = np.uint16(nd + np.uint16(at < d))
        ne = np.uint16(ne + np.uint16(at < e))
        nf = np.uint16(nf + np.uint16(at < f))
        ng = np.uint16(ng + np.uint16(at < g))
        # What is below a bracket wraps around, to beyond its width.
        low = (np.uint16(at - a) < wa) | (np.uint16(at - b) < wb) | (np.uint16(at - c) < wc)
        high = (np.uint16(at - e) < we) | (np.uint16(at - f) < wf) | (np.uint16(at - g) < wg)
        hits[i] = np.uint8(low | high | (np.uint16(at - d) < wd))
    for k, count in enumerate((na, nb, nc, nd, ne, nf, ng)):
        below[k] += np.int64(count)


@compiled()
def _gather(values: Any, words: Any, full: Any, held: Any, size: Any) -> Any:
    """Write down the values with a hit, of which a word tells for eight; how many there are now."""
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
            at = (((word ^ rest) - one) & ones) * ones >> np.uint64(56)
            held[size] = values[start + np.intp(at)]
            size += 1
            word = rest
    return size


@compiled()
def _bracketed(  # noqa: PLR0917 - what it reads, and what it writes
    values: Any,
    place: Any,
    lows: Any,
    widths: Any,
    pairs: Any,
    single: Any,
    below: Any,
    held: Any,
) -> Any:
    bins = np.zeros(_BLOCK, np.uint16)
    codes = np.zeros(_BLOCK // 2, np.uint16)
    hits = np.zeros(_BLOCK, np.uint8)
    full = np.empty(_BLOCK // 8 + 1, np.uint16)
    words, fours, eights = bins.view(np.uint32), codes.view(np.uint64), hits.view(np.uint64)
    mask, one = np.uint64(0xFFFF), np.uint32(1)
    # Two tables, so that equal neighbours need not wait for each other.
    a, b = pairs[0], pairs[1]
    size = np.intp(0)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        _bins(some, place, bins)
        _paired(words, codes)
        for i in range(some.size // 8):
            four = fours[i]
            a[four & mask] += one
            b[(four >> np.uint64(16)) & mask] += one
            a[(four >> np.uint64(32)) & mask] += one
            b[four >> np.uint64(48)] += one
        for i in range(some.size // 8 * 8, some.size):
            single[bins[i] >> np.uint16(_SHIFT)] += 1
        hits[some.size :] = 0
        _marks(bins[: some.size], lows, widths, hits, below)
        size = _gather(some, eights, full, held, size)
    return size
