"""One transaction's worth of facts: numbered, turned into rows, and written together."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from parametry.core.export import json_text
from parametry.core.facts import Changed, Ended, Happened, Measured, PointColumns, Points
from parametry.recording.store import rows
from parametry.recording.store.blocks import Block, Group, blocks_of

__all__ = ["Batch", "Item"]

_log = logging.getLogger("parametry")

Item: TypeAlias = (
    "tuple[Points, tuple[str, ...], tuple[Any, ...]]"  # a point, its keys, their values
    " | tuple[float, dict[str, Any]]"  # a snapshot's time, and its report as data
    " | PointColumns | Changed | Measured | Happened | Ended"
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
_SYNCHRONOUS: Final = {True: "FULL", False: "NORMAL"}


_OF_A_POINT: Final = 3
_Kind: TypeAlias = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class _Made:
    """What goes into one transaction."""

    following: int  # the number of the next fact
    tables: dict[str, list[rows.Row]] = field(default_factory=dict)
    blocks: dict[_Kind, list[Block]] = field(default_factory=dict)

    def add(self, kind: _Kind, blocks: Iterable[Block]) -> None:
        """Add blocks of one kind."""
        self.blocks.setdefault(kind, []).extend(blocks)

    def end(self, groups: dict[_Kind, Group]) -> None:
        """Make blocks of groups that nothing is added to any more."""
        for kind, group in groups.items():
            self.add(kind, group.blocks())
        groups.clear()


class Batch:
    """Writes items into a run's file, and numbers the facts among them.

    Args:
        connection: The file, open for writing.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next = 0
        self._series: dict[_Kind, int] = {}
        self._full = True
        self._told = False

    def write(self, items: Sequence[Item], *, wait_for_disk: bool) -> None:
        """Write the items in one transaction.

        Args:
            items: What to write.
            wait_for_disk: Whether to come back only when it, and all before, is on the disk; it is
                so in any case where a hyperparameter changed.

        Raises:
            sqlite3.Error: Nothing of it could be written.
        """
        try:
            made = self._numbered(items)
        except Exception:  # one that cannot be told does not hold up the others
            made = self._numbered([clean for item in items for clean in self._clean(item)])
        full = wait_for_disk or not _KEPT_SAFE.isdisjoint(made.tables)
        if full != self._full:
            self._connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[full]}")
            self._full = full
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._insert(made)
            # Something is always written, so that a transaction that waits for the disk does.
            self._connection.execute("REPLACE INTO run VALUES ('written', ?)", (time.time(),))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise
        self._next = made.following

    def _insert(self, made: _Made) -> None:
        for table, found in made.tables.items():
            self._connection.executemany(_INSERT[table], found)
        for (per, keys), blocks in made.blocks.items():
            series = self._series_of(per, keys)
            self._connection.executemany(
                _INSERT["points"], [(b.first, b.last, series, b.count, b.data) for b in blocks]
            )

    def _numbered(self, items: Iterable[Item]) -> _Made:
        """The items as rows and blocks, those that are facts with their numbers."""
        made = _Made(self._next)
        groups: dict[_Kind, Group] = {}
        for item in items:
            if isinstance(item, tuple) and len(item) == _OF_A_POINT:
                fact, keys, values = item
                group = groups.get((fact.per, keys))
                if group is None:
                    group = groups[fact.per, keys] = Group()
                group.seqs.append(made.following)
                group.facts.append(fact)
                group.values.append(values)
            elif isinstance(item, PointColumns):
                # So that blocks of a kind come one after the other, and none spans many facts.
                made.end(groups)
                made.add((item.per, item.keys), blocks_of(item, made.following))
                made.following += len(item)
                continue
            else:
                table, row = _row(made.following, item)
                made.tables.setdefault(table, []).append(row)
            made.following += 1
        made.end(groups)
        return made

    def _clean(self, item: Item) -> Iterator[Item]:
        """The item, without what of it cannot be told; none where nothing is left."""
        try:
            if isinstance(item, PointColumns):
                yield item
            elif isinstance(item, tuple) and len(item) == _OF_A_POINT:
                yield self._clean_point(*item)
            else:
                _row(0, item)
                yield item
        except Exception as error:
            self._dropped(type(item).__name__, error)

    def _clean_point(self, fact: Points, keys: tuple[str, ...], values: tuple[Any, ...]) -> Item:
        kept: dict[str, float] = {}
        for key, value in zip(keys, values, strict=True):
            try:
                kept[key] = float(value)
            except Exception as error:  # whatever reading it from a device raises
                self._dropped(key, error)
        epoch = None if fact.epoch is None else int(fact.epoch)
        for number in (fact.step, epoch or 0):
            if not -(2**63) <= number < 2**63:
                raise OverflowError(f"{number} has more than 64 bits")
        plain = Points(fact.per, int(fact.step), epoch, float(fact.when), kept)
        return plain, tuple(kept), tuple(kept.values())

    def _dropped(self, about: str, error: Exception) -> None:
        if self._told:
            return
        self._told = True
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
