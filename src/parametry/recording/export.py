"""Exporting a run: to another tracker, or as a file with a table."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, cast

from parametry.errors import ParametryError, SinkError, UnknownSink
from parametry.recording.run import Run, open_run
from parametry.recording.sinks.delivery import tell
from parametry.recording.sinks.registry import Sink, registered, resolve

__all__ = ["export"]

WriteTable: TypeAlias = Callable[[Run, Path], None]

_TABLES: Final = {
    "csv": "parametry.recording.tables:write_csv",
    "json": "parametry.recording.tables:write_json",
    "parquet": "parametry.recording.tables:write_parquet",
}


def export(
    run: Run | str | os.PathLike[str], to: str | Sink, path: str | os.PathLike[str] | None = None
) -> Path | str:
    """Tell a recorded run to another tracker, or write it as a file.

    A tracker that was told a part of the run while it was recorded gets the rest; nothing is there
    twice. The run itself stays as it is.

    Args:
        run: A run, its name, or the path of its file.
        to: ``csv``, ``json``, ``parquet``; ``tensorboard``, ``mlflow``, ``wandb`` or another sink's
            name, with a target if it is to be another than the tracker's own
            (``mlflow:http://localhost:5000``); or a sink.
        path: The file; None for the run's name with the suffix, here. For a tracker by name, its
            target.

    Returns:
        The file's path; or where the tracker has the run, as a folder or an address.

    Raises:
        RunMissing: There is no run of that name.
        UnknownSink: Nothing is called what `to` says.
        FrameworkMissing: A package is not installed; the hint tells how to get it.
        SinkError: The tracker did not take it.
        OSError: The file cannot be written.

    Example:
        >>> pm.export("run-12", to="tensorboard", path="logs")           # doctest: +SKIP
        '/home/me/digits/logs/run-12'
        >>> pm.export("run-12", to="csv")                                # doctest: +SKIP
        PosixPath('run-12.csv')
    """
    found = run if isinstance(run, Run) else open_run(os.fspath(run))
    if isinstance(to, str) and to in _TABLES:
        return _write_table(found, to, path)
    (sink,) = _sinks(to, path)
    try:
        tell(found, sink)
    except (ParametryError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise SinkError(
            f"run {found.name!r} could not be told to {sink.location}: "
            f"{type(error).__name__}: {error}",
            hint="what arrived may be incomplete; telling it again completes it",
        ) from error
    return sink.location


def _write_table(run: Run, to: str, path: str | os.PathLike[str] | None) -> Path:
    target = Path(f"{run.name}.{to}") if path is None else Path(path)
    module, _, name = _TABLES[to].partition(":")
    write = cast(WriteTable, getattr(importlib.import_module(module), name))
    write(run, target)
    return target


def _sinks(to: str | Sink, path: str | os.PathLike[str] | None) -> tuple[Sink, ...]:
    if not isinstance(to, str):
        return resolve([to])
    try:
        return resolve([to if path is None else f"{to}:{os.fspath(path)}"])
    except UnknownSink:
        known = [*_TABLES, *sorted(registered())]
        near = difflib.get_close_matches(to.partition(":")[0], known, n=1)
        raise UnknownSink(
            f"a run cannot be exported to {to!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}",
        ) from None
