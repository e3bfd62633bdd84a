"""What a name stands for: a file where one is at that path, else a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.actions.viewing import is_path
from parametry.errors import RunMissing, SourceMissing

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = ["run_of"]

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
        SourceMissing: A plain name is that of no file and no run.
    """
    if isinstance(source, str) and source.startswith(_FORCED):
        from parametry.recording.run import open_run

        return open_run(source.removeprefix(_FORCED))
    if is_path(source):
        path = Path(source)
        if _is_there(path):
            return _run_in(path)
        return _named(source) if isinstance(source, str) else None
    return _given(source)


def _is_there(path: Path) -> bool:
    try:
        # TensorFlow calls a checkpoint by what its files' names begin with.
        return path.exists() or path.with_name(path.name + ".index").exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


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
    from parametry.recording.run import open_run

    return open_run(path)


def _named(name: str) -> Run | None:
    from parametry.recording.run import open_run

    try:
        return open_run(name)
    except RunMissing as missing:
        if len(Path(name).parts) != 1 or Path(name).suffix:
            return None  # a path where nothing is, of which whoever reads files speaks
        message = f"there is no file {name!r}, and {missing.message}"
        raise SourceMissing(message, hint=missing.hint) from None


def _given(source: Any) -> Run | None:
    if type(source).__module__.partition(".")[0] != __name__.partition(".")[0]:
        return None
    from parametry.recording.run import Run

    return source if isinstance(source, Run) else None
