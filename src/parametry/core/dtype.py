"""Data types by name: their kinds, their NumPy equivalents, and which casts keep a value.

The names are those that NumPy and ml_dtypes use (``float32``, ``bfloat16``, ``float8_e4m3fn``), so
that the same dtype is called the same whichever framework or file holds it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.errors import DtypeMismatch

__all__ = ["bits", "cast", "kind", "numpy_dtype"]

_KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex"}
_PARTS = {"float": "float", "int": "integer", "complex": "complex"}
_NARROW_INTEGER = re.compile(r"u?int([124])\Z")


@lru_cache(maxsize=256)
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The NumPy dtype of a name, of ml_dtypes' kinds too.

    Raises:
        DtypeMismatch: No dtype has that name.

    Example:
        >>> numpy_dtype("bfloat16").itemsize
        2
    """
    found = None
    if name.isidentifier():  # NumPy reads much else as a dtype: 'i4,f8', '(2,)f4', '>f4'
        found = _understood(name)
        if found is None:  # only now: most files hold none of its kinds
            import ml_dtypes

            found = _understood(getattr(ml_dtypes, name, None))
    if found is None or found.hasobject:
        raise DtypeMismatch(
            f"no dtype is called {name!r}", hint="names are NumPy's and ml_dtypes', as float32"
        )
    return found


def _understood(said: Any) -> np.dtype[Any] | None:
    try:
        return None if said is None else np.dtype(said)
    except (TypeError, ValueError):
        return None


@lru_cache(maxsize=256)
def bits(name: str) -> int:
    """How many bits one value of a dtype takes, packed where it is narrower than a byte.

    Raises:
        DtypeMismatch: No dtype has that name.

    Example:
        >>> bits("float32"), bits("int4")
        (32, 4)
    """
    if name == "string":  # TensorFlow's: as long as its text
        return 0
    narrow = _NARROW_INTEGER.match(name) or re.match("float([46])_", name)
    return int(narrow[1]) if narrow else numpy_dtype(name).itemsize * 8


def kind(dtype: np.dtype[Any]) -> str:
    """One of ``bool``, ``integer``, ``float``, ``complex``, or NumPy's own letter for others.

    Example:
        >>> kind(numpy_dtype("bfloat16")), kind(np.dtype("uint8"))
        ('float', 'integer')
    """
    if dtype.type.__module__ == "ml_dtypes":  # whose own letters tell nothing
        return next(found for part, found in _PARTS.items() if part in dtype.name)
    return _KINDS.get(dtype.kind, dtype.kind)


def cast(array: NDArray[Any], name: str, *, address: str) -> NDArray[Any]:
    """A new array of the named dtype, cast within a kind and never beyond its range.

    Rounding is allowed (float64 to float32), as any framework does on assignment. A change of kind,
    a finite value that would become infinite, an infinity or NaN that the dtype lacks, and an
    integer out of range are errors.

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
    # There is no cast between two integers of less than a byte.
    wider = array.astype(np.int8) if _NARROW_INTEGER.match(array.dtype.name) else array
    with np.errstate(over="ignore", invalid="ignore"):
        result: NDArray[Any] = np.ascontiguousarray(wider).astype(wanted).reshape(array.shape)
    if not _holds(result, wider):
        raise DtypeMismatch(
            f"{address} is {name}, and the array given ({array.dtype.name}) holds values beyond "
            f"its range",
            hint="clip or scale the values first: numpy.clip(array, low, high)",
        )
    return result


def _holds(result: NDArray[Any], array: NDArray[Any]) -> bool:
    """Whether a cast kept every value but for rounding."""
    import ml_dtypes

    limits: Any
    if array.size == 0:
        return True
    if kind(result.dtype) == "integer":
        limits = ml_dtypes.iinfo(result.dtype)  # type: ignore[no-untyped-call]
        return bool(limits.min <= int(array.min()) and int(array.max()) <= limits.max)
    if kind(result.dtype) not in ("float", "complex"):
        return True
    for property_of in (np.isfinite, np.isnan):
        if np.any(property_of(array) != property_of(result)):
            return False
    if np.isfinite(result.dtype.type(np.inf)):  # too narrow for an infinity: the dtype clips
        limits = ml_dtypes.finfo(result.dtype)  # type: ignore[no-untyped-call]
        return bool(np.abs(array.astype(np.float64)).max() <= float(limits.max))
    return True
