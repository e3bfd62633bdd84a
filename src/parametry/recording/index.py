"""The index: what a list of runs needs, kept beside them so that a long list is quick.

It holds nothing of its own. An entry counts as long as the run's file is as it was when the entry
was made; a run that goes on has none. Delete the file at any time: the next list makes it anew.
Where it cannot be written, or another process is writing it, lists are slower, and the same.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from parametry._version import __version__
from parametry.recording.summary import Summary

__all__ = ["FILE", "Index", "Stamp", "stamp_of"]

FILE: Final = "index.sqlite"
_TABLES = "CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, stamp TEXT, summary TEXT)"
# Another process that writes it is not waited for.
_PATIENCE = 0.1

Stamp = str
"""What tells whether a run's file is as it was."""


def stamp_of(path: Path) -> Stamp | None:
    """The file's size and times; None where a log beside it says that it is still written."""
    if (
        path.with_name(path.name + "-wal").exists()
        or path.with_name(path.name + "-journal").exists()
    ):
        return None
    told = path.stat()
    # What another version would tell of the same file may differ.
    return f"{told.st_size} {told.st_mtime_ns} {told.st_ino} {__version__}"


class Index:
    """Keeps summaries of runs that have ended.

    Args:
        home: The folder that holds the runs' folder.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def read(self) -> Mapping[str, tuple[Stamp, Summary]]:
        """All that it has, by name; nothing where it is not there or cannot be read."""
        if not self._path.is_file():
            return {}
        try:
            with contextlib.closing(self._connected()) as connection:
                rows = connection.execute("SELECT name, stamp, summary FROM run").fetchall()
            return {name: (stamp, Summary.from_text(text)) for name, stamp, text in rows}
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError):
            with contextlib.suppress(OSError):  # it is worth nothing, and is made anew
                self._path.unlink()
            return {}

    def write(self, found: Mapping[str, tuple[Stamp, Summary]], gone: Iterable[str]) -> None:
        """Add entries, and drop those of runs that are gone."""
        try:
            with contextlib.closing(self._connected()) as connection, connection:
                connection.execute(_TABLES)
                connection.executemany("DELETE FROM run WHERE name = ?", [(n,) for n in gone])
                connection.executemany(
                    "REPLACE INTO run VALUES (?, ?, ?)",
                    [(name, stamp, told.to_text()) for name, (stamp, told) in found.items()],
                )
        except (sqlite3.Error, OSError, ValueError):
            return

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE)
