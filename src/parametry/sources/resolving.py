"""What a name stands for: a file where one is at that path, else a recorded run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.errors import RunMissing, SourceMissing

if TYPE_CHECKING:
    from parametry.record.run import Run

__all__ = ["missing_source", "run_of"]

_FORCED = "run:"
_RUN_FILE = b"SQLite format 3\x00"


def run_of(source: Any) -> Run | None:
    """The recorded run that a source stands for; None where it stands for something else.

    A string is a path if anything exists there, else a run's name; ``run:NAME`` is a run whatever
    lies there. A run's own file stands for it, too.

    Args:
        source: Anything that `parametry.inspect` takes.

    Raises:
        RunMissing: ``run:NAME`` names a run that is not there.
    """
    if isinstance(source, str) and source.startswith(_FORCED):
        from parametry.record.run import open_run

        return open_run(source.removeprefix(_FORCED))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.exists():
            return _run_in(path)
        return _named(source) if isinstance(source, str) else None
    return _given(source)


def missing_source(source: Any) -> SourceMissing | None:
    """The error for a name under which there is neither a file nor a run; None for a path.

    Args:
        source: What was looked for.
    """
    if not isinstance(source, str) or len(Path(source).parts) != 1 or Path(source).suffix:
        return None
    from parametry.record.home import find

    try:
        find(source)
    except RunMissing as missing:
        return SourceMissing(
            f"there is no file {source!r}, and {missing.message}", hint=missing.hint
        )
    return None


def _run_in(path: Path) -> Run | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(len(_RUN_FILE))
    except OSError:
        return None  # whoever reads files says why it cannot be read
    if start != _RUN_FILE:
        return None
    from parametry.record.run import open_run

    return open_run(path)


def _named(name: str) -> Run | None:
    from parametry.record.run import open_run

    try:
        return open_run(name)
    except RunMissing:
        return None  # then it is a path where nothing is


def _given(source: Any) -> Run | None:
    if type(source).__module__.partition(".")[0] != __name__.partition(".")[0]:
        return None
    from parametry.record.run import Run

    return source if isinstance(source, Run) else None
