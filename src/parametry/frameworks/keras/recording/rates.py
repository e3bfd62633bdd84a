"""The learning rate that an optimizer applies at each step of a running ``fit``.

A rate that is a variable is read when it was assigned, before the step that follows. Where steps
are run eagerly (always on torch), what the optimizer reads while it takes the step is kept. Inside
a compiled step nothing can be read: there a schedule is evaluated afterwards, compiled in the same
way, from the counts of the steps; a function of the user's gave its rate when the step was traced.
What cannot be known is left out, and a note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from parametry.core.hyperparameter import Change
from parametry.core.ledger import ledger
from parametry.core.value import Unset
from parametry.frameworks.keras.describe import keras_class_name, read_scalar
from parametry.frameworks.keras.loops import MOST_CHANGES
from parametry.frameworks.keras.optimizer import holders_of_rates
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.schedules import Evaluator, evaluator, holds_variables
from parametry.frameworks.keras.taps import rate_taps

__all__ = ["AppliedRate", "Still", "applied_rates", "watched_changes"]

Source: TypeAlias = Literal["variable", "read in the step", "schedule", "traced", "unknown"]

Held: TypeAlias = Any
"""What is kept of a step until its rate is told: a number, a scalar on a device, or None."""

Still: TypeAlias = tuple[dict[str, Any], Any, list[Change], int, float | None]
"""An optimizer's attributes, its rate among them, the changes of it, with their number, and what
the rate reads where it is to be read at each step."""


class AppliedRate:
    """The rates that one optimizer applies.

    Attributes:
        address: The address of its rate.
        every: It is applied at every so many steps, where gradients are summed up meanwhile.

    Args:
        optimizer: The optimizer that holds the rate, not one that wraps it.
        address: The address of its rate.
        backend: How its numbers are read.
        note: Takes what cannot be told, once for each reason.
        told: How many changes were there already when training began; None for all of now.
    """

    def __init__(
        self,
        optimizer: Any,
        address: str,
        backend: Backend,
        note: Callable[[str, str], None],
        told: int | None = None,
    ) -> None:
        self.address = address
        self.every = int(optimizer.__dict__.get("gradient_accumulation_steps") or 1)
        self._iterations = optimizer.__dict__.get("_iterations")
        self._ahead = 0
        self._optimizer = optimizer
        self._backend = backend
        self._note = note
        self._record = ledger.record(optimizer)  # what has a record is watched for assignments
        self._changes = self._record.changes.setdefault("learning_rate", [])
        self._told = len(self._changes) if told is None else told
        self._read = -1
        self._rate: float | None = None
        self._read_each = False
        self._seen: Any = None
        self._traced: Any = None
        self._evaluate: Evaluator | None = None
        self._stored = optimizer.__dict__
        self._rule = self._stored.get("_learning_rate")
        self._source = self._source_now()
        if self._source == "variable":
            self._rate = backend.number(self._rule)
            self._record.rate = read_scalar(self._rule)
        elif self._source in ("read in the step", "traced"):
            rate_taps[id(optimizer)] = self._tap

    def begin(self, step: int) -> None:
        """Training begins at a step of the model's first optimizer; this one may be elsewhere."""
        if self._iterations is not None:
            self._ahead = int(self._backend.number(self._iterations)) - step

    def applies_at(self, step: int) -> bool:
        """Whether it is applied at a step, or gradients are only summed up there."""
        return (step + self._ahead + 1) % self.every == 0

    def leave(self) -> None:
        """The ``fit`` is over."""
        if rate_taps.get(id(self._optimizer)) == self._tap:
            del rate_taps[id(self._optimizer)]

    @property
    def schedule(self) -> str | None:
        """The name of what gives the rate, a class or function; None where it is a variable."""
        if hasattr(self._rule, "assign"):
            return None
        kind = type(self._rule)
        return keras_class_name(kind) if kind.__name__ != "function" else self._rule.__qualname__

    def changes(self) -> list[Change]:
        """The changes since it was last asked."""
        new = self._changes[self._told :]
        self._told += len(new)
        return new

    def before_step(self, state: Any, fresh: bool) -> bool:
        """A step begins.

        Args:
            state: The optimizer's variables as JAX's step takes them; else None.
            fresh: Whether that state was read from the variables just now.

        Returns:
            Whether there are changes that `changes` has not told.
        """
        if self._stored.get("_learning_rate") is not self._rule:
            self._replaced()
        if self._source != "variable":
            self._seen = None
        elif state is not None:
            if fresh or self._assigned_in_the_step():
                self._rate = self._backend.number(state[id(self._rule)])
        elif self._read_each or self._is_due():
            self._rate = self._backend.number(self._rule)
        return len(self._changes) > self._told

    def still(self) -> Still | None:
        """What stays as it is while the same is kept of each step; None where that varies."""
        known = len(self._changes)
        varies = known >= MOST_CHANGES or known != self._told or self._assigned_in_the_step()
        if self._source == "variable":
            number = self._rate if self._read_each else None
            return None if varies else (self._stored, self._rule, self._changes, known, number)
        if self._source in ("read in the step", "traced"):
            return None
        return self._stored, self._rule, self._changes, known, None

    def _is_due(self) -> bool:
        known = len(self._changes)
        due = known != self._read or known >= MOST_CHANGES or self._assigned_in_the_step()
        self._read = known
        return due

    def _assigned_in_the_step(self) -> bool:
        """Whether a compiled step assigns the rate itself, so that it changes unseen."""
        return bool(self._changes) and isinstance(self._changes[-1].new, Unset)

    def after_step(self) -> Held:
        """What is to be kept of the step that was taken."""
        if self._source == "variable":
            return self._rate
        if self._source == "read in the step":
            seen, self._seen = self._seen, None
            return None if seen is None else self._backend.held(seen)
        if self._source == "traced" and self._seen is not None:
            self._see_traced(self._seen)
        return self._traced

    def rates(self, steps: Sequence[int], held: Sequence[Held]) -> list[float | None]:
        """The rates of steps, None where one is not known.

        Args:
            steps: The steps.
            held: What `after_step` gave.
        """
        if self._source != "schedule":
            return self._backend.numbers(held)
        try:
            if self._evaluate is None:
                self._evaluate = evaluator(
                    self._rule, self._backend.name, self._backend.jit_compile
                )
            return list(self._evaluate([step + self._ahead for step in steps]))
        except Exception as error:  # a user's schedule may raise, or may not be traceable
            self._unknown(f"its schedule cannot be evaluated: {type(error).__name__}: {error}")
            return [None] * len(steps)

    def verify(self, step: int) -> None:
        """Compare with the optimizer's variables at a moment at which they hold their values.

        Args:
            step: The step that is next.
        """
        if self._source != "variable":
            if self._source == "schedule" and self._iterations is not None:
                real = int(self._backend.number(self._iterations))
                if real != step + self._ahead:
                    self._unknown("its optimizer takes other steps than the model's first one")
            return
        rate = self._backend.number(self._rule)
        if rate != self._rate and len(self._changes) == self._read and not self._read_each:
            self._note(self.address, "it was changed unseen within the epoch that ends")
        self._read = len(self._changes)
        self._rate = rate

    def _tap(self, value: Any) -> None:
        """The optimizer read its rate."""
        self._seen = value

    def _source_now(self) -> Source:
        if hasattr(self._rule, "assign"):
            self._read_each = self._backend.is_read_each_step(self._rule)
            return "variable"
        if self._backend.eager:
            return "read in the step"
        if not any(cls.__name__ == "LearningRateSchedule" for cls in type(self._rule).__mro__):
            return "traced"
        if self._backend.name == "torch":
            self._note(self.address, "torch.compile compiles the step: its rates are not told")
            return "unknown"
        if holds_variables(self._rule):
            self._note(self.address, "its schedule depends on variables: its rates are not told")
            return "unknown"
        return "schedule"

    def _see_traced(self, value: Any) -> None:
        """A function gave its rate while a step was traced: that is the rate of all these steps."""
        rate = self._backend.constant(value)
        if rate is None:
            self._unknown("its function depends on variables inside the compiled step")
        elif self._traced is not None and rate != self._traced:
            self._unknown("its function gave several rates to the steps that were compiled")
        else:
            self._traced = rate
        self._seen = None

    def _replaced(self) -> None:
        """Another rate or schedule was put in the place of this one."""
        self._rule = self._stored.get("_learning_rate")
        self._evaluate = None
        if self._backend.eager:
            self._source = self._source_now()
            rate_taps[id(self._optimizer)] = self._tap
        elif self._source != "unknown":
            self._unknown("it was replaced while a compiled step that holds the former one ran")

    def _unknown(self, reason: str) -> None:
        self._source = "unknown"
        self._traced = None
        self._note(self.address, f"{reason}: its rates are not told")


def watched_changes(optimizers: Sequence[Any]) -> dict[int, int]:
    """Have assignments to the optimizers' rates noted from now on.

    Args:
        optimizers: A model's optimizers.

    Returns:
        By the identity of each one that holds a rate: how many changes were noted before.
    """
    counts: dict[int, int] = {}
    for optimizer in optimizers:
        for each, _ in holders_of_rates(optimizer, ""):
            record = ledger.record(each)
            rule = each.__dict__.get("_learning_rate")
            if hasattr(rule, "assign"):
                record.rate = read_scalar(rule)
            counts[id(each)] = len(record.changes.setdefault("learning_rate", []))
    return counts


def applied_rates(
    optimizer: Any,
    scope: str,
    backend: Backend,
    note: Callable[[str, str], None],
    told: Mapping[int, int],
) -> list[AppliedRate]:
    """The rates of an optimizer, or of those within it.

    Args:
        optimizer: The optimizer.
        scope: The first part of its addresses.
        backend: How its numbers are read.
        note: Takes what cannot be told.
        told: What `watched_changes` gave.
    """
    return [
        AppliedRate(each, address, backend, note, told.get(id(each)))
        for each, address in holders_of_rates(optimizer, scope)
    ]
