"""Patterns with captures: where an address of a source goes in the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import parametry as pm
from parametry.actions.renaming import Renamed, renaming

ADDRESSES = st.lists(st.text("abx_*?[{ᵀ", min_size=1, max_size=5), min_size=1, max_size=4).map(
    "/".join
)


def gone(rules: Any, address: str) -> str | None:
    return renaming(rules, [address])(address).address


@pytest.mark.parametrize(
    ("pattern", "goal", "address", "expected"),
    [
        ("a/kernel", "b/kernel", "a/kernel", "b/kernel"),
        ("encoder/*/kernel", "body/*/kernel", "encoder/x_1/kernel", "body/x_1/kernel"),
        ("*/*", "*_of_*", "a/b", "a_of_b"),
        ("**/kernel", "model/**/kernel", "a/b/kernel", "model/a/b/kernel"),
        ("**/kernel", "model/**/kernel", "kernel", "model/kernel"),
        ("a/**", "**", "a/b/c", "b/c"),
        ("**/*", "x/**/*", "a/b/c", "x/a/b/c"),
        ("l?/k", "m?/k", "l3/k", "m3/k"),
        ("l[0-9]/k", "m?/k", "l3/k", "m3/k"),
        ("{q,key}/w", "p_*/w", "key/w", "p_key/w"),
        ("layers/{0..11}/w", "blocks/*/w", "layers/11/w", "blocks/11/w"),
        ("*_*", "*-*", "a_b_c", "a_b-c"),
        ("x[[]0]", "x", "x[0]", "x"),
        ("a", "b[[]0]", "a", "b[0]"),
        ("***/k", "**/k", "a/b/k", "a/b/k"),
        ("a/*", None, "a/b", None),
    ],
)
def test_wildcards_are_put_in_order(
    pattern: str, goal: str | None, address: str, expected: str | None
) -> None:
    assert gone({pattern: goal}, address) == expected


def test_the_last_rule_wins_and_the_rest_stays() -> None:
    rename = renaming({"**": "x/**", "a/*": ("y/*", "T"), "a/c": None}, ["a/b", "a/c", "d"])
    assert rename("a/b") == Renamed("y/b", True, "a/*")
    assert rename("a/c").address is None
    assert rename("d") == Renamed("x/d", False, "**")
    assert renaming(None, [])("d") == Renamed("d")


@given(ADDRESSES)
def test_a_quoted_address_is_itself(address: str) -> None:
    quoted = pm.escape(address)
    assert gone({quoted: quoted}, address) == address


@given(ADDRESSES, st.sampled_from(["**", "*", "*/**", "**/*", "**/*/*", "?*"]))
def test_a_pattern_as_its_own_goal_moves_nothing(address: str, pattern: str) -> None:
    try:
        rename = renaming({pattern: pattern}, [address])
    except pm.NothingMatched:
        return
    assert rename(address).address == address


@pytest.mark.parametrize("goal", [3, ("a", "t"), ("a",), ("a", "T", 1), b"a"])
def test_goals_that_are_none(goal: Any) -> None:
    with pytest.raises(pm.LoadError, match="an address is expected"):
        renaming({"a": goal}, ["a"])
    with pytest.raises(pm.LoadError, match="an address is expected"):
        renaming(lambda _: goal, ["a"])("a")


def test_wildcards_must_be_as_many() -> None:
    with pytest.raises(pm.PatternError, match="with 2 wildcards and 'b/\\*' with 1"):
        renaming({"*/*": "b/*"}, ["a/b"])
    with pytest.raises(pm.NothingMatched, match="'c/\\*', which matches nothing"):
        renaming({"c/*": "b/*"}, ["a/b"])


def test_many_stars_are_read_at_once() -> None:
    address = "/".join("a" * 40) + "/b"
    assert gone({"**/" * 8 + "a/c": None, "**": "**"}, address + "/a/c") == address + "/a/c"
    with pytest.raises(pm.NothingMatched):
        renaming({"**/" * 8 + "c": None}, [address])
