"""What a load's report tells, as a table, as JSON, and as true or false."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from parametry.core.load_report import Loaded, LoadReport, ShapeDiffers
from parametry.core.tie import Tie

WHOLE = LoadReport(
    "file 'net.npz'",
    loaded=(
        Loaded("dense/kernel", "old/kernel", "float32", "bfloat16", transposed=True),
        Loaded("dense/bias", "dense/bias", "float32", "float32"),
    ),
    unheld=("dropout/seed_generator_state",),
    retied=(Tie("a/kernel", ("b/kernel",), frozenset({"b/kernel"})),),
    trainable={"dense/bias": False},
)


def test_it_is_true_where_both_fit_whole() -> None:
    assert WHOLE
    assert not replace(WHOLE, missing=("x",))
    assert not replace(WHOLE, extra=("x",))
    assert not replace(WHOLE, shape_differs=(ShapeDiffers("a", "b", (2, 3), (3,)),))
    assert not replace(WHOLE, not_tied=((Tie("a", ("b",)), "why"),))


def test_it_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    faults = replace(
        WHOLE,
        missing=("m",),
        extra=("e",),
        shape_differs=(ShapeDiffers("a", "b", (2, 3), (3,)),),
        not_tied=((Tie("c", ("d",)), "of another dtype"),),
        dry_run=True,
    )
    assert repr(faults).splitlines() == [
        "dry run of a load of file 'net.npz'",
        "               ADDRESS",
        "shape differs  a                             (2, 3) expected, (3,) at b",
        "missing        m                             not in the source",
        "extra          e                             not in the model",
        "not tied       c = d                         of another dtype",
        "tied again     a/kernel = b/kernelᵀ",
        "not held       dropout/seed_generator_state  this kind of file has no such state",
        "loaded         dense/kernel                  from old/kernel, bfloat16 as float32, "
        "transposed",
        "loaded         dense/bias                    frozen",
        "2 parameters loaded · 1 missing · 1 extra · 1 of another shape · 1 cast · 1 transposed · "
        "1 tied again · 1 not tied",
    ]


def test_a_long_table_is_cut() -> None:
    many = tuple(Loaded(f"layer_{i}/kernel", "x", "float32", "float32") for i in range(500))
    lines = repr(LoadReport("file 'x'", loaded=many)).splitlines()
    assert len(lines) < 70
    assert "… 440 more" in lines
    assert lines[-1] == "500 parameters loaded"


def test_it_is_json() -> None:
    found = json.loads(WHOLE.to_json())
    assert found == WHOLE.to_dict()
    assert found["complete"] is True
    assert found["loaded"][0]["source_dtype"] == "bfloat16"
    assert found["retied"] == [
        {"address": "a/kernel", "aliases": ["b/kernel"], "transposed": ["b/kernel"]}
    ]
