"""The one that writes a run's file: takes facts from any thread, and has a thread of its own.

What may be lost: if the process is killed, what was put since the last transaction, which is at
most some 1,000 points or one second. If the machine goes down, what was put since the last
transaction that waited for the disk: each with a change of a hyperparameter, a snapshot, an end, or
somebody waiting in `Writer.flush`. What is in the file is always a prefix of what was put.
See https://www.sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import sqlite3
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from parametry._version import __version__
from parametry.core.facts import Ended, Fact, PointColumns, Points, Snapshot, Status
from parametry.core.watch import watch
from parametry.errors import StoreError
from parametry.recording.processes import this_process
from parametry.recording.store.batch import Batch, Item
from parametry.recording.store.blocks import LONGEST
from parametry.recording.store.filesystem import without_shared_memory
from parametry.recording.store.schema import create

__all__ = ["Writer"]

_log = logging.getLogger("parametry")
_POINTS = 1_000
_SECONDS = 1.0
# No transaction has more items, whatever waits; readers count on it (see reader.py).
LARGEST_BATCH: Final = 10_000
# More facts than this wait only where the disk stands still: then memory is worth more.
_MOST_WAITING = 1_000_000
# How long another process may hold the file's lock.
PATIENCE = 10.0
_AGAIN = 0.005
_PATIENCE_AT_THE_END = 60.0
_PATIENCE_OF_READERS = 5.0


class _Awaited:
    """Somebody waits until all that was put before is on the disk."""

    __slots__ = ("committed", "done")

    def __init__(self) -> None:
        self.committed = False
        self.done = threading.Lock()
        self.done.acquire()


class _Last:
    """Nothing comes after this."""


_Waiting: TypeAlias = "Item | _Awaited | _Last"


class Writer:
    """Writes one run's file, until it is closed or cannot go on.

    A fault while writing ends the recording, with one warning on the log ``parametry``, and never
    reaches the program. A process that was forked from this one writes nothing.

    Args:
        path: The file: new, or empty as `parametry.recording.home.new_run` gives it.
        name: The run's name.
        script: The script's path; None in a notebook or at a prompt.
        command: The command line.
        started: When the run began, in seconds since 1970.

    Attributes:
        path: The file.
        failed: Why it stopped recording; None while it records.

    Raises:
        StoreError: The file cannot be made, or holds something already.
    """

    def __init__(
        self, path: Path, name: str, *, script: str | None, command: Sequence[str], started: float
    ) -> None:
        self.path = Path(path)
        self.failed: str | None = None
        self._waiting: deque[_Waiting] = deque()
        self._points = 0
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._ended = False
        # Whether nothing is taken any more: it has ended, failed, or been forked.
        self._silent = False
        # A lock as a bell: released to ring it, acquired to wait for it. Unlike an Event it can be
        # rung from a signal handler that interrupted another ringing.
        self._bell = threading.Lock()
        self._bell.acquire()
        process = this_process()
        about = {
            "name": name,
            "parametry": __version__,
            "script": script,
            "command": json.dumps(list(command)),
            "started": started,
            "host": process.host,
            "process": process.number,
            "process_started": process.started,
        }
        connection = _begin(self.path, about)
        self._thread = threading.Thread(
            target=self._work, args=(connection,), name=f"parametry: {name}", daemon=True
        )
        self._thread.start()
        atexit.register(self._at_exit)
        _writers.add(self)

    def put(self, fact: Fact | PointColumns) -> None:
        """Take a fact, or many: some microseconds, from any thread, and never an error.

        A snapshot is turned into data at once, since it may look at live objects; a metric's value
        is read later, in the thread that writes.
        """
        if self._silent:
            return
        if isinstance(fact, Points):
            values = fact.values
            keys = tuple(values)
            keys = self._keys.setdefault(keys, keys)
            self._waiting.append((fact, keys, tuple(values.values())))
            self._points += len(values) or 1  # a lost count between threads does no harm
            if self._points >= _POINTS:
                self._ring_for_points()
        elif isinstance(fact, PointColumns):
            for start in range(0, len(fact), LONGEST):
                self._waiting.append(fact.part(start, start + LONGEST))
            self._points += fact.values.size
            if self._points >= _POINTS:
                self._ring_for_points()
        elif isinstance(fact, Snapshot):
            with watch.guard("describing a snapshot of a run"):
                self._waiting.append((fact.when, fact.report.to_dict()))
            self._ring()
        else:
            self._waiting.append(fact)

    def _ring_for_points(self) -> None:
        self._ring()
        if len(self._waiting) > _MOST_WAITING:
            self._fail("the disk has not kept up")

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put before is on the disk.

        Args:
            timeout: How many seconds to wait at most; None for as long as it takes.

        Returns:
            Whether it is: false where recording has ended, and in a forked process.
        """
        if self._silent:
            return False
        awaited = _Awaited()
        self._waiting.append(awaited)
        self._ring()
        if self.failed is not None:  # nobody would answer
            return False
        if not awaited.done.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
            return False
        return awaited.committed

    def close(self, status: Status, *, patience: float | None = None) -> None:
        """End the run: write all that waits and how it ended, and leave one file behind.

        What is put later is dropped; closing again does nothing but wait.

        Args:
            status: How it ended.
            patience: How many seconds to wait at most; the rest is waited for when the program
                ends. None for as long as a disk may take: then the recording is given up.
        """
        if not self._ended:
            self._ended = True
            self.put(Ended(status, time.time()))
            self._silent = True
            self._waiting.append(_Last())
            self._ring()
        if threading.current_thread() is self._thread:
            return  # the garbage collector, which may run in any thread, ended the run
        if patience is not None:
            self._thread.join(patience)
            return
        atexit.unregister(self._at_exit)
        self._thread.join(_PATIENCE_AT_THE_END)
        if self._thread.is_alive():
            self._fail("the disk does not answer")

    def settle(self, timeout: float) -> None:
        """Wait until the file holds all that was put, or for so many seconds."""
        if self._ended:
            self._thread.join(timeout)
        else:
            self.flush(timeout)

    def _at_exit(self) -> None:
        """The interpreter ends, and nobody has closed the run."""
        self.close(_status_at_exit())

    def stop_in_a_fork(self) -> None:
        """Take and write nothing any more, in a process forked from the one that writes."""
        self._silent = self._ended = True
        atexit.unregister(self._at_exit)

    def _ring(self) -> None:
        if self._bell.locked():
            with contextlib.suppress(RuntimeError):  # another thread was quicker
                self._bell.release()

    # ------------------------------------------------------------ in the thread that writes

    def _work(self, connection: sqlite3.Connection) -> None:
        # The connection is this function's alone: a forked process has no such thread, and so
        # cannot close it, which would break the file's locks.
        last = False
        try:
            _set_journal(connection, self.path)
            batch = Batch(connection)
            while not last:
                if self._points < _POINTS:
                    self._bell.acquire(timeout=_SECONDS)
                last = self._write(batch)
            _leave_one_file(connection)
        except Exception as error:
            self._fail(_reason(error))
        finally:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
            self._let_go()
            atexit.unregister(self._at_exit)

    def _write(self, batch: Batch) -> bool:
        """Write what waits, in one transaction; whether it was the last."""
        self._points = 0
        count = min(len(self._waiting), LARGEST_BATCH)
        items = [self._waiting.popleft() for _ in range(count)]
        awaited = [item for item in items if isinstance(item, _Awaited)]
        last = any(isinstance(item, _Last) for item in items)
        taken = [item for item in items if not isinstance(item, (_Awaited, _Last))]
        if self._waiting:
            self._ring()
        committed = False
        try:
            if taken or awaited:
                batch.write(taken, wait_for_disk=bool(awaited))
            committed = True
        finally:
            for waiting in awaited:
                waiting.committed = committed
                waiting.done.release()
        return last

    def _fail(self, reason: str) -> None:
        if self.failed is not None:
            return
        self.failed = reason
        self._silent = True
        with contextlib.suppress(Exception):  # a log handler of the user's may raise
            _log.warning(
                "parametry: %s is no longer recorded: %s (training goes on)", self.path, reason
            )
        self._ring()

    def _let_go(self) -> None:
        """Nothing is written any more: let go of what waits, and of who does."""
        while True:
            try:
                item = self._waiting.popleft()
            except IndexError:
                return
            if isinstance(item, _Awaited):
                item.done.release()


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def settle(within: Path, timeout: float = _PATIENCE_OF_READERS) -> None:
    """Wait until the files that this process writes hold all that was put to them.

    Args:
        within: A run's file, or a folder that they are in at any depth.
        timeout: How many seconds to wait at most for each.
    """
    within = within.absolute()
    for writer in list(_writers):
        path = writer.path.absolute()
        if path == within or within in path.parents:
            writer.settle(timeout)


def _forked() -> None:
    """This process was forked from one that writes: it must not, and has no thread to do it."""
    for writer in list(_writers):
        writer.stop_in_a_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _begin(path: Path, about: dict[str, Any]) -> sqlite3.Connection:
    """The open file with its tables; nobody else gets it, since it must be empty before."""
    try:
        connection = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _refused(path, _reason(error)) from None
    try:
        # In SQLite's own first mode: the file goes from empty to complete in one step.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN EXCLUSIVE")
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
            raise _refused(path, "it is there already")
        create(connection)
        rows = [(key, value) for key, value in about.items() if value is not None]
        connection.executemany("INSERT INTO run VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.close()
        raise _refused(path, _reason(error)) from None
    except StoreError:
        connection.close()
        raise
    return connection


def _set_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Choose how transactions are kept: a write-ahead log, where its readers can share memory."""
    connection.execute("INSERT INTO run VALUES ('journal', ?)", (_journal(connection, path),))


def _journal(connection: sqlite3.Connection, path: Path) -> str:
    kind = without_shared_memory(path)
    if kind is None:
        if _switched(connection, "WAL") == "wal":
            return "wal"
        kind = "a file system"
    _log.warning(
        "parametry: %s is on %s, where SQLite's write-ahead log does not work; a rollback journal "
        "is used, and reading the run while it is written may hold up its recording",
        path,
        kind,
    )
    return _switched(connection, "TRUNCATE")


def _switched(connection: sqlite3.Connection, wanted: str) -> str:
    """The journal mode after asking for another; SQLite does not wait for others by itself here."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return str(mode)


def _leave_one_file(connection: sqlite3.Connection) -> None:
    """Put all into the one file, which can then be read from where nothing can be written."""
    with contextlib.suppress(sqlite3.Error):  # somebody reads it: they leave the log beside it
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def _refused(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} cannot be recorded to: {reason}",
        hint="set PARAMETRY_HOME to a folder that can be written",
    )


def _reason(error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, sqlite3.Error) else f"{type(error).__name__}: {text}"


def _status_at_exit() -> Status:
    # Python keeps the error that ended a script here; at a prompt, any that was printed.
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return "finished"
    error = getattr(sys, "last_value", None)
    if error is None:
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
