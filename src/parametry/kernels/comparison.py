"""How far two arrays of one shape are apart: at the memory's speed, on all cores, in stretches.

First the bytes are compared, stretch by stretch, each until the first block that differs. Arrays
are most often equal, or differ everywhere: then one pass over both has told it. No hash would be
faster: whoever takes one reads the same bytes and does more with each, and a comparison is exact.
Only where some stretches differ are distances worked out, and of those that are equal one side
alone is read again, for its norm.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.array_difference import ArrayDifference, Distance, joined
from parametry.core.dtype import kind
from parametry.kernels import comparison_numpy
from parametry.kernels.shares import in_shares
from parametry.kernels.statistics import engine_for as statistics_engine
from parametry.kernels.statistics import moments_of

__all__ = ["array_difference", "engine_for"]

_NUMBERS: Final = frozenset({"bool", "integer", "float", "complex"})
# What one thread takes at a time of each side.
_STRETCH: Final = 1 << 20
# Two blocks, and what is found by comparing them, stay in the second cache.
_BLOCK_BYTES: Final = 1 << 16
# NumPy is through so many bytes in the time that it takes to start numba.
_PATIENCE: Final = 1 << 26
# Bytes are compared in so long words, as far as both arrays lie at multiples of them, and in blocks
# of so many bytes.
_WORDS: Final = (8, 4, 2, 1)
_COMPARED: Final = 1 << 19


def array_difference(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    tolerance: float = 0.0,
    engine: ModuleType | None = None,
) -> ArrayDifference | None:
    """How two arrays differ, or None where no element does.

    An element differs where it is further than the tolerance from its counterpart. With a tolerance
    of 0 every change of a value counts, and that of a zero's sign: between arrays of one dtype this
    says whether their bits differ. NaN equals NaN, whatever its bits; an infinity equals itself.

    Args:
        first: Any shape, strides and dtype; only read, and copied a block at a time at most.
        second: The same shape; the dtype may be another.
        tolerance: The largest absolute difference that does not count.
        engine: Who works out distances; `engine_for` the arrays' size unless given.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> array_difference(np.array([1.0, np.nan]), np.array([1.0, np.nan])) is None
        True
        >>> array_difference(np.array([1, 2]), np.array([1, 4])).max_abs
        2.0
    """
    if first.shape != second.shape:
        raise ValueError(f"arrays of the shapes {first.shape} and {second.shape} are not compared")
    if first.dtype.hasobject or not {kind(first.dtype), kind(second.dtype)} <= _NUMBERS:
        return _of_text(first, second)
    parts = list(_stretches(first, second))
    equal = _each(parts, _equal_bytes) if first.dtype == second.dtype else [False] * len(parts)
    if all(equal):
        return None
    used = engine or engine_for(first.nbytes + second.nbytes)
    one_kind = getattr(used, "takes", None)
    if one_kind is not None and not one_kind(first.dtype, second.dtype):
        used = comparison_numpy

    def apart(one: NDArray[Any], two: NDArray[Any]) -> list[Distance]:
        return list(used.distances(_flat(one), _flat(two), tolerance))

    differing = [pair for pair, is_equal in zip(parts, equal, strict=True) if not is_equal]
    found = [each for some in _each(differing, apart) for each in some]
    if not any(each.changed for each in found):
        return None
    same = [pair for pair, is_equal in zip(parts, equal, strict=True) if is_equal]
    statistics = statistics_engine(first.nbytes, total=first.nbytes + second.nbytes)
    norm = partial(_equal_to_itself, engine=statistics)
    found += [each for some in _each(same, norm) for each in some]
    return joined(found, first.size)


def engine_for(nbytes: int) -> ModuleType:
    """Who works out distances: numba where it is there and worth its start, else NumPy.

    Args:
        nbytes: The size of both arrays.
    """
    if nbytes < _PATIENCE and "parametry.kernels.comparison_numba" not in sys.modules:
        return comparison_numpy
    return _compiled() or comparison_numpy


@lru_cache(maxsize=1)
def _compiled() -> ModuleType | None:
    """The compiled loops; None where numba is not installed or does not work here."""
    try:
        return importlib.import_module("parametry.kernels.comparison_numba")
    except ImportError:
        return None


def _of_text(first: NDArray[Any], second: NDArray[Any]) -> ArrayDifference | None:
    changed = int(np.count_nonzero(first != second))
    if not changed:
        return None
    return ArrayDifference(first.size, changed, None, None, None, None, (0, 0))


_Pair = tuple[NDArray[Any], NDArray[Any]]


def _each(pairs: list[_Pair], work: Callable[[NDArray[Any], NDArray[Any]], Any]) -> list[Any]:
    """What the work gives for each pair, on all cores."""
    found: list[Any] = [None] * len(pairs)

    def one(index: int) -> None:
        found[index] = work(*pairs[index])

    in_shares(one, range(len(pairs)))
    return found


def _stretches(first: NDArray[Any], second: NDArray[Any]) -> Iterator[_Pair]:
    """Views of both that together hold each pair of elements once, in no particular order.

    Where the two do not lie alike, as an array and a transposed one, they are cut along their
    longest axis until a piece of either fits into the cache, whichever way it is read.
    """
    if not first.size:
        return
    order = sorted(range(first.ndim), key=lambda axis: -abs(first.strides[axis]))
    one, two = first.transpose(order), second.transpose(order)
    if one.flags.c_contiguous and two.flags.c_contiguous:
        one, two = one.reshape(-1), two.reshape(-1)
        yield from (
            (one[start : start + _STRETCH], two[start : start + _STRETCH])
            for start in range(0, one.size, _STRETCH)
        )
        return
    most = _BLOCK_BYTES // max(one.dtype.itemsize, two.dtype.itemsize)
    waiting = [(one, two)]
    while waiting:
        one, two = waiting.pop()
        if one.size <= most:
            yield one, two
            continue
        axis = max(range(one.ndim), key=one.shape.__getitem__)
        middle = one.shape[axis] // 2
        for part in (slice(middle, None), slice(None, middle)):
            index = (slice(None),) * axis + (part,)
            waiting.append((one[index], two[index]))


def _flat(view: NDArray[Any]) -> NDArray[Any]:
    """The view as one axis in the machine's byte order; a copy where it does not lie so."""
    native = view.dtype if view.dtype.isnative else view.dtype.newbyteorder("=")
    return np.ascontiguousarray(view, dtype=native).reshape(-1)


def _equal_bytes(one: NDArray[Any], two: NDArray[Any]) -> bool:
    flat = _flat(one), _flat(two)
    words = next(
        word
        for word in _WORDS
        if all(each.nbytes % word == each.ctypes.data % word == 0 for each in flat)
    )
    ones, twos = (each.view(f"u{words}") for each in flat)
    size = _COMPARED // words
    return all(
        bool((ones[start : start + size] == twos[start : start + size]).all())
        for start in range(0, ones.size, size)
    )


def _equal_to_itself(one: NDArray[Any], _: NDArray[Any], engine: ModuleType) -> list[Distance]:
    """What a stretch that is equal on both sides adds: its norm, and what is not finite."""
    if kind(one.dtype) == "complex":
        return list(comparison_numpy.distances(_flat(one), _flat(one), 0.0))
    found = moments_of(_flat(one), engine=engine)
    norm = found.l2 or 0.0
    nonfinite = (found.count - found.finite,) * 2
    return [Distance(0, nonfinite, found.finite, first=norm, second=norm, cosine=bool(norm) * 1.0)]
