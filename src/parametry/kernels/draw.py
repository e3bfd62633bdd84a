"""Arrays of random numbers, from a stream: in blocks, on all cores, in any floating-point dtype.

Element ``i`` of an array in row-major order is made of the ``i``-th word of its stream, 64 bits for
float64 and 32 for every other dtype, whose numbers are worked out in float32 and then rounded. So
values depend on nothing but the stream, the distribution and the dtype: neither on the number of
threads nor on who does the work, NumPy or numba.

Beside the array itself, each thread holds some hundred kilobytes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import numpy_dtype
from parametry.kernels import random_numba, random_numpy
from parametry.kernels.quantile import DOUBLE, SINGLE, Precision
from parametry.kernels.shares import in_shares
from parametry.kernels.stream import Stream

__all__ = ["engine_for", "keys", "normal", "uniform"]

# A block's random bits and numbers stay in the processor's own cache.
BLOCK: Final = 1 << 15
# What one thread takes at a time: enough that handing it over costs nothing.
SHARE: Final = 1 << 20
# NumPy has made this many numbers in the time that it takes to start numba.
PATIENCE: Final = 1 << 23

_made_by_numpy = 0


def uniform(
    stream: Stream, shape: Sequence[int], dtype: str, low: float, high: float
) -> NDArray[Any]:
    """Numbers spread evenly between two bounds.

    Args:
        stream: The random bits.
        shape: The array's shape.
        dtype: Its dtype's name, of a floating-point kind.
        low: The lower bound.
        high: The upper bound; a number reaches it by rounding alone.

    Returns:
        A new C-contiguous array.

    Example:
        >>> from parametry.kernels.stream import stream
        >>> uniform(stream(0, "dense/kernel"), (2,), "float32", -1, 1)
        array([ 0.35997045, -0.67512226], dtype=float32)
    """
    number = _precision(dtype).dtype.type

    def make(engine: Any, bits: NDArray[Any], out: NDArray[Any]) -> None:
        engine.uniform(bits, number(low), number(high - low), number(high), out)

    return _filled(stream, shape, dtype, make)


def normal(
    stream: Stream,
    shape: Sequence[int],
    dtype: str,
    mean: float,
    deviation: float,
    *,
    below: float = 0.0,
    cut: float = math.inf,
) -> NDArray[Any]:
    """Normal numbers, perhaps cut off at some distance from the mean on both sides.

    Args:
        stream: The random bits.
        shape: The array's shape.
        dtype: Its dtype's name, of a floating-point kind.
        mean: The mean.
        deviation: The standard deviation, before anything is cut off.
        below: The probability of a number below the lower cut: 0 for the whole distribution.
        cut: The largest distance from the mean, in standard deviations, that belongs to it.

    Returns:
        A new C-contiguous array. Without a cut no number is further than 6.4 (float32) or 9.1
        (float64) standard deviations from the mean.

    Example:
        >>> from parametry.kernels.stream import stream
        >>> normal(stream(0, "dense/kernel"), (2,), "float32", 0, 1)
        array([ 0.41248327, -1.3969158 ], dtype=float32)
    """
    precision = _precision(dtype)
    number = precision.dtype.type
    span = (0.5 - below) * 2.0 ** (1 - 8 * precision.word.itemsize)
    scalars = [number(value) for value in (below, span, cut, mean, deviation)]

    def make(engine: Any, bits: NDArray[Any], out: NDArray[Any]) -> None:
        engine.normal(bits, *scalars, out)

    return _filled(stream, shape, dtype, make)


def keys(stream: Stream, first: int, count: int) -> NDArray[np.uint64]:
    """A stream's elements from ``first`` on, as 64-bit integers.

    Example:
        >>> from parametry.kernels.stream import stream
        >>> keys(stream(0, "dense/kernel"), 5, 3)[1] == keys(stream(0, "dense/kernel"), 6, 1)[0]
        np.True_
    """
    out = np.empty(count, np.uint64)
    engine_for(count).words(stream.start, stream.gamma, first, out)
    return out.byteswap() if sys.byteorder == "big" else out


def _precision(dtype: str) -> Precision:
    return DOUBLE if dtype == "float64" else SINGLE


def _filled(
    stream: Stream,
    shape: Sequence[int],
    dtype: str,
    make: Callable[[Any, NDArray[Any], NDArray[Any]], None],
) -> NDArray[Any]:
    """A new array, filled block by block by turning words of the stream into numbers."""
    array = np.empty(shape, numpy_dtype(dtype))
    flat = array.reshape(-1)
    precision = _precision(dtype)
    engine = engine_for(flat.size)
    words_each = 8 // precision.word.itemsize

    def share(begin: int) -> None:
        bits = np.empty(BLOCK // words_each, np.uint64)
        rounded = flat.dtype != precision.dtype
        wide = np.empty(BLOCK if rounded else 0, precision.dtype)
        for first in range(begin, min(begin + SHARE, flat.size), BLOCK):
            out = flat[first : first + BLOCK]
            some = bits[: -(-out.size // words_each)]
            engine.words(stream.start, stream.gamma, first // words_each, some)
            target = wide[: out.size] if rounded else out
            make(engine, some.view(precision.word)[: out.size], target)
            if rounded:
                out[...] = target

    if flat.size > SHARE:  # compiled once, here, rather than by each thread at the same time
        make(engine, np.empty(0, precision.word), np.empty(0, precision.dtype))
    in_shares(share, range(0, flat.size, SHARE))
    return array


def engine_for(count: int) -> Any:
    """Who makes so many numbers: numba where it is there and worth its start, else NumPy."""
    global _made_by_numpy  # noqa: PLW0603
    if not numba_engine.cache_info().currsize and _made_by_numpy + count < PATIENCE:
        _made_by_numpy += count
        return random_numpy
    return numba_engine() or random_numpy


@lru_cache(maxsize=1)
def numba_engine() -> Any:
    """The compiled loops, started; None where numba is not installed or does not work here."""
    if sys.byteorder == "big":  # the compiled loops write words as the processor does
        return None
    try:
        random_numba.start()
    except ImportError:
        return None
    return random_numba
