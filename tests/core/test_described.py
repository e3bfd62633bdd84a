"""Objects become subtrees of rows by address, whatever they hold and however they are knotted."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.address import part
from parametry.core.described import Described, Flattener, Row, describe_general, merge
from parametry.core.place import Place
from parametry.core.value import UNSET, same, to_plain
from parametry.core.watch import watch

relaxed = settings(deadline=None, max_examples=150)
HERE, THERE = Place("a.py", 1), Place("b.py", 2)
NAME = __name__


def values(thing: Any, describe: Any = None) -> dict[str, Any]:
    """The values of the rows that a thing becomes at the address ``x``."""
    flattener = Flattener() if describe is None else Flattener(describe)
    flattener.add("x", thing)
    return {address: row.value for address, row in flattener.rows.items()}


@dataclasses.dataclass
class Schedule:
    rate: float = 0.1
    steps: int = 10


@dataclasses.dataclass
class Node:
    below: Any = None
    other: Any = None


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (3, {"x": 3}),
        (None, {"x": None}),
        ("a", {"x": "a"}),
        ([1, [2, (3,)]], {"x": [1, [2, [3]]]}),
        ({"a": {"b": 1}}, {"x": {"a": {"b": 1}}}),
        ([], {"x": []}),
        ({1, 2}, {"x": [1, 2]}),
        ({(1, 2): 3}, {"x": {"[1, 2]": 3}}),
        (np.float32(0.1), {"x": 0.1}),
        (object(), {"x": {"$object": "object"}}),
        (len, {"x": "len"}),
        (Schedule(), {"x/class": f"{NAME}.Schedule", "x/rate": 0.1, "x/steps": 10}),
        (Point(1, 2), {"x/class": f"{NAME}.Point", "x/x": 1, "x/y": 2}),
        ([Schedule(), 3], {"x/0/class": f"{NAME}.Schedule", "x/0/rate": 0.1, "x/0/steps": 10,
                           "x/1": 3}),
        ({"a": Node(), "b": [1]}, {"x/a/class": f"{NAME}.Node", "x/a/below": None,
                                   "x/a/other": None, "x/b": [1]}),
        ([["deep", [Point(1, 2)]]], {"x/0/deep": "deep", "x/0/1/0/class": f"{NAME}.Point",
                                     "x/0/1/0/x": 1, "x/0/1/0/y": 2}),
        (["accuracy", len, "accuracy", ""], {"x/accuracy": "accuracy", "x/len": "len",
                                             "x/accuracy_1": "accuracy", "x/3": ""}),
        ([len, len], {"x/len": "len", "x/len_1": "len"}),
        ({"a/b": len, None: 1, 3: 2}, {"x/a%2Fb": "len", "x/null": 1, "x/3": 2}),
        ({"": len}, {"x/%": "len"}),
    ],
)  # fmt: skip
def test_what_a_value_becomes(thing: Any, expected: dict[str, Any]) -> None:
    found = values(thing)
    assert list(found) == list(expected)
    assert same(found, expected), found


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=15,
)


@relaxed
@given(plain)
def test_plain_data_is_one_value(thing: Any) -> None:
    assert list(values(thing)) == ["x"]
    assert same(values(thing)["x"], thing)


@relaxed
@given(st.recursive(plain | st.just(Schedule()) | st.just(len), lambda inner: st.lists(inner)
       | st.dictionaries(st.text(max_size=3), inner), max_leaves=10))  # fmt: skip
def test_no_item_is_lost_and_all_is_plain(check_plain: Any, thing: Any) -> None:
    found = values(thing)
    for value in found.values():
        check_plain(value)
    assert sum(1 for name in found if name.endswith("/steps")) == str(thing).count("steps=")


# ------------------------------------------------ origins and places


def rows(thing: Any, origin: Any = None, where: Any = None) -> dict[str, Row]:
    flattener = Flattener()
    flattener.add("x", thing, origin, where)
    return flattener.rows


def test_all_of_a_value_has_its_origin_and_place() -> None:
    found = rows([Schedule(), 1], "explicit", HERE)
    assert {row[1:] for row in found.values()} == {("explicit", HERE)}


def test_an_object_knows_more_of_its_fields_than_who_passed_it() -> None:
    thing = Described(
        "Plan",
        "plan",
        {"a": 1, "b": 2, "c": 3, "d": Described(None, "inner", {"e": 4})},
        {"a": "explicit", "b": "default", "c": "derived", "d": None},
        THERE,
        "derived",
    )
    assert rows(thing, "explicit", HERE) == {
        "x": Row("plan", "explicit", THERE),
        "x/class": Row("Plan", "derived", THERE),
        "x/a": Row(1, "explicit", THERE),
        "x/b": Row(2, "default", None),
        "x/c": Row(3, "derived", THERE),
        "x/d": Row("inner", None, THERE),
        "x/d/e": Row(4, None, THERE),
    }


def test_an_object_may_have_fields_alone_or_stand_at_the_top() -> None:
    flattener = Flattener()
    flattener.add("", Described(None, fields={"a/b": 1, "c": Described(None, fields={"d": 2})}))
    assert {name: row.value for name, row in flattener.rows.items()} == {"a%2Fb": 1, "c/d": 2}


# ------------------------------------------------ a framework's own objects


class Layer:
    def __init__(self, name: str) -> None:
        self.name = name


def describe(value: Any) -> Any:
    if isinstance(value, Layer):
        if value.name.startswith("known/"):
            return value.name  # a plain value that stands for it
        return Described("Layer", "layer", {"name": value.name})
    return UNSET


def test_objects_that_a_framework_knows() -> None:
    assert values(Layer("a"), describe) == {"x": "layer", "x/class": "Layer", "x/name": "a"}
    assert values(Layer("known/a"), describe) == {"x": "known/a"}


def test_references_among_plain_data_stay_plain_data() -> None:
    thing = [1, {"of": Layer("known/a"), "to": (Layer("known/b"), Schedule)}]
    assert values(thing, describe) == {
        "x": [1, {"of": "known/a", "to": ["known/b", f"{NAME}.Schedule"]}]
    }


def test_a_list_of_objects_is_named_by_what_they_are() -> None:
    thing = [Layer("a"), Layer("b"), Layer("known/c")]
    assert values(thing, describe) == {
        "x/layer": "layer",
        "x/layer/class": "Layer",
        "x/layer/name": "a",
        "x/layer_1": "layer",
        "x/layer_1/class": "Layer",
        "x/layer_1/name": "b",
        "x/2": "known/c",
    }


def test_an_object_that_cannot_be_described_is_told_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults: list[str] = []
    monkeypatch.setattr(watch, "fault", lambda doing, error: faults.append(str(error)))

    def failing(value: Any) -> Any:
        if isinstance(value, Layer):
            raise ValueError("broken")
        return UNSET

    found = values(Described(None, fields={"a": Layer("a"), "b": 1, "c": [Layer("c")]}), failing)
    assert found == {"x/a": {"$object": f"{NAME}.Layer"}, "x/b": 1, "x/c": {"$object": "list"}}
    assert set(faults) == {"broken"}


def test_hostile_objects_do_not_stop_the_rest() -> None:
    def raise_it(self: Any, *args: Any) -> Any:
        raise RuntimeError

    names = ["__getattribute__", "__class__", "__len__", "__iter__", "__eq__", "__repr__"]
    members: dict[str, Any] = {name: raise_it for name in names}
    members["__class__"] = property(raise_it)
    hostile = type("Hostile", (), members)()
    found = values(Described(None, fields={"a": hostile, "b": [hostile], "c": {"d": hostile}}))
    assert list(found) == ["x/a", "x/b", "x/c"]


# ------------------------------------------------ knots


def test_containers_and_objects_within_themselves() -> None:
    items: list[Any] = [1]
    items.append(items)
    assert values(items) == {"x": [1, {"$object": "list", "recursive": True}]}
    node = Node()
    node.below, node.other = node, [node, 2]
    recursive = {"$object": f"{NAME}.Node", "recursive": True}
    assert values(node)["x/below"] == recursive
    assert values(node)["x/other/0"] == recursive


def test_two_lists_that_hold_each_other_and_an_object() -> None:
    one: list[Any] = [Schedule()]
    other = [one, one]
    one.append(other)
    assert values(one)["x/0/rate"] == 0.1


@pytest.mark.parametrize("depth", [20, 40, 5_000])
@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, Node])
def test_deep_nesting_ends(check_plain: Any, wrap: Any, depth: int) -> None:
    thing: Any = 1
    for _ in range(depth):
        thing = wrap(thing)
    for value in values(thing).values():
        check_plain(value)


@pytest.mark.parametrize(
    "wrap", [lambda x: [x, x], lambda x: {"a": x, "b": x}, lambda x: Node(x, x)]
)
@pytest.mark.parametrize("leaf", [1, Schedule(), [1] * 100])
def test_a_small_structure_that_unfolds_into_a_huge_one_is_cut(wrap: Any, leaf: Any) -> None:
    thing: Any = leaf
    for _ in range(30):
        thing = wrap(thing)
    found = values(thing)
    assert len(found) < 50_000
    assert len(str(found)) < 10_000_000


def test_long_containers_of_objects_are_not_opened() -> None:
    assert len(values([len] * 1_000)) == 1_000
    assert values([len] * 1_001) == {"x": ["len"] * 1_001}
    assert values([1] * 10_001) == {"x": {"$long": 10_001, "class": "list"}}


def test_one_value_that_is_cut_does_not_cut_the_next() -> None:
    flattener = Flattener()
    big = [[Schedule() for _ in range(900)] for _ in range(20)]
    flattener.add("big", big)
    flattener.add("next", Schedule())
    assert flattener.rows["next/rate"].value == 0.1


# ------------------------------------------------ what every program has


def test_functions_with_what_they_were_given() -> None:
    def scheduler(rate: float, plan: Any) -> Any:
        def decay(epoch: int, lr: float = 0.5, *, warmup: int = 3) -> float:
            return float(rate * lr * warmup * epoch if plan else math.pi)

        return decay

    found = values(scheduler(0.25, [1, 2]))
    assert found.pop("x").endswith("scheduler.<locals>.decay")
    assert found == {"x/lr": 0.5, "x/warmup": 3, "x/rate": 0.25, "x/plan": [1, 2]}


def test_partial_functions_nested_and_with_objects() -> None:
    inner = functools.partial(sorted, key=len)
    found = values(functools.partial(inner, [1], reverse=True))
    assert found == {"x": "sorted", "x/argument_0": [1], "x/key": "len", "x/reverse": True}
    odd = functools.partial(Schedule, rate=0.5)
    assert values(odd) == {"x": f"{NAME}.Schedule", "x/rate": 0.5}


def test_methods_do_not_drag_in_their_object() -> None:
    class Owner:
        secret = "x" * 100

        def method(self, rate: float = 0.5) -> None: ...

    assert values(Owner().method) == {
        "x": f"{NAME}.{Owner.__qualname__}.method",
        "x/rate": 0.5,
    }


def test_an_array_is_no_object() -> None:
    array = np.zeros((2, 3))
    assert describe_general(array) == to_plain(array)
    assert list(values([array, array])) == ["x"]


# ------------------------------------------------ merging what is in effect with what was passed


def merged(effective: dict[str, Any], passed: dict[str, Any] | None) -> dict[str, Any]:
    def row(value: Any) -> Row:
        return Row(*value) if isinstance(value, tuple) else Row(value, None, None)

    found = merge(
        {name: row(value) for name, value in effective.items()},
        None if passed is None else {name: row(value) for name, value in passed.items()},
    )
    assert all(name == entry.address for name, entry in found.items())
    return {name: (e.value, e.passed, e.origin, e.where) for name, e in found.items()}


def test_without_a_call_no_origin_is_known() -> None:
    found = merged({"a": 1, "b": (2, "live", HERE)}, None)
    assert found == {"a": (1, UNSET, None, None), "b": (2, UNSET, "live", HERE)}


def test_what_was_passed_is_told_where_it_differs() -> None:
    found = merged(
        {"a": (1, None, None), "b": 2, "n": math.nan, "t": True},
        {
            "a": (1, "explicit", HERE),
            "b": (None, "default", None),
            "n": (math.nan, "explicit", HERE),
            "t": (1, "explicit", HERE),
        },
    )
    assert found["a"] == (1, UNSET, "explicit", HERE)
    assert found["b"] == (2, None, "default", None)
    assert found["n"][1] is UNSET
    assert found["t"] == (True, 1, "explicit", HERE)


def test_what_was_passed_and_is_not_kept_is_told_too() -> None:
    assert merged({}, {"a": (1, "explicit", HERE)}) == {"a": (1, UNSET, "explicit", HERE)}


def test_what_nobody_passed_is_worked_out_from_what_was() -> None:
    found = merged(
        {"m/a": 1, "m/a/b": 2, "m/c/d": 3, "m/live": (4, "live", None)},
        {"m/a": (1, "explicit", HERE), "m/c": ("c", "default", None)},
    )
    assert found["m/a/b"][2] == "derived"
    assert found["m/c/d"][2] == "default"
    assert found["m/live"][2] == "live"
    assert merged({"z/q": 1}, {"a": 1})["z/q"][2] == "default"


@relaxed
@given(st.dictionaries(st.text(max_size=4).map(part), st.integers()), st.dictionaries(
    st.text(max_size=4).map(part), st.integers()))  # fmt: skip
def test_nothing_is_lost_in_a_merge(effective: Any, passed: Any) -> None:
    found = merged(effective, passed)
    assert found.keys() == effective.keys() | passed.keys()
    assert all(found[name][0] == value for name, value in effective.items())
