"""TensorBoard: scalars, histograms, texts and the HParams tab, as files in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.core.facts import Changed, Fact, Measured, Snapshot
from parametry.formats.atomic import replacing, settle, temporary_beside
from parametry.recording.sinks.registry import require
from parametry.recording.sinks.telling import (
    HYPERPARAMETERS_FILE,
    first_values,
    hyperparameters_text,
    identity,
    remarks,
    scalars,
)

if TYPE_CHECKING:
    from parametry.recording.run import Cursor, Run

__all__ = ["TensorBoard"]


class TensorBoard:
    """Tells a run to TensorBoard: a folder ``FOLDER/RUN`` with event files.

    Metrics are scalars ``step/KEY`` and ``epoch/KEY``, the latter by epoch. Measured parameters are
    histograms ``parameter/ADDRESS``, made of their sketches, with the scalars ``…/norm`` and
    ``…/update_ratio``. Events and hyperparameters that changed are texts and scalars. The HParams
    tab has every hyperparameter, with the value that training began with: numbers, bools and text
    as they are; None, lists and dicts as text. ``hyperparameters.json`` beside the event files
    holds them with their origins and changes.

    TensorBoard reads hyperparameters once: those that came late are shown once it is restarted.
    It keeps scalars as float32.

    Args:
        folder: The log folder; made if it is not there.

    Raises:
        FrameworkMissing: The package ``tensorboard`` is not installed.

    Example:
        >>> pm.Recorder(sinks=["tensorboard"])                           # doctest: +SKIP
        >>> pm.Recorder(sinks=[pm.TensorBoard("logs/digits")])           # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str] = "logs") -> None:
        require("tensorboard", "TensorBoard")
        # Delivery goes on when the program changes its working directory.
        self._folder = Path(folder).absolute()
        self.name = f"tensorboard:{os.fspath(folder)}"
        self.location = str(self._folder)
        self._run: Run | None = None
        self._written = 0

    def start(self, run: Run) -> Cursor | None:
        """Make the run's folder.

        Returns:
            None: what an earlier delivery of this run left there is replaced.
        """
        folder = self._folder / run.name
        folder.mkdir(parents=True, exist_ok=True)
        self.location = str(folder)
        self._run = run
        self._events = folder / _file_name(run, "values")
        self._written = 0
        return None

    def deliver(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Put facts at the end of the event file, all or none."""
        # Hyperparameters come first: a TensorBoard that is running reads files in order of their
        # names, and does not go back for one that was not there yet.
        if any(isinstance(fact, (Snapshot, Changed)) for fact in facts):
            self._write_hyperparameters()
        self._append(event for fact in facts for event in _events_of(fact))

    def finish(self) -> None:
        """Tell the HParams tab how the run ended."""
        self._write_hyperparameters()

    def _append(self, events: Iterable[Any]) -> None:
        from parametry.recording.sinks import event_file

        run = self._started()
        header = [] if self._written else [event_file.version(run.started)]
        records = event_file.to_bytes([*header, *events])
        # What an attempt that failed left behind is cut off.
        with self._events.open("r+b" if self._written else "wb") as file:
            file.truncate(self._written)
            file.seek(self._written)
            file.write(records)
        self._written += len(records)

    def _write_hyperparameters(self) -> None:
        """Write all that is known of them anew: of two values in files TensorBoard takes one."""
        from parametry.recording.sinks import event_file

        run = self._started()
        events = [
            event_file.version(run.started),
            event_file.session_start(run.name, run.started, first_values(run)),
        ]
        if run.status != "running":
            succeeded = run.status == "finished"
            events.append(event_file.session_end(succeeded, run.ended or run.written))
        _write(self._events.with_name(_file_name(run, "hyperparameters")), events)
        with replacing(self._events.with_name(HYPERPARAMETERS_FILE)) as file:
            file.write(hyperparameters_text(run).encode())

    def _started(self) -> Run:
        assert self._run is not None, "start comes first"
        return self._run


def _write(path: Path, events: Iterable[Any]) -> None:
    """Write an event file whole; while it is written, its name is not one of an event file."""
    from parametry.recording.sinks import event_file

    with temporary_beside(path.with_name("hyperparameters")) as temporary:
        temporary.write_bytes(event_file.to_bytes(events))
        settle(temporary, path)


def _file_name(run: Run, part: str) -> str:
    """A name that TensorBoard takes for an event file's, and that no other run's file has."""
    return f"events.out.tfevents.{int(run.started):010}.{identity(run)}.{part}"


def _events_of(fact: Fact) -> Iterator[Any]:
    from parametry.recording.sinks import event_file

    for scalar in scalars(fact):
        yield event_file.scalar(scalar)
    for remark in remarks(fact):
        yield event_file.remark(remark)
    if isinstance(fact, Measured):
        tag = f"{fact.of}/{fact.statistics.address}"
        event = event_file.histogram(tag, fact.statistics, fact.step, fact.when)
        if event is not None:
            yield event
