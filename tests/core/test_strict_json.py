"""JSON that a stranger wrote is read as Python's own reader does, or refused."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.strict_json import DEEPEST, JsonRefused, parse

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(alphabet='ab\\"[]{}é\ud83d', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(values)
def test_what_json_writes_is_read(value: Any) -> None:
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value), deepest=30) == value


@given(st.integers(1, 300), st.integers(0, 5), st.text(alphabet='[]{}\\"', max_size=20))
def test_depth_is_that_of_brackets_outside_of_text(depth: int, more: int, noise: str) -> None:
    inner = json.dumps([noise] * (DEEPEST + more))
    whole = "[" * (depth - 1) + inner + "]" * (depth - 1)
    if depth <= DEEPEST:
        parse(whole)
    else:
        with pytest.raises(JsonRefused, match="deep"):
            parse(whole)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', "NaN", "[Infinity]", "-Infinity", "9" * 22, "[1,]", "", "{'a':1}", b"\xff"],
)
def test_what_is_refused(text: Any) -> None:
    with pytest.raises(JsonRefused):
        parse(text)


def test_no_depth_exhausts_the_stack_whatever_the_program_has_set() -> None:
    known = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        for text in ("[" * 10**6, '{"a":' * 10**6, "[{}," * 10**6):
            with pytest.raises(JsonRefused, match="deep"):
                parse(text)
    finally:
        sys.setrecursionlimit(known)


def test_brackets_behind_an_escape() -> None:
    assert parse(r'["\\", "\"[[[["]' + " " * 3, deepest=1) == ["\\", '"[[[[']
    with pytest.raises(JsonRefused, match="deep"):
        parse(r'["\\", [["\""]]]', deepest=2)
