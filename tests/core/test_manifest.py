"""A manifest comes back as it was, and what a stranger wrote is refused or harmless."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.hyperparameter import Hyperparameter
from parametry.core.manifest import VERSION, Manifest
from parametry.core.manifest_reading import hyperparameter_of
from parametry.core.place import Place
from parametry.core.provenance import Provenance
from parametry.core.tie import Tie
from parametry.core.value import to_json_value
from parametry.errors import FormatError

text = st.text(max_size=12)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
provenances = st.builds(
    Provenance,
    st.sampled_from(["initialize", "reset", "load"]),
    st.none() | st.dictionaries(text, st.integers(0, 9) | text, max_size=2),
    st.none() | st.integers(0, 2**60),
    address=st.none() | text,
    rule=st.none() | text,
    source=st.none() | text,
)


@st.composite
def ties(draw: st.DrawFn) -> tuple[Tie, ...]:
    names = draw(st.lists(text, min_size=0, max_size=8, unique=True))
    groups = [names[at : at + 3] for at in range(0, len(names) - 1, 3)]
    return tuple(
        Tie(one, tuple(rest), frozenset(rest[: draw(st.integers(0, 2))]))
        for one, *rest in groups
        if rest
    )


@st.composite
def hyperparameters(draw: st.DrawFn) -> dict[str, Any]:
    entries = {}
    for address in draw(st.lists(text, max_size=3, unique=True)):
        origin = draw(st.sampled_from(["explicit", "default", "derived", "live", None]))
        where = draw(st.none() | st.just(Place("/train.py", 3)))
        entries[address] = Hyperparameter(
            address, draw(plain), origin=origin, where=where
        ).to_dict()
    return entries


manifests = st.builds(
    Manifest,
    name=text,
    class_name=text,
    framework=text,
    roles=st.dictionaries(text, st.sampled_from(["trainable", "frozen", "state", "optimizer"])),
    layers=st.dictionaries(text, text, max_size=3),
    ties=ties(),
    provenance=st.dictionaries(text, provenances, max_size=3),
    hyperparameters=hyperparameters(),
    names=st.dictionaries(text, text, max_size=3),
    structure=st.dictionaries(text, plain.map(to_json_value), max_size=3),
    dtypes=st.dictionaries(text, text, max_size=3),
)


@settings(deadline=None)
@given(manifests)
def test_a_manifest_comes_back_as_it_was(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert Manifest.from_json(manifest.to_json().encode()) == manifest


def test_a_hyperparameter_comes_back_as_it_was() -> None:
    given = Hyperparameter(
        "fit/epochs", [float("nan"), {"a": float("-inf")}], None, "explicit", Place("/a:b.py", 7)
    )
    again = hyperparameter_of("fit/epochs", given.to_dict())
    assert again == given
    assert (again.passed, again.origin, again.where) == (None, "explicit", Place("/a:b.py", 7))


def test_later_keys_are_passed_over_and_later_versions_refused() -> None:
    data = {**Manifest(name="net").to_dict(), "mood": "good"}
    assert Manifest.from_json(json.dumps(data)).name == "net"
    with pytest.raises(FormatError, match=r"net\.npz(.|\n)*version 2(.|\n)*upgrade"):
        Manifest.from_json(json.dumps({**data, "version": VERSION + 1}), path="net.npz")


WRONG: list[Any] = [None, 3, -1, 2.5, True, "x", [], [1], {}, {"a": 1}, {"a": None}, {"a": []}]


@pytest.mark.parametrize("key", Manifest().to_dict())
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_each_entry_is_checked(key: str, wrong: Any) -> None:
    data = {**Manifest().to_dict(), key: wrong}
    try:
        found = Manifest.from_json(json.dumps(data), path="file")
    except FormatError as error:
        assert "file" in str(error)
    else:  # then it is a manifest whose every part can be used
        assert Manifest.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "part",
    [
        {"ties": [{"address": "a"}]},
        {"ties": [{"address": "a", "aliases": []}]},
        {"ties": [{"address": "a", "aliases": ["b"], "transposed": ["c"]}]},
        {"ties": [{"address": "a", "aliases": ["a"]}]},
        {"ties": [{"address": "a", "aliases": ["b"]}, {"address": "b", "aliases": ["c"]}]},
        {"ties": [{"address": 1, "aliases": ["b"]}]},
        {"roles": {"a": "owner"}},
        {"provenance": {"a": {}}},
        {"provenance": {"a": {"action": "load", "seed": "1"}}},
        {"provenance": {"a": {"action": "load", "initializer": []}}},
        {"provenance": {"a": {"action": "load", "rule": 1}}},
        {"hyperparameters": {"a": {}}},
        {"hyperparameters": {"a": {"value": 1, "origin": []}}},
        {"hyperparameters": {"a": {"value": 1, "origin": "guess"}}},
        {"hyperparameters": {"a": {"value": 1, "where": 3}}},
        {"hyperparameters": {"a": {"value": 1, "changes": [{}]}}},
        {"hyperparameters": {"a": {"value": 1, "changes": [{"cause": "x", "step": "1"}]}}},
        {"version": True},
        {"version": 0},
        {"version": None},
    ],
    ids=repr,
)
def test_what_cannot_be_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        Manifest.from_json(json.dumps({**Manifest().to_dict(), **part}))


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", "3", "null", '{"version": 1e400}', b"\xff", "{" * 10**6, '"' * 9]
)
def test_text_that_is_no_manifest(raw: Any) -> None:
    with pytest.raises(FormatError):
        Manifest.from_json(raw, path="file")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_manifest_is_refused_or_whole(data: st.DataObject) -> None:
    whole = replace(data.draw(manifests), name="net").to_json()
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + data.draw(st.sampled_from(["", "0", '"', "{", "]"])) + whole[at + 1 :]
    try:
        found = Manifest.from_json(broken)
    except FormatError:
        return
    for address, entry in found.hyperparameters.items():
        hyperparameter_of(address, entry)
