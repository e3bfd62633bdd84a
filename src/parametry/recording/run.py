"""A Run: the read view over one recorded training, running or long over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parametry.core.address import nearest
from parametry.core.coverage import Gap
from parametry.core.display import render
from parametry.core.export import json_text, yaml_text
from parametry.core.facts import Changed, Fact, Happened, Measured, Per, Snapshot
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import SCHEMA, Model
from parametry.core.phase import Phases
from parametry.core.report import Report
from parametry.core.report_reading import report_from
from parametry.core.value import to_json_value
from parametry.errors import UnknownAddress
from parametry.recording.home import find
from parametry.recording.merging import with_changes
from parametry.recording.processes import Process
from parametry.recording.series import Series
from parametry.recording.store.connecting import intact
from parametry.recording.store.reader import Reader, Stored
from parametry.recording.store.writer import settle

__all__ = ["Cursor", "Run", "RunStatus", "open_run"]

RunStatus: TypeAlias = Literal["running", "finished", "failed", "interrupted", "lost"]
"""How a run stands; ``lost``: it was never ended, and its process is gone."""

Cursor: TypeAlias = int
"""How far the facts of a run have been read; plain data, to be kept as JSON."""

_START: Cursor = -1
_PORTION = 10_000


class Run:
    """A recorded training: what was chosen, how that changed, what was measured.

    It reads from the run's file when asked, so it follows a run that goes on. Opening one is cheap.

    Args:
        path: The run's file.

    Attributes:
        path: The run's file.
        name: Its name, which is the file's.

    Example:
        >>> run = pm.runs()[-1]                                         # doctest: +SKIP
        >>> run.metrics("val_loss")[-1].value                           # doctest: +SKIP
        0.137
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.name = self.path.stem
        self._reader = Reader(self.path)
        self._about_known: dict[str, Any] | None = None
        self._report_known: tuple[int, Report] | None = None

    # ------------------------------------------------------------ about the run itself

    @property
    def _about(self) -> dict[str, Any]:
        if self._about_known is None or "ended" not in self._about_known:
            self._about_known = self._reader.about()
        return self._about_known

    @property
    def status(self) -> RunStatus:
        """How it stands; ``lost`` where it was never ended and its process is gone.

        A process on another host cannot be asked, so such a run stays ``running``.
        """
        about = self._about
        if "status" in about:
            return about["status"]  # type: ignore[no-any-return]
        process = Process(about["host"], about["process"], about["process_started"])
        return "running" if process.alive else "lost"

    @property
    def started(self) -> float:
        """When it began, in seconds since 1970."""
        return float(self._about["started"])

    @property
    def ended(self) -> float | None:
        """When it ended, in seconds since 1970; None where it has not, or was lost."""
        return self._about.get("ended")

    @property
    def written(self) -> float:
        """When something was last written to its file, in seconds since 1970."""
        about = self._about
        return float(about.get("written", about["started"]))

    @property
    def script(self) -> str | None:
        """The script that was run; None in a notebook or at a prompt."""
        return self._about.get("script")

    @property
    def command(self) -> tuple[str, ...]:
        """The command line."""
        return self._about["command"]  # type: ignore[no-any-return]

    # ------------------------------------------------------------ what was chosen

    @property
    def _source(self) -> str:
        return f"run {self.name!r}"

    def _report(self, stored: Stored | None) -> Report:
        if stored is None:
            program = " ".join(self.command)
            empty = Hyperparameters({}, source=self._source)
            return Report(program, self.status, empty, {}, Phases({}), ())
        hint = (
            f"statistics({'ADDRESS'!r}) has what was measured of it, "
            "pm.inspect(PATH) of a saved model has values"
        )
        with intact(self.path):
            return report_from(stored.report, source=self._source, hint=hint)

    @property
    def report(self) -> Report:
        """All that is known of it now: the latest snapshot, with the changes up to now."""
        latest = self._reader.latest()
        if self._report_known is None or self._report_known[0] != latest:
            stored, changes = self._reader.snapshot(), self._reader.changes()
            with intact(self.path):
                known = -1 if stored is None else stored.seq
                made = with_changes(self._report(stored), changes, known)
            self._report_known = (latest, made)
        return self._report_known[1]

    @property
    def start(self) -> Report:
        """What was known when it began: the first snapshot, as it was."""
        return self._report(self._reader.snapshot(first=True))

    @property
    def hyperparameters(self) -> Hyperparameters:
        """All that was chosen, with the values in effect now, or at the end."""
        return self.report.hyperparameters

    @property
    def phases(self) -> Phases:
        """Each compile, fit, freeze and load."""
        return self.report.phases

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by scope: ``model``, ``model_1``."""
        return self.report.models

    @property
    def coverage(self) -> tuple[Gap, ...]:
        """What could not be seen, and why."""
        return self.report.coverage

    @property
    def model(self) -> Model:
        """The first model, as `parametry.inspect` gives a live one, with all of the run's choices.

        Its parameters have no values: reading one raises `ValueUnavailable`, which says where they
        may be had. A run that saw no model gives one without parameters.
        """
        report = self.report
        for made in report.models.values():
            return replace(made, name=self.name, hyperparameters=report.hyperparameters)
        return Model(
            name=self.name,
            class_name="",
            framework="",
            parameters=Parameters({}, source=self._source),
            optimizer_parameters=Parameters({}, source=self._source),
            hyperparameters=report.hyperparameters,
            layers=Layers({}, source=self._source),
            ties=(),
            phases=report.phases,
            gaps=lambda: report.coverage,
        )

    def history(self, address: str) -> tuple[Changed, ...]:
        """The changes of a hyperparameter while the run was recorded, oldest first.

        Args:
            address: Its address: ``optimizer/learning_rate``.

        Raises:
            UnknownAddress: Nothing has that address.
        """
        found = tuple(change for _, change in self._reader.changes(address))
        if not found:
            self.hyperparameters[address]
        return found

    # ------------------------------------------------------------ what was measured

    @property
    def keys(self) -> tuple[str, ...]:
        """What there are points of: ``loss``, ``val_loss``, ``optimizer/learning_rate``."""
        every = self._reader.series()
        return tuple(dict.fromkeys(key for series in every for key in series.keys))

    def metrics(self, key: str, per: Per | None = None) -> Series:
        """The points of one metric, or of a hyperparameter that is told at every step.

        Where a step was taken twice, as by a training that resumed, the later point counts.

        Args:
            key: One of `keys`.
            per: ``step`` or ``epoch``; None for steps where there are any, else epochs.

        Raises:
            UnknownAddress: Nothing was measured under that key.
        """
        every = self._reader.series()
        there = {series.per for series in every if key in series.keys}
        if not there or (per is not None and per not in there):
            raise self._no_points(key, per, there)
        kind: Per = per or ("step" if "step" in there else "epoch")
        columns = self._reader.columns(key, kind)
        rows = _last_of_each(columns.steps)
        parts = (columns.steps, columns.values[:, 0], columns.epochs, columns.times)
        return Series(key, kind, *(_frozen(part[rows]) for part in parts))

    def _no_points(self, key: str, per: Per | None, there: set[Per]) -> UnknownAddress:
        keys = self.keys
        if there:
            (other,) = there
            return UnknownAddress(
                f"{self._source} has no {key!r} per {per}",
                hint=f"it has it per {other}: metrics({key!r}, per={other!r})",
            )
        close = nearest(key, keys)
        hint = f"nearest: {', '.join(close)}" if close else f"there are: {', '.join(keys[:8])}"
        return UnknownAddress(
            f"{self._source} has no points of {key!r}", hint=hint if keys else "it has none at all"
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The addresses of the parameters that have statistics."""
        return tuple(self._reader.measured_addresses())

    def statistics(
        self, address: str, of: Literal["parameter", "gradient"] = "parameter"
    ) -> tuple[Measured, ...]:
        """What the values of one parameter, or its gradient's, looked like over the run.

        Args:
            address: The parameter's address.
            of: ``parameter`` or ``gradient``.

        Raises:
            UnknownAddress: Nothing was measured there.
        """
        found = tuple(self._reader.measured(address, of))
        if not found:
            raise UnknownAddress(
                f"{self._source} has no statistics of the {of} {address!r}",
                hint=self._hint_of_statistics(address, of),
            )
        return found

    def _hint_of_statistics(self, address: str, of: str) -> str:
        measured = self.measured
        if address in measured:  # then it has those of the other kind
            other = "gradient" if of == "parameter" else "parameter"
            option = "gradients=True" if of == "gradient" else "statistics_every"
            return f"it has those of the {other}; {option} tells a recorder to look at the {of}"
        close = nearest(address, measured)
        return f"nearest: {', '.join(close)}" if close else "run.measured lists what it has"

    @property
    def events(self) -> tuple[Happened, ...]:
        """What happened: NaN first seen, an early stop, an exception, a resume; in order."""
        return tuple(self._reader.events())

    @property
    def last_values(self) -> dict[str, float]:
        """The latest value of each of `keys`."""
        found = self._reader.last_values()
        return {key: found[key] for key in self.keys if key in found}

    @property
    def last_step(self) -> int | None:
        """The latest step that was told; None before the first."""
        return self._reader.last_step()

    # ------------------------------------------------------------ for sinks

    def facts(
        self, after: Cursor | None = None, *, limit: int = _PORTION
    ) -> tuple[list[Fact], Cursor]:
        """The facts since a cursor, in the order in which they came, a portion at a time.

        Args:
            after: What the last call gave; None to begin.
            limit: How many facts a portion has at most.

        Returns:
            The facts, none where there is nothing new, and the cursor for the next call.
        """
        found, cursor = self._reader.facts(_START if after is None else after, limit)
        return [self._fact(fact) for _, fact in found], cursor

    def _fact(self, fact: Any) -> Fact:
        return Snapshot(self._report(fact), fact.when) if isinstance(fact, Stored) else fact

    def all_facts(self, after: Cursor | None = None) -> Iterator[Fact]:
        """The facts since a cursor, one after the other."""
        while True:
            found, after = self.facts(after)
            if not found:
                return
            yield from found

    # ------------------------------------------------------------ as data and text

    def to_dict(self) -> dict[str, Any]:
        """The one JSON form: a report's, with what is known of the run; without its points."""
        return {
            **self.report.to_dict(),
            "schema": SCHEMA,
            "kind": "run",
            "name": self.name,
            "status": self.status,
            "started": self.started,
            "ended": self.ended,
            "script": self.script,
            "command": list(self.command),
            "metrics": {key: to_json_value(value) for key, value in self.last_values.items()},
            "events": [_event(event) for event in self.events],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def to_yaml(self) -> str:
        """`to_dict` as YAML text."""
        return yaml_text(self.to_dict())

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same file."""
        if not isinstance(other, Run):
            return NotImplemented
        return self.path.absolute() == other.path.absolute()

    def __hash__(self) -> int:
        """By its file."""
        return hash(self.path.absolute())

    def __repr__(self) -> str:
        """The run as plain text."""
        return str(render("parametry.show.text:run", self))

    def __rich__(self) -> Any:
        """The run for rich."""
        return render("parametry.show.terminal:run", self)

    def _repr_html_(self) -> str:
        """The run for notebooks, at most 200 KB."""
        return str(render("parametry.show.html:run", self))


def open_run(name_or_path: str | Path, *, home: str | Path | None = None) -> Run:
    """The run of a name, or in a file.

    Args:
        name_or_path: Its name, or the path of its file.
        home: The folder of runs; None for ``PARAMETRY_HOME``, else ``.parametry`` here.

    Raises:
        RunMissing: There is none; the hint has the nearest names.
        FormatError: The file is no run's, or of a later version than is known.
    """
    path = find(name_or_path, home)
    settle(path)
    run = Run(path)
    run.status  # noqa: B018 - reads the file, and so raises where it cannot be read
    return run


def _last_of_each(steps: NDArray[np.int64]) -> NDArray[np.intp] | slice:
    """Which rows to take so that each step is there once, its last row, in the order of steps."""
    if len(steps) < 2 or bool((steps[1:] > steps[:-1]).all()):
        return slice(None)
    _, from_the_end = np.unique(steps[::-1], return_index=True)
    return len(steps) - 1 - from_the_end


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    made = np.ascontiguousarray(array)
    made.flags.writeable = False
    return made


def _event(event: Happened) -> dict[str, Any]:
    return {
        name: getattr(event, name) for name in ("kind", "step", "epoch", "when", "address", "text")
    }
