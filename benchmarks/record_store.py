"""The store of runs: points a second with one writer, and the time to read a run of a million.

A point is one number of one step. *One at a time*: each in a fact of its own. *Three at a time*:
loss, accuracy and learning rate of a step in one fact, as a hand-written loop tells them. *In
columns*: the same of 256 steps at once, as a `fit` tells them. From the first `put` until all is on
the disk. *Beside a busy program*: the thread that puts has other work in Python
between the points, so that it and the thread that writes contend for Python's lock; what is told is
how much longer the program takes than without recording, for each point.

Beside it the plain ways: rows of an SQLite table by `executemany` in batches of 1,000, with a
write-ahead log as well, in the same thread; and TensorBoard's own writer and reader of event files.
All ways of a kind take turns. Files lie in the system's folder for temporary files.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measure import Figure, child, figure, interleaved, tell

MOST = 1e6 / 150_000  # µs for a point: 150,000 points a second
BATCH = 1_000
ONE, THREE = "written, one at a time", "written, three at a time"
COLUMNS, STEPS = "written in columns", 256
ROWS = "written as rows by executemany"
EVENTS = "written as TensorBoard's events"
READ, READ_ROWS = "a million read as an array", "a million rows read as an array"
READ_EVENTS = "a hundred thousand of TensorBoard's events read"
WORK = 40  # turns of a loop between two points of the busy program: some microseconds


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of writing, of the busy program, and of reading."""
    points, rounds = (3_000, 2) if quick else (300_000, 5)
    for name, rates in child("record_store.py", "write", points, rounds).items():
        yield figure(name, rates, "points/s")
        if name in (ONE, THREE, COLUMNS):
            each = [1e6 / rate for rate in rates]
            yield figure(f"{name}: for each point", each, "µs", limit=MOST)
    for name, costs in child("record_store.py", "busy", points // 3, rounds).items():
        yield figure(name, costs, "µs", scale=1e6)
    many = 10_000 if quick else 1_000_000
    for name, times in child("record_store.py", "read", many, 3 if quick else 5).items():
        yield figure(name, times, "ms", scale=1e3)


# ---------------------------------------------------------------- writing


def _writer(folder: Path) -> Any:
    from parametry.recording.home import new_run
    from parametry.recording.store.writer import Writer

    path, name = new_run(home=folder)
    return Writer(path, name, script=None, command=[], started=time.time())


def _stored(points: int, keys: tuple[str, ...], folder: Path) -> Path:
    from parametry.core.facts import Points

    writer = _writer(folder)
    for step in range(points // len(keys)):
        writer.put(Points("step", step, 0, 1.0, dict.fromkeys(keys, step / 3)))
    assert writer.flush()
    return writer.path


def _columns(points: int, keys: tuple[str, ...], folder: Path) -> Path:
    import numpy as np

    from parametry.core.facts import PointColumns

    writer = _writer(folder)
    for first in range(0, points // len(keys), STEPS):
        steps = np.arange(first, first + STEPS)
        values = np.repeat(steps[:, None] / 3, len(keys), axis=1)
        writer.put(PointColumns("step", keys, 0, steps, np.ones(STEPS), values))
    assert writer.flush()
    return writer.path


def _rows(points: int, folder: Path) -> Path:
    path = folder / "rows.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE point (key, step, epoch, time, value)")
    batch = []
    for step in range(points):
        batch.append(("loss", step, 0, 1.0, step / 3))
        if len(batch) == BATCH:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO point VALUES (?, ?, ?, ?, ?)", batch)
            connection.execute("COMMIT")
            batch = []
    connection.close()
    return path


def _events(points: int, folder: Path) -> Path:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for step in range(points):
        summary = Summary(value=[Summary.Value(tag="loss", simple_value=step / 3)])
        writer.add_event(Event(wall_time=1.0, step=step, summary=summary))
    writer.close()
    return folder


def write(points: int, rounds: int) -> dict[str, list[float]]:
    """Points a second of every way, taking turns."""

    def rate(way: Callable[[int, Path], Path], count: int) -> float:
        folder = Path(tempfile.mkdtemp())
        begin = time.perf_counter()
        way(count, folder)
        took = time.perf_counter() - begin
        shutil.rmtree(folder)
        return count / took

    three = ("loss", "accuracy", "optimizer/learning_rate")
    ways = {
        ONE: partial(rate, lambda count, folder: _stored(count, ("loss",), folder), points),
        THREE: partial(rate, lambda count, folder: _stored(count, three, folder), points),
        COLUMNS: partial(rate, lambda count, folder: _columns(count, three, folder), points),
        ROWS: partial(rate, _rows, points),
        EVENTS: partial(rate, _events, points // 10),
    }
    for way in ways.values():
        way()
    return interleaved(ways, rounds)


# ---------------------------------------------------------------- beside a busy program


def busy(points: int, rounds: int) -> dict[str, list[float]]:
    """Seconds that a point adds to a program that works in Python between them."""
    from parametry.core.facts import Points

    def work(put: Callable[[Any], object]) -> float:
        begin = time.perf_counter()
        for step in range(points):
            for _ in range(WORK):
                pass
            put(Points("step", step, 0, 1.0, {"loss": 0.5}))
        return time.perf_counter() - begin

    def recorded() -> float:
        folder = Path(tempfile.mkdtemp())
        writer = _writer(folder)
        took = work(writer.put)
        writer.close("finished")
        shutil.rmtree(folder)
        return took

    taken = interleaved({"bare": lambda: work(id), "recorded": recorded}, rounds)
    added = [(a - b) / points for a, b in zip(taken["recorded"], taken["bare"], strict=True)]
    return {"added for each point to a busy program": added}


# ---------------------------------------------------------------- reading


def read(points: int, rounds: int) -> dict[str, list[float]]:
    """Seconds to have all points of one key as an array."""
    import numpy as np

    from parametry.recording.run import open_run

    def seconds(way: Callable[[], Any], expected: int = points) -> float:
        begin = time.perf_counter()
        found = way()
        took = time.perf_counter() - begin
        assert len(found) == expected
        return took

    def rows() -> Any:
        connection = sqlite3.connect(row_file)
        found = connection.execute("SELECT step, value FROM point WHERE key = 'loss'").fetchall()
        connection.close()
        return np.array(found)

    def events() -> Any:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        accumulator = EventAccumulator(str(event_folder), size_guidance={"scalars": 0})
        accumulator.Reload()
        return np.array([event.value for event in accumulator.Scalars("loss")])

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_file = _stored(points, ("loss",), folder)
        row_file = _rows(points, folder)
        event_folder = folder / "events"
        event_folder.mkdir()
        ways = {
            READ: partial(seconds, lambda: open_run(run_file).metrics("loss").values),
            READ_ROWS: partial(seconds, rows),
        }
        ways[READ]()
        taken = interleaved(ways, rounds)
        _events(points // 10, event_folder)
        return taken | {READ_EVENTS: [seconds(events, points // 10) for _ in range(2)]}


if __name__ == "__main__":
    tell({"write": write, "busy": busy, "read": read}[sys.argv[1]](*map(int, sys.argv[2:])))
