"""Plain data: what a hyperparameter's value may be.

A value is None, a bool, int, float or str, or a list or dict of these. Everything else that a
program passes around is turned into plain data here, or into a *tagged* dict that says what it was:

=============================================  ==============================================
``{"$array": …, "shape": …, "dtype": …}``      an array: its class, and a hash up to 1 MiB
``{"$object": "module.Class"}``                an object that has no plain form
``{"$bytes": n, "sha256": …}``                 bytes
``{"$long": n, "sha256": …, "start": …}``      a text or list too long to keep whole
``{"$float": "nan"}``                          in JSON only: NaN and the infinities
=============================================  ==============================================

Nothing is turned into text by ``str()``, nothing is iterated that is not a built-in container, and
no array larger than 1 MiB is read.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
import math
import pathlib
import types
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np

__all__ = [
    "UNSET",
    "Plain",
    "Unset",
    "class_name",
    "function_name",
    "is_array",
    "is_function",
    "same",
    "shortest",
    "to_json_value",
    "to_plain",
]

Key: TypeAlias = None | bool | int | float | str
Plain: TypeAlias = "None | bool | int | float | str | list[Plain] | dict[Key, Plain]"

HASHED_BYTES: Final = 1 << 20
LONGEST_TEXT: Final = 1 << 16
LONGEST_LIST: Final = 10_000
DEEPEST: Final = 32


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

_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    np.ufunc,
)


def class_name(cls: type) -> str:
    """The qualified name of a class, without ``__main__`` and ``builtins``.

    Example:
        >>> import fractions
        >>> class_name(fractions.Fraction), class_name(dict)
        ('fractions.Fraction', 'dict')
    """
    # A metaclass may make any attribute misbehave; a class always has these two in type's own slots.
    module = type.__dict__["__module__"].__get__(cls)
    name: str = type.__dict__["__qualname__"].__get__(cls)
    if not isinstance(module, str) or module in ("__main__", "__mp_main__", "builtins"):
        return name
    return f"{module}.{name}"


def is_function(value: object) -> bool:
    """Whether the value is a function: Python's own, a built-in, a method or a ufunc."""
    return isinstance(value, _FUNCTIONS)


def function_name(function: Any) -> str:
    """The qualified name of a function, without ``__main__`` and ``builtins``.

    Example:
        >>> function_name(len), function_name(math.sqrt)
        ('len', 'math.sqrt')
    """
    if isinstance(function, types.MethodType):
        owner = function.__self__
        cls = owner if isinstance(owner, type) else type(owner)
        return f"{class_name(cls)}.{getattr(function.__func__, '__name__', 'method')}"
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "function")
    module = getattr(function, "__module__", None)
    if not isinstance(module, str) or module in ("__main__", "__mp_main__", "builtins"):
        return str(name)
    return f"{module}.{name}"


def shortest(value: Any) -> float:
    """The shortest decimal that gives a narrow float back: 0.001, not 0.0010000000474974513.

    Args:
        value: A NumPy or ml_dtypes floating-point scalar of any width.

    Example:
        >>> shortest(np.float32(0.001))
        0.001
    """
    wide = float(value)
    if isinstance(value, float) or not math.isfinite(wide):
        return wide
    scalar_type = type(value)
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
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return _container(value, budget, inside, depth)
    try:
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
        if isinstance(value, dict):
            return {_key(k): _plain(v, budget, inside, depth + 1) for k, v in list(value.items())}
        items = [_plain(item, budget, inside, depth + 1) for item in value]
        return sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
    finally:
        inside.discard(id(value))


def _key(key: Any) -> Key:
    if key is None or type(key) in (bool, int, float, str):
        return key  # type: ignore[no-any-return]
    plain = _plain(key, [100], set(), DEEPEST - 2)
    return plain if not isinstance(plain, (list, dict)) else repr(plain)


def _other(value: Any, budget: list[int], inside: set[int], depth: int) -> Plain:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, (np.integer, int)):
        return int(value)
    if isinstance(value, float):  # np.float64 is one
        return float(value)
    if isinstance(value, str):
        return _plain(str.__str__(value), budget, inside, depth)
    if isinstance(value, np.generic):
        return _numpy_scalar(value)
    if isinstance(value, (complex, range, slice)):
        return _built_in(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raw = bytes(value[:HASHED_BYTES])
        return {"$bytes": len(value), "sha256": hashlib.sha256(raw).hexdigest()}
    if isinstance(value, pathlib.PurePath):
        return value.__fspath__()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type):
        return class_name(value)
    if is_function(value):
        return function_name(value)
    if isinstance(value, types.ModuleType):
        return {"$object": "module", "name": value.__name__}
    if isinstance(value, (types.MappingProxyType,)):
        return _container(dict(value), budget, inside, depth)
    if is_array(value):
        return _array(value)
    return {"$object": class_name(type(value))}


def _numpy_scalar(value: Any) -> Plain:
    if value.dtype.kind in "fV" and hasattr(value, "__float__"):
        return shortest(value)
    item = value.item()
    return item if isinstance(item, (int, float, str)) else _built_in(item)


def _built_in(value: Any) -> Plain:
    if isinstance(value, complex):
        return {"$object": "complex", "real": value.real, "imag": value.imag}
    if isinstance(value, (range, slice)):
        return {
            "$object": type(value).__name__,
            "start": to_plain(value.start),
            "stop": to_plain(value.stop),
            "step": to_plain(value.step),
        }
    return {"$object": class_name(type(value))}


def _long_text(value: str) -> Plain:
    raw = value.encode("utf-8", "surrogatepass")
    return {
        "$long": len(value),
        "class": "str",
        "sha256": hashlib.sha256(raw).hexdigest(),
        "start": value[:256],
    }


def is_array(value: Any) -> bool:
    """Whether the value is an array or tensor of any library: it has a shape and a dtype."""
    cls = type(value)
    return hasattr(cls, "shape") and hasattr(cls, "dtype")


def _array(value: Any) -> Plain:
    # numpy.matrix, masked arrays and DataFrames' columns all pass here: shape and dtype are told,
    # content is hashed only where it is small and already an array in memory.
    plain: dict[Key, Plain] = {
        "$array": class_name(type(value)),
        "shape": _shape(value.shape),
        "dtype": _dtype_name(value.dtype),
    }
    if isinstance(value, np.ndarray) and value.nbytes <= HASHED_BYTES and not value.dtype.hasobject:
        if value.ndim == 0:
            return _plain(value[()], [1], set(), 0)
        plain["sha256"] = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return plain


def _shape(shape: Any) -> Plain:
    try:
        return [None if size is None else int(size) for size in shape]
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
    if isinstance(value, list):
        return [to_json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {_json_key(key): to_json_value(item) for key, item in value.items()}
    return value


def _json_key(key: Key) -> str:
    if isinstance(key, str):
        return key
    return {None: "null", True: "true", False: "false"}.get(key) or repr(key)
