"""Plain data in JSON, the keys of dicts, and when two values are the same."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.value import key_text, keyed, same, to_json_value, to_plain

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


class Color(enum.Enum):
    RED = 1


# ------------------------------------------------ keys


class Key:
    """An object that can be a key, like any other of its class."""


def test_keys_that_would_be_the_same_stay_apart(check_plain: Any) -> None:
    value = {Color.RED: 1, "RED": 2, Key(): 3, Key(): 4, (1, 2): 5, "[1, 2]": 6}
    plain = check_plain(to_plain(value))
    assert sorted(plain.values()) == [1, 2, 3, 4, 5, 6]
    assert plain["RED"] == 1
    assert plain["RED#2"] == 2


def test_keys_that_json_spells_alike_stay_apart() -> None:
    value = {1: "int", "1": "text", None: "none", "null": "word", math.nan: 1, float("nan"): 2}
    expected = {"1": "int", "1#2": "text", "null": "none", "null#2": "word", "nan": 1, "nan#2": 2}
    assert to_json_value(value) == expected


@relaxed
@given(st.lists(st.tuples(hashables, st.integers())))
def test_every_pair_has_a_key_of_its_own(pairs: list[tuple[Any, int]]) -> None:
    assert list(keyed(pairs).values()) == [value for _, value in pairs]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("a", "a"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (0.0, "0.0"),
        (math.nan, "nan"),
        (-(2**3000), hex(-(2**3000))),
    ],
)
def test_keys_as_text(key: Any, text: str) -> None:
    assert key_text(key) == text


def test_integers_beyond_what_python_writes_do_no_harm(check_plain: Any) -> None:
    huge = 10**5000
    value = [huge, {huge}, {huge: -huge, (huge, 1): 2}, frozenset({(huge, 1), huge}), slice(huge)]
    plain = check_plain(to_plain(value))
    assert plain[0] == huge
    assert plain[2][huge] == -huge
    assert same(plain, to_plain(value))
    assert keyed([(huge, 1), (huge, 2)]) == {huge: 1, f"{hex(huge)}#2": 2}


def test_a_long_key_is_shortened(check_plain: Any) -> None:
    plain = check_plain(to_plain({"x" * 100_000: 1}))
    assert list(plain.values()) == [1]
    assert len(next(iter(plain))) < 1_000


# ------------------------------------------------ JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, '{"$float": "nan"}'),
        (math.inf, '{"$float": "inf"}'),
        ([-math.inf], '[{"$float": "-inf"}]'),
        ({"a": {1.5: None}}, '{"a": {"1.5": null}}'),
        (0.1, "0.1"),
        (2**64, str(2**64)),
        (-0.0, "-0.0"),
        (2**2001, f'{{"$integer": "{hex(2**2001)}"}}'),
        ({2**2001: 1}, f'{{"{hex(2**2001)}": 1}}'),
    ],
)
def test_json_form(value: Any, text: str) -> None:
    assert json.dumps(to_json_value(value), allow_nan=False) == text


def test_integers_come_back_from_json_however_large() -> None:
    for value in (2**1999, 2**2000, -(10**5000)):
        form = json.loads(json.dumps(to_json_value(value)))
        found = int(form["$integer"], 16) if isinstance(form, dict) else form
        assert found == value


# ------------------------------------------------ equality


@relaxed
@given(plain_values, plain_values)
def test_same_is_an_equality(one: Any, other: Any) -> None:
    assert same(one, one)
    assert same(one, other) == same(other, one)
    if same(one, other):
        assert json.dumps(to_json_value(one), sort_keys=True) == json.dumps(
            to_json_value(other), sort_keys=True
        ) or 0.0 in (one, other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (math.nan, math.nan, True),
        ([math.nan, {"a": math.nan}], [math.nan, {"a": math.nan}], True),
        (1, True, False),
        (0, False, False),
        (1, 1.0, False),
        ([1], [True], False),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (None, None, True),
        (None, 0, False),
        ("a", "a", True),
        ("1", 1, False),
    ],
)
def test_what_is_the_same(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal
