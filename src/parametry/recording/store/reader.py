"""Reading a run's file: all facts of a kind, those after a cursor, and metrics as arrays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from parametry.core.facts import Changed, Fact, Happened, Measured, Per
from parametry.recording.store import rows
from parametry.recording.store.blocks import Columns
from parametry.recording.store.connecting import reading

__all__ = ["Reader", "Stored", "StoredSeries"]

# A block's facts are items of one transaction, which has no more (`writer.LARGEST_BATCH`).
_WIDEST = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot as the file has it.

    Attributes:
        seq: The number of the fact.
        when: Seconds since 1970.
        report: The JSON form of the report.
    """

    seq: int
    when: float
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """Points with the same keys.

    Attributes:
        number: Its number in the file.
        per: Whether they are of steps or of epochs.
        keys: The keys.
    """

    number: int
    per: Per
    keys: tuple[str, ...]


class Reader:
    """Reads one run's file; it holds nothing open between two questions.

    Every question is answered from the newest state that was committed. All raise `FormatError`
    where the file is damaged, or of a later version.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def about(self) -> dict[str, Any]:
        """What the file tells of the run itself: name, script, command, process, journal."""
        with reading(self.path) as connection:
            found = {row["key"]: row["value"] for row in connection.execute("SELECT * FROM run")}
            found["command"] = tuple(map(str, json.loads(found["command"])))
            for key, kind in _ABOUT.items():
                if not isinstance(found[key], kind):
                    raise TypeError(f"{key} is {type(found[key]).__name__}")
            ended = connection.execute("SELECT * FROM ended ORDER BY seq DESC LIMIT 1").fetchone()
        if ended is not None:
            found.update(ended=ended["time"], status=ended["status"])
        return found

    def snapshot(self, *, first: bool = False) -> Stored | None:
        """The latest snapshot, or the first; None where there is none yet."""
        order = "ASC" if first else "DESC"
        with reading(self.path) as connection:
            row = connection.execute(
                f"SELECT * FROM snapshot ORDER BY seq {order} LIMIT 1"
            ).fetchone()
            return None if row is None else self._stored(row)

    def latest(self) -> int:
        """The number of the latest fact that decides what was chosen; -1 where there is none."""
        with reading(self.path) as connection:
            (found,) = connection.execute(
                "SELECT max((SELECT ifnull(max(seq), -1) FROM snapshot),"
                " (SELECT ifnull(max(seq), -1) FROM change))"
            ).fetchone()
        return int(found)

    def changes(self, address: str | None = None) -> list[tuple[int, Changed]]:
        """The changes of one hyperparameter or of all, oldest first, with their numbers."""
        where = "" if address is None else "WHERE address = ?"
        values = () if address is None else (rows.text_out(address),)
        with reading(self.path) as connection:
            found = connection.execute(f"SELECT * FROM change {where} ORDER BY seq", values)
            return [(row["seq"], rows.change_of(row)) for row in found]

    def events(self) -> list[Happened]:
        """What happened, in order."""
        with reading(self.path) as connection:
            found = connection.execute("SELECT * FROM event ORDER BY seq")
            return [rows.event_of(row) for row in found]

    def measured(self, address: str, of: str) -> list[Measured]:
        """The statistics of one parameter, or of its gradient, in order."""
        with reading(self.path) as connection:
            found = connection.execute(
                "SELECT * FROM measured WHERE address = ? AND of = ? ORDER BY seq",
                (rows.text_out(address), of),
            )
            return [rows.measured_of(row) for row in found]

    def measured_addresses(self) -> list[str]:
        """The addresses of all parameters that have statistics, in the order of their first."""
        with reading(self.path) as connection:
            found = connection.execute(
                "SELECT address, min(seq) AS first FROM measured GROUP BY address ORDER BY first"
            )
            return [rows.text_in(row["address"]) for row in found]

    def series(self) -> list[StoredSeries]:
        """Which keys have points, in the order in which they came."""
        with reading(self.path) as connection:
            return self._series(connection)

    def columns(self, key: str, per: Per) -> Columns:
        """All points of one key in the order in which they came; `Columns.values` is (n, 1)."""
        with reading(self.path) as connection:
            found = [
                self._column(connection, series, series.keys.index(key))
                for series in self._series(connection)
                if series.per == per and key in series.keys
            ]
        return _in_order(found or [Columns.of([], 1)])

    def last_values(self) -> dict[str, float]:
        """The latest value of each key, of a step or an epoch."""
        found: dict[str, tuple[int, float]] = {}
        with reading(self.path) as connection:
            for series in self._series(connection):
                row = connection.execute(
                    "SELECT data FROM points WHERE series = ? ORDER BY first DESC LIMIT 1",
                    (series.number,),
                ).fetchone()
                if row is None:
                    continue
                columns = Columns.of([row["data"]], len(series.keys))
                seq = int(columns.seqs[-1])
                for key, value in zip(series.keys, columns.values[-1].tolist(), strict=True):
                    if key not in found or found[key][0] < seq:
                        found[key] = (seq, value)
        return {key: value for key, (_, value) in found.items()}

    def last_step(self) -> int | None:
        """The latest step that has a point; None where there is none."""
        with reading(self.path) as connection:
            row = connection.execute("SELECT * FROM points ORDER BY last DESC LIMIT 1").fetchone()
            if row is None:
                return None
            width = len(row["data"]) // 8 // row["count"]
            return int(Columns.of([row["data"]], width - 4).steps[-1])

    def facts(self, after: int, limit: int) -> tuple[list[tuple[int, Any]], int]:
        """The facts that came after one, in order, with their numbers.

        Args:
            after: The number of the last fact that is known; -1 for none.
            limit: How many to give at most.

        Returns:
            The facts, snapshots as `Stored`, and the number of the last one.
        """
        upto = after + limit
        found: list[tuple[int, Any]] = []
        with reading(self.path) as connection:
            made_of = {**_FACTS, "snapshot": self._stored}
            for table, made in made_of.items():
                query = f"SELECT * FROM {table} WHERE seq > ? AND seq <= ?"
                every = connection.execute(query, (after, upto))
                found += [(row["seq"], made(row)) for row in every]
            found += self._points(connection, after, upto)
        found.sort(key=lambda each: each[0])
        return found, found[-1][0] if found else after

    def _stored(self, row: Mapping[str, Any]) -> Stored:
        return Stored(row["seq"], row["time"], json.loads(row["report"]))

    def _points(
        self, connection: sqlite3.Connection, after: int, upto: int
    ) -> Iterator[tuple[int, Fact]]:
        every = {series.number: series for series in self._series(connection)}
        blocks = connection.execute(
            "SELECT * FROM points WHERE first > ? AND first <= ? AND last > ?",
            (after - _WIDEST, upto, after),
        )
        for row in blocks:
            series = every[row["series"]]
            columns = Columns.of([row["data"]], len(series.keys))
            wanted = np.flatnonzero((columns.seqs > after) & (columns.seqs <= upto))
            points = columns.points(series.per, series.keys, wanted)
            yield from zip(columns.seqs[wanted].tolist(), points, strict=True)

    def _series(self, connection: sqlite3.Connection) -> list[StoredSeries]:
        found = connection.execute("SELECT * FROM series ORDER BY id")
        return [
            StoredSeries(row["id"], row["per"], tuple(json.loads(row["keys"]))) for row in found
        ]

    def _column(self, connection: sqlite3.Connection, series: StoredSeries, index: int) -> Columns:
        found = connection.execute(
            "SELECT data FROM points WHERE series = ? ORDER BY first", (series.number,)
        )
        whole = Columns.of([row["data"] for row in found], len(series.keys))
        return Columns(
            whole.seqs, whole.steps, whole.epochs, whole.times, whole.values[:, index : index + 1]
        )


_ABOUT: Final = {"started": float, "host": str, "process": int, "process_started": str}
_FACTS: Final[dict[str, Callable[[Any], Any]]] = {
    "change": rows.change_of,
    "measured": rows.measured_of,
    "event": rows.event_of,
    "ended": rows.ended_of,
}


def _in_order(parts: Sequence[Columns]) -> Columns:
    """The rows of several series in the order in which they came."""
    if len(parts) == 1:
        return parts[0]
    seqs = np.concatenate([part.seqs for part in parts])
    order = np.argsort(seqs, kind="stable")
    return Columns(
        seqs[order],
        np.concatenate([part.steps for part in parts])[order],
        np.concatenate([part.epochs for part in parts])[order],
        np.concatenate([part.times for part in parts])[order],
        np.concatenate([part.values for part in parts])[order],
    )
