"""Opening a run's file to read it: never changed, whatever state it was left in."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from parametry.errors import FormatError
from parametry.recording.store.schema import VERSION, check, migrate

__all__ = ["intact", "reading"]

_PATIENCE = 10.0
# What turning damaged rows into facts ends in.
_DAMAGED = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads, with rows that know their columns; closed at the end.

    It sees what was committed when it was asked first, and nothing later: all that is read within
    is of one moment. A file of an older version is read as a copy in memory.

    Args:
        path: The run's file.

    Raises:
        FormatError: It is damaged, another kind of file, or of a later version than is known.
    """
    with intact(path):
        connection = _open(path)
    with contextlib.closing(connection), intact(path):
        try:
            version = check(connection, path)
            if version < VERSION:
                copy = sqlite3.connect(":memory:", isolation_level=None)
                connection.backup(copy)
                connection.close()
                connection = copy
                migrate(connection, version)
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def intact(path: Path) -> Iterator[None]:
    """A context in which what a file holds is made sense of; where there is none, that is said.

    Args:
        path: The run's file.

    Raises:
        FormatError: What SQLite, or turning its rows into facts, came to grief on.
    """
    try:
        yield
    except (sqlite3.Error, *_DAMAGED) as error:
        raise _unreadable(path, error) from None


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path, "mode=ro")
    except sqlite3.OperationalError:
        if not path.exists():
            raise
        if _has(path, "-journal"):
            # A transaction was cut short, and has to be taken back before anything can be read:
            # https://www.sqlite.org/lockingv3.html, "Hot Journals".
            return _connected(path, "mode=rw")
        if _has(path, "-wal"):
            raise
        # A write-ahead log cannot be read from where its index cannot be written. Where there is
        # no log, the file is all there is: https://www.sqlite.org/wal.html, "Read-Only Databases".
        return _connected(path, "mode=ro&immutable=1")


def _has(path: Path, ending: str) -> bool:
    beside = path.with_name(path.name + ending)
    return beside.exists() and beside.stat().st_size > 0


def _connected(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{options}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
    )
    try:
        connection.execute(
            "SELECT count(*) FROM sqlite_schema"
        ).fetchone()  # reads for the first time
    except BaseException:
        connection.close()
        raise
    return connection


def _unreadable(path: Path, error: Exception) -> FormatError:
    if isinstance(error, FormatError):
        return error
    log = path.with_name(path.name + "-wal")
    hint = None
    if isinstance(error, sqlite3.OperationalError) and log.exists():
        hint = f"copy it with {log.name} to a folder that can be written, and read it there"
    what = str(error) if isinstance(error, sqlite3.Error) else f"{type(error).__name__}: {error}"
    return FormatError(f"this run cannot be read: {what}", path=path, hint=hint)
