"""Statistics of an array of any size, order and number type, on all cores, in stretches.

NumPy does the work until there is enough of it to be worth starting numba. Both give the same
counts and extremes. Sums are of float64, in blocks that are merged as deviations from one of their
own values: the relative error of the standard deviation and the norms stays below 1e-12, and the
error of the mean below 1e-12 of the mean absolute value, however far from zero the values lie.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind
from parametry.core.moments import Moments, merge
from parametry.core.statistics import Distribution
from parametry.errors import DtypeMismatch
from parametry.kernels import statistics_numpy
from parametry.kernels.quantiles import Over, distribution_of_all, exact_distribution
from parametry.kernels.sampling import SAMPLE, sample, wide_sample
from parametry.kernels.shares import in_shares
from parametry.kernels.stretches import stretch, stretches
from parametry.kernels.tables import distribution_of_counts, moments_of_counts

__all__ = ["engine_for", "has_statistics", "moments_of", "statistics_of"]

T = TypeVar("T")

# What one thread takes at a time: of two threads both, and what they write, fit into the cache.
_STRETCH_BYTES: Final = 1 << 23
# Of a large array that is read where it lies four times as much, so that threads seldom wait for
# the interpreter. It depends on the size alone, and so does how a sum is rounded.
_LONG_STRETCH_BYTES: Final = 1 << 25
_LARGE_BYTES: Final = 1 << 30
# NumPy is through so many bytes in the time that it takes to start numba.
_PATIENCE: Final = 1 << 27
# NumPy is through smaller arrays before a loop for their dtype is compiled, or found in the cache.
_WORTH: Final = 1 << 20
# Beyond these, squares of float64 overflow or vanish when they are summed up.
_LARGE, _SMALL = 2.0**480, 2.0**-480
# Values are multiplied by 2**-exponent, which is to be a double.
_LEAST_EXPONENT: Final = -1000
# float128 differs from one machine to the next.
_WIDEST: Final = {"bool": 1, "integer": 8, "float": 8, "complex": 16}


def has_statistics(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of a dtype have statistics: bool, integers, floats to 64 bits, and complex.

    Example:
        >>> has_statistics(np.dtype("float16")), has_statistics(np.dtype("U5"))
        (True, False)
    """
    return dtype.itemsize <= _WIDEST.get(kind(dtype), 0)


def statistics_of(
    array: NDArray[Any], *, exact: bool = False, engine: ModuleType | None = None
) -> tuple[Moments, Distribution | None]:
    """Moments, quantiles and sketch of an array, which is read and neither copied nor changed.

    Quantiles and sketch of an array of at most 65,536 values, or of a dtype of 8 bits, are exact
    always; of others they are those of a sample unless ``exact`` is asked for.

    Args:
        array: Any array of numbers: of any shape, strides and byte order.
        exact: Whether quantiles and sketch are to be of all values.
        engine: Who does the work; `engine_for` the array's size unless given.

    Raises:
        DtypeMismatch: Its values are no numbers, or wider than float64.

    Example:
        >>> moments, distribution = statistics_of(np.arange(5))
        >>> moments.mean, distribution.median
        (2.0, 2.0)
    """
    array = _numbers(array)
    engine = engine or engine_for(array.nbytes)
    over = _over(array)
    small = array.size <= SAMPLE
    if array.dtype.itemsize == 1 or (array.dtype.itemsize == 2 and exact and not small):
        counts = _counts(array, over, engine)
        dtype = array.dtype.newbyteorder("=") if not array.dtype.isnative else array.dtype
        return moments_of_counts(counts, dtype), distribution_of_counts(counts, dtype)
    if small:
        distribution = distribution_of_all(stretch(array), exact=True)
        return _moments(over, engine, over(engine.moments)), distribution
    if not exact:
        moments = _moments(over, engine, over(engine.moments))
        some = sample(array, engine)
        return moments, distribution_of_all(stretch(some), exact=False)
    samples = stretch(sample(array, engine)), stretch(wide_sample(array, engine))
    parts, distribution = exact_distribution(over, engine, array.size, *samples)
    return _moments(over, engine, parts), distribution


def moments_of(array: NDArray[Any], *, engine: ModuleType | None = None) -> Moments:
    """The moments alone, as `statistics_of` gives them.

    Args:
        array: Any array of numbers.
        engine: Who does the work; `engine_for` the array's size unless given.

    Raises:
        DtypeMismatch: Its values are no numbers, or wider than float64.

    Example:
        >>> moments_of(np.array([3.0, np.nan, 5.0])).mean
        4.0
    """
    array = _numbers(array)
    engine = engine or engine_for(array.nbytes)
    over = _over(array)
    if array.dtype.itemsize == 1:
        return moments_of_counts(_counts(array, over, engine), array.dtype)
    return _moments(over, engine, over(engine.moments))


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    """The array; of a complex one its real and imaginary parts, on a further axis."""
    if not has_statistics(array.dtype):
        raise DtypeMismatch(
            f"arrays of {array.dtype.name} have no statistics",
            hint="give numbers: array.astype('float64')",
        )
    if kind(array.dtype) != "complex":
        return array
    real = array.real
    strides = (*real.strides, real.dtype.itemsize)
    return np.lib.stride_tricks.as_strided(real, (*real.shape, 2), strides, writeable=False)


def _over(array: NDArray[Any]) -> Over:
    """Applies functions to every stretch of an array, on all cores."""
    lies_so = (array.flags.c_contiguous or array.flags.f_contiguous) and array.dtype.isnative
    is_long = lies_so and array.nbytes >= _LARGE_BYTES
    nbytes = _LONG_STRETCH_BYTES if is_long else _STRETCH_BYTES
    views = stretches(array, nbytes // array.dtype.itemsize)

    def over(function: Callable[[NDArray[Any]], T]) -> list[T]:
        found: list[Any] = [None] * len(views)

        def work(index: int) -> None:
            found[index] = function(stretch(views[index]))

        in_shares(work, range(len(views)))
        return found

    return over


def _counts(array: NDArray[Any], over: Over, engine: Any) -> NDArray[np.int64]:
    none = np.zeros(1 << 8 * array.dtype.itemsize, np.int64)
    counted: NDArray[np.int64] = np.sum([none, *over(engine.byte_counts)], axis=0)
    return counted


def _moments(over: Over, engine: Any, parts: list[Moments]) -> Moments:
    """The moments of all parts; once more, scaled, where squares overflowed or vanished."""
    whole = merge(parts)
    if isinstance(whole.min, float) and isinstance(whole.max, float):
        largest = max(-whole.min, whole.max)
        if largest > _LARGE or 0 < largest < _SMALL:
            exponent = max(math.frexp(largest)[1], _LEAST_EXPONENT)
            return merge(over(partial(engine.moments, exponent=exponent)))
    return whole


def engine_for(nbytes: int, *, total: int | None = None) -> ModuleType:
    """Who works on an array: numba where it is there and worth its start, else NumPy.

    Args:
        nbytes: The array's size.
        total: The size of all arrays that are to be worked on, where there are more.
    """
    started = "parametry.kernels.statistics_numba" in sys.modules
    if nbytes < _WORTH or (not started and max(total or 0, nbytes) < _PATIENCE):
        return statistics_numpy
    return _compiled() or statistics_numpy


@lru_cache(maxsize=1)
def _compiled() -> ModuleType | None:
    """The compiled loops; None where numba is not installed or does not work here."""
    if sys.byteorder == "big":  # the loops take values apart as little-endian processors keep them
        return None
    try:
        return importlib.import_module("parametry.kernels.statistics_numba")
    except ImportError:
        return None
