"""A running ``fit`` told as facts: metrics, rates and changes step by step, events, statistics."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

from parametry.core.coverage import Gap
from parametry.core.facts import Changed, Happened, Points, Put
from parametry.core.hyperparameter import Change
from parametry.core.ledger import ledger
from parametry.core.looking import Looking
from parametry.core.value import UNSET
from parametry.core.watch import watch
from parametry.frameworks.keras.optimizer import optimizers_of
from parametry.frameworks.keras.recording.arguments import running_fit
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.counting import Counter
from parametry.frameworks.keras.recording.gradients import GradientSteps, cannot_be_seen
from parametry.frameworks.keras.recording.measuring import Measurer
from parametry.frameworks.keras.recording.rates import AppliedRate, Held, applied_rates
from parametry.frameworks.keras.recording.steps import Steps
from parametry.frameworks.keras.recording.stopping import who_stopped

__all__ = ["FitWatch"]

# So many steps wait for their numbers to be read together, or so many seconds.
_AT_ONCE: Final = 256
_SECONDS: Final = 1.0
# The last ones may still be under way on the device.
_UNDER_WAY: Final = 4


@dataclass(slots=True)
class _Taken:
    """One call of the train function that waits to be told."""

    step: int
    count: int
    when: float
    metrics: dict[str, Any]
    rates: list[Held]


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
        self._model = model
        self._put = put
        self._told = told
        self._looking = looking
        self._failed = failed
        self._measurer: Measurer | None = None
        self._gradients: GradientSteps | None = None
        self._due = False
        self._running = running_fit(model, frame, failed)
        self._backend = Backend(model)
        self._steps = Steps(model, self)
        self._counter: Counter | None = None
        self._rates: list[AppliedRate] = []
        self._waiting: list[_Taken] = []
        self._flushed = time.time()
        self._state: Any = None
        self._ended = False

    @property
    def callbacks(self) -> Any:
        """Keras's list of the callbacks."""
        return self._running.callbacks

    # What callbacks are told.

    def epoch_begins(self, epoch: int) -> None:
        """An epoch begins: the first one after all callbacks know that training does."""
        self._tell_changes()
        self.epoch = epoch
        if self._counter is None:
            self._begin()
        self._state = None
        self._steps.wrap()

    def epoch_ends(self, logs: dict[str, Any] | None) -> None:
        """An epoch is over, its validation too."""
        if self._counter is not None:
            self._settle_count(self._counter)
        self._flush(0)
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
        if getattr(self._model, "stop_training", False):
            callback = who_stopped(self._running.callbacks, self.epoch)
            text = f"training was stopped by {callback}" if callback else "training was stopped"
            self._happened("early_stop", callback, text)
        self.leave()

    def failed(self, error: BaseException | None) -> None:
        """An exception ended the ``fit``."""
        if not self._ended:
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
            self._flush(0)
            self._tell_changes()
        for rate in self._rates:
            rate.leave()
        self._steps.unwrap()
        self._failed = _nobody
        self._state = None
        self._running.leave()

    # What the train function is told.

    def before_step(self, arguments: tuple[Any, ...]) -> None:
        """A step begins."""
        state, fresh = None, False
        if self._backend.name == "jax":
            fresh = arguments[0] is not self._state
            state = _Lazily(self._model, arguments[0])
        if self._counter is not None:
            self.step = self._counter.before_step(state)
        for rate in self._rates:
            rate.before_step(state, fresh)
        self._tell_changes()
        count = self._counter.taken if self._counter is not None else 1
        self._due = self._looking.due(self.step, count)
        if self._due and self._looking.parameters and self._model.built:
            with watch.guard("looking at parameters"):
                self._measuring().before(None if state is None else arguments[0])

    def in_place_of(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step itself, or one that tells of its gradients where those are due."""
        return self._gradients.in_place_of(step) if self._due and self._gradients else step

    def after_step(self, arguments: tuple[Any, ...], result: Any) -> None:
        """A step, or several in one execution, were taken."""
        logs = result
        if self._backend.name == "jax":
            logs, self._state = result
        if self._counter is None:
            return
        first, count = self.step, self._counter.taken
        now = time.time()
        rates = [rate.after_step() for rate in self._rates]
        self._waiting.append(_Taken(first, count, now, self._backend.metrics(logs), rates))
        state = None if self._state is None else _Lazily(self._model, self._state)
        self.step = self._counter.after_step(state, exactly=self._due)
        if self._due:
            if count > 1:
                self._waiting[-1].count = count = self.step - first
            with watch.guard("looking at parameters"):
                self._look(first + count - 1)
        if len(self._waiting) >= _AT_ONCE or now - self._flushed > _SECONDS:
            self._flush(_UNDER_WAY)

    def step_failed(self, error: BaseException) -> None:
        """A step raised."""
        self._failed(error)

    # Telling.

    def _begin(self) -> None:
        """Every callback was told of the begin: what they loaded is in place."""
        optimizers = optimizers_of(self._model)
        for number, optimizer in enumerate(optimizers):
            scope = f"optimizer_{number}" if number else "optimizer"
            self._rates += applied_rates(optimizer, scope, self._backend, self._note)
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
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.count > 1 and 0 < real - last.step < last.count:
            last.count = real - last.step  # the data ended within the last execution
        else:
            text = f"the optimizer counts {real:,} steps, where fit took {self.step:,}"
            self._note("optimizer/iterations", f"{text}: steps of this epoch may be told wrongly")
            counter.read_each()
        self.step = counter.step = real

    def _flush(self, keep: int) -> None:
        """Read the numbers of the steps that wait, all but the last ones, and put them."""
        self._flushed = time.time()
        ready = self._waiting[: len(self._waiting) - keep]
        if not ready:
            return
        del self._waiting[: len(ready)]
        keys = dict.fromkeys(key for taken in ready for key in taken.metrics)
        metrics = {
            key: self._backend.numbers([taken.metrics.get(key) for taken in ready]) for key in keys
        }
        rates = [self._told_rates(number, rate, ready) for number, rate in enumerate(self._rates)]
        for index, taken in enumerate(ready):
            last = taken.count - 1
            for inner in range(taken.count):
                found = (
                    {key: v[index] for key, v in metrics.items() if v[index] is not None}
                    if inner == last
                    else {}
                )
                values: dict[str, Any] = found
                for rate, told in zip(self._rates, rates, strict=True):
                    applied = told.get((index, inner))
                    if applied is not None:
                        values[rate.address] = applied
                step = taken.step + inner
                if values:
                    self._put(Points("step", step, self.epoch, taken.when, values))
                self._see_nan(values, step)

    def _told_rates(
        self, number: int, rate: AppliedRate, ready: list[_Taken]
    ) -> dict[tuple[int, int], float | None]:
        """The rates by the place of the call among those that are ready, and the step within it."""
        every = rate.every
        places = [
            (index, inner)
            for index, taken in enumerate(ready)
            for inner in range(taken.count)
            if (rate.count(taken.step + inner) + 1) % every == 0
        ]
        counts = [rate.count(ready[index].step + inner) for index, inner in places]
        held = [ready[index].rates[number] for index, _ in places]
        return dict(zip(places, rate.rates(counts, held), strict=True))

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
        """What cannot be told: a gap of the model's, and an event."""
        record = ledger.record(self._model)
        gap = Gap(address, reason)
        if gap not in record.gaps:
            record.gaps.append(gap)
            self._happened("note", address, reason)

    def _once(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True


def _nobody(error: BaseException) -> None:
    """Nobody is told of what happens after the end."""


class _Lazily:
    """The optimizer's variables as JAX's step takes them, by their identity."""

    def __init__(self, model: Any, state: Any) -> None:
        self._model = model
        self._state = state

    def __getitem__(self, key: int) -> Any:
        for variable, value in zip(self._model.optimizer.variables, self._state[2], strict=True):
            if id(variable) == key:
                return value
        raise KeyError(key)
