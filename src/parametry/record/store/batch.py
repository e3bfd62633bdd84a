"""One transaction's worth of facts: numbered, turned into rows, and written together."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from parametry.core.export import json_text
from parametry.core.facts import Changed, Ended, Happened, Measured, Points
from parametry.record.store import rows
from parametry.record.store.blocks import NO_EPOCH, Group

__all__ = ["Batch", "CursorMoved", "Item"]

_log = logging.getLogger("parametry")


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """How far a sink has been told.

    Attributes:
        sink: Its name.
        cursor: The cursor as JSON text.
    """

    sink: str
    cursor: str


Item: TypeAlias = (
    "tuple[Points, tuple[str, ...], tuple[Any, ...]]"  # a point, its keys, their values
    " | tuple[float, dict[str, Any]]"  # a snapshot's time, and its report as data
    " | Changed | Measured | Happened | Ended | CursorMoved"
)
"""What waits to be written."""


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


_INSERT: Final = {
    "snapshot": _insert("snapshot", rows.SNAPSHOT),
    "change": _insert("change", rows.CHANGE),
    "measured": _insert("measured", rows.MEASURED),
    "event": _insert("event", rows.EVENT),
    "ended": _insert("ended", rows.ENDED),
    "points": _insert("points", ("first", "last", "series", "count", "data")),
}
_KEPT_SAFE: Final = frozenset({"snapshot", "change", "ended"})
_MOVE_CURSOR = "INSERT INTO sink VALUES (?, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor"
_SYNCHRONOUS: Final = {True: "FULL", False: "NORMAL"}


class Batch:
    """Writes items into a run's file, and numbers the facts among them.

    Args:
        connection: The file, open for writing.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next = 0
        self._series: dict[tuple[str, tuple[str, ...]], int] = {}
        self._full = True
        self._told = False

    def write(self, items: Iterable[Item], *, wait_for_disk: bool) -> None:
        """Write the items in one transaction.

        Args:
            items: What to write.
            wait_for_disk: Whether to come back only when it, and all before, is on the disk; it is
                so in any case where a hyperparameter changed.

        Raises:
            sqlite3.Error: Nothing of it could be written.
        """
        tables, groups, cursors = self._sorted(items)
        full = wait_for_disk or not _KEPT_SAFE.isdisjoint(tables)
        if full != self._full:
            self._connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[full]}")
            self._full = full
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for table, made in tables.items():
                self._connection.executemany(_INSERT[table], made)
            for (per, keys), group in groups.items():
                series = self._series_of(per, keys)
                self._connection.executemany(
                    _INSERT["points"],
                    [(b.first, b.last, series, b.count, b.data) for b in group.blocks()],
                )
            self._connection.executemany(_MOVE_CURSOR, cursors)
            # Something is always written, so that a transaction that waits for the disk does.
            self._connection.execute("REPLACE INTO run VALUES ('written', ?)", (time.time(),))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    def _sorted(
        self, items: Iterable[Item]
    ) -> tuple[
        dict[str, list[rows.Row]],
        dict[tuple[str, tuple[str, ...]], Group],
        list[tuple[Any, str]],
    ]:
        tables: dict[str, list[rows.Row]] = {}
        groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        cursors: list[tuple[Any, str]] = []
        for item in items:
            try:
                if isinstance(item, CursorMoved):
                    cursors.append((rows.text_out(item.sink), item.cursor))
                    continue
                if isinstance(item, tuple) and len(item) == 3:
                    self._add_points(groups, *item)
                else:
                    table, row = _row(self._next, item)
                    tables.setdefault(table, []).append(row)
            except Exception as error:  # one that cannot be told does not hold up the others
                self._dropped(item, error)
                continue
            self._next += 1
        return tables, groups, cursors

    def _add_points(
        self,
        groups: dict[tuple[str, tuple[str, ...]], Group],
        fact: Points,
        keys: tuple[str, ...],
        values: tuple[Any, ...],
    ) -> None:
        step, when = int(fact.step), float(fact.when)
        epoch = NO_EPOCH if fact.epoch is None else int(fact.epoch)
        if not -(2**63) <= step < 2**63 or not -(2**63) <= epoch < 2**63:
            raise OverflowError(f"step {step} of epoch {epoch} has more than 64 bits")
        try:
            numbers = tuple(map(float, values))
        except Exception as error:
            keys, numbers = self._readable(keys, values, error)
        group = groups.get((fact.per, keys))
        if group is None:
            group = groups[fact.per, keys] = Group()
        group.seqs.append(self._next)
        group.steps.append(step)
        group.epochs.append(epoch)
        group.times.append(when)
        group.values.append(numbers)

    def _readable(
        self, keys: tuple[str, ...], values: tuple[Any, ...], error: Exception
    ) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Those of the values that are numbers."""
        self._dropped(", ".join(map(str, keys)), error)
        kept: dict[str, float] = {}
        for key, value in zip(keys, values, strict=True):
            try:
                kept[key] = float(value)
            except Exception:  # whatever reading it from a device raises
                continue
        return tuple(kept), tuple(kept.values())

    def _dropped(self, what: object, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        about = what if isinstance(what, str) else type(what).__name__
        _log.warning(
            "parametry: a value of %s cannot be recorded: %s: %s (this is told once)",
            about,
            type(error).__name__,
            error,
        )

    def _series_of(self, per: str, keys: tuple[str, ...]) -> int:
        found = self._series.get((per, keys))
        if found is None:
            found = len(self._series) + 1
            self._connection.execute(
                "INSERT INTO series VALUES (?, ?, ?)", (found, per, json_text(keys))
            )
            self._series[per, keys] = found
        return found


def _row(seq: int, item: Any) -> tuple[str, rows.Row]:
    match item:
        case Changed():
            return "change", rows.change_row(seq, item)
        case Measured():
            return "measured", rows.measured_row(seq, item)
        case Happened():
            return "event", rows.event_row(seq, item)
        case Ended():
            return "ended", rows.ended_row(seq, item)
        case (when, report):
            return "snapshot", (seq, float(when), json_text(report))
    raise TypeError(f"{type(item).__name__} is no fact")
