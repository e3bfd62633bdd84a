"""Values on one line."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.value import UNSET, to_plain
from parametry.show.value import in_effect, one_line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.001, "0.001"),
        (1e-7, "1e-07"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ("relu", "relu"),
        ("3.15.1", "3.15.1"),
        ("/data/train-*.csv", "/data/train-*.csv"),
        ([64, 64], "[64, 64]"),
        ([], "[]"),
        ({}, "{}"),
        ({0: 1.0, 1: 2.5}, "{0: 1.0, 1: 2.5}"),
        (["accuracy"], "['accuracy']"),
        (np.zeros((100, 8), "float32"), "float32[100, 8]"),
        (object(), "<object>"),
        (b"abc", "bytes[3]"),
        (range(5), "<range start=0 stop=5 step=1>"),
        ({"$withheld": "secret"}, "<withheld: secret>"),
        ({"$array": "x"}, "None[?]"),
        ({"$unknown": 1}, "{'$unknown': 1}"),
    ],
)
def test_short_values(value: object, shown: str) -> None:
    assert one_line(to_plain(value)) == shown


@pytest.mark.parametrize(
    "text", ["None", "True", "nan", "-inf", "32", "1_000", "1e5", "", " ", "a b"]
)
def test_text_that_would_read_as_another_value_is_quoted(text: str) -> None:
    assert one_line(text) == repr(text)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 70_000,
        "\x1b" * 300,
        "'\"" * 300,
        list(range(9_000)),
        [["x" * 50] * 50] * 50,
        {f"key {number}": "y" * number for number in range(500)},
        {"k" * 10_000: {"k" * 10_000: 1}},
        10**5_000,
        [10**5_000],
        np.zeros((1,) * 32, "float32"),
        [[[[[[[[[["deep"] * 9] * 9] * 9]]]]]]],
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("limit", [20, 60, 120])
def test_whatever_is_long_is_cut(value: object, limit: int) -> None:
    shown = one_line(to_plain(value), limit)
    assert len(shown) <= limit
    assert shown.isprintable()


def test_a_list_says_how_many_more_there_are() -> None:
    shown = one_line(list(range(1000)))
    assert shown.startswith("[0, 1, 2, ")
    assert shown.endswith(f"… {1000 - shown.count(','):,} more]")


def test_what_was_passed_is_told_where_it_differs() -> None:
    assert in_effect(Hyperparameter("fit/batch_size", 32, passed=None)) == "32 (passed None)"
    assert in_effect(Hyperparameter("fit/batch_size", 32, passed=UNSET)) == "32"


def test_where_a_changed_value_began_is_told() -> None:
    changes = (
        Change(10, 0.001, 0.0005, "assignment", None),
        Change(20, 0.0005, 0.0001, "assignment", None),
    )
    entry = Hyperparameter("optimizer/learning_rate", 0.0001, changes=changes)
    assert in_effect(entry) == "0.0001 (at first 0.001)"


def test_a_change_that_was_not_seen_is_not_guessed() -> None:
    entry = Hyperparameter("a", 1, changes=(Change(None, UNSET, UNSET, "assignment", None),))
    assert in_effect(entry) == "1"
