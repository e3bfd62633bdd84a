"""Any array as stretches: one axis each, contiguous, in the machine's byte order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["stretch", "stretches"]


def stretches(array: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Views of an array that together hold each of its values once, in no particular order.

    Args:
        array: Any array; it is not copied.
        size: How many values a view may have.

    Example:
        >>> [view.shape for view in stretches(np.zeros((4, 3)), 5)]
        [(5,), (5,), (2,)]
    """
    # The axis with the widest steps first: an array in Fortran's order is read as it lies too.
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    laid = array.transpose(order)
    if laid.flags.c_contiguous:
        laid = laid.reshape(-1)
    return list(_cut(laid, size)) if array.size else []


def _cut(array: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    if array.size <= size:
        yield array
        return
    rows = max(size * len(array) // array.size, 1)
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        if part.size <= size:
            yield part
        else:
            yield from _cut(part[0], size)


def stretch(view: NDArray[Any]) -> NDArray[Any]:
    """What `stretches` gave as one stretch; a copy only where the values do not lie so."""
    native = view.dtype if view.dtype.isnative else view.dtype.newbyteorder("=")
    return np.ascontiguousarray(view, dtype=native).reshape(-1)
