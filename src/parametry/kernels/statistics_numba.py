"""The loops of `statistics_numpy`, compiled: one pass at the speed of the memory.

Values are taken in blocks that stay in the first cache. Each block is read twice there: once as
numbers for the sums, while the memory brings them, and once as whole numbers. The bits of floats
compared as signed and as unsigned integers give both extremes and whether a NaN or an infinity is
among them, at a third of what comparing floats would take. A block in which something is not
finite is gone through again, value by value; so is, for its extremes, one that has a single sign.

Sums may be reordered by the compiler, so that they use the processor's vectors; nothing else may.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.moments import Moments, Number, merge
from parametry.kernels.bracketing_numba import PIECE, bracketed, count_and_gather
from parametry.kernels.brackets import Bracketed, Brackets
from parametry.kernels.counting_numba import byte_counts, collect, slot_counts
from parametry.kernels.numba_engine import compiled, fixed
from parametry.kernels.sampling_numba import take_sample

__all__ = [
    "byte_counts",
    "collect",
    "moments",
    "moments_and_bracketed",
    "slot_counts",
    "take_sample",
]

# A block and what is written beside it stay in the first cache. While it is read there once more,
# the memory brings the next values only as far as the processor foresees them: with twice as many
# in a block the whole takes a fifth longer.
_BLOCK: Final = 1024
# What is told of so many values at once: merging costs as much as reading some hundred of them.
_GROUP: Final = PIECE
# Exponents of float16 are lower by 112 than those of float32: a factor that costs nothing later.
_FLOAT16_UNIT: Final = 2.0**-112
_SUMS: Final = frozenset({"reassoc", "nsz", "contract"})


def moments(values: NDArray[Any], exponent: int = 0) -> Moments:
    """As `statistics_numpy.moments`."""
    if kind(values.dtype) == "integer":
        return _moments(values, _integers(fixed(values), 1.0))
    signed, unsigned, infinity = _bits(values)
    if values.dtype.itemsize == 2:
        found = _halves(signed, unsigned, infinity, 1.0, values.dtype == np.float16)
    else:
        found = _floats(fixed(values), signed, unsigned, infinity, 1.0, 2.0**-exponent)
    return _moments(values, found, exponent)


def moments_and_bracketed(values: NDArray[Any], brackets: Brackets) -> tuple[Moments, Bracketed]:
    """As `statistics_numpy.moments_and_bracketed`."""
    parts: list[Moments] = []

    def look(left: NDArray[Any], given: Any) -> int:
        if kind(values.dtype) == "integer":
            done, found = _integers_bracketed(fixed(left), 1.0, given)
        else:
            done, found = _floats_bracketed(fixed(left), *_bits(left), 1.0, given)
        parts.append(_moments(left[:done], found))
        return int(done)

    found = bracketed(values, brackets, look)
    return merge(parts), found


def _bits(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], Any]:
    """Floats as signed and as unsigned integers, and infinity's bits."""
    width = 8 * values.dtype.itemsize
    bits = fixed(values, f"int{width}"), fixed(values, f"uint{width}")
    return *bits, np.array(np.inf, values.dtype).view(bits[0].dtype)[()]


def _moments(values: NDArray[Any], found: Any, exponent: int = 0) -> Moments:
    """What `_integers`, `_halves` or `_floats` told of these values."""
    extremes: tuple[Number, Number]
    if kind(values.dtype) == "integer":
        zeros, low, high, sums = found
        nonfinite, extremes = (0, 0, 0), (int(low), int(high))
    else:
        nonfinite, zeros, keys, sums = found
        extremes = _values_of(np.array(keys, f"int{8 * values.dtype.itemsize}"), values.dtype)
    size, centre, residue, squares, magnitudes = sums
    unit = _FLOAT16_UNIT if values.dtype == np.float16 else 1.0
    return Moments(
        count=values.size,
        nan=nonfinite[0],
        positive_infinity=nonfinite[1],
        negative_infinity=nonfinite[2],
        zeros=zeros,
        min=extremes[0] if size else None,
        max=extremes[1] if size else None,
        centre=centre / unit,
        residue=residue / unit,
        squares=squares / unit / unit,
        magnitudes=magnitudes / unit,
        exponent=exponent,
    )


def _values_of(keys: NDArray[Any], dtype: np.dtype[Any]) -> tuple[float, float]:
    """The floats that two keys of `_key` stand for; 0.0 for a zero of either sign."""
    bits = np.where(keys < 0, keys ^ np.iinfo(keys.dtype).max, keys)
    low, high = bits.astype(keys.dtype).view(dtype).astype(np.float64) + 0.0
    return float(low), float(high)


@compiled(fastmath=_SUMS)
def _sums(values: Any, one: Any) -> Any:
    """Sums of the values, of their squares, and of the absolute values.

    Args:
        values: A block.
        one: 1.0. A sum of products is left to the multipliers, while the adders, which widen the
            values too, are busy; the compiler would see through a constant.
    """
    total = squares = magnitudes = 0.0
    for i in range(values.size):
        value = np.float64(values[i])
        total += value
        squares += value * value
        magnitudes += abs(value) * one
    return total, squares, magnitudes


@compiled(fastmath=_SUMS)
def _deviations(values: Any, shift: Any) -> Any:
    """Sums of the deviations from one number, and of their squares."""
    total = squares = 0.0
    for i in range(values.size):
        deviation = np.float64(values[i]) - shift
        total += deviation
        squares += deviation * deviation
    return total, squares


@compiled()
def _lies_far_from_zero(size: Any, sums: Any) -> Any:
    """Whether the mean is larger than the deviations: its square would take digits from theirs."""
    return 2.0 * sums[0] * sums[0] > sums[1] * size


@compiled()
def _centred(values: Any, sums: Any) -> Any:
    """Size, mean in two parts, squared deviations and magnitudes, from what `_sums` tells."""
    total, squares, magnitudes = sums
    shift = 0.0
    if _lies_far_from_zero(values.size, sums):
        shift = total / values.size
        total, squares = _deviations(values, shift)
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
    if b[0] == 0:
        return a
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
def _largest(signed: Any, unsigned: Any) -> Any:
    """The largest bits as signed and as unsigned integers, and how many are those of a zero."""
    none, one = unsigned.dtype.type(0), unsigned.dtype.type(1)
    # A counter as narrow as the bits leaves room for more of them in a vector.
    high, most, zeros = signed[0], unsigned[0], none
    for i in range(unsigned.size):
        bits = unsigned[i]
        high = max(high, signed.dtype.type(bits))
        most = max(most, bits)
        is_zero = unsigned.dtype.type(bits << one) == none
        zeros = unsigned.dtype.type(zeros + unsigned.dtype.type(is_zero))
    return high, most, zeros


@compiled()
def _least(bits: Any) -> Any:
    low = bits[0]
    for i in range(bits.size):
        low = min(low, bits[i])
    return low


@compiled()
def _largest_of(unsigned: Any) -> Any:
    """The largest integer of as many bits that has a sign."""
    return np.int64(unsigned.dtype.type(-1) >> unsigned.dtype.type(1))


@compiled()
def _key(bits: Any, largest: Any) -> Any:
    """An integer that stands in the same order as the floats, from the bits of one."""
    return bits ^ largest if bits < 0 else np.int64(bits)


@compiled()
def _extremes(signed: Any, unsigned: Any, high: Any, most: Any, largest: Any) -> Any:
    """The keys of the smallest and the largest value of a block, from what `_largest` tells."""
    # A sign makes bits negative where they are signed, and large where they are not.
    low = np.int64(signed.dtype.type(most))
    if low >= 0:
        return np.int64(_least(signed)), low
    if high < 0:
        return _key(low, largest), _key(np.int64(signed.dtype.type(_least(unsigned))), largest)
    return _key(low, largest), np.int64(high)


@compiled()
def _group(  # noqa: PLR0917 - the same values as three things, and what goes with them
    values: Any, signed: Any, unsigned: Any, infinity: Any, one: Any, scratch: Any
) -> Any:
    """Counts, extremes as keys, and sums of a group of floats."""
    sums, (high, most, zeros) = (0.0, 0.0, 0.0), (signed[0], unsigned[0], 0)
    for start in range(0, values.size, _BLOCK):
        stop = min(start + _BLOCK, values.size)
        total, squares, magnitudes = _sums(values[start:stop], one)
        sums = (sums[0] + total, sums[1] + squares, sums[2] + magnitudes)
        found = _largest(signed[start:stop], unsigned[start:stop])
        high, most, zeros = max(high, found[0]), max(most, found[1]), zeros + found[2]
    largest = _largest_of(unsigned)
    low = np.int64(signed.dtype.type(most))
    if high < infinity and (low & largest) < infinity:
        keys = _extremes(signed, unsigned, high, most, largest)
        return (0, 0, 0), zeros, keys, _centred(values, sums)
    nonfinite, keys, centred = _finite_of_group(values, signed, largest, infinity, one, scratch)
    return nonfinite, zeros, keys, centred


@compiled()
def _finite_of_group(  # noqa: PLR0917 - as `_group`
    values: Any, signed: Any, largest: Any, infinity: Any, one: Any, scratch: Any
) -> Any:
    """As `_group`, one value after the other."""
    nan = above = below = size = 0
    first, last = largest, -largest
    for i in range(values.size):
        bits = np.int64(signed[i])
        if bits & largest > infinity:
            nan += 1
        elif bits == infinity:
            above += 1
        elif bits & largest == infinity:
            below += 1
        else:
            key = _key(bits, largest)
            first, last = min(first, key), max(last, key)
            scratch[size] = values[i]
            size += 1
    if size:
        found = _centred(scratch[:size], _sums(scratch[:size], one))
        return (nan, above, below), (first, last), found
    return (nan, above, below), (first, last), (0, 0.0, 0.0, 0.0, 0.0)


@compiled()
def _both(a: Any, b: Any) -> Any:
    """What `_group` told of two groups, of both together."""
    nonfinite = (a[0][0] + b[0][0], a[0][1] + b[0][1], a[0][2] + b[0][2])
    keys = (min(a[2][0], b[2][0]), max(a[2][1], b[2][1]))
    return nonfinite, a[1] + b[1], keys, _merged(a[3], b[3])


@compiled()
def _nothing(unsigned: Any) -> Any:
    largest = _largest_of(unsigned)
    return (0, 0, 0), 0, (largest, -largest), (0, 0.0, 0.0, 0.0, 0.0)


@compiled()
def _floats(  # noqa: PLR0917 - as `_group`
    values: Any, signed: Any, unsigned: Any, infinity: Any, one: Any, factor: Any
) -> Any:
    scratch = np.empty(_GROUP, values.dtype)
    scaled = np.empty(_GROUP, values.dtype)
    whole = _nothing(unsigned)
    for start in range(0, values.size, _GROUP):
        some = values[start : start + _GROUP]
        if factor != 1.0:
            for i in range(some.size):
                scaled[i] = some[i] * factor
            some = scaled[: some.size]
        stop = start + some.size
        found = _group(some, signed[start:stop], unsigned[start:stop], infinity, one, scratch)
        whole = _both(whole, found)
    return whole


@compiled()
def _widen_bfloat16(halves: Any, bits: Any) -> None:
    for i in range(halves.size):
        bits[i] = np.int32(halves[i]) << np.int32(16)


@compiled()
def _widen_float16(halves: Any, bits: Any) -> None:
    """The bits of float32s that are `_FLOAT16_UNIT` times as large, subnormal numbers too.

    NaN and the infinities become finite numbers, which nobody asks for.
    """
    for i in range(halves.size):
        # All but the first of the copies of the sign are cut off.
        bits[i] = np.int32(np.int32(halves[i]) << np.int32(13)) & np.int32(-0x70002000)


@compiled()
def _widen(halves: Any, bits: Any, is_float16: Any) -> None:
    if is_float16:
        _widen_float16(halves, bits)
    else:
        _widen_bfloat16(halves, bits)


@compiled()
def _group_of_halves(  # noqa: PLR0917 - as `_group`
    signed: Any, unsigned: Any, infinity: Any, one: Any, is_float16: Any, wide: Any, scratch: Any
) -> Any:
    """As `_group`, of what is widened block by block, and so stays in the first cache."""
    values, bits = wide[: signed.size], wide.view(np.int32)
    sums, (high, most, zeros) = (0.0, 0.0, 0.0), (signed[0], unsigned[0], 0)
    for start in range(0, signed.size, _BLOCK):
        stop = min(start + _BLOCK, signed.size)
        _widen(signed[start:stop], bits, is_float16)
        total, squares, magnitudes = _sums(values[: stop - start], one)
        sums = (sums[0] + total, sums[1] + squares, sums[2] + magnitudes)
        found = _largest(signed[start:stop], unsigned[start:stop])
        high, most, zeros = max(high, found[0]), max(most, found[1]), zeros + found[2]
    largest = _largest_of(unsigned)
    finite = high < infinity and (np.int64(signed.dtype.type(most)) & largest) < infinity
    if finite and not _lies_far_from_zero(signed.size, sums):
        keys = _extremes(signed, unsigned, high, most, largest)
        return (0, 0, 0), zeros, keys, _centred(values, sums)
    _widen(signed, bits, is_float16)
    return _group(values, signed, unsigned, infinity, one, scratch)


@compiled()
def _halves(signed: Any, unsigned: Any, infinity: Any, one: Any, is_float16: Any) -> Any:
    wide, scratch = np.empty(_GROUP, np.float32), np.empty(_GROUP, np.float32)
    whole = _nothing(unsigned)
    for start in range(0, signed.size, _GROUP):
        some, same = signed[start : start + _GROUP], unsigned[start : start + _GROUP]
        found = _group_of_halves(some, same, infinity, one, is_float16, wide, scratch)
        whole = _both(whole, found)
    return whole


@compiled()
def _integers(values: Any, one: Any) -> Any:
    low = high = values[0]
    zeros = 0
    sums = (0, 0.0, 0.0, 0.0, 0.0)
    for start in range(0, values.size, _BLOCK):
        some = values[start : start + _BLOCK]
        sums = _merged(sums, _centred(some, _sums(some, one)))
        for i in range(some.size):
            value = some[i]
            low = min(low, value)
            high = max(high, value)
            if value == 0:
                zeros += 1
    return zeros, low, high, sums


@compiled()
def _floats_bracketed(  # noqa: PLR0917 - as `_group`
    values: Any, signed: Any, unsigned: Any, infinity: Any, one: Any, given: Any
) -> Any:
    """How many values are done, and what `_floats` tells of these."""
    scratch = np.empty(_GROUP, values.dtype)
    whole = _nothing(unsigned)
    for start in range(0, values.size, _GROUP):
        stop = min(start + _GROUP, values.size)
        some = values[start:stop]
        found = _group(some, signed[start:stop], unsigned[start:stop], infinity, one, scratch)
        whole = _both(whole, found)
        if not count_and_gather(some, given):
            return stop, whole
    return values.size, whole


@compiled()
def _integers_bracketed(values: Any, one: Any, given: Any) -> Any:
    """How many values are done, and what `_integers` tells of these."""
    done = 0
    while done < values.size:
        stop = min(done + PIECE, values.size)
        room = count_and_gather(values[done:stop], given)
        done = stop
        if not room:
            break
    return done, _integers(values[:done], one)
