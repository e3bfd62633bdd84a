"""Data types by name: their kinds, their NumPy equivalents, and which casts keep a value.

The names are those that NumPy and ml_dtypes use (``float32``, ``bfloat16``, ``float8_e4m3fn``), so
that the same dtype is called the same whichever framework or file holds it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.errors import DtypeMismatch

__all__ = ["cast", "kind", "numpy_dtype"]

_KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex"}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype of a name, of ml_dtypes' kinds too.

    Raises:
        DtypeMismatch: No dtype has that name.

    Example:
        >>> numpy_dtype("bfloat16").itemsize
        2
    """
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        found = getattr(ml_dtypes, name, None)
        if found is None:
            raise DtypeMismatch(
                f"no dtype is called {name!r}", hint="names are NumPy's and ml_dtypes', as float32"
            ) from None
        return np.dtype(found)


def kind(dtype: np.dtype[Any]) -> str:
    """One of ``bool``, ``integer``, ``float``, ``complex``, or NumPy's own letter for others.

    Example:
        >>> kind(numpy_dtype("bfloat16")), kind(np.dtype("uint8"))
        ('float', 'integer')
    """
    if dtype.kind == "V":
        name = dtype.name
        return "float" if "float" in name else "integer" if "int" in name else "V"
    return _KINDS.get(dtype.kind, dtype.kind)


def cast(array: NDArray[Any], name: str, *, address: str) -> NDArray[Any]:
    """A new array of the named dtype, cast within a kind and never beyond its range.

    Rounding is allowed (float64 to float32), as any framework does on assignment. A change of kind,
    a finite value that would become infinite, and an integer out of range are errors.

    Args:
        array: The values; not changed.
        name: The dtype wanted.
        address: Whose value this is to be, for the message.

    Raises:
        DtypeMismatch: The kind differs or a value overflows.

    Example:
        >>> cast(np.array([1.5], "float64"), "float32", address="dense/bias").dtype
        dtype('float32')
    """
    wanted = numpy_dtype(name)
    if array.dtype == wanted:
        return np.array(array, dtype=wanted, order="C", copy=True)
    if kind(array.dtype) != kind(wanted):
        raise DtypeMismatch(
            f"{address} is {name} ({kind(wanted)}), the array given is {array.dtype.name} "
            f"({kind(array.dtype)})",
            hint=f"convert it where you mean it: array.astype({name!r})",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array).astype(wanted)
    if kind(wanted) == "integer":
        overflowed = bool(np.any(result.astype(object) != array.astype(object)))
    else:
        overflowed = bool(np.any(np.isfinite(array) & ~np.isfinite(result)))
    if overflowed:
        raise DtypeMismatch(
            f"{address} is {name}, and the array given ({array.dtype.name}) holds values beyond "
            f"its range",
            hint="clip or scale the values first: numpy.clip(array, low, high)",
        )
    return result.reshape(array.shape)
