"""Addresses: escaping is faithful, and nothing in a name can pass for something else."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.address import escape, join, nearest, parent, part, split, unpart
from parametry.core.pattern import compile_pattern, is_pattern

relaxed = settings(deadline=None, max_examples=200)
# Any text at all: surrogates, control characters and direction marks are as likely as letters.
names = st.text(st.characters(), max_size=12) | st.text("/%aF2\u202e\x00\ud800*[]{}é", max_size=8)
DIRECTION_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@relaxed
@given(names)
def test_a_name_comes_back(name: str) -> None:
    assert unpart(part(name)) == name


@relaxed
@given(names, names)
def test_different_names_are_different_parts(one: str, other: str) -> None:
    assert (part(one) == part(other)) == (one == other)


@relaxed
@given(names)
def test_a_part_is_one_part_and_disturbs_no_terminal(name: str) -> None:
    escaped = part(name)
    assert escaped
    assert "/" not in escaped
    assert not any(character in DIRECTION_MARKS for character in escaped)
    forbidden = {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.category(character) in forbidden for character in escaped)
    escaped.encode("utf-8")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("dense_1", "dense_1"),
        ("", "%"),
        ("%", "%25"),
        ("%2F", "%252F"),
        ("a/b", "a%2Fb"),
        ("/", "%2F"),
        ("Größe", "Größe"),
        ("層", "層"),
        ("a b", "a b"),
        ("a\nb", "a%0Ab"),
        ("\x1b[31m", "%1B[31m"),
        ("\x7f", "%7F"),
        ("\x85", "%C2%85"),
        ("\u2028", "%E2%80%A8"),
        ("\u202egnp", "%E2%80%AEgnp"),
        ("\ud800", "%ED%A0%80"),
        ("*?[{", "*?[{"),
        ("<b>", "<b>"),
        (".", "."),
    ],
)
def test_what_is_escaped_and_what_stays(name: str, escaped: str) -> None:
    assert part(name) == escaped
    assert unpart(escaped) == name


@pytest.mark.parametrize("text", ["%FF", "%E2%80", "%zz", "%2f", "a%", "%%"])
def test_text_that_no_name_gives_stays_as_it_is(text: str) -> None:
    assert unpart(text) == text


@relaxed
@given(st.lists(names))
def test_parts_that_are_joined_come_apart_again(parts: list[str]) -> None:
    escaped = [part(name) for name in parts]
    assert split(join(*escaped)) == tuple(escaped)


@relaxed
@given(st.lists(names, min_size=1))
def test_the_parent_is_all_but_the_last_part(parts: list[str]) -> None:
    escaped = [part(name) for name in parts]
    assert parent(join(*escaped)) == join(*escaped[:-1])


def test_empty_addresses_are_left_out_of_a_join() -> None:
    assert join("", "a", "", "b/c", "") == "a/b/c"
    assert join() == join("") == ""
    assert split("") == ()
    assert parent("") == ""


@relaxed
@given(st.lists(names, min_size=1, max_size=4), st.lists(names, min_size=1, max_size=4))
def test_an_escaped_address_matches_itself_alone(one: list[str], other: list[str]) -> None:
    address, different = (join(*map(part, parts)) for parts in (one, other))
    pattern = compile_pattern(escape(address))
    assert pattern.fullmatch(address)
    assert pattern.fullmatch(different) == (address == different)


def test_an_address_without_signs_needs_no_escape() -> None:
    assert escape("encoder/dense_1/kernel") == "encoder/dense_1/kernel"
    assert not is_pattern("encoder/dense_1/kernel")
    assert is_pattern(escape("layer[0]"))


def test_the_nearest_comes_first() -> None:
    known = ["encoder/dense/kernel", "encoder/dense/bias", "decoder/dense_1/kernel", "head/beta"]
    assert nearest("encoder/dense/kernl", known)[0] == "encoder/dense/kernel"
    assert nearest("encoder/dense/bias", known, count=1) == ["encoder/dense/bias"]


def test_an_address_that_ends_alike_is_near_however_deep() -> None:
    known = ["a/very/deep/path/to/some/kernel", "bias", "kernal_size"]
    assert "a/very/deep/path/to/some/kernel" in nearest("kernel", known)


def test_nothing_is_near_to_nothing() -> None:
    assert nearest("kernel", []) == []
    assert nearest("", ["kernel"]) == []
    assert nearest("zzzzzzzzzz", ["kernel", "bias"]) == []


def test_at_most_as_many_as_wanted_and_none_twice() -> None:
    known = [f"block_{index}/kernel" for index in range(50)]
    found = nearest("block_1/kernl", known, count=5)
    assert len(found) == len(set(found)) == 5


def test_a_huge_model_is_searched_only_in_part() -> None:
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield f"layer_{asked}/kernel"

    assert nearest("layer_1/kernel", endless())
    assert asked <= 20_001
