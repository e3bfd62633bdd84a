"""The loops of `statistics_numpy`, compiled: one pass at the speed of the memory.

Values are taken in blocks that stay in the first cache. Each block is read twice there: once as
integers in the order of its values, whose smallest and largest tell the extremes and whether a NaN
or an infinity is among them, and once as numbers for the sums. A block in which something is not
finite is gone through again, value by value.

Sums may be reordered by the compiler, so that they use the processor's vectors; nothing else may.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.moments import Moments, Number
from parametry.kernels.grid import Grid
from parametry.kernels.numba_engine import compiled
from parametry.kernels.statistics_numpy import OUTLYING

__all__ = ["byte_counts", "collect", "moments", "slot_counts"]

_BLOCK: Final = 4096
_INFINITY: Final = {4: 0x7F800000, 8: 0x7FF0000000000000}
_SUMS: Final = frozenset({"reassoc", "nsz", "contract"})


def _fixed(values: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """A view that cannot be written to: numba compiles once for what can and what cannot."""
    view = values.view(dtype or values.dtype)
    view.flags.writeable = False
    return view


def moments(values: NDArray[Any], exponent: int = 0) -> Moments:
    """As `statistics_numpy.moments`."""
    number: type[Number] = float
    if kind(values.dtype) == "integer":
        nan = above = below = 0
        number = int
        zeros, low, high, sums = _integers(_fixed(values))
    elif values.dtype.itemsize == 2:
        found = _halves(_fixed(values, np.int16), values.dtype == np.float16, _INFINITY[4])
        nan, above, below, zeros, low, high, sums = found
    else:
        width = values.dtype.itemsize
        found = _floats(
            _fixed(values), _fixed(values, f"int{8 * width}"), _INFINITY[width], 2.0**-exponent
        )
        nan, above, below, zeros, low, high, sums = found
    size, centre, residue, squares, magnitudes = sums
    return Moments(
        count=values.size,
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
        zeros=zeros,
        min=number(low) + 0 if size else None,
        max=number(high) + 0 if size else None,
        centre=centre,
        residue=residue,
        squares=squares,
        magnitudes=magnitudes,
        exponent=exponent,
    )


@compiled(fastmath=_SUMS)
def _sums(values: Any, shift: Any, factor: Any) -> Any:
    """Sums of the deviations from one value, of their squares, and of the absolute values."""
    total = squares = magnitudes = 0.0
    for i in range(values.size):
        value = np.float64(values[i]) * factor
        deviation = value - shift
        total += deviation
        squares += deviation * deviation
        magnitudes += abs(value)
    return total, squares, magnitudes


@compiled()
def _sums_of_block(values: Any, factor: Any) -> Any:
    shift = np.float64(values[0]) * factor
    total, squares, magnitudes = _sums(values, shift, factor)
    if abs(shift) * values.size > OUTLYING * magnitudes:
        shift += total / values.size
        total, squares, magnitudes = _sums(values, shift, factor)
    off = total / values.size
    centre = shift + off
    part = centre - shift
    residue = (shift - (centre - part)) + (off - part)
    return values.size, centre, residue, max(squares - total * off, 0.0), magnitudes


@compiled()
def _merged(a: Any, b: Any) -> Any:
    """As `Moments.merge`."""
    if a[0] == 0:
        return b
    size = a[0] + b[0]
    delta = (b[1] - a[1]) + (b[2] - a[2])
    share = b[0] / size
    rest = a[2] + delta * share
    centre = a[1] + rest
    part = centre - a[1]
    residue = (a[1] - (centre - part)) + (rest - part)
    squares = a[3] + b[3] + delta * delta * (a[0] * share)
    return size, centre, residue, squares, a[4] + b[4]


@compiled()
def _extremes_32(bits: Any) -> Any:
    low, high, zeros = np.int32(0x7FFFFFFF), np.int32(-0x80000000), np.int32(0)
    magnitude = np.int32(0x7FFFFFFF)
    for i in range(bits.size):
        bit = np.int32(bits[i])
        key = np.int32(bit ^ np.int32(np.int32(bit >> np.int32(31)) & magnitude))
        low = min(low, key)
        high = max(high, key)
        if np.int32(bit & magnitude) == np.int32(0):
            zeros = np.int32(zeros + np.int32(1))
    return np.int64(low), np.int64(high), np.int64(zeros)


@compiled()
def _extremes_64(bits: Any) -> Any:
    low, high, zeros = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(-0x8000000000000000), np.int64(0)
    magnitude = np.int64(0x7FFFFFFFFFFFFFFF)
    for i in range(bits.size):
        bit = np.int64(bits[i])
        key = bit ^ ((bit >> np.int64(63)) & magnitude)
        low = min(low, key)
        high = max(high, key)
        if bit & magnitude == 0:
            zeros += 1
    return low, high, zeros


@compiled()
def _value_of(key: Any, width: Any) -> Any:
    if width == 4:
        bits = np.int32(key) ^ (np.int32(key) >> np.int32(31) & np.int32(0x7FFFFFFF))
        return np.float64(np.int32(bits).view(np.float32))
    return np.int64(key ^ (key >> 63 & 0x7FFFFFFFFFFFFFFF)).view(np.float64)


@compiled()
def _block(values: Any, bits: Any, infinity: Any, factor: Any, scratch: Any) -> Any:
    """Counts, extremes and sums of a block of floats."""
    width = bits.itemsize
    low, high, zeros = _extremes_32(bits) if width == 4 else _extremes_64(bits)
    # Keys below that of −∞ and above that of +∞ are NaN.
    if -infinity - 1 < low and high < infinity:
        smallest, largest = _value_of(low, width), _value_of(high, width)
        return 0, 0, 0, zeros, smallest, largest, _sums_of_block(values, factor)
    nan = above = below = size = 0
    smallest, largest = np.inf, -np.inf
    for i in range(values.size):
        value = np.float64(values[i])
        if np.isnan(value):
            nan += 1
        elif value == np.inf:
            above += 1
        elif value == -np.inf:
            below += 1
        else:
            smallest, largest = min(smallest, value), max(largest, value)
            scratch[size] = value * factor
            size += 1
    if size == 0:
        return nan, above, below, zeros, smallest, largest, (0, 0.0, 0.0, 0.0, 0.0)
    sums = _sums_of_block(scratch[:size], 1.0)
    return nan, above, below, zeros, smallest, largest, sums


@compiled()
def _floats(values: Any, bits: Any, infinity: Any, factor: Any) -> Any:
    scratch = np.empty(_BLOCK, np.float64)
    nan = above = below = zeros = 0
    low, high = np.inf, -np.inf
    sums = (0, 0.0, 0.0, 0.0, 0.0)
    for start in range(0, values.size, _BLOCK):
        found = _block(
            values[start : start + _BLOCK],
            bits[start : start + _BLOCK],
            infinity,
            factor,
            scratch,
        )
        nan, above, below = nan + found[0], above + found[1], below + found[2]
        zeros += found[3]
        low, high = min(low, found[4]), max(high, found[5])
        if found[6][0]:
            sums = _merged(sums, found[6])
    return nan, above, below, zeros, low, high, sums


@compiled()
def _widen_bfloat16(halves: Any, bits: Any) -> None:
    for i in range(halves.size):
        bits[i] = np.int32(halves[i]) << np.int32(16)


@compiled()
def _widen_float16(halves: Any, bits: Any, values: Any) -> None:
    """The bits of float32, by way of a product that is exact for subnormal numbers too."""
    largest = np.int32(0)
    for i in range(halves.size):
        half = np.int32(halves[i])
        magnitude = np.int32(half & np.int32(0x7FFF))
        largest = max(largest, magnitude)
        sign = np.int32(half & np.int32(-0x8000))
        bits[i] = np.int32(sign << np.int32(16)) | np.int32(magnitude << np.int32(13))
    for i in range(halves.size):
        values[i] = values[i] * np.float32(2.0**112)
    if largest >= 0x7C00:  # NaN and the infinities are far out of reach of a product
        for i in range(halves.size):
            if np.int32(halves[i]) & np.int32(0x7C00) == 0x7C00:
                bits[i] = np.int32(bits[i] | np.int32(0x7F800000))


@compiled()
def _halves(halves: Any, is_float16: Any, infinity: Any) -> Any:
    scratch = np.empty(_BLOCK, np.float64)
    values = np.empty(_BLOCK, np.float32)
    bits = values.view(np.int32)
    nan = above = below = zeros = 0
    low, high = np.inf, -np.inf
    sums = (0, 0.0, 0.0, 0.0, 0.0)
    for start in range(0, halves.size, _BLOCK):
        some = halves[start : start + _BLOCK]
        if is_float16:
            _widen_float16(some, bits, values)
        else:
            _widen_bfloat16(some, bits)
        found = _block(values[: some.size], bits[: some.size], infinity, 1.0, scratch)
        nan, above, below = nan + found[0], above + found[1], below + found[2]
        zeros += found[3]
        low, high = min(low, found[4]), max(high, found[5])
        if found[6][0]:
            sums = _merged(sums, found[6])
    return nan, above, below, zeros, low, high, sums


@compiled()
def _integers(values: Any) -> Any:
    low = high = values[0]
    zeros = 0
    sums = (0, 0.0, 0.0, 0.0, 0.0)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        for i in range(some.size):
            value = some[i]
            low = min(low, value)
            high = max(high, value)
            if value == 0:
                zeros += 1
        sums = _merged(sums, _sums_of_block(some, 1.0))
    return zeros, low, high, sums


def _scalars(values: NDArray[Any], grid: Grid) -> tuple[Any, ...]:
    """What finds a value's slot, in the precision that `in_working_precision` has."""
    real = np.float32 if values.dtype == np.float32 else np.float64
    return real(1 / grid.width), real(grid.first), real(-1), real(grid.bins)


def slot_counts(values: NDArray[Any], grid: Grid) -> NDArray[np.int64]:
    """As `statistics_numpy.slot_counts`."""
    counts = np.zeros((2, grid.bins + 2), np.uint32)
    _count_slots(_fixed(values), _scalars(values, grid), counts)
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


def collect(values: NDArray[Any], grid: Grid, wanted: NDArray[np.int64]) -> NDArray[Any]:
    """As `statistics_numpy.collect`."""
    out = np.empty(values.size + 1, values.dtype)  # one is written before it is known to count
    size = _collect(_fixed(values), _scalars(values, grid), wanted.astype(np.uint16), out)
    return out[:size].copy()


@compiled()
def _collect(values: Any, grid: Any, wanted: Any, out: Any) -> Any:
    slots = np.empty(_BLOCK, np.uint16)
    hits = np.empty(_BLOCK, np.uint8)
    words = hits.view(np.uint64)
    full = np.empty(_BLOCK // 8 + 1, np.uint16)
    size: Any = 0
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        _slots(some, grid, slots)
        hits[:] = 0
        for slot in wanted:
            _mark(slots[: some.size], slot, hits)
        # Without branches, which no processor could foresee: words that hold a hit, then hits.
        found: Any = 0
        for i in range((some.size + 7) // 8):
            full[found] = i
            found += words[i] != 0
        for k in range(found):
            begin = 8 * np.intp(full[k])
            for j in range(begin, min(begin + 8, some.size)):
                out[size] = some[j]
                size += np.intp(hits[j]) & np.intp(some[j] != 0)
    return size


@compiled()
def _mark(slots: Any, slot: Any, hits: Any) -> None:
    for i in range(slots.size):
        hits[i] |= np.uint8(slots[i] == slot)


def byte_counts(values: NDArray[Any]) -> NDArray[np.int64]:
    """As `statistics_numpy.byte_counts`."""
    bits = _fixed(values, np.uint8 if values.dtype.itemsize == 1 else np.uint16)
    counts = np.zeros((4, 1 << 8 * values.dtype.itemsize), np.uint32)
    _count_bytes(bits, counts)
    total: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)
    return total


@compiled()
def _count_bytes(bits: Any, counts: Any) -> None:
    a, b, c, d = counts[0], counts[1], counts[2], counts[3]
    one = np.uint32(1)
    for i in range(bits.size // 4):
        a[bits[4 * i]] += one
        b[bits[4 * i + 1]] += one
        c[bits[4 * i + 2]] += one
        d[bits[4 * i + 3]] += one
    for i in range(bits.size // 4 * 4, bits.size):
        a[bits[i]] += one
