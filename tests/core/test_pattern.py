"""Patterns mean what their table says, however they are put together, and none takes long."""

from __future__ import annotations

import re
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.pattern import Pattern, compile_pattern, is_pattern
from parametry.errors import PatternError

relaxed = settings(deadline=None, max_examples=250)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("kernel", ["kernel"], ["dense/kernel", "kerne", "kernel/x", ""]),
        ("*", ["a", ""], ["a/b"]),
        ("*/kernel", ["a/kernel"], ["kernel", "a/b/kernel"]),
        ("dense*", ["dense", "dense_1"], ["dense/kernel", "adense"]),
        ("**", ["a", "a/b", "a/b/c", ""], []),
        ("**/kernel", ["kernel", "a/kernel", "a/b/kernel"], ["akernel", "a/kernel/b", "a/bkernel"]),
        ("encoder/**", ["encoder/a", "encoder/a/b"], ["encoder", "encoders/a", "a/encoder/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "ax/b"]),
        ("a/**/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab"]),
        ("***/b", ["b", "a/b"], ["ab"]),
        ("a**b", ["ab", "axb", "a/b", "a/x/b"], ["a", "b"]),
        ("a**/b", ["a/b", "axx/b", "a/x/b"], ["ab", "b"]),
        ("**b", ["b", "ab", "a/b"], ["ba"]),
        ("?", ["a", "é", "*"], ["", "ab", "/"]),
        ("a?b", ["axb"], ["a/b", "ab"]),
        ("[0-9]", ["0", "5", "9"], ["a", "10", ""]),
        ("[!0-9]", ["a", "]"], ["0", "9", "/", ""]),
        ("[ab]x", ["ax", "bx"], ["cx", "abx"]),
        ("[]]", ["]"], ["[", ""]),
        ("[!]]", ["a", "["], ["]", "/"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("[[]", ["["], ["]"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        (r"[\d]", ["\\", "d"], ["0"]),
        ("[a&&b]", ["a", "&", "b"], ["c"]),
        ("[+-9]", ["+", "0", "."], ["/", "a"]),
        ("[/]", [], ["/", "a"]),
        ("{a,b}", ["a", "b"], ["c", "ab", "{a,b}"]),
        ("{a,}x", ["ax", "x"], ["bx"]),
        ("{}x", ["x"], ["a"]),
        ("{a}", ["a"], ["{a}"]),
        ("{a,{b,c}d}", ["a", "bd", "cd"], ["b", "d", "ad"]),
        ("{a/b,c}/d", ["a/b/d", "c/d"], ["a/d", "b/d"]),
        ("{*/a,b?}", ["x/a", "bx"], ["a", "b"]),
        ("{**/a,b}", ["a", "x/a", "x/y/a", "b"], ["xa"]),
        ("x{**/a,b}", ["x/a", "xy/a", "xb"], ["xa"]),
        ("{[,],[}]}", [",", "}"], ["a"]),
        ("a,b", ["a,b"], ["a", "b"]),
        ("a,**/b", ["a,/b", "a,x/b"], ["a,b"]),
        ("a}", ["a}"], ["a"]),
        ("{0..3}", ["0", "1", "2", "3"], ["4", "-1", "00", "0..3", ""]),
        ("{3..0}", ["0", "3"], ["4"]),
        ("{7..12}", ["7", "9", "10", "12"], ["6", "13", "1", "70"]),
        ("{08..9}", ["8", "9"], ["08", "7"]),
        ("b_{0..3,9}", ["b_0..3", "b_9"], ["b_1"]),
        ("block_{8..31}/*", ["block_8/x", "block_31/x"], ["block_7/x", "block_32/x", "block_8"]),
        ("{-1..1}", ["-1..1"], ["0"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a\nb*", ["a\nb", "a\nb\n"], ["a b"]),
        ("(a|b)", ["(a|b)"], ["a"]),
        ("^a$", ["^a$"], ["a"]),
        ("", [""], ["a"]),
        ("層*", ["層", "層1"], ["1"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    matches = compile_pattern(pattern).fullmatch
    assert [text for text in matching if not matches(text)] == []
    assert [text for text in others if matches(text)] == []


# ------------------------------------------------ any pattern, against a slow and simple matcher
#
# A pattern is a list of tokens: ("text", "a"), ("?",), ("*",), ("**",), ("**/",),
# ("set", negated, ranges), ("range", low, high), ("either", [tokens, ...]).

LETTERS = "abz01"
SPECIAL = "^\\&~|.("


@st.composite
def sets(draw: Any) -> Any:
    ranges = draw(st.lists(st.tuples(st.sampled_from(LETTERS), st.sampled_from(LETTERS))))
    ranges = [(min(pair), max(pair)) for pair in ranges]
    singles = draw(st.lists(st.sampled_from(SPECIAL + "]-!"), unique=True))
    ranges += [(single, single) for single in singles]
    return "set", draw(st.booleans()), ranges or [("a", "a")]


numbers = st.integers(0, 1200)
token = (
    st.tuples(st.just("text"), st.sampled_from([*LETTERS, *SPECIAL, "/", "/", "]", "-", "!"]))
    | st.sampled_from([("?",), ("*",), ("**",), ("**/",), ("**/",)])
    | sets()
    | st.tuples(st.just("range"), numbers, numbers)
)
tokens = st.recursive(
    st.lists(token, max_size=5),
    lambda inner: st.lists(
        token | st.tuples(st.just("either"), st.lists(inner, min_size=1, max_size=3)), max_size=5
    ),
    max_leaves=8,
)


def tidy(pattern: list[Any]) -> list[Any]:
    """Without stars side by side, which would be written as another sign."""
    out: list[Any] = []
    for item in pattern:
        if item[0] == "either":
            out.append(("either", [tidy(choice) for choice in item[1]]))
        elif not (item[0].startswith("*") and out and out[-1][0] in ("*", "**")):
            out.append(item)
    return out


def written(pattern: list[Any]) -> str:
    return "".join(map(written_token, pattern))


def written_token(item: Any) -> str:
    kind = item[0]
    if kind == "text":
        return item[1]
    if kind == "either":
        return "{" + ",".join(map(written, item[1])) + "}"
    if kind == "range":
        return f"{{{item[1]}..{item[2]}}}"
    if kind == "set":
        order = {"]": 0, "!": 2, "-": 3}
        members = sorted(item[2], key=lambda pair: order.get(pair[0], 1))
        inner = "".join(low if low == high else f"{low}-{high}" for low, high in members)
        if inner.startswith("!") and not item[1]:
            inner = "a-a" + inner
        return f"[{'!' if item[1] else ''}{inner}]"
    return kind


def ends(pattern: list[Any], text: str, starts: set[int], at_part: bool) -> set[int]:
    """Where in the text the pattern may end, having begun at any of the starts."""
    while pattern:
        first, *pattern = pattern
        if first == ("**",) and pattern[:1] == [("text", "/")]:
            first, pattern = ("**/",), pattern[1:]
        starts = {end for start in starts for end in token_ends(first, text, start, at_part)}
        at_part = first in (("text", "/"), ("**/",))
    return starts


def token_ends(item: Any, text: str, start: int, at_part: bool) -> set[int]:
    kind, rest = item[0], text[start:]
    here = rest[:1]
    if kind == "text":
        return {start + 1} if here == item[1] else set()
    if kind == "?":
        return {start + 1} if here not in ("", "/") else set()
    if kind == "set":
        members = item[2] + ([("a", "a")] if written_token(item).startswith("[a-a") else [])
        inside = any(low <= here <= high for low, high in members)
        return {start + 1} if here not in ("", "/") and inside != item[1] else set()
    if kind == "range":
        low, high = sorted(item[1:])
        return {
            start + len(number)
            for number in map(str, range(low, high + 1))
            if rest.startswith(number)
        }
    if kind == "either":
        return set().union(*(ends(choice, text, {start}, at_part) for choice in item[1]))
    if kind == "*":
        return {start + length for length in range(len(rest.partition("/")[0]) + 1)}
    if kind == "**":
        return {start + length for length in range(len(rest) + 1)}
    slashes = {index + 1 for index in range(start, len(text)) if text[index] == "/"}
    return slashes | {start} if at_part else slashes


texts = st.text([*LETTERS, *SPECIAL, "/", "/", "/", "]", "-", "!"], max_size=8)


@st.composite
def some_match(draw: Any, pattern: list[Any]) -> str:
    """A text that may well match."""
    out = ""
    for item in pattern:
        kind = item[0]
        if kind == "text":
            out += item[1]
        elif kind == "either":
            out += draw(some_match(draw(st.sampled_from(item[1]))))
        elif kind == "range":
            out += str(draw(st.integers(*sorted(item[1:]))))
        elif kind == "set":
            out += draw(st.sampled_from(item[2]))[0]
        else:
            out += draw(texts) + ("/" if kind == "**/" else "")
    return out


@relaxed
@given(st.data())
def test_any_pattern_matches_as_a_slow_matcher_does(data: st.DataObject) -> None:
    pattern = tidy(data.draw(tokens))
    matches = compile_pattern(written(pattern)).fullmatch
    for text in (data.draw(texts), data.draw(some_match(pattern))):
        expected = len(text) in ends(pattern, text, {0}, at_part=True)
        assert matches(text) == expected, (written(pattern), text)


@relaxed
@given(st.text("ab/", max_size=6).map(lambda text: text.replace("//", "/")))
def test_the_slow_matcher_agrees_with_what_the_table_says(text: str) -> None:
    pattern = [("**/",), ("text", "a")]
    expected = text == "a" or text.endswith("/a")
    assert (len(text) in ends(pattern, text, {0}, at_part=True)) == expected


@relaxed
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_range_holds_its_numbers_alone(low: int, high: int, number: int) -> None:
    pattern = compile_pattern(f"n{{{low}..{high}}}")
    low, high = sorted((low, high))
    for candidate in (number, low, high, low - 1, high + 1):
        assert pattern.fullmatch(f"n{candidate}") == (low <= candidate <= high)


# ------------------------------------------------ patterns that cannot be read


@pytest.mark.parametrize(
    "pattern",
    ["[", "a[", "[]", "[!]", "[!", "[a", "{", "{a", "{a,", "{a,{b}", "{[}", "{a,b", "{0..3"],
)
def test_what_is_not_closed_is_an_error_that_shows_where(pattern: str) -> None:
    with pytest.raises(PatternError, match="never closes it") as caught:
        compile_pattern(pattern)
    assert repr(pattern) in str(caught.value)
    assert re.search("at character [1-9]", str(caught.value))


def test_the_error_counts_characters_from_one() -> None:
    with pytest.raises(PatternError, match=r"opens '\[' at character 4"):
        compile_pattern("abc[d")
    with pytest.raises(PatternError, match=r"opens '\{' at character 2"):
        compile_pattern("a{b,c")


@pytest.mark.parametrize("pattern", ["[b-a]", "[9-0]", "x[!z-a]"])
def test_a_set_that_goes_downward_is_an_error(pattern: str) -> None:
    with pytest.raises(PatternError, match="goes upward"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["{" * 10_000 + "}" * 10_000, "{" * 10_000, "{1.." + "9" * 10_000 + "}", "{0..1}" + "{" * 51],
)
def test_monstrous_patterns_are_errors(pattern: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert caught.value.hint


@relaxed
@given(st.text("*?[]{},!-/.019ab", max_size=20))
def test_any_text_is_a_pattern_or_a_pattern_error(text: str) -> None:
    try:
        pattern = compile_pattern(text)
    except PatternError:
        return
    assert pattern.fullmatch("a/b") in (True, False)
    if not is_pattern(text):
        assert pattern.fullmatch(text)
        assert not pattern.fullmatch(text + "x")


# ------------------------------------------------ the work is bounded, whatever the pattern


def _lines_run(work: Any) -> int:
    """How many lines of Python the work executes: a measure that no other process disturbs."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("**/" * 30 + "x", "a/" * 200 + "y"),
        ("**/a/" * 15 + "x", "a/" * 200 + "y"),
        ("*a" * 30 + "b", "a" * 400),
        ("**a**" * 20 + "b", "a" * 400),
        ("{a,aa}" * 30 + "b", "a" * 60),
        ("{a,{a,{a,a}}}" * 20 + "b", "a" * 60),
        ("{*,**}" * 20 + "b", "a/" * 100),
        ("**a" + "?" * 30, "ab" * 200),
        ("{0..99999999}" * 5 + "x", "12345678" * 5),
    ],
)
def test_no_pattern_makes_an_address_take_long(pattern: str, address: str) -> None:
    matcher = Pattern(pattern)
    size = len(pattern) * 20
    assert _lines_run(lambda: matcher.fullmatch(address)) <= 4 * len(address) * size
    # What was learned is remembered: the same address again costs a step for each character.
    assert _lines_run(lambda: matcher.fullmatch(address)) <= 8 * len(address) + 20


def test_what_is_remembered_is_bounded_and_may_be_forgotten() -> None:
    matcher = Pattern("**/*a{b,c}")
    for number in range(0x4E00, 0x4E00 + 15_000):  # each a character that was not met before
        assert matcher.fullmatch(f"{chr(number)}/ab")
    assert len(matcher._steps) < 100
    assert sum(len(step.next) for step in matcher._steps.values()) <= 10_001


def test_one_pattern_may_be_used_by_several_threads() -> None:
    matcher = Pattern("**/{dense,conv}_{0..99}/k*")
    wrong: list[str] = []

    def work(offset: int) -> None:
        for number in range(300):
            text = f"layer_{chr(offset + number)}/dense_{number}/kernel"
            if matcher.fullmatch(text) != (number < 100):
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(0x3000 + 500 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_range_in_steps() -> None:
    matches = compile_pattern("x{2..11..3}").fullmatch
    assert [n for n in range(20) if matches(f"x{n}")] == [2, 5, 8, 11]
    matches = compile_pattern("x{11..2..4}").fullmatch
    assert [n for n in range(20) if matches(f"x{n}")] == [2, 6, 10]
    assert compile_pattern("{0..0..1}").fullmatch("0")
    for wrong in ("{0..4..0}", "{0..99999999..1}", "{0..1..1234567890123456789}"):
        with pytest.raises(PatternError):
            compile_pattern(wrong)
