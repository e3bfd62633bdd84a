"""The tables of a run's file, their version, and how an older version becomes the present one.

Every fact has a number, ``seq``: 0, 1, 2, … in the order in which they came, over all tables. What
is in the file is always a prefix: where fact *n* is, all before it are. `docs/runs.md` tells what
each column means.

Points of metrics lie in blocks (`parametry.recording.store.blocks`) rather than in rows: a reader
gets a million of them ten times faster (see benchmarks/RESULTS.md), with every bit,
NaN's too, which SQLite turns into NULL. To write them is as fast either way, as long as a
transaction is a few calls of SQLite: each call gives up Python's lock, and gets it back only when
the training lets go of it. A thousand rows by `executemany` are a thousand calls; beside a busy
main thread they fell to a sixth of their speed, and less.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from parametry.errors import FormatError

__all__ = ["APPLICATION", "MIGRATIONS", "VERSION", "check", "create", "migrate"]

APPLICATION: Final = 0x50524D54
"""``PRMT`` as SQLite's ``application_id``: what tells a run's file from any other database."""

_TABLES = """
CREATE TABLE run (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, time REAL NOT NULL, report TEXT NOT NULL);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, per TEXT NOT NULL, keys TEXT NOT NULL, UNIQUE (per, keys)
);
CREATE TABLE points (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    count INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX points_by_series ON points (series, first);
CREATE TABLE change (
    seq INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    step INTEGER,
    epoch INTEGER,
    address TEXT NOT NULL,
    old TEXT,
    new TEXT,
    cause TEXT NOT NULL,
    file TEXT,
    line INTEGER
);
CREATE INDEX change_by_address ON change (address, seq);
CREATE TABLE measured (
    seq INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    step INTEGER NOT NULL,
    epoch INTEGER,
    of TEXT NOT NULL,
    address TEXT NOT NULL,
    shape TEXT NOT NULL,
    dtype TEXT NOT NULL,
    update_ratio,
    count INTEGER NOT NULL,
    nan INTEGER NOT NULL,
    positive_infinity INTEGER NOT NULL,
    negative_infinity INTEGER NOT NULL,
    zeros INTEGER NOT NULL,
    min,
    max,
    centre,
    residue,
    squares,
    magnitudes,
    exponent INTEGER NOT NULL,
    quantiles BLOB,
    sketch_low,
    sketch_width,
    sketch BLOB,
    sample INTEGER,
    exact INTEGER
);
CREATE INDEX measured_by_address ON measured (address, of, seq);
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    step INTEGER,
    epoch INTEGER,
    kind TEXT NOT NULL,
    address TEXT,
    text TEXT NOT NULL
);
CREATE TABLE ended (seq INTEGER PRIMARY KEY, time REAL NOT NULL, status TEXT NOT NULL);
"""

MIGRATIONS: Final[Sequence[str]] = ()
"""What makes version 2 of version 1, then 3 of 2, and so on: each a script of SQL."""

VERSION: Final = 1 + len(MIGRATIONS)
"""The version of the tables above, as SQLite's ``user_version``."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database; to be called inside a transaction."""
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def check(connection: sqlite3.Connection, path: object) -> int:
    """The version of a run's file.

    Raises:
        FormatError: It is another kind of database, or of a later version than is known.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION:
        raise FormatError(
            "an SQLite database, and not one of a recorded run",
            path=path,
            hint="parametry runs lists what there is",
        )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise FormatError(
            f"a run of version {version}, this parametry knows up to {VERSION}",
            path=path,
            hint="pip install --upgrade parametry",
        )
    return int(version)


def migrate(
    connection: sqlite3.Connection, version: int, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Bring a database from an older version to the present one.

    Args:
        connection: What is changed; a copy in memory where a file must stay as it is.
        version: What it is now.
        migrations: What makes each version of the one before.
    """
    for number, script in enumerate(migrations[version - 1 :], version + 1):
        connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")
