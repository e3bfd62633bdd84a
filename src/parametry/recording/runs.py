"""All runs: listed, filtered, sorted, and as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, overload

from parametry.core.coverage import Gap
from parametry.core.display import render
from parametry.core.export import json_text
from parametry.core.frames import data_frame
from parametry.core.pattern import compile_pattern
from parametry.core.value import Plain
from parametry.errors import FormatError, NothingMatched, StoreError
from parametry.recording.home import files_of, home_folder, nearest_names, run_files
from parametry.recording.index import Index, stamp_of
from parametry.recording.run import Run
from parametry.recording.store.writer import settle
from parametry.recording.summary import Summary

__all__ = ["Runs", "check_removable", "remove", "runs"]

_ALL = "*"
_OWN = ("name", "status", "started", "ended", "script", "steps", "seconds")


class Runs(Sequence[Run]):
    """Runs in an order; what is told of each is of the moment when they were listed.

    Args:
        listed: The runs with their summaries.
        gaps: Files that could not be read, and why.

    Attributes:
        gaps: Files that could not be read, and why.
    """

    def __init__(self, listed: Iterable[tuple[Run, Summary]], gaps: Iterable[Gap] = ()) -> None:
        self._listed = list(listed)
        self.gaps = tuple(gaps)

    @property
    def summaries(self) -> list[Summary]:
        """What there is to tell of each, in order."""
        return [summary for _, summary in self._listed]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._listed)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Runs: ...

    def __getitem__(self, index: int | slice) -> Run | Runs:
        """The run at a position, or several."""
        if isinstance(index, slice):
            return Runs(self._listed[index], self.gaps)
        return self._listed[index][0]

    def to_dict(self) -> dict[str, Any]:
        """All of them as JSON-ready data, by name."""
        return {summary.name: summary.to_dict() for summary in self.summaries}

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each run, by name.

        Its columns are ``status``, ``started`` and ``ended`` (seconds since 1970), ``seconds``,
        ``script`` and ``steps``; then every hyperparameter under its address; then the latest value
        of every metric under its key. Where a metric is a hyperparameter, too, its value is the
        hyperparameter's.

        Raises:
            FrameworkMissing: pandas is not installed.
        """
        every = self.summaries
        columns: dict[str, list[Any]] = {
            name: [getattr(summary, name) for summary in every] for name in _OWN if name != "name"
        }
        held = [{**summary.metrics, **summary.hyperparameters} for summary in every]
        first = dict.fromkeys(a for summary in every for a in summary.hyperparameters)
        addresses = first | dict.fromkeys(key for summary in every for key in summary.metrics)
        for address in addresses:
            columns[address] = [values.get(address) for values in held]
        return data_frame(columns, [summary.name for summary in every], "run")

    def __repr__(self) -> str:
        """A plain table."""
        return str(render("parametry.show.text:runs", self))

    def __rich__(self) -> Any:
        """A table for rich."""
        return render("parametry.show.terminal:runs", self)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        return str(render("parametry.show.html:runs", self))


def runs(
    pattern: str = _ALL,
    *,
    where: Callable[[Run], bool] | None = None,
    sort: str = "started",
    home: str | Path | None = None,
    missing_ok: bool = False,
) -> Runs:
    """The recorded runs, those that began first to begin with.

    Args:
        pattern: A glob over names: ``*-digits-*``.
        where: Keeps the runs for which it is true.
        sort: ``name``, ``status``, ``started``, ``ended``, ``seconds``, ``steps``, ``script``, a
            metric, or a hyperparameter's address; a ``-`` before it turns the order around. Runs
            that do not have it come last, by name.
        home: The folder of runs; None for ``PARAMETRY_HOME``, else ``.parametry`` here.
        missing_ok: Give none where the pattern matches nothing, instead of an error.

    Returns:
        The runs. A file that cannot be read is left out, and named in `Runs.gaps`.

    Raises:
        NothingMatched: The pattern matches no name, or nothing has what is to be sorted by.
        PatternError: The pattern cannot be read.

    Example:
        >>> best = pm.runs("*-digits-*", sort="val_loss")[0]            # doctest: +SKIP
    """
    folder = home_folder(home)
    settle(folder)
    matches = compile_pattern(pattern).fullmatch
    every = list(run_files(folder))
    paths = [path for path in every if matches(path.stem)]
    if not paths and not missing_ok and pattern != _ALL:
        names = [path.stem for path in every]
        raise NothingMatched(
            f"{pattern!r} matches no run in {folder}", hint=nearest_names(pattern.strip("*"), names)
        )
    listed, gaps = _listed(folder, paths, {path.stem for path in every})
    if where is not None:
        listed = [(run, summary) for run, summary in listed if where(run)]
    return Runs(_sorted(listed, sort), gaps)


def _listed(
    folder: Path, paths: Sequence[Path], names: set[str]
) -> tuple[list[tuple[Run, Summary]], list[Gap]]:
    index = Index(folder)
    known = index.read()
    fresh: dict[str, tuple[str, Summary]] = {}
    listed: list[tuple[Run, Summary]] = []
    gaps: list[Gap] = []
    for path in paths:
        run = Run(path)
        try:
            stamp = stamp_of(path)
            if stamp is not None and path.stem in known and known[path.stem][0] == stamp:
                listed.append((run, known[path.stem][1]))
                continue
            summary = Summary.of(run)
        except FileNotFoundError:  # removed meanwhile
            continue
        except (FormatError, OSError, KeyError, TypeError, ValueError) as error:
            gaps.append(Gap(path.name, _why(error)))
            continue
        listed.append((run, summary))
        if stamp is not None and stamp == stamp_of(path):
            fresh[path.stem] = (stamp, summary)
    gone = known.keys() - names
    if fresh or gone:
        index.write(fresh, gone)
    return listed, gaps


def _why(error: Exception) -> str:
    if isinstance(error, FormatError):
        return error.message
    return f"not as this parametry writes it: {type(error).__name__}: {error}"


def _sorted(listed: list[tuple[Run, Summary]], sort: str) -> list[tuple[Run, Summary]]:
    key = sort.removeprefix("-")
    having = [(pair, _figure(pair[1], key)) for pair in listed]
    known = [(pair, figure) for pair, figure in having if figure is not None]
    if listed and not known and key not in _OWN:
        every = dict.fromkeys(k for _, told in listed for k in (*told.metrics, *_OWN))
        raise NothingMatched(
            f"none of {len(listed)} runs has {key!r} to sort by",
            hint=nearest_names(key, [*every, *listed[0][1].hyperparameters]),
        )
    ordered = sorted(known, key=lambda each: _rank(each[1]), reverse=sort.startswith("-"))
    return [pair for pair, _ in ordered] + [pair for pair, figure in having if figure is None]


def _figure(summary: Summary, key: str) -> Plain:
    """What a run is sorted by; None where it has none, or a NaN."""
    if key in _OWN:
        found: Plain = getattr(summary, key)
    else:
        found = summary.metrics.get(key, summary.hyperparameters.get(key))
    return None if isinstance(found, float) and math.isnan(found) else found


def _rank(figure: Plain) -> tuple[int, float, str]:
    if isinstance(figure, (int, float)):
        return 0, float(figure), ""
    return 1, 0.0, figure if isinstance(figure, str) else repr(figure)


def check_removable(run: Run) -> None:
    """Make sure that a run may be deleted.

    Raises:
        StoreError: It is running.
    """
    if run.status == "running":
        raise StoreError(
            f"run {run.name!r} is still running", hint="end it first; nothing was deleted"
        )


def remove(run: Run) -> None:
    """Delete a run's file, and what SQLite keeps beside it.

    Args:
        run: One that is not running.

    Raises:
        StoreError: It is running, or its files cannot be deleted.
    """
    check_removable(run)
    # The file goes last: without it, what lies beside it would be nothing's.
    try:
        for file in reversed(files_of(run.path)):
            file.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(f"{error.filename} cannot be deleted: {reason}") from None
