"""Samples of an array: one value from each of many equally long parts, anywhere within its part.

The same array gives the same sample, whoever takes it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.kernels.shares import in_shares

__all__ = ["SAMPLE", "sample", "sample_places", "wide_sample"]

SAMPLE: Final = 1 << 16
"""How many values a sample has; an array with no more is taken whole."""

# A wide sample has one in so many values at least. With fewer there is more to collect, with more
# it takes longer to take the sample than to collect what it spares.
_VALUES_FOR_EACH: Final = 1 << 9
_WIDEST_SAMPLE: Final = 1 << 20
# What one thread takes at a time. Each waits for the memory, and two wait no longer than one.
_SHARE: Final = 1 << 15


def sample(array: NDArray[Any], engine: ModuleType, count: int = SAMPLE) -> NDArray[Any]:
    """One value from each of 65,536 equally long parts of an array, each anywhere within its part.

    The rank of its quantile at a level ``q`` is off by a standard deviation of at most
    ``sqrt(q * (1 - q)) / 256`` of all ranks: 0.2 % for the median.

    Args:
        array: An array of no fewer values than are asked for.
        engine: Who takes them: `statistics_numpy`, or the compiled loops.
        count: How many parts: a power of two.
    """
    if not array.flags.c_contiguous:
        return array[np.unravel_index(sample_places(array.size, count), array.shape)]
    flat, out = array.reshape(-1), np.empty(count, array.dtype)

    def take(begin: int) -> None:
        engine.take_sample(flat, count, begin, out[begin : begin + _SHARE])

    in_shares(take, range(0, count, _SHARE))
    return out


def wide_sample(array: NDArray[Any], engine: ModuleType) -> NDArray[Any]:
    """A `sample` that grows with the array, from which less is to be collected then."""
    wanted = max(array.size // _VALUES_FOR_EACH, SAMPLE)
    return sample(array, engine, min(1 << (wanted.bit_length() - 1), _WIDEST_SAMPLE))


def sample_places(size: int, count: int = SAMPLE, parts: range | None = None) -> NDArray[np.int64]:
    """Where in an array of so many values, in C order, those of its `sample` are.

    Args:
        size: How many values the array has: less than 2**47.
        count: How many parts it has: a power of two, of at most 2**20.
        parts: Those of them to tell the places of; all unless given.
    """
    begin, end = (parts.start, parts.stop) if parts is not None else (0, count)
    numbers = np.arange(begin, end + 1, dtype=np.int64)
    bits = count.bit_length() - 1
    edges = numbers * (size >> bits) + ((numbers * (size & (count - 1))) >> bits)
    # Where in its part: a hash of its number, so that no period of the array can meet the sample's.
    hashed = numbers[:-1].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    shares = (hashed >> np.uint64(40)).astype(np.float64) * 2.0**-24
    places: NDArray[np.int64] = edges[:-1] + (np.diff(edges) * shares).astype(np.int64)
    return places
