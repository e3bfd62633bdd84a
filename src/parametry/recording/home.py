"""Where runs live: a folder with one file for each, and how a run is found by its name.

::

    .parametry/                 or what PARAMETRY_HOME names
      runs/NAME.sqlite          one file for each run; NAME.sqlite-wal beside it while it is made
      index.sqlite              what a list of runs needs, for speed alone; may be deleted
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Final

from parametry.errors import RunMissing, StoreError
from parametry.recording.names import clean, proposals
from parametry.recording.processes import is_first_process

__all__ = [
    "SUFFIX",
    "files_of",
    "find",
    "home_folder",
    "is_first_process",
    "names",
    "nearest_names",
    "new_run",
    "run_files",
    "runs_folder",
]

SUFFIX: Final = ".sqlite"
_VARIABLE = "PARAMETRY_HOME"
_FOLDER = ".parametry"
# What SQLite may put beside a database: https://www.sqlite.org/tempfiles.html
_BESIDE = ("", "-wal", "-shm", "-journal")


def home_folder(home: str | Path | None = None) -> Path:
    """The folder that holds the runs, whether it is there yet or not.

    Args:
        home: The folder; None for the environment's ``PARAMETRY_HOME``, else ``.parametry`` in the
            working directory.
    """
    return Path(home or os.environ.get(_VARIABLE) or _FOLDER).expanduser().absolute()


def runs_folder(home: str | Path | None = None) -> Path:
    """The folder that holds the runs' files."""
    return home_folder(home) / "runs"


def run_files(home: str | Path | None = None) -> Iterator[Path]:
    """The files of all runs, in the order of their names; what is empty is no run yet."""
    try:
        with os.scandir(runs_folder(home)) as entries:
            found = [Path(entry.path) for entry in entries if _is_run(entry)]
    except OSError:  # no folder, no runs
        found = []
    yield from sorted(found)


def _is_run(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.name.endswith(SUFFIX) and entry.is_file() and entry.stat().st_size > 0
    except OSError:  # removed meanwhile
        return False


def names(home: str | Path | None = None) -> list[str]:
    """The names of all runs, in order."""
    return [path.stem for path in run_files(home)]


def files_of(path: Path) -> list[Path]:
    """All that belongs to the run in this file, the file itself first."""
    every = (path.with_name(path.name + ending) for ending in _BESIDE)
    return [file for file in every if file.exists()]


def new_run(
    name: str | None = None, *, script: str | None = None, home: str | Path | None = None
) -> tuple[Path, str]:
    """Take a name for a run that nobody has, and an empty file for it.

    Args:
        name: What to call it, with a number added if that is taken; None for date, script and a
            short word: ``2026-11-22-digits-amber``.
        script: The script's path.
        home: The folder of runs, as of `home_folder`; made if it is not there.

    Returns:
        The file, which is empty and which no other caller gets, and the name.

    Raises:
        StoreError: There can be no file.
    """
    folder = runs_folder(home)
    try:
        _make(folder)
        for proposal in _proposals(name, script):
            path = folder / (proposal + SUFFIX)
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            return path, proposal
    except OSError as error:
        raise _refused(folder, error) from None
    raise AssertionError("names do not end")


def _proposals(name: str | None, script: str | None) -> Iterator[str]:
    if name is None:
        return proposals(script, time.time())
    wanted = clean(name) or "run"
    return chain([wanted], (f"{wanted}-{number}" for number in count(2)))


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    home = folder.parent
    fresh = not home.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:  # what lies in a repository's working tree is not part of it
        (home / ".gitignore").write_text("*\n", encoding="ascii")


def _refused(folder: Path, error: OSError) -> StoreError:
    reason = (error.strerror or str(error)).lower()
    return StoreError(
        f"no run can be kept in {folder}: {reason}",
        hint=f"set {_VARIABLE} to a folder that can be written",
    )


def find(name_or_path: str | Path, home: str | Path | None = None) -> Path:
    """The file of a run.

    Args:
        name_or_path: The run's name, or the path of its file; where both are there, the path.
        home: The folder of runs, as of `home_folder`.

    Raises:
        RunMissing: There is none; the hint has the nearest names.
    """
    path = Path(name_or_path)
    if (isinstance(name_or_path, Path) or path.suffix) and _is_there(path):
        return path.absolute()
    name = str(name_or_path)
    if name and os.sep not in name and "/" not in name and "\0" not in name:
        found = runs_folder(home) / (name.removesuffix(SUFFIX) + SUFFIX)
        if _is_there(found) and found.stat().st_size:
            return found
    raise RunMissing(
        f"no run is called {name!r} in {home_folder(home)}", hint=nearest_names(name, names(home))
    )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False


def nearest_names(wanted: str, known: Iterable[str]) -> str:
    """A hint that names what was meant, as far as can be told."""
    every = list(known)
    if not every:
        return "there are no runs; parametry run SCRIPT records one"
    close = difflib.get_close_matches(wanted, every, n=3, cutoff=0.5)
    close += [name for name in reversed(every) if wanted and wanted in name and name not in close]
    if close:
        return f"nearest: {', '.join(close[:3])}"
    return f"there are {len(every):,}, the last of them {every[-1]}"
