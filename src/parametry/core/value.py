"""Plain data: what a hyperparameter's value may be.

A value is None, a bool, int, float or str, or a list or dict of these. Everything else that a
program passes around is turned into plain data here, or into a *tagged* dict that says what it was:

=============================================  ==============================================
``{"$array": …, "shape": …, "dtype": …}``      an array: its class, and a hash up to 1 MiB
``{"$object": "module.Class"}``                an object that has no plain form
``{"$bytes": n, "sha256": …}``                 bytes
``{"$long": n, …}``                            a text or container too long to keep whole
``{"$float": "nan"}``                          in JSON only: NaN and the infinities
``{"$integer": "0x…"}``                        in JSON only: an integer of over 2,000 bits
=============================================  ==============================================

No object is turned into text by ``str()``, nothing is iterated that is not a built-in container,
and nothing larger than 1 MiB is read for its hash.
"""

from __future__ import annotations

import datetime
import enum
import math
import os
import pathlib
import types
from collections.abc import Iterable, Mapping
from itertools import count, islice
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np

from parametry.core.dtype import kind as kind_of_dtype
from parametry.core.export import json_text
from parametry.core.naming import class_name, function_name, is_array, is_function

__all__ = [
    "UNSET",
    "Plain",
    "Unset",
    "class_name",
    "function_name",
    "is_array",
    "is_function",
    "key_text",
    "keyed",
    "same",
    "shortest",
    "to_json_value",
    "to_plain",
]

Key: TypeAlias = bool | int | float | str | None
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[Key, Plain] | None"

HASHED_BYTES: Final = 1 << 20
LONGEST_TEXT: Final = 1 << 16
LONGEST_LIST: Final = 10_000
DEEPEST: Final = 32
# Python writes no integer of more than some thousands of digits; this many bits it always does.
LARGEST_BITS: Final = 2_000

T = TypeVar("T")


class Unset:
    """The one object that says that a value is not there, where None would be a value."""

    _instance: Unset | None = None

    def __new__(cls) -> Unset:
        """The same object each time, so that ``is`` works, after unpickling too."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        """``UNSET``."""
        return "UNSET"

    def __bool__(self) -> bool:
        """False, as None's."""
        return False

    def __reduce__(self) -> str:
        """Pickled by name."""
        return "UNSET"


UNSET: Final = Unset()


def shortest(value: Any) -> float:
    """The shortest decimal that gives a narrow float back: 0.001, not 0.0010000000474974513.

    Args:
        value: A NumPy or ml_dtypes floating-point scalar of any width.

    Example:
        >>> shortest(np.float32(0.001))
        0.001
    """
    wide = float(value)
    if isinstance(value, (float, np.longdouble)) or not math.isfinite(wide):
        return wide
    if isinstance(value, np.floating):
        return float(np.format_float_scientific(value))
    # ml_dtypes writes its numbers with a fixed number of digits, which may be too few or too many.
    scalar_type = type(value)
    with np.errstate(over="ignore"):
        for digits in range(1, 18):
            short = float(f"{wide:.{digits}g}")
            if scalar_type(short) == value:
                return short
    return wide


def to_plain(value: object) -> Plain:
    """Any value as plain data; what has no plain form becomes a tagged dict that says so.

    The result shares nothing that can change with the argument. It never raises.

    Args:
        value: Anything.

    Example:
        >>> to_plain((1, np.float32(0.1), None))
        [1, 0.1, None]
        >>> to_plain(object())
        {'$object': 'object'}
    """
    return _plain(value, [LONGEST_LIST], set(), 0)


def _plain(value: Any, budget: list[int], inside: set[int], depth: int) -> Plain:
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return value if len(value) <= LONGEST_TEXT else _long_text(value)
    try:
        if isinstance(value, (list, tuple, dict, set, frozenset)):
            return _container(value, budget, inside, depth)
        return _other(value, budget, inside, depth)
    except Exception:  # an object may raise from anything, its class's own attributes included
        return {"$object": class_name(kind)}


def _container(value: Any, budget: list[int], inside: set[int], depth: int) -> Plain:
    if id(value) in inside:
        return {"$object": class_name(type(value)), "recursive": True}
    if depth >= DEEPEST:
        return {"$object": class_name(type(value)), "deeper_than": DEEPEST}
    length = len(value)
    if length > budget[0]:
        return {"$long": length, "class": class_name(type(value))}
    budget[0] -= length
    inside.add(id(value))
    try:
        # A copy, since converting an item may change the container; no longer than it said it is.
        if isinstance(value, dict):
            pairs = list(islice(value.items(), length))
            return keyed((k, _plain(v, budget, inside, depth + 1)) for k, v in pairs)
        items = list(islice(value, length))
        plain = [_plain(item, budget, inside, depth + 1) for item in items]
        return sorted(plain, key=_rank) if isinstance(value, (set, frozenset)) else plain
    finally:
        inside.discard(id(value))


def _rank(item: Plain) -> tuple[int, float, str]:
    """An order of plain values that is the same in every process: numbers by size, then text."""
    if isinstance(item, (int, float)) and abs(item) < 2**53:
        return 0, item, ""
    return 1, 0, item if isinstance(item, str) else json_text(to_json_value(item))


def keyed(pairs: Iterable[tuple[Any, T]]) -> dict[Key, T]:
    """A dict with plain keys, one for each pair: where two keys would be the same, one is marked.

    Example:
        >>> keyed([((1, 2), "a"), (np.int64(3), "b")])
        {'[1, 2]': 'a', 3: 'b'}
    """
    out: dict[Key, T] = {}
    for key, value in pairs:
        plain = _key(key)
        out[_another(plain, out) if plain in out else plain] = value
    return out


def _key(key: Any) -> Key:
    kind = type(key)
    if key is None or kind in (bool, int, float) or (kind is str and len(key) <= LONGEST_TEXT):
        return key  # type: ignore[no-any-return]
    plain = _plain(key, [100], set(), DEEPEST - 4)
    return json_text(to_json_value(plain)) if isinstance(plain, (list, dict)) else plain


def _another(key: Key, taken: Mapping[Any, object]) -> str:
    text = key_text(key)
    return next(name for name in (f"{text}#{n}" for n in count(2)) if name not in taken)


def _other(value: Any, budget: list[int], inside: set[int], depth: int) -> Plain:
    # A subclass may give its own meaning to any method, so the built-in class's is called.
    if isinstance(value, enum.Enum) and type(value.name) is str:  # a flag may have no name
        return value.name
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, np.timedelta64):  # which NumPy counts among the integers
        return _numpy_scalar(value)
    if isinstance(value, (np.integer, int)):
        exact: Any = value
        return int.__int__(exact) if issubclass(type(value), int) else int(value)
    if isinstance(value, float):  # np.float64 is one
        return float.__float__(value) if issubclass(type(value), float) else float(value)
    if isinstance(value, str):
        return _plain(str.__str__(value), budget, inside, depth)
    if isinstance(value, np.generic):
        return _numpy_scalar(value)
    if isinstance(value, complex):
        return _complex(complex(value).real, complex(value).imag)
    if isinstance(value, (range, slice)):
        if depth >= DEEPEST:
            return {"$object": type(value).__name__, "deeper_than": DEEPEST}
        plain: dict[Key, Plain] = {"$object": type(value).__name__}
        for name in ("start", "stop", "step"):
            plain[name] = _plain(getattr(value, name), budget, inside, depth + 1)
        return plain
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(value)
    if isinstance(value, pathlib.PurePath):
        return _text(os.fspath(value))
    if isinstance(value, (datetime.date, datetime.time)):
        return _text(value.isoformat())
    if isinstance(value, datetime.timedelta):
        return float(value.total_seconds())
    if isinstance(value, np.dtype):
        return _text(value.name)
    if isinstance(value, type):
        return class_name(value)
    if is_function(value):
        return function_name(value)
    if isinstance(value, types.ModuleType):
        return {"$object": "module", "name": _text(value.__name__)}
    if isinstance(value, types.MappingProxyType):
        return _container(dict(value), budget, inside, depth)
    if is_array(value):
        return _array(value)
    return _foreign(value)


def _text(value: object) -> str:
    """The value where it is text, as it should be; a method of a subclass may give anything."""
    if type(value) is not str:
        raise TypeError
    return value


def _numpy_scalar(value: Any) -> Plain:
    match kind_of_dtype(value.dtype):
        case "integer":
            return int(value)
        case "float":
            if math.isinf(float(value)) and not np.isinf(value):  # a long double beyond any float
                return {"$object": class_name(type(value)), "value": str(value)}
            return shortest(value)
        case "complex":
            return _complex(shortest(value.real), shortest(value.imag))
        case "M":
            return str(value)  # ISO 8601, or NaT
        case "m":
            return float(value / np.timedelta64(1, "s"))
    return {"$object": class_name(type(value)), "dtype": _dtype_name(value.dtype)}


def _complex(real: float, imag: float) -> Plain:
    return {"$object": "complex", "real": real, "imag": imag}


def _bytes(value: bytes | bytearray | memoryview) -> Plain:
    view = memoryview(value)
    plain: dict[Key, Plain] = {"$bytes": view.nbytes}
    if view.nbytes <= HASHED_BYTES:
        plain["sha256"] = _sha256(view.tobytes())
    return plain


def _long_text(value: str) -> Plain:
    plain: dict[Key, Plain] = {"$long": len(value), "class": "str", "start": value[:256]}
    if len(value) <= HASHED_BYTES:
        raw = value.encode("utf-8", "surrogatepass")
        plain["sha256"] = _sha256(raw)
    return plain


def _sha256(raw: bytes) -> str:
    import hashlib  # which loads OpenSSL, and few values are hashed

    return hashlib.sha256(raw).hexdigest()


_EXACT_TEXT = frozenset({"decimal.Decimal", "fractions.Fraction", "uuid.UUID"})
_TABLES = frozenset({"pandas", "polars", "pyarrow"})


def _foreign(value: Any) -> Plain:
    """What is known of a few libraries' objects; of any other, its class."""
    name = class_name(type(value))
    if name in _EXACT_TEXT:
        return {"$object": name, "value": str(value)}
    if name.partition(".")[0] in _TABLES and hasattr(type(value), "shape"):
        return {"$object": name, "shape": _shape(value.shape)}
    return {"$object": name}


def _array(value: Any) -> Plain:
    # numpy.matrix, masked arrays and DataFrames' columns all pass here: shape and dtype are told,
    # content is hashed only where it is small and already an array in memory.
    plain: dict[Key, Plain] = {
        "$array": class_name(type(value)),
        "shape": _shape(value.shape),
        "dtype": _dtype_name(value.dtype),
    }
    if isinstance(value, np.ndarray) and value.nbytes <= HASHED_BYTES and not value.dtype.hasobject:
        scalar = np.asarray(value)[()] if value.ndim == 0 else None
        if isinstance(scalar, np.generic):
            return _plain(scalar, [1], set(), 0)
        plain["sha256"] = _sha256(np.ascontiguousarray(value).tobytes())
    return plain


def _shape(shape: Any) -> Plain:
    try:
        return [None if size is None else int(size) for size in islice(shape, 100)]
    except Exception:  # a dynamic shape (TensorFlow's of unknown rank) cannot be walked
        return None


def _dtype_name(dtype: Any) -> str:
    name = getattr(dtype, "name", None)
    text = name if isinstance(name, str) else str(dtype)
    return text.removeprefix("torch.")


def same(left: object, right: object) -> bool:
    """Whether two plain values are equal: NaN equals NaN, and 1, 1.0 and True differ.

    Example:
        >>> same([1, float("nan")], [1, float("nan")]), same(1, True)
        (True, False)
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(v, right[k]) for k, v in left.items())
    return bool(left == right)


def to_json_value(value: Plain) -> Any:
    """Plain data as JSON can hold it: keys are text, NaN and the infinities are tagged.

    Example:
        >>> to_json_value({1: float("inf")})
        {'1': {'$float': 'inf'}}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, int) and value.bit_length() > LARGEST_BITS:
        return {"$integer": hex(value)}
    if isinstance(value, list):
        return [to_json_value(item) for item in value]
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, item in value.items():
            name = key_text(key)
            out[_another(name, out) if name in out else name] = to_json_value(item)
        return out
    return value


def key_text(key: Key) -> str:
    """A key as text, as JSON spells it.

    Example:
        >>> key_text(None), key_text(True), key_text(3), key_text("a")
        ('null', 'true', '3', 'a')
    """
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):  # as JSON spells them; 0 equals False as a dict's key
        return "null" if key is None else str(key).lower()
    return hex(key) if isinstance(key, int) and key.bit_length() > LARGEST_BITS else repr(key)
