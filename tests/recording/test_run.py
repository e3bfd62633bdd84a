"""A Run tells what was recorded: what was chosen, how it changed, what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.core.facts import Changed, Fact, Happened, Measured, Points, Snapshot
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.moments import Moments
from parametry.core.phase import Phases
from parametry.core.place import Place
from parametry.core.report import Report
from parametry.core.statistics import ArrayStatistics
from parametry.core.value import UNSET
from parametry.errors import NothingMatched, StoreError, UnknownAddress
from parametry.recording.course import course_of
from parametry.recording.home import new_run
from parametry.recording.run import Run, _last_of_each, open_run
from parametry.recording.runs import remove, runs
from parametry.recording.series import Point
from parametry.recording.store.writer import Writer
from parametry.recording.tables import write_csv, write_json, write_parquet
from parametry.show.chart import chart

Recorded = Callable[..., Run]
RATE = "optimizer/learning_rate"


def snapshot(outcome: str = "running", **changed: Any) -> Snapshot:
    values = {"optimizer/learning_rate": 0.1, "fit/batch_size": 32, **changed}
    entries = {a: Hyperparameter(a, value, origin="explicit") for a, value in values.items()}
    return Snapshot(Report("d.py", outcome, Hyperparameters(entries), {}, Phases({}), ()), 1.0)


def change(step: int | None, old: Any, new: Any, cause: str = "assignment") -> Changed:
    return Changed(RATE, Change(step, old, new, cause, Place("d.py", 3)), 0, float(step or 0))


def point(step: int, value: float, *, key: str = "loss", per: str = "step") -> Points:
    return Points(per, step, None, float(step), {key: value})  # type: ignore[arg-type]


# ---------------------------------------------------------------- metrics


def test_metrics_are_arrays_and_points(recorded: Recorded) -> None:
    run = recorded(
        [
            Points("step", 0, 0, 10.0, {"loss": 1.0, RATE: 0.1}),
            Points("step", 1, 0, 11.0, {"loss": math.nan, RATE: 0.1}),
            Points("epoch", 1, 0, 12.0, {"loss": 0.5, "val_loss": math.inf}),
        ]
    )
    assert run.keys == ("loss", RATE, "val_loss")
    loss = run.metrics("loss")
    assert (loss.per, loss.steps.dtype, loss.values.dtype) == ("step", np.int64, np.float64)
    assert next(iter(loss)) == Point(0, 1.0)
    assert loss[-1].step == 1
    assert math.isnan(loss[-1].value)
    assert loss.epochs.tolist() == [0, 0]
    assert loss.times.tolist() == [10.0, 11.0]
    assert list(run.metrics("loss", per="epoch")) == [Point(1, 0.5)]
    assert list(run.metrics("val_loss")) == [Point(1, math.inf)]
    assert np.asarray(run.metrics(RATE)).tolist() == [0.1, 0.1]
    assert loss[:1].steps.tolist() == [0]
    assert loss.to_pandas()["value"].index.tolist() == [0, 1]
    json.dumps(loss.to_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="read-only"):
        loss.values[0] = 3.0
    assert run.last_values["loss"] == 0.5
    assert run.last_step == 1


def test_keys_that_come_with_different_others_are_one_series(recorded: Recorded) -> None:
    facts = []
    for step in range(2_500):
        values = {"loss": float(step)} | ({"norm": 1.0} if step % 3 == 0 else {})
        facts.append(Points("step", step, None, 1.0, values))
    run = recorded(facts)
    assert run.metrics("loss").values.tolist() == list(range(2_500))
    assert run.metrics("norm").steps.tolist() == list(range(0, 2_500, 3))


@given(st.lists(st.integers(-3, 8), max_size=30))
def test_of_a_step_taken_twice_the_later_counts(steps: list[int]) -> None:
    rows = _last_of_each(np.array(steps, np.int64))
    expected = {step: row for row, step in enumerate(steps)}
    assert np.arange(len(steps))[rows].tolist() == [expected[step] for step in sorted(expected)]


def test_a_training_that_resumed_has_each_step_once(recorded: Recorded) -> None:
    facts = [point(step, step) for step in range(5)] + [point(step, -step) for step in range(3, 7)]
    assert recorded(facts).metrics("loss").values.tolist() == [0, 1, 2, -3, -4, -5, -6]


def test_a_wrong_key_gets_the_nearest(recorded: Recorded) -> None:
    run = recorded([point(0, 1.0, key="val_loss", per="epoch")])
    with pytest.raises(UnknownAddress, match="nearest: val_loss"):
        run.metrics("val_los")
    with pytest.raises(UnknownAddress, match=r"it has it per epoch: metrics\('val_loss'"):
        run.metrics("val_loss", per="step")
    with pytest.raises(UnknownAddress, match="it has none at all"):
        recorded(name="empty").metrics("loss")


# ---------------------------------------------------------------- what was chosen


def test_changes_are_laid_over_the_latest_snapshot(recorded: Recorded) -> None:
    run = recorded(
        [
            snapshot(),
            change(1, 0.1, 0.05, "callbacks/reduce_lr_on_plateau"),
            snapshot(**{RATE: 0.05}),
            change(4, 0.05, 0.01),
            change(5, 0.01, UNSET),
            Changed("late/momentum", Change(5, UNSET, 0.9, "assignment", None), None, 5.0),
        ]
    )
    entry = run.hyperparameters[RATE]
    assert (entry.value, entry.origin) == (0.01, "explicit")
    assert [each.step for each in entry.changes] == [1, 4, 5]
    assert entry.changes[0].cause == "callbacks/reduce_lr_on_plateau"
    assert run.hyperparameters["late/momentum"].value == 0.9
    assert run.hyperparameters["fit/batch_size"].changes == ()
    assert run.start.hyperparameters[RATE].value == 0.1
    assert run.start.hyperparameters[RATE].changes == ()
    assert [fact.change.new for fact in run.history(RATE)] == [0.05, 0.01, UNSET]
    assert run.history("fit/batch_size") == ()
    with pytest.raises(UnknownAddress, match="nearest: fit/batch_size"):
        run.history("fit/batch")


def test_what_capture_saw_before_the_recording_stays_once(recorded: Recorded) -> None:
    before, both = change(0, 0.2, 0.1).change, change(1, 0.1, 0.05)
    entry = Hyperparameter(RATE, 0.05, origin="explicit", changes=(before, both.change))
    report = Report("d.py", "running", Hyperparameters({RATE: entry}), {}, Phases({}), ())
    run = recorded([both, Snapshot(report, 2.0)])
    assert [each.step for each in run.hyperparameters[RATE].changes] == [0, 1]


def test_a_report_follows_a_run_that_goes_on(home: Path) -> None:
    path, name = new_run()
    writer = Writer(path, name, script=None, command=["a.py", "--x"], started=1.0)
    run = open_run(name)
    assert (run.report.program, len(run.hyperparameters)) == ("a.py --x", 0)
    assert len(run.model.parameters) == 0
    writer.put(snapshot())
    assert writer.flush()
    assert run.hyperparameters[RATE].value == 0.1
    assert run.report is run.report  # read anew only where something changed
    writer.put(change(1, 0.1, 0.3))
    assert writer.flush()
    assert run.hyperparameters[RATE].value == 0.3
    writer.close("finished")


# ---------------------------------------------------------------- statistics and events


def test_statistics_and_events(recorded: Recorded) -> None:
    arrays = [
        Measured(of, step, 0, 1.0, ArrayStatistics(a, (2,), "float32", Moments(count=2), None))
        for step in range(2)
        for of in ("parameter", "gradient")
        for a in ("dense/kernel", "dense/bias")
    ]
    event = Happened("nan", 1, 0, 2.0, "dense/kernel", "first seen")
    run = recorded([*arrays, event])
    assert run.measured == ("dense/kernel", "dense/bias")
    assert run.statistics("dense/bias") == (arrays[1], arrays[5])
    assert run.statistics("dense/kernel", of="gradient") == (arrays[2], arrays[6])
    assert run.events == (event,)
    assert "first seen" in repr(run)
    with pytest.raises(UnknownAddress, match="nearest: dense/kernel"):
        run.statistics("dense/kernal")
    run = recorded([array for array in arrays if array.of == "parameter"], name="values")
    with pytest.raises(UnknownAddress, match="gradients=True"):
        run.statistics("dense/kernel", of="gradient")


# ---------------------------------------------------------------- the list


def test_runs_are_filtered_and_sorted(recorded: Recorded) -> None:
    facts: dict[str, list[Fact]] = {
        "a-1": [snapshot(), point(0, 3.0)],
        "a-2": [snapshot(**{"fit/batch_size": 8}), point(0, 1.0)],
        "b-1": [point(0, math.nan)],
        "b-2": [],
    }
    for number, (name, some) in enumerate(facts.items()):
        status = "failed" if number else "finished"
        recorded(some, name=name, started=1_000.0 - number, status=status)

    def listed(*arguments: Any, **options: Any) -> list[str]:
        return [run.name for run in runs(*arguments, **options)]

    assert listed() == ["b-2", "b-1", "a-2", "a-1"]
    assert listed(sort="name") == ["a-1", "a-2", "b-1", "b-2"]
    assert listed(sort="-name") == ["b-2", "b-1", "a-2", "a-1"]
    assert listed(sort="loss") == ["a-2", "a-1", "b-1", "b-2"]
    assert listed(sort="-fit/batch_size")[:2] == ["a-1", "a-2"]
    assert listed("a-*", sort="name") == ["a-1", "a-2"]
    assert listed(where=lambda run: run.status == "finished") == ["a-1"]
    assert listed("c-*", missing_ok=True) == []
    with pytest.raises(NothingMatched, match="matches no run"):
        runs("c-*")
    with pytest.raises(NothingMatched, match="nearest: loss"):
        runs(sort="los")
    frame = runs(sort="name").to_pandas()
    assert frame.index.tolist() == ["a-1", "a-2", "b-1", "b-2"]
    assert frame["fit/batch_size"].tolist()[:2] == [32, 8]
    assert frame["loss"].tolist()[:2] == [3.0, 1.0]
    assert isinstance(runs()[1:], type(runs()))
    table = repr(runs())
    assert "fit/batch_size" in table  # in which they differ
    assert RATE not in table  # in which they do not
    json.loads(runs().to_json())
    assert "a-1" in runs()._repr_html_()


def test_a_run_that_runs_is_not_removed(recorded: Recorded, home: Path) -> None:
    path, name = new_run("busy")
    writer = Writer(path, name, script=None, command=[], started=1.0)
    with pytest.raises(StoreError, match="still running"):
        remove(open_run("busy"))
    writer.close("finished")
    remove(open_run("busy"))
    assert list(path.parent.iterdir()) == []
    assert list(runs()) == []


# ---------------------------------------------------------------- the course of a number


def test_a_course_has_points_and_causes(recorded: Recorded) -> None:
    run = recorded(
        [
            snapshot(),
            change(5, 0.1, 0.05),
            change(9, 0.05, 0.01),
            *(point(s, 1.0) for s in range(13)),
        ]
    )
    course = course_of(run, RATE)
    assert course.series is not None
    assert list(course.series) == [
        (0, 0.1),
        (4, 0.1),
        (5, 0.05),
        (6, 0.05),
        (8, 0.05),
        (9, 0.01),
        (12, 0.01),
    ]
    assert "assignment" in repr(course)
    assert course_of(run, "loss").changes == ()
    assert course_of(run, "fit/batch_size").series is None
    assert "did not change" in repr(course_of(run, "fit/batch_size"))
    json.loads(course.to_json())
    with pytest.raises(UnknownAddress, match="nearest"):
        course_of(run, "learning_rat")
    with pytest.raises(UnknownAddress) as wrong:
        course_of(recorded([snapshot(), Points("step", 0, 0, 1.0, {RATE: 0.1})]), RATE[:-1])
    assert str(wrong.value).count(RATE) == 1


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(width=64)), max_size=60),
    st.integers(10, 90),
    st.integers(2, 12),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_chart_is_of_its_size_whatever_it_shows(
    points: list[tuple[int, float]], width: int, height: int, plain: bool
) -> None:
    points.sort(key=lambda each: each[0])
    steps, values = [step for step, _ in points], [value for _, value in points]
    lines = chart(steps, values, width=width, height=height, plain=plain)
    if not np.isfinite(values).any():
        assert lines == []
        return
    assert len(lines) == height + 1
    margin = lines[0].index("|" if plain else "┤") + 1
    assert max(len(line) for line in lines[:-1]) <= margin + width
    marks = "".join(line[margin:] for line in lines[:-1]).replace(" ", "")
    assert marks
    assert set(marks) <= {"*"} if plain else all("\u2800" < mark <= "\u28ff" for mark in marks)


# ---------------------------------------------------------------- as data


@pytest.fixture
def run(recorded: Recorded) -> Run:
    return recorded(
        [
            snapshot(),
            Points("step", 0, 0, 1.5, {"loss": 0.1 + 0.2, 'a "key", x': math.nan}),
            Points("epoch", 0, None, 2.5, {"val_loss": -math.inf}),
            Happened("note", None, 0, 3.5, None, "a note"),
        ],
        name="run",
    )


POINTS = [
    ("loss", "step", 0, 0, 1.5, 0.1 + 0.2),
    ('a "key", x', "step", 0, 0, 1.5, math.nan),
    ("val_loss", "epoch", 0, None, 2.5, -math.inf),
]


def test_csv_has_every_bit(run: Run, tmp_path: Path) -> None:
    import csv

    write_csv(run, tmp_path / "run.csv")
    with (tmp_path / "run.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["key", "per", "step", "epoch", "time", "value"]
    found = [
        (key, per, int(step), int(epoch) if epoch else None, float(time), float(value))
        for key, per, step, epoch, time, value in rows
    ]
    assert repr(found) == repr(POINTS)


def test_json_has_the_run_and_every_point(run: Run, tmp_path: Path) -> None:
    write_json(run, tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    points = data.pop("points")
    schema = json.loads(files("parametry.core").joinpath("schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(data)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**data, "status": "over"})
    assert data == run.to_dict()
    assert points[1][-1] == {"$float": "nan"}
    assert points[0] == list(POINTS[0])
    assert (data["kind"], data["status"]) == ("run", "finished")


def test_parquet_has_every_bit(run: Run, tmp_path: Path) -> None:
    from pyarrow import parquet

    write_parquet(run, tmp_path / "run.parquet")
    table = parquet.read_table(tmp_path / "run.parquet")
    assert repr([tuple(row.values()) for row in table.to_pylist()]) == repr(POINTS)
    assert json.loads(table.schema.metadata[b"parametry"]) == run.to_dict()


def test_an_empty_run_is_exported_too(recorded: Recorded, tmp_path: Path) -> None:
    empty = recorded()
    write_csv(empty, tmp_path / "a.csv")
    write_json(empty, tmp_path / "a.json")
    write_parquet(empty, tmp_path / "a.parquet")
    assert (tmp_path / "a.csv").read_text().count("\n") == 1
    assert json.loads((tmp_path / "a.json").read_text())["points"] == []


def test_text_and_html_are_small_and_safe(recorded: Recorded) -> None:
    key = "<script>\x1b[31m"
    run = recorded([snapshot(**{f"script/{key}": "</div>\x1b"}), point(0, 1.0, key=key)])
    assert "\x1b" not in repr(run)
    html = run._repr_html_()
    assert "<script>" not in html
    assert len(html) < 200_000
    assert run == open_run(run.path)
    assert len({run, open_run(run.path)}) == 1
