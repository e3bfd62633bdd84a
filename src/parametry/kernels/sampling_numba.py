"""The loop of `sampling`, compiled: places first, in vectors, then the values at them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.kernels.numba_engine import compiled, fixed

__all__ = ["take_sample"]

_BLOCK: Final = 4096


def take_sample(array: NDArray[Any], count: int, begin: int, out: NDArray[Any]) -> None:
    """Values of some parts of a `sample`, in one thread.

    Args:
        array: An array, of one axis.
        count: How many parts it has: a power of two.
        begin: The number of the first part asked for.
        out: Filled with the values of this part and of those that follow.
    """
    bits = f"uint{8 * array.dtype.itemsize}"
    _take(fixed(array, bits), np.uint64(count), np.uint64(begin), out.view(bits))


@compiled()
def _take(values: Any, count: Any, begin: Any, out: Any) -> None:
    places = np.empty(_BLOCK, np.uint64)
    for start in range(0, out.size, _BLOCK):
        some = out[start : start + _BLOCK]
        _places(np.uint64(values.size), count, begin + np.uint64(start), places[: some.size])
        # A loop of its own, so that many values are on their way from the memory at once.
        for i in range(some.size):
            some[i] = values[places[i]]


@compiled()
def _places(size: Any, count: Any, begin: Any, places: Any) -> None:
    """As `sampling.sample_places`."""
    bits, one = np.uint64(0), np.uint64(1)
    while (one << bits) < count:
        bits += one
    length, rest = size >> bits, size & (count - one)
    for i in range(places.size):
        number = begin + np.uint64(i)
        edge = number * length + ((number * rest) >> bits)
        after = (number + one) * length + (((number + one) * rest) >> bits)
        hashed = number * np.uint64(0x9E3779B97F4A7C15)
        hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        share = np.float64(np.int64(hashed >> np.uint64(40))) * 2.0**-24
        places[i] = edge + np.uint64(np.int64(np.float64(np.int64(after - edge)) * share))
