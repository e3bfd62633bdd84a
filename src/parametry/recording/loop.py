"""A hand-written training loop that is being recorded."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from parametry.capture.switch import hold, release
from parametry.core.facts import Changed, Happened, Per, Points, Status
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.ledger import ObjectReference, freeze, ledger
from parametry.core.looking import Looking
from parametry.core.place import Place
from parametry.core.value import same
from parametry.core.watch import watch
from parametry.frameworks.registry import LoopMeasurer, find
from parametry.recording.choosing import calling_place, chosen_values
from parametry.recording.nonfinite import FirstNonfinite
from parametry.recording.rates import Rates
from parametry.recording.recording import Recording
from parametry.recording.scalars import NotANumber, held
from parametry.recording.scoping import of_model

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = ["Loop"]

# How many seconds steps wait at most until what is worked out of them is told.
_SECONDS = 1.0
_log = logging.getLogger("parametry")


_NEVER = Looking()


class Loop:
    """A hand-written training loop that is being recorded; what ``with pm.record(…) as run`` gives.

    Nothing that it does raises into the loop: what cannot be recorded is told once on the log.
    """

    def __init__(
        self,
        models: Sequence[Any],
        optimizer: Any,
        chosen: dict[str, Hyperparameter],
        opening: Mapping[str, Any],
        looking: Looking = _NEVER,
    ) -> None:
        self._looking = looking
        self._measurers: list[LoopMeasurer] = []
        self._models = models
        self._optimizer = optimizer
        self._chosen = chosen
        self._opening = opening
        self._recording: Recording | None = None
        self._rates: Rates | None = None
        self._holds = False
        self._step = 0
        self._epoch: int | None = None
        self._refused: set[str] = set()
        self._watching: tuple[Any, Any] | None = None
        self._nonfinite: FirstNonfinite | None = None
        self._told = time.monotonic()

    @property
    def run(self) -> Run | None:
        """The run as its file tells it by now; None where nothing is recorded."""
        return None if self._recording is None else self._recording.run

    def log(
        self, values: Mapping[str, Any] | None = None, /, *, per: Per = "step", **metrics: Any
    ) -> None:
        """Record metrics of the step that is being taken, or of the epoch.

        A scalar on a device is not waited for, where nothing can change it meanwhile.

        Args:
            values: Metrics by key, for keys that are no Python names: ``{"val/loss": 0.3}``.
            per: ``step``, or ``epoch`` for what is of a whole epoch.
            **metrics: Metrics by key: numbers, or arrays of one element of any framework.
        """
        found = {}
        for key, value in {**(values or {}), **metrics}.items():
            try:
                found[str(key)] = held(value)
            except NotANumber as error:
                if key not in self._refused:
                    self._refused.add(key)
                    _log.warning("parametry: the metric %r is not recorded: %s", key, error)
        if found and self._recording is not None:
            ended = per == "epoch"
            step = max(self._step - 1, 0) if ended else self._step
            epoch = 0 if ended and self._epoch is None else self._epoch
            self._recording.put(Points(per, step, epoch, time.time(), found))
            if self._nonfinite is not None:
                self._nonfinite.add(step, epoch, found)

    def step(self, count: int = 1) -> None:
        """Say that a step of training is over, or several of them."""
        if self._rates is not None:
            with watch.guard("recording a step"):
                self._rates.took(self._step, count)
        if self._measurers and self._looking.due(self._step, count):
            with watch.guard("looking at parameters"):
                self._look(self._step + count - 1)
        self._step += count
        if time.monotonic() - self._told > _SECONDS:
            self._tell()
        self._before_step()

    def _tell(self) -> None:
        """Tell what is told later than it happens, of many steps at a time."""
        self._told = time.monotonic()
        with watch.guard("telling the steps of a loop"):
            if self._rates is not None:
                self._rates.tell(self._step)
            if self._nonfinite is not None:
                self._nonfinite.tell()

    def _before_step(self) -> None:
        if self._measurers and self._looking.due(self._step, 1):
            with watch.guard("looking at parameters"):
                for measurer in self._measurers:
                    measurer.before()

    def _look(self, step: int) -> None:
        if self._recording is not None:
            now = time.time()
            for number, measurer in enumerate(self._measurers):
                for told in measurer.after(step, self._epoch, now):
                    self._recording.put(of_model(told, number))

    def _note(self, address: str, reason: str) -> None:
        if self._recording is not None:
            now = time.time()
            self._recording.put(Happened("note", self._step, self._epoch, now, address, reason))

    def epoch(self, number: int | None = None) -> None:
        """Say that an epoch begins.

        Args:
            number: Its number, from 0; None for the next one.
        """
        if number is None:
            number = 0 if self._epoch is None else self._epoch + 1
        self._tell()
        if self._rates is not None:
            self._rates.epoch = number
        self._epoch = number

    def choose(self, values: Mapping[str, Any] | None = None, /, **hyperparameters: Any) -> None:
        """Record hyperparameters that were chosen later, or that are others from now on.

        Args:
            values: Values by name, for names that are no Python names.
            **hyperparameters: Values by name; they stand under ``script/``.
        """
        with watch.guard("recording hyperparameters"):
            where = calling_place(sys._getframe(1))
            new = chosen_values({**(values or {}), **hyperparameters}, where)
            for address, entry in new.items():
                before = self._chosen.get(address)
                if before is not None and not same(before.value, entry.value):
                    self._change(before, entry, where)
            self._chosen.update(new)
            if self._recording is not None:
                self._recording.choose(self._chosen)

    def _change(self, before: Hyperparameter, after: Hyperparameter, where: Place | None) -> None:
        change = Change(self._step, before.value, after.value, "assignment", where)
        if self._recording is not None:
            self._recording.put(Changed(after.address, change, self._epoch, time.time()))

    def __enter__(self) -> Loop:
        """Open the run and record all that is known at the start."""
        self._holds = hold()
        if not self._holds:
            _log.warning("parametry: PARAMETRY=0 is set: this training is not recorded")
            return self
        with watch.guard("beginning a recording"):
            _note_optimizer(self._models, self._optimizer)
            self._recording = Recording(
                models=self._models or None, chosen=self._chosen, **self._opening
            )
            self._recording.snapshot()
            self._nonfinite = FirstNonfinite(self._recording.put)
            self._rates = Rates(self._recording.put)
            for optimizer in self._known_optimizers():
                self._follow(optimizer)
            self._watching = watch.loop_begins, watch.fit_begins
            watch.loop_begins, watch.fit_begins = self._follow, self._fit_begins
            if self._looking.every is not None:
                self._measurers = [
                    framework.loop_measurer(model, self._looking.select, self._note)
                    for model in self._models
                    if (framework := find(model)) is not None
                ]
        self._before_step()
        return self

    def _known_optimizers(self) -> list[Any]:
        if self._optimizer is not None:
            return [self._optimizer]
        held = [getattr(model, "optimizer", None) for model in self._models]
        return [optimizer for optimizer in held if optimizer is not None]

    def _fit_begins(self, model: Any, callbacks: Sequence[Any]) -> Any:
        """A ``fit`` within the block is recorded with it, unless it has a recorder of its own."""
        from parametry.recording.recorder import Recorder

        if self._recording is None or any(isinstance(each, Recorder) for each in callbacks):
            return None
        return Recorder.joining(self._recording)

    def _follow(self, optimizer: Any) -> None:
        if self._rates is not None:
            counted = self._rates.add(optimizer)
            if counted and not self._step and self._recording is not None:
                self._step = counted
                text = f"training goes on from step {counted:,}"
                resumed = Happened("resume", counted, self._epoch, time.time(), None, text)
                self._recording.put(resumed)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record how it ended; an exception passes on as it is."""
        if self._watching is not None:
            watch.loop_begins, watch.fit_begins = self._watching
        self._tell()
        if self._rates is not None:
            self._rates.leave()
        with watch.guard("ending a recording"):
            status, outcome = _ending(error)
            if self._recording is not None:
                if status == "failed":
                    self._recording.put(
                        Happened("exception", self._step, self._epoch, time.time(), None, outcome)
                    )
                self._recording.finish(status, outcome)
        if self._holds:
            release()

    def __repr__(self) -> str:
        """Which run it is, and how far."""
        path = None if self._recording is None else self._recording.path
        return f"Loop({path.stem!r}, step {self._step})" if path else "Loop(not recorded)"


def _note_optimizer(models: Sequence[Any], optimizer: Any) -> None:
    """Let capture know what trains the models, so that changes of its rate are seen."""
    if optimizer is None:
        return
    ledger.record(optimizer)
    reference = freeze(optimizer, ledger)
    for model in models:
        if isinstance(reference, ObjectReference):
            ledger.record(model).optimizer = reference


def _ending(error: BaseException | None) -> tuple[Status, str]:
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "finished", "finished"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "interrupted"
    return "failed", f"{type(error).__name__}: {error}"
