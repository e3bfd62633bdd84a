"""What trackers are told: names, texts, and the values that a run began with."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.facts import Changed, Happened, Points
from parametry.core.hyperparameter import Change
from parametry.core.value import UNSET
from parametry.recording.sinks.telling import (
    changed_values,
    first_values,
    identity,
    remarks,
    scalars,
    text,
)

from .conftest import STARTED, Recorded, measured, snapshot

scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
plain = st.recursive(
    scalar, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@settings(deadline=None)
@given(plain)
def test_any_value_is_text_that_can_be_sent(value: Any) -> None:
    said = text(value)
    assert "\0" not in said
    said.encode()


@settings(deadline=None)
@given(st.integers() | st.floats(allow_nan=False))
def test_numbers_come_back_from_text(value: float) -> None:
    assert type(value)(text(value)) == value


@settings(deadline=None)
@given(st.lists(st.integers() | st.none() | st.booleans()))
def test_lists_come_back_from_text(value: Any) -> None:
    assert json.loads(text(value)) == value


def change(new: Any, step: int | None = 3) -> Changed:
    return Changed("script/x", Change(step, 1, new, "assignment", None), 0, 2.0)


def told(fact: Any) -> list[tuple[str, int, Any]]:
    numbers = [(each.tag, each.step, each.value) for each in scalars(fact)]
    return numbers + [(each.tag, each.step, each.text) for each in remarks(fact)]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (2, 2.0),
        (0.5, 0.5),
        (math.inf, math.inf),
        (True, "True"),
        (None, "None"),
        ([1, 2], "[1, 2]"),
        (UNSET, "unknown"),
        (10**400, "1" + "0" * 400),
    ],
)
def test_change_is_a_number_or_a_text(new: Any, expected: Any) -> None:
    assert told(change(new)) == [("changed/script/x", 3, expected)]
    assert told(change(new, None)) == [("changed/script/x", 0, expected)]


def test_names_and_steps() -> None:
    assert told(Points("step", 7, 1, 0.0, {"loss": 1.0, "a\0": 2.0})) == [
        ("step/loss", 7, 1.0),
        ("step/a\\x00", 7, 2.0),
    ]
    assert told(Points("epoch", 7, 1, 0.0, {"loss": 1.0})) == [("epoch/loss", 1, 1.0)]
    assert told(Points("epoch", 7, None, 0.0, {"loss": 1.0})) == [("epoch/loss", 7, 1.0)]
    assert told(Happened("nan", None, None, 0.0, None, "seen")) == [("event/nan", 0, "seen")]
    assert [tag for tag, *_ in told(measured("dense/kernel", 3))] == [
        "parameter/dense/kernel/norm",
        "parameter/dense/kernel/update_ratio",
    ]


def test_values_that_the_run_began_with(recorded: Recorded) -> None:
    late_change = Changed("fit/late", Change(5, "a", "b", "assignment", None), 0, STARTED)
    run = recorded(
        [
            snapshot({"script/x": 1, "fit/epochs": 3, "fit/same": math.nan}, STARTED),
            change(2),
            change(3),
            snapshot({"script/x": 3, "fit/epochs": 5, "fit/same": math.nan}, STARTED),
            late_change,
        ]
    )
    first = first_values(run)
    assert math.isnan(first.pop("fit/same"))  # type: ignore[arg-type]
    assert first == {"script/x": 1, "fit/epochs": 3, "fit/late": "a"}
    assert changed_values(run) == {"script/x": 3, "fit/epochs": 5, "fit/late": "b"}


def test_identity(recorded: Recorded) -> None:
    one, other = recorded([], name="one"), recorded([], name="other")
    assert identity(one) != identity(other)
    assert identity(one) == identity(type(one)(one.path)) and len(identity(one)) == 16
