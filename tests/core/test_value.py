"""Any value becomes plain data: what has a plain form keeps it, all else says what it was."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import json
import math
import os
import pathlib
import pickle
import subprocess
import sys
import types
import uuid
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.value import (
    UNSET,
    class_name,
    function_name,
    is_function,
    same,
    to_plain,
)

relaxed = settings(deadline=None, max_examples=200)

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
)
keys = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
plain_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
hashables = scalars | st.binary(max_size=4) | st.tuples(scalars, scalars) | st.frozensets(scalars)
anything = st.recursive(
    hashables
    | st.complex_numbers()
    | st.dates()
    | st.timedeltas()
    | st.fractions()
    | st.decimals()
    | st.uuids()
    | st.builds(bytearray, st.binary(max_size=3))
    | st.builds(slice, scalars, scalars, scalars),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.builds(collections.deque, st.lists(inner, max_size=2))
    ),
    max_leaves=20,
)


@relaxed
@given(plain_values)
def test_plain_data_stays_as_it_is(check_plain: Any, value: Any) -> None:
    assert same(check_plain(to_plain(value)), value)


@relaxed
@given(anything)
def test_any_value_becomes_plain(check_plain: Any, value: Any) -> None:
    plain = check_plain(to_plain(value))
    assert same(to_plain(plain), plain)


@relaxed
@given(anything)
def test_nothing_that_can_change_is_shared(value: Any) -> None:
    mine = _mutable_parts(value)
    assert not any(id(part) in mine for part in _mutable_parts(to_plain(value)).values())


def _mutable_parts(value: Any) -> dict[int, Any]:
    found: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, dict, set, bytearray, collections.deque)):
            found[id(part)] = part
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, (list, tuple, set, collections.deque)):
            waiting += part
    return found


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 3


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Outer:
    class Inner:
        def method(self) -> None: ...

    @classmethod
    def made(cls) -> None: ...


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2), [1, 2]),
        ([], []),
        ({}, {}),
        (Point(1, 2), [1, 2]),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        ({3, 1, 2, 10}, [1, 2, 3, 10]),
        ({"b", "a", 1, 2.5, None}, [1, 2.5, "a", "b", None]),
        (frozenset({(1, 2), "a"}), [[1, 2], "a"]),
        (Color.RED, "RED"),
        (Level.LOW, "LOW"),
        (Access.READ, "READ"),
        (np.bool_(True), True),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float64(0.1), 0.1),
        (np.float32(0.001), 0.001),
        (np.float16(0.1), 0.1),
        (ml_dtypes.bfloat16(0.1), 0.1),
        (ml_dtypes.float8_e4m3fn(0.3), 0.3),
        (ml_dtypes.int4(-8), -8),
        (ml_dtypes.uint2(3), 3),
        (np.longdouble(0.5), 0.5),
        (np.str_("a"), "a"),
        (np.datetime64("2020-01-02T03:04:05.123456789"), "2020-01-02T03:04:05.123456789"),
        (np.datetime64("NaT"), "NaT"),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.array(3), 3),
        (np.array(0.1, "float32"), 0.1),
        (np.array("a"), "a"),
        (np.dtype("float32"), "float32"),
        (np.dtype(ml_dtypes.bfloat16), "bfloat16"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (pathlib.PureWindowsPath("a/b"), "a\\b"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, 6), "2020-01-02T03:04:05.000006"),
        (datetime.time(1, 2), "01:02:00"),
        (datetime.timedelta(minutes=1, milliseconds=5), 60.005),
        (1 + 2j, {"$object": "complex", "real": 1.0, "imag": 2.0}),
        (np.complex64(0.1 + 0.2j), {"$object": "complex", "real": 0.1, "imag": 0.2}),
        (range(1, 9, 2), {"$object": "range", "start": 1, "stop": 9, "step": 2}),
        (slice(1, None), {"$object": "slice", "start": 1, "stop": None, "step": None}),
        (decimal.Decimal("0.10"), {"$object": "decimal.Decimal", "value": "0.10"}),
        (fractions.Fraction(1, 3), {"$object": "fractions.Fraction", "value": "1/3"}),
        (uuid.UUID(int=1), {"$object": "uuid.UUID", "value": str(uuid.UUID(int=1))}),
        (b"", {"$bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}),
        (bytearray(b"ab"), {"$bytes": 2, "sha256": hashlib.sha256(b"ab").hexdigest()}),
        (memoryview(b"ab")[::2], {"$bytes": 1, "sha256": hashlib.sha256(b"a").hexdigest()}),
        (b"x" * (1 << 20) + b"y", {"$bytes": (1 << 20) + 1}),
        (math, {"$object": "module", "name": "math"}),
        (math.sqrt, "math.sqrt"),
        (len, "len"),
        (np.mean, "numpy.mean"),
        (np.exp, "numpy.exp"),
        (str.upper, "str.upper"),
        (int, "int"),
        (Outer.Inner, f"{__name__}.Outer.Inner"),
        (Outer().Inner().method, f"{__name__}.Outer.Inner.method"),
        (Outer.made, f"{__name__}.Outer.made"),
        (object(), {"$object": "object"}),
        (Outer.Inner(), {"$object": f"{__name__}.Outer.Inner"}),
        (iter([1]), {"$object": "list_iterator"}),
        (collections.deque([1]), {"$object": "collections.deque"}),
        (functools.partial(len), {"$object": "functools.partial"}),
        (..., {"$object": "ellipsis"}),
        (UNSET, {"$object": "parametry.core.value.Unset"}),
    ],
    ids=lambda value: type(value).__name__[:20],
)
def test_what_becomes_of_a_value(check_plain: Any, value: Any, plain: Any) -> None:
    found = check_plain(to_plain(value))
    assert same(found, plain), found


def test_a_flag_without_a_name_is_no_name() -> None:
    assert to_plain(Access(0)) == {"$object": f"{__name__}.Access"}


def test_wrapped_functions_have_the_name_of_what_they_wrap() -> None:
    @functools.lru_cache
    def cached() -> None: ...

    assert to_plain(cached) == f"{__name__}.{cached.__wrapped__.__qualname__}"


def test_a_long_double_that_no_float_holds_says_so() -> None:
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("long double is double on this machine")
    huge = np.longdouble("1e4000")
    assert to_plain(huge) == {"$object": "numpy.longdouble", "value": "1e+4000"}
    assert to_plain(np.longdouble("inf")) == math.inf


def test_sets_have_one_order_in_every_process() -> None:
    program = (
        "from parametry.core.value import to_plain; import json\n"
        "print(json.dumps(to_plain({'b', 'a', 'c', 1, 10, 2, 0.5, None, (3, 'x'), b'q'})))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert json.loads(said.pop())[:4] == [0.5, 1, 2, 10]


# ------------------------------------------------ names and the value that is not there


def test_names_leave_out_main_and_builtins() -> None:
    def function() -> None: ...

    class Local: ...

    function.__module__ = Local.__module__ = "__main__"
    assert class_name(Local) == Local.__qualname__
    assert function_name(function) == function.__qualname__
    assert class_name(dict) == "dict"


@pytest.mark.parametrize(
    "value", [len, np.exp, np.mean, str.upper, [].append, lambda: 0, Outer.made]
)
def test_functions_are_functions(value: Any) -> None:
    assert is_function(value)


@pytest.mark.parametrize("value", [int, Outer, Outer(), functools.partial(len), "len", None])
def test_other_things_are_no_functions(value: Any) -> None:
    assert not is_function(value)


def test_there_is_one_unset() -> None:
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET
    assert type(UNSET)() is UNSET
    assert not UNSET
    assert repr(UNSET) == "UNSET"
