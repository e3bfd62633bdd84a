"""The store gives back what it was given: every fact, in order, to the last bit."""

from __future__ import annotations

import json
import logging
import math
import sqlite3
import string
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.core.facts import (
    Changed,
    Ended,
    Fact,
    Happened,
    Measured,
    PointColumns,
    Points,
    Snapshot,
)
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.moments import Moments
from parametry.core.phase import Phases
from parametry.core.place import Place
from parametry.core.report import Report
from parametry.core.statistics import ArrayStatistics, Distribution, Sketch
from parametry.core.value import UNSET
from parametry.errors import FormatError, StoreError
from parametry.recording.home import new_run
from parametry.recording.run import Run, open_run
from parametry.recording.store import writer as writing
from parametry.recording.store.batch import Batch
from parametry.recording.store.filesystem import without_shared_memory
from parametry.recording.store.reader import Reader
from parametry.recording.store.schema import VERSION, create, migrate
from parametry.recording.store.writer import Writer

GOLDEN = Path(__file__).parent / "data"
INT64 = st.integers(-(2**63), 2**63 - 1)

# ---------------------------------------------------------------- any facts

texts = st.text(max_size=8) | st.sampled_from(["\ud800", "a\0b", "é", "loss", ""])
times = st.floats(0.0, 1e12)
steps = st.integers(-(2**63) + 1, 2**63 - 1)
epochs = st.none() | st.integers(0, 2**63 - 1)
places = st.none() | st.builds(Place, texts, st.integers(0, 10**6))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_letters, max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
moments = st.builds(
    Moments,
    *(st.integers(0, 2**62) for _ in range(5)),
    *(st.none() | st.floats(allow_nan=False) | st.integers(-(2**64), 2**64) for _ in range(2)),
    *(st.floats() for _ in range(4)),
    st.integers(-2000, 2000),
)
distributions = st.builds(
    Distribution,
    st.lists(st.floats(), max_size=7).map(tuple),
    st.builds(Sketch, st.floats(), st.floats(), st.lists(st.integers(0, 2**64 - 1)).map(tuple)),
    st.integers(0, 2**62),
    st.booleans(),
)
statistics = st.builds(
    ArrayStatistics,
    texts,
    st.lists(st.integers(0, 2**40), max_size=3).map(tuple),
    st.sampled_from(["float32", "bfloat16"]),
    moments,
    st.none() | distributions,
)
reports = st.builds(
    lambda values: Report(
        "train.py",
        "running",
        Hyperparameters({a: Hyperparameter(a, value) for a, value in values.items()}),
        {},
        Phases({}),
        (),
    ),
    st.dictionaries(texts, plain, max_size=3),
)
facts = st.one_of(
    st.builds(
        Points,
        st.sampled_from(["step", "epoch"]),
        steps,
        epochs,
        times,
        st.dictionaries(texts, st.floats(), max_size=3),
    ),
    st.builds(
        Changed,
        texts,
        st.builds(
            Change, st.none() | steps, plain | st.just(UNSET), plain | st.just(UNSET), texts, places
        ),
        epochs,
        times,
    ),
    st.builds(
        Measured,
        st.sampled_from(["parameter", "gradient"]),
        steps,
        epochs,
        times,
        statistics,
        st.none() | st.floats(),
    ),
    st.builds(
        Happened,
        st.sampled_from(["nan", "early_stop", "exception", "resume", "note"]),
        st.none() | steps,
        epochs,
        times,
        st.none() | texts,
        texts,
    ),
    st.builds(Ended, st.sampled_from(["finished", "failed"]), times),
    st.builds(Snapshot, reports, times),
)


def told(fact: Fact) -> str:
    """All of a fact as text that tells every bit but a NaN's, which has many."""
    if isinstance(fact, Snapshot):
        return repr((fact.when, fact.report.to_dict()))
    return repr(fact)


def made(folder: Path) -> Writer:
    path, name = new_run(home=folder)
    return Writer(path, name, script=None, command=["train.py"], started=time.time())


@given(st.lists(facts, max_size=30), st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_facts_come_back_equal(
    tmp_path_factory: pytest.TempPathFactory, given_facts: list[Fact], portion: int
) -> None:
    writer = made(tmp_path_factory.mktemp("home"))
    for fact in given_facts:
        writer.put(fact)
    assert writer.flush()
    running = open_run(writer.path)
    assert list(map(told, running.all_facts())) == list(map(told, given_facts))
    writer.close("finished")
    run = open_run(writer.path)
    found: list[Fact] = []
    cursor = None
    while True:
        some, cursor = run.facts(cursor, limit=portion)
        assert len(some) <= portion
        assert json.loads(json.dumps(cursor)) == cursor
        if not some:
            break
        found += some
    assert list(map(told, found[:-1])) == list(map(told, given_facts))
    assert isinstance(found[-1], Ended)


def test_every_bit_of_a_value_comes_back(tmp_path: Path) -> None:
    bits = np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0001, 1, 0x8000000000000000], np.uint64)
    values = bits.view(np.float64)
    writer = made(tmp_path)
    for step, value in enumerate(values):
        writer.put(Points("step", step, None, 1.0, {"loss": value}))
    writer.close("finished")
    assert open_run(writer.path).metrics("loss").values.view(np.uint64).tolist() == bits.tolist()


def test_facts_of_many_threads_all_arrive_in_each_ones_order(tmp_path: Path) -> None:
    writer = made(tmp_path)
    threads, each = 4, 5_000

    def put(thread: int) -> None:
        for step in range(each):
            writer.put(Points("step", step, None, 1.0, {f"loss_{thread}": float(step)}))

    started = [threading.Thread(target=put, args=(thread,)) for thread in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert writer.flush()
    run = open_run(writer.path)
    seen: dict[str, list[int]] = {}
    for fact in run.all_facts():
        assert isinstance(fact, Points)
        for key in fact.values:
            seen.setdefault(key, []).append(fact.step)
    assert seen == {f"loss_{thread}": list(range(each)) for thread in range(threads)}
    writer.close("finished")


def columns(first: int, count: int, keys: tuple[str, ...] = ("loss", "rate")) -> PointColumns:
    steps = np.arange(first, first + count)
    values = steps[:, None] + np.arange(len(keys)) / 10
    return PointColumns("step", keys, 3, steps, steps * 0.5, values)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.tuples(st.sampled_from([0, 1, 7, 999, 1_000, 2_500]), st.booleans())))
def test_points_in_columns_come_back_as_single_ones(
    tmp_path: Path, lengths: list[tuple[int, bool]]
) -> None:
    writer = made(tmp_path)
    expected: list[Points] = []
    for count, single in lengths:
        first = len(expected)
        points = columns(first, count)
        each = [
            Points("step", step, 3, step * 0.5, {"loss": float(step), "rate": step + 0.1})
            for step in range(first, first + count)
        ]
        expected += each
        for put in each if single else [points]:
            writer.put(put)
    writer.close("finished")
    run = open_run(writer.path)
    assert [fact for fact in run.all_facts() if isinstance(fact, Points)] == expected
    if expected:
        assert run.metrics("rate").values.tolist() == [point.values["rate"] for point in expected]


def test_no_block_spans_more_facts_than_readers_count_on(tmp_path: Path) -> None:
    writer = made(tmp_path)
    for number in range(30):
        writer.put(Points("epoch", number, number, 1.0, {"loss": 1.0}))
        writer.put(columns(1_000 * number, 1_000, (f"key {number % 3}",)))
    writer.close("finished")
    run = open_run(writer.path)
    for key in range(3):
        steps = run.metrics(f"key {key}").steps
        expected = [np.arange(1_000) + 1_000 * number for number in range(key, 30, 3)]
        assert np.array_equal(steps, np.concatenate(expected))
    with sqlite3.connect(writer.path) as connection:
        spans = connection.execute("SELECT last - first FROM points").fetchall()
    connection.close()
    assert len(spans) == 60
    assert run.metrics("loss", per="epoch").steps.tolist() == list(range(30))
    assert max(span for (span,) in spans) < writing.LARGEST_BATCH


def test_a_reader_sees_what_is_committed_while_it_is_written(tmp_path: Path) -> None:
    writer = made(tmp_path)
    run = Run(writer.path)
    assert (run.status, run.keys) == ("running", ())
    for step in range(3):
        writer.put(Points("step", step, 0, 1.0, {"loss": 1.0}))
        assert writer.flush()
        assert len(run.metrics("loss")) == step + 1
    writer.close("failed")
    assert run.status == "failed"


def test_what_is_put_after_the_end_is_dropped(tmp_path: Path) -> None:
    writer = made(tmp_path)
    writer.close("finished")
    writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
    assert not writer.flush()
    writer.close("failed")
    assert open_run(writer.path).status == "finished"
    assert open_run(writer.path).keys == ()


def test_a_finished_run_is_one_file(tmp_path: Path) -> None:
    writer = made(tmp_path)
    writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
    assert writer.flush()
    assert len(list(writer.path.parent.iterdir())) == 3  # with its log, and the log's index
    writer.close("finished")
    assert list(writer.path.parent.iterdir()) == [writer.path]


# ---------------------------------------------------------------- what cannot be told


class Broken:
    """A device's scalar whose buffer is gone."""

    def __float__(self) -> float:
        raise RuntimeError("deleted buffer")


def test_a_value_that_cannot_be_read_leaves_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = made(tmp_path)
    for step in range(3):
        writer.put(Points("step", step, None, 1.0, {"loss": 1.0, "broken": Broken()}))
    writer.put(Points("step", 2**70, None, 1.0, {"loss": 2.0}))
    writer.put(Happened("note", 1, None, math.nan, None, "at no time"))
    writer.put(Points("step", 3, None, 1.0, {"loss": 1.0}))
    writer.close("finished")
    run = open_run(writer.path)
    assert run.metrics("loss").steps.tolist() == [0, 1, 2, 3]
    assert (run.keys, run.events) == (("loss",), ())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "broken" in caplog.text


def test_a_report_that_cannot_be_told_reaches_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Report):
        __slots__ = ()

        def to_dict(self) -> dict[str, object]:
            raise RuntimeError("no")

    writer = made(tmp_path)
    writer.put(Snapshot(Faulty("", "", Hyperparameters({}), {}, Phases({}), ()), 1.0))
    writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
    writer.close("finished")
    assert open_run(writer.path).keys == ("loss",)


def test_a_metrics_mapping_may_be_used_again(tmp_path: Path) -> None:
    writer = made(tmp_path)
    logs: dict[str, float] = {}
    for step in range(2_000):
        logs["loss"] = float(step)
        writer.put(Points("step", step, None, 1.0, logs))
    writer.close("finished")
    series = open_run(writer.path).metrics("loss")
    assert series.values.tolist() == series.steps.tolist()


# ---------------------------------------------------------------- how safe it is


def test_what_decides_a_run_waits_for_the_disk(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "run.sqlite", isolation_level=None)
    create(connection)
    statements: list[str] = []
    batch = Batch(connection)
    connection.set_trace_callback(statements.append)
    point = Points("step", 0, None, 1.0, {})
    change = Changed("lr", Change(0, 1.0, 2.0, "assignment", None), None, 1.0)

    def full(items: list[object], wait: bool = False) -> bool:
        statements.clear()
        batch.write(items, wait_for_disk=wait)  # type: ignore[arg-type]
        assert statements[-1] == "COMMIT"
        (mode,) = connection.execute("PRAGMA synchronous").fetchone()
        return bool(mode == 2)  # https://www.sqlite.org/pragma.html#pragma_synchronous

    assert not full([(point, (), ())])
    assert full([change])
    assert not full([(point, (), ())])
    assert full([(1.0, {})])
    assert full([], wait=True)
    assert any(statement.startswith("REPLACE INTO run") for statement in statements)
    assert full([Ended("finished", 1.0)])


def test_nobody_else_gets_a_file_that_is_written(tmp_path: Path) -> None:
    writer = made(tmp_path)
    with pytest.raises(StoreError, match="it is there already"):
        Writer(writer.path, "second", script=None, command=[], started=0.0)
    writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
    writer.close("finished")
    with pytest.raises(StoreError, match="it is there already"):
        Writer(writer.path, "third", script=None, command=[], started=0.0)
    assert open_run(writer.path).keys == ("loss",)


def test_of_many_writers_of_one_empty_file_one_gets_it(tmp_path: Path) -> None:
    path, name = new_run(home=tmp_path)
    got: list[Writer] = []
    refused: list[StoreError] = []
    at_once = threading.Barrier(6)

    def begin() -> None:
        at_once.wait()
        try:
            got.append(Writer(path, name, script=None, command=[], started=0.0))
        except StoreError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)
    got[0].close("finished")


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than a hundred bytes: " * 4)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt cannot be recorded to"):
        Writer(path, "notes", script=None, command=[], started=0.0)
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="unable to open"):
        Writer(tmp_path / "no" / "folder", "x", script=None, command=[], started=0.0)


def test_a_locked_file_ends_the_recording_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.01)
    writer = made(tmp_path)
    writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
    assert writer.flush()
    other = sqlite3.connect(writer.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for step in range(1, 10):
        writer.put(Points("step", step, None, 1.0, {"loss": 1.0}))
    assert not writer.flush()
    assert writer.failed == "database is locked"
    other.execute("ROLLBACK")
    other.close()
    writer.put(Points("step", 10, None, 1.0, {"loss": 1.0}))
    assert not writer.flush()
    writer.close("finished")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "is no longer recorded: database is locked" in caplog.text
    assert open_run(writer.path).metrics("loss").steps.tolist() == [0]


def test_a_full_file_ends_the_recording_and_keeps_what_was_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connection = sqlite3.connect(tmp_path / "run.sqlite", isolation_level=None)
    create(connection)
    batch = Batch(connection)
    connection.execute("PRAGMA max_page_count = 40")
    written = 0
    with pytest.raises(sqlite3.OperationalError, match="full"):
        while True:
            points = [
                (Points("step", written + i, None, 1.0, {}), ("loss",), (0.5,)) for i in range(100)
            ]
            batch.write(points, wait_for_disk=False)
            written += len(points)
    connection.close()
    assert written > 0
    steps = Reader(tmp_path / "run.sqlite").columns("loss", "step").steps
    assert steps.tolist() == list(range(written))


# ---------------------------------------------------------------- where no log can be

MOUNTS = (
    "/dev/sda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb /home/local xfs rw 0 0\n"
    "//host/a\\040b /mnt/a\\040b cifs rw 0 0\nmac /Users fuse.sshfs rw 0 0\n"
    "tmpfs /twice tmpfs rw 0 0\nserver:/t /twice nfs rw 0 0\nshort\n"
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/run.sqlite", None),
        ("/home/me/runs/a.sqlite", "nfs4"),
        ("/home/local/a.sqlite", None),
        ("/homeless/a.sqlite", None),
        ("/mnt/a b/c.sqlite", "cifs"),
        ("/Users/me/c.sqlite", "fuse.sshfs"),
        ("/twice/c.sqlite", "nfs"),
    ],
)
def test_network_file_systems_are_known(tmp_path: Path, path: str, kind: str | None) -> None:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)
    assert without_shared_memory(Path(path), table) == kind
    assert without_shared_memory(Path(path), tmp_path / "none") is None


@pytest.fixture
def on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str | None]:
    """The table of mounts says that everything is on NFS."""
    table = tmp_path / "mounts"
    table.write_text("server:/ / nfs4 rw 0 0\n")
    found = lambda path: without_shared_memory(path, table)  # noqa: E731
    monkeypatch.setattr(writing, "without_shared_memory", found)
    return found


def test_on_a_network_a_rollback_journal_is_used_and_told(
    tmp_path: Path, on_a_network: object, caplog: pytest.LogCaptureFixture
) -> None:
    writer = made(tmp_path)
    assert writer.flush()
    assert "on nfs4, where SQLite's write-ahead log does not work" in caplog.text
    run = open_run(writer.path)
    for step in range(3_000):
        writer.put(Points("step", step, 0, 1.0, {"loss": 1.0}))
    assert writer.flush()
    assert not writer.path.with_name(writer.path.name + "-wal").exists()
    assert len(run.metrics("loss")) == 3_000
    assert Reader(writer.path).about()["journal"] == "truncate"
    writer.close("finished")
    assert run.status == "finished"
    assert list(writer.path.parent.iterdir()) == [writer.path]
    assert len(caplog.records) == 1


def test_here_a_write_ahead_log_is_used(tmp_path: Path) -> None:
    writer = made(tmp_path)
    assert writer.flush()
    assert Reader(writer.path).about()["journal"] == "wal"
    writer.close("finished")


# ---------------------------------------------------------------- versions


def test_the_golden_file_of_version_1_is_read() -> None:
    run = open_run(GOLDEN / "version-1.sqlite")
    expected = (GOLDEN / "version-1.txt").read_text(encoding="utf-8").splitlines()
    assert list(map(told, run.all_facts())) == expected
    assert (run.status, run.script, run.command) == ("finished", "digits.py", ("digits.py", "-x"))
    assert (run.started, run.ended) == (1_700_000_000.5, 1_700_000_009.0)


def golden_copy(folder: Path) -> Path:
    path = folder / "copy.sqlite"
    path.write_bytes((GOLDEN / "version-1.sqlite").read_bytes())
    return path


def test_a_later_version_is_refused_and_the_hint_helps(tmp_path: Path) -> None:
    path = golden_copy(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(FormatError, match=f"version {VERSION + 1}.*up to {VERSION}") as caught:
        open_run(path)
    assert caught.value.hint == "pip install --upgrade parametry"


def test_migrations_bring_a_file_through_all_versions(tmp_path: Path) -> None:
    connection = sqlite3.connect(golden_copy(tmp_path), isolation_level=None)
    scripts = (
        "ALTER TABLE event ADD COLUMN colour TEXT DEFAULT 'red'",
        "UPDATE event SET colour = colour || 'dish'",
    )
    migrate(connection, 1, scripts)
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    assert connection.execute("SELECT DISTINCT colour FROM event").fetchall() == [("reddish",)]
    migrate(connection, 3, scripts)
    assert connection.execute("SELECT DISTINCT colour FROM event").fetchall() == [("reddish",)]
    connection.close()


def test_other_databases_and_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE run (key, value)")
    connection.close()
    with pytest.raises(FormatError, match="not one of a recorded run"):
        open_run(other)
    text = tmp_path / "text.sqlite"
    text.write_text("hello " * 100)
    with pytest.raises(FormatError, match="not a database"):
        open_run(text)


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray((GOLDEN / "version-1.sqlite").read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    if changes[0][1] < 40:
        del content[changes[0][0] % len(content) :]
    path = tmp_path_factory.mktemp("damaged") / "run.sqlite"
    path.write_bytes(content)
    for question in (
        lambda: list(open_run(path).all_facts()),
        lambda: open_run(path).to_dict(),
        lambda: open_run(path).metrics("loss"),
        lambda: open_run(path).statistics("dense/kernel"),
    ):
        try:
            question()
        except (FormatError, KeyError):  # KeyError: what was asked for is not there any more
            continue
