"""A running ``fit`` told as facts: metrics, rates and changes step by step, events, statistics."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from parametry.core.coverage import Gap
from parametry.core.facts import Changed, Happened, Points, Put
from parametry.core.hyperparameter import Change
from parametry.core.ledger import ledger
from parametry.core.looking import Looking
from parametry.core.value import UNSET
from parametry.core.watch import watch
from parametry.frameworks.keras.optimizer import optimizers_of
from parametry.frameworks.keras.recording.alike import Takes, taking_alike
from parametry.frameworks.keras.recording.arguments import running_fit
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.counting import Counter
from parametry.frameworks.keras.recording.gradients import GradientSteps, cannot_be_seen
from parametry.frameworks.keras.recording.measuring import Measurer
from parametry.frameworks.keras.recording.rates import (
    AppliedRate,
    applied_rates,
    watched_changes,
)
from parametry.frameworks.keras.recording.steps import Steps
from parametry.frameworks.keras.recording.stopping import who_stopped
from parametry.frameworks.keras.recording.waiting import Waiting

__all__ = ["FitWatch"]


class FitWatch:
    """Watches one ``fit``, from its callbacks' begin to their end.

    Args:
        model: The model that trains.
        put: Takes the facts.
        frame: The frame of the callback that heard of the begin.
        told: What was told of this run already: keys of events that are told once.
        looking: When to look at parameters and gradients.
        failed: Is told of an exception that ends the ``fit``.
    """

    def __init__(
        self,
        model: Any,
        put: Put,
        frame: FrameType | None,
        *,
        told: set[str],
        looking: Looking,
        failed: Callable[[BaseException], None],
    ) -> None:
        self.step = 0
        self.epoch: int | None = None
        self.takes: Takes | None = None
        self._model = model
        self._put = put
        self._told = told
        self._looking = looking
        self._failed = failed
        self._measurer: Measurer | None = None
        self._gradients: GradientSteps | None = None
        self._due = False
        self._looks = isinstance(looking.every, int)
        self._running = running_fit(model, frame, failed)
        self._backend = Backend(model)
        self._changes_before = watched_changes(optimizers_of(model))
        self._steps = Steps(model, self)
        self._counter: Counter | None = None
        self._rates: list[AppliedRate] = []
        self._waiting = Waiting(self._backend, time.time())
        self._state: Any = None
        self._variables = _OptimizerState(model) if self._backend.name == "jax" else None
        self._ended = False

    @property
    def callbacks(self) -> Any:
        """Keras's list of the callbacks."""
        return self._running.callbacks

    # What callbacks are told.

    def epoch_begins(self, epoch: int) -> None:
        """An epoch begins: the first one after all callbacks know that training does."""
        self._stir()
        self._tell_changes()
        self.epoch = epoch
        if self._counter is None:
            self._begin()
        self._state = None
        self._steps.wrap()

    def epoch_ends(self, logs: dict[str, Any] | None) -> None:
        """An epoch is over, its validation too."""
        self._stir()
        if self._counter is not None:
            self._settle_count(self._counter)
        self._flush(time.time(), all_of_them=True)
        self._tell_changes()
        for rate in self._rates:
            rate.verify(self.step)
        values = {
            str(key): float(value)
            for key, value in (logs or {}).items()
            if isinstance(value, (int, float))
        }
        last = max(self.step - 1, 0)
        if self._looking.every == "epoch":
            with watch.guard("looking at parameters"):
                self._measure(last, None)
        self._put(Points("epoch", last, self.epoch, time.time(), values))
        self._see_nan(values, last)

    def ends(self) -> None:
        """Training is over, as Keras tells it."""
        self._stir()
        if getattr(self._model, "stop_training", False):
            callback = who_stopped(self._running.callbacks, self.epoch)
            text = f"training was stopped by {callback}" if callback else "training was stopped"
            self._happened("early_stop", callback, text)
        self.leave()

    def failed(self, error: BaseException | None) -> None:
        """An exception ended the ``fit``."""
        if not self._ended:
            self._stir()
            if error is not None:
                text = f"{type(error).__name__}: {error}"
                self._happened("exception", None, text)
            self.leave()

    def leave(self) -> None:
        """Stop watching; the model is as it was."""
        if self._ended:
            return
        self._ended = True
        with watch.guard("recording the end of a fit"):
            self._stir()
            self._flush(time.time(), all_of_them=True)
            self._tell_changes()
        for rate in self._rates:
            rate.leave()
        self._steps.unwrap()
        self._failed = _nobody
        self._state = self._variables = None
        self._running.leave()

    # What the train function is told.

    def before_step(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """A step begins; what is to take it tells of its gradients where those are due."""
        counter, variables = self._counter, self._variables
        if counter is None:
            return step
        fresh = False
        if variables is not None:
            fresh = arguments[0] is not self._state
            variables.state = arguments[0]
        self.step = counter.before_step(variables)
        for rate in self._rates:
            if rate.before_step(variables, fresh):
                self._tell_changes()
        self._due = self._looks and self._looking.due(self.step, counter.taken)
        if not self._due:
            return step
        if self._looking.parameters and self._model.built:
            with watch.guard("looking at parameters"):
                self._measuring().before(None if variables is None else arguments[0])
        return self._gradients.in_place_of(step) if self._gradients else step

    def after_step(self, result: Any) -> None:
        """A step, or several in one execution, were taken."""
        counter, variables = self._counter, self._variables
        if counter is None:
            return
        logs = result
        if variables is not None:
            logs, self._state = result
            variables.state = self._state
        now = time.time()
        rates = [rate.after_step() for rate in self._rates]
        step, count, kept = self.step, counter.taken, self._backend.kept(logs)
        self.step = counter.after_step(variables, exactly=self._due)
        if self._due:
            if count > 1:
                count = self.step - step
            with watch.guard("looking at parameters"):
                self._look(step + count - 1)
        if self._waiting.add(step, count, now, kept, rates):
            self._flush(now)
        else:
            self._calm_down(counter)

    def _calm_down(self, counter: Counter) -> None:
        """From the next step on do no more than is needed, if steps differ in what they give alone.

        Meanwhile nobody counts: `step` stands still.
        """
        if self._looks or not counter.goes_by_one or not self._backend.logs_are_small:
            return
        still = [each for rate in self._rates if (each := rate.still()) is not None]
        if len(still) == len(self._rates):
            self.takes = taking_alike(
                still,
                self._state,
                self._waiting,
                self._backend,
                stir=self._stir,
                unlike=self.after_step,
                read=self._read_in_time,
            )
            self._state = None

    def _stir(self, state: Any = None) -> None:
        """Do all that is to be done from now on, and know how many steps were taken."""
        if self.takes is not None and self._counter is not None:
            self.takes, self._state = None, state
            self.step = self._counter.step = self._waiting.next_step

    def _read_in_time(self, now: float) -> bool:
        """Read the numbers of steps alike, and tell of those that wait where it is time to.

        Returns:
            Whether they still give what is to be held.
        """
        if self._waiting.read(now):
            self._flush(now)
        return self._backend.logs_are_small

    def step_failed(self, error: BaseException) -> None:
        """A step raised."""
        self._failed(error)

    # Telling.

    def _begin(self) -> None:
        """Every callback was told of the begin: what they loaded is in place."""
        optimizers = optimizers_of(self._model)
        for number, optimizer in enumerate(optimizers):
            scope = f"optimizer_{number}" if number else "optimizer"
            found = applied_rates(optimizer, scope, self._backend, self._note, self._changes_before)
            if not found:
                self._note(f"{scope}/learning_rate", f"{type(optimizer).__name__} does not show it")
            self._rates += found
        self._counter = Counter(self._model, self._backend, self._note)
        self.step = self._counter.step
        for rate in self._rates:
            rate.begin(self.step)
            if (schedule := rate.schedule) is not None and self._once(f"{rate.address}{schedule}"):
                change = Change(self.step, UNSET, schedule, "schedule", None)
                self._put(Changed(rate.address, change, self.epoch, time.time()))
        if self._looking.gradients:
            reason = cannot_be_seen(self._model, self._backend)
            if reason is None:
                self._gradients = GradientSteps(self._model, self._backend, self._looking.select)
                self._gradients.prepare()
            else:
                self._note("gradients", reason)
        if self.step and self._once("resume"):
            events = getattr(ledger.find(self._model), "events", [])
            loads = [event.where for event in events if event.kind == "load"]
            text = f"training goes on from step {self.step:,}"
            if loads:
                text += f" with weights loaded at {loads[-1]}" if loads[-1] else " with weights"
            self._happened("resume", None, text, self.step)
        self._told.add("resume")

    def _settle_count(self, counter: Counter) -> None:
        """Compare the steps counted with the optimizer's own count."""
        real = counter.real()
        if real is None or real == self.step:
            return
        last = self._waiting.last
        if last is not None and 0 < real - last[0] < last[1]:
            self._waiting.shorten(real - last[0])  # the data ended within the last execution
        else:
            text = f"the optimizer counts {real:,} steps, where fit took {self.step:,}"
            self._note("optimizer/iterations", f"{text}: steps of this epoch may be told wrongly")
            counter.read_each()
        self.step = counter.step = real

    def _flush(self, now: float, *, all_of_them: bool = False) -> None:
        """Read the numbers of the steps that wait, and put them."""
        told = self._waiting.told(self._rates, self.epoch, now, all_of_them=all_of_them)
        for points in told:
            self._put(points)
            if not np.isfinite(points.values).all():
                for step, values in zip(points.steps.tolist(), points.values.tolist(), strict=True):
                    self._see_nan(dict(zip(points.keys, values, strict=True)), step)

    def _look(self, step: int) -> None:
        """A step was taken at which parameters or gradients are to be looked at."""
        if self._gradients is not None:
            for measured in self._gradients.measured(step, self.epoch):
                self._put(measured)
        if self._looking.parameters:
            self._measure(step, self._state)

    def _measuring(self) -> Measurer:
        if self._measurer is None:
            self._measurer = Measurer(self._model, self._looking.select, self._backend)
        return self._measurer

    def _measure(self, step: int, state: Any) -> None:
        for measured in self._measuring().after(state, step, self.epoch, time.time()):
            self._put(measured)
            entry = measured.statistics
            if entry.nonfinite and self._once(f"nan {entry.address}"):
                text = f"{entry.nonfinite:,} of {entry.count:,} values are not finite"
                self._happened("nan", entry.address, text, step)

    def _tell_changes(self) -> None:
        for rate in self._rates:
            for change in rate.changes():
                moved = Change(self.step, change.old, change.new, change.cause, change.where)
                self._put(Changed(rate.address, moved, self.epoch, time.time()))

    def _see_nan(self, values: dict[str, Any], step: int) -> None:
        for key, value in values.items():
            if not math.isfinite(value) and self._once(f"nan {key}"):
                text = f"{key} is {value} for the first time"
                self._happened("nan", key, text, step)

    def _happened(self, kind: Any, address: str | None, text: str, step: int | None = None) -> None:
        at = max(self.step - 1, 0) if step is None else step
        self._put(Happened(kind, at, self.epoch, time.time(), address, text))

    def _note(self, address: str, reason: str) -> None:
        """What cannot be told: a gap of the model's, and an event of the run."""
        record = ledger.record(self._model)
        gap = Gap(address, reason)
        if gap not in record.gaps:
            record.gaps.append(gap)
        if self._once(f"note {address} {reason}"):
            self._happened("note", address, reason)

    def _once(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True


def _nobody(error: BaseException) -> None:
    """Nobody is told of what happens after the end."""


class _OptimizerState:
    """The optimizer's variables as JAX's step takes or gives them, by their identity.

    Attributes:
        state: The state of the step.
    """

    def __init__(self, model: Any) -> None:
        self.state: Any = None
        self._model = model

    def __getitem__(self, key: int) -> Any:
        for variable, value in zip(self._model.optimizer.variables, self.state[2], strict=True):
            if id(variable) == key:
                return value
        raise KeyError(key)
