"""A run that is being recorded: takes facts from any thread, and never raises into the program."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.capture.report import build_report, number_of
from parametry.core.facts import Fact, PointColumns, Snapshot, Status
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.report import Report
from parametry.core.watch import watch
from parametry.errors import StoreError
from parametry.recording.home import is_first_process, new_run
from parametry.recording.store.writer import Writer
from parametry.recording.surroundings import Surroundings, command_line, script_of_program

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = ["Recording"]

_log = logging.getLogger("parametry")
# How many seconds the description of the code's repository may take.
_PATIENCE, _PATIENCE_AT_THE_END = 0.5, 2.0


class Recording:
    """A run that is being recorded.

    What cannot be recorded is told once on the log, and the training goes on: a folder that cannot
    be written, a full disk. In a training of several processes only the first one writes.

    Args:
        name: The run's name; None for one made of the date, the script and a short word.
        home: The folder of runs; None for ``PARAMETRY_HOME``, or ``.parametry`` here.
        models: The live models that the run is about, held until it ends; None for all of
            the program's.
        chosen: Further hyperparameters, by address.
        sinks: Where the run is to be told besides: names, or objects that are a `Sink`.

    Attributes:
        path: The run's file; None where nothing is recorded.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        home: str | Path | None = None,
        models: Sequence[Any] | None = None,
        chosen: Mapping[str, Hyperparameter] | None = None,
        sinks: Sequence[Any] = (),
    ) -> None:
        self.path: Path | None = None
        self._writer: Writer | None = None
        self._models = None if models is None else list(models)
        self._chosen = dict(chosen or {})
        self._command = command_line()
        self._lock = threading.Lock()
        self._delivery: Any = None
        self._surroundings: Surroundings | None = None
        if not is_first_process():
            return
        with watch.guard("opening a run"):
            self._open(name, home)
        if self.path is not None and sinks:
            with watch.guard("opening a run's sinks"):
                from parametry.recording.sinks.delivery import Delivery

                self._delivery = Delivery(self.path, sinks)

    def _open(self, name: str | None, home: str | Path | None) -> None:
        script = script_of_program()
        try:
            path, found = new_run(name, script=script, home=home)
            self._writer = Writer(
                path, found, script=script, command=self._command, started=time.time()
            )
        except StoreError as error:
            _log.warning("parametry: this run is not recorded: %s", error)
            return
        self.path = path
        folder = Path(script).absolute().parent if script else Path.cwd()
        self._surroundings = Surroundings(folder)

    @property
    def run(self) -> Run | None:
        """The run as its file tells it; None where nothing is recorded."""
        if self.path is None:
            return None
        from parametry.recording.run import open_run

        return open_run(self.path)

    def put(self, fact: Fact | PointColumns) -> None:
        """Take a fact, or many: quick, from any thread, never raises."""
        if self._writer is not None:
            self._writer.put(fact)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put before is on the disk; whether it is."""
        return self._writer is not None and self._writer.flush(timeout)

    def add_model(self, model: Any) -> int:
        """Make a model one of those that the run is about.

        Returns:
            Which of them it is, as reports number them.
        """
        if self._models is None:
            return number_of(model)
        for number, known in enumerate(self._models):
            if known is model:
                return number
        self._models.append(model)
        return len(self._models) - 1

    def choose(self, chosen: Mapping[str, Hyperparameter]) -> None:
        """Add hyperparameters that capture cannot see, by address, and record them."""
        self._chosen.update(chosen)
        self.snapshot()

    def snapshot(self, outcome: str = "running") -> None:
        """Record all that is known at this moment, without values of parameters."""
        if self._writer is None:
            return
        with watch.guard("describing a run"), self._lock:
            self.put(Snapshot(self._report(outcome), time.time()))

    def finish(self, status: Status, outcome: str | None = None) -> None:
        """Record all that is known and how it ended, and close the file.

        What is put later is dropped.

        Args:
            status: How.
            outcome: The same in words: ``ValueError: …``; None for the status itself.
        """
        if self._writer is not None:
            with watch.guard("describing a run that ends"), self._lock:
                report = self._report(outcome or status, _PATIENCE_AT_THE_END)
                self.put(Snapshot(report, time.time()))
        self.leave(status)

    def leave(self, status: Status, *, patience: float | None = None) -> None:
        """Close the file, where all that is known was recorded already.

        Args:
            status: How it ended.
            patience: How many seconds the disk may take; what it has not done then is waited for
                when the program ends. None for as long as it takes.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._models = None
        with watch.guard("closing a run"):
            if self._surroundings is not None:
                self._surroundings.close()
            writer.close(status, patience=patience)
        if self._delivery is not None:
            with watch.guard("ending the delivery to a run's sinks"):
                self._delivery.finish()

    def _report(self, outcome: str, patience: float = _PATIENCE) -> Report:
        report = build_report(self._command, outcome, models=self._models)
        values: dict[str, Hyperparameter] = dict(report.hyperparameters)
        values.update(self._chosen)
        if self._surroundings is not None:
            values.update(self._surroundings.hyperparameters(patience))
        name = f"run {self.path.stem!r}" if self.path else "this run"
        return replace(report, hyperparameters=Hyperparameters(values, source=name))
