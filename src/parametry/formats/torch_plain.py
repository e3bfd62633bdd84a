"""What the other callables of a torch pickle mean: plain data, dates, paths, NumPy's arrays.

Each function takes the arguments that the file gives, checks them, and gives data of Python's own
or NumPy's. Times and arrays are made here from checked bytes, never by unpickling.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from parametry.formats.torch_values import Fault, Global, Instance, NumpyArray, NumpyDtype, Tensor

__all__ = [
    "array_of_bytes",
    "bytes_of",
    "complex_of",
    "date",
    "date_and_time",
    "device",
    "empty_array",
    "encoded",
    "fill_array",
    "first",
    "list_of",
    "mapping",
    "mapping_with_default",
    "numpy_dtype_of",
    "numpy_scalar",
    "only_text",
    "path",
    "range_of",
    "set_of",
    "set_order",
    "slice_of",
    "time",
    "timedelta",
    "tuple_of",
]

Made = TypeVar("Made")
_DTYPE: Final = re.compile(r"[biufcSUmM](?:[1-9]\d{0,5})?\Z|bool\Z")
_ORDERS: Final = frozenset("<>|=")
_MOST_AXES: Final = 64
_SCALARS: Final = frozenset({str, int, float, bool, bytes, type(None), Global, Instance, Tensor})


def first(args: tuple[Any, ...]) -> Any:
    """The first argument: what TorchScript's list builders and type tags stand for."""
    if not args:
        raise Fault("it takes an argument")
    return args[0]


def only_text(args: tuple[Any, ...]) -> str:
    """The text that it is given."""
    if len(args) != 1 or type(args[0]) is not str:
        raise Fault("it takes one text")
    return args[0]


def device(args: tuple[Any, ...]) -> str:
    """``torch.device("cuda", 0)`` as ``cuda:0``."""
    if not 1 <= len(args) <= 2 or type(args[0]) is not str:
        raise Fault("it takes a text and a number")
    return args[0] if len(args) == 1 else f"{args[0]}:{_whole(args[1])}"


def path(args: tuple[Any, ...]) -> str:
    """A path's parts, joined; nothing is looked up."""
    if not all(type(one) is str for one in args):
        raise Fault("its parts are not all text")
    start = args[0] if args and args[0] in ("/", "//") else ""
    return start + "/".join(args[1:] if start else args)


def list_of(args: tuple[Any, ...]) -> list[Any]:
    """A new list of the items."""
    return list(_items(args))


def tuple_of(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tuple of the items."""
    return tuple(_items(args))


def range_of(args: tuple[Any, ...]) -> range:
    """A range of whole numbers."""
    if not 1 <= len(args) <= 3 or not all(type(one) is int for one in args) or args[2:] == (0,):
        raise Fault("it takes up to three whole numbers")
    return range(*args)


def slice_of(args: tuple[Any, ...]) -> slice:
    """A slice of whole numbers."""
    if not 1 <= len(args) <= 3 or not all(type(one) in (int, type(None)) for one in args):
        raise Fault("it takes up to three whole numbers")
    return slice(*args)


def _items(args: tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    if not args:
        return ()
    if type(args[0]) not in (list, tuple):
        raise Fault("it is given what is no list")
    items: list[Any] | tuple[Any, ...] = args[0]
    return items


def set_of(args: tuple[Any, ...]) -> list[Any]:
    """A set's items in the order of the file; as a list, which needs no hashes."""
    return list(_items(args))


def mapping(args: tuple[Any, ...]) -> dict[Any, Any]:
    """A dict, of pairs or of another dict."""
    if not args or args[0] is None:
        return {}
    if type(args[0]) is dict:
        return dict(args[0])
    out: dict[Any, Any] = {}
    for pair in _items(args):
        if type(pair) not in (list, tuple) or len(pair) != 2 or type(pair[0]) not in _SCALARS:
            raise Fault("it is given what are no pairs of a key and a value")
        if type(pair[0]) is int and abs(pair[0]) >= 2**61 - 1:
            raise Fault("a key is too large")
        if pair[0] in out:
            raise Fault("it is given a key twice")
        out[pair[0]] = pair[1]
    return out


def mapping_with_default(args: tuple[Any, ...]) -> dict[Any, Any]:
    """A defaultdict; what it makes for keys that are missing is no value of the file."""
    return mapping(args[1:])


def encoded(args: tuple[Any, ...]) -> bytes:
    """``_codecs.encode(text, "latin1")``: bytes, as protocol 2 writes them."""
    if not 1 <= len(args) <= 2 or type(args[0]) is not str:
        raise Fault("it takes a text and an encoding")
    if len(args) == 2 and args[1] not in ("latin1", "latin-1"):
        raise Fault("its encoding is not latin1")
    try:
        return args[0].encode("latin1")
    except UnicodeEncodeError:
        raise Fault("its text is not latin1") from None


def bytes_of(args: tuple[Any, ...]) -> bytes:
    """Bytes of bytes, or of latin1 text."""
    if not args:
        return b""
    return _raw(args[0]) if len(args) == 1 else encoded(args)


def _raw(value: Any) -> bytes:
    if type(value) is str:  # bytes of Python 2
        return encoded((value,))
    if type(value) is not bytes:
        raise Fault("it is given what are no bytes")
    return value


def complex_of(args: tuple[Any, ...]) -> complex:
    """A complex number of its parts."""
    if len(args) != 2 or not all(type(part) in (int, float) for part in args):
        raise Fault("it takes two numbers")
    try:
        return complex(*args)
    except OverflowError:
        raise Fault("a part is too large") from None


# -- dates and times; their state is documented in CPython's datetime.c


def date_and_time(args: tuple[Any, ...]) -> datetime.datetime:
    """A datetime of its ten bytes; of its zone the offset alone is kept, if it is a fixed one."""
    raw = _raw(first(args))
    if len(raw) != 10:
        raise Fault("it takes ten bytes")
    month = raw[2] & 0x7F  # the highest bit tells which of two equal hours it is
    parts = (int.from_bytes(raw[:2]), month, *raw[3:7], int.from_bytes(raw[7:10]))
    return _made(datetime.datetime, *parts)


def date(args: tuple[Any, ...]) -> datetime.date:
    """A date of its four bytes."""
    raw = _raw(first(args))
    if len(raw) != 4:
        raise Fault("it takes four bytes")
    return _made(datetime.date, int.from_bytes(raw[:2]), raw[2], raw[3])


def time(args: tuple[Any, ...]) -> datetime.time:
    """A time of its six bytes."""
    raw = _raw(first(args))
    if len(raw) != 6:
        raise Fault("it takes six bytes")
    return _made(datetime.time, raw[0] & 0x7F, raw[1], raw[2], int.from_bytes(raw[3:6]))


def timedelta(args: tuple[Any, ...]) -> datetime.timedelta:
    """A timedelta of days, seconds and microseconds."""
    if len(args) > 3 or not all(type(part) is int for part in args):
        raise Fault("it takes three whole numbers")
    return _made(datetime.timedelta, *args)


def _made(kind: Callable[..., Made], *parts: int) -> Made:
    try:
        return kind(*parts)
    except (ValueError, OverflowError):
        raise Fault("there is no such date or time") from None


# -- NumPy


def numpy_dtype_of(args: tuple[Any, ...]) -> NumpyDtype:
    """``numpy.dtype(code, align, copy)``."""
    code = first(args)
    if type(code) is Global:  # a scalar type in place of its code
        code = code.name.rstrip("_")
    if type(code) is not str or len(code) > 16:
        raise Fault("its code is no text")
    return NumpyDtype(code)


def set_order(dtype: NumpyDtype, state: Any) -> None:
    """A dtype's state: ``(version, order, subdtype, names, fields, …)``.

    Raises:
        Fault: It is of another form.
    """
    if type(state) is not tuple or len(state) < 5 or state[1] not in _ORDERS:
        raise Fault("the pickle sets a NumPy dtype to what is none")
    dtype.order = state[1]
    if any(part is not None for part in state[2:5]) and dtype.code[:1] not in "mM":
        dtype.code = "V"  # fields within fields: not represented


def _resolved(dtype: Any) -> np.dtype[Any] | None:
    """The dtype; None for objects and records, whose values are not read."""
    if type(dtype) is not NumpyDtype:
        raise Fault("it is given no dtype")
    if not _DTYPE.match(dtype.code):
        return None
    try:
        found = np.dtype(dtype.code)
    except TypeError:
        raise Fault(f"there is no dtype {dtype.code!r}") from None
    return found.newbyteorder("S") if dtype.order == ">" else found


def numpy_scalar(args: tuple[Any, ...]) -> Any:
    """``scalar(dtype, bytes)``: a NumPy scalar; None for one that is no number or text."""
    if len(args) != 2:
        raise Fault("it takes a dtype and bytes")
    dtype = _resolved(args[0])
    if dtype is None:
        return None
    raw = _raw(args[1])
    if len(raw) != dtype.itemsize or not raw:
        raise Fault(f"{len(raw)} bytes are no {dtype.name}")
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="))[0]


def empty_array(args: tuple[Any, ...]) -> NumpyArray:
    """``_reconstruct(ndarray, (0,), b"b")``: an array whose state is still to come."""
    if not args or type(args[0]) is not Global or not args[0].path.startswith("numpy."):
        raise Fault("it takes NumPy's array class")
    return NumpyArray()


def fill_array(array: NumpyArray, state: Any) -> None:
    """An array's state: ``(version, shape, dtype, by_columns, bytes)``.

    Raises:
        Fault: It is of another form, or the bytes do not fill the shape.
    """
    if type(state) is not tuple or len(state) != 5:
        raise Fault("the pickle sets a NumPy array to what is none")
    _, shape, dtype, by_columns, raw = state
    if type(raw) is list:  # an array of objects
        return
    array.array = _array(_raw(raw), dtype, shape, "F" if by_columns is True else "C")


def array_of_bytes(args: tuple[Any, ...]) -> NumpyArray:
    """``_frombuffer(bytes, dtype, shape, order)``."""
    if len(args) != 4 or args[3] not in ("C", "F"):
        raise Fault("it takes bytes, a dtype, a shape and an order")
    return NumpyArray(_array(_raw(args[0]), args[1], args[2], args[3]))


def _array(raw: bytes, dtype: Any, shape: Any, order: Any) -> Any:
    if type(shape) is not tuple or len(shape) > _MOST_AXES:
        raise Fault("its shape is no tuple")
    found = _resolved(dtype)
    if found is None:
        return None
    count = found.itemsize
    for length in shape:
        count *= _whole(length)
    if count != len(raw) or not found.itemsize:
        raise Fault(f"{len(raw):,} bytes do not fill its shape, which needs {count:,}")
    try:
        return np.frombuffer(raw, found).reshape(shape, order=order)
    except ValueError:
        raise Fault("there is no array of its shape") from None


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 2**63 - 1:
        raise Fault("a length is no count from 0 to 2**63 - 1")
    return value
