"""The learning rates that an optimizer applies in a hand-written loop, told after the steps.

Nothing is done at a step but to count it. Where the loop runs operation by operation, what the
optimizer read in the step is kept. Inside a compiled step nothing can be read: there a schedule is
evaluated afterwards, compiled too, and a variable has the value that it was last assigned, as
capture saw it. What cannot be known is left out, and a note says so.
"""

from __future__ import annotations

import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from parametry.core.caller import frames_above
from parametry.core.hyperparameter import Change
from parametry.core.ledger import ledger
from parametry.core.value import Plain, Unset, class_name
from parametry.frameworks.keras.describe import read_scalar
from parametry.frameworks.keras.environment import backend_name
from parametry.frameworks.keras.optimizer import holders_of_rates
from parametry.frameworks.keras.recording.schedules import Evaluator, evaluator, holds_variables
from parametry.frameworks.keras.taps import rate_taps

__all__ = ["LoopRate", "loop_rates"]

# So many rates that were read in steps are kept unread at most.
_READ_AT_ONCE: Final = 1_024

Note = Callable[[str, str], None]


class LoopRate:
    """The rates of one optimizer, from when it is made until `leave`.

    Args:
        optimizer: A Keras optimizer.
        address: The address of its rate.
        note: Takes what cannot be told: an address, and why.

    Attributes:
        address: The address of its rate.
        next: The count of the step that is next.
    """

    def __init__(self, optimizer: Any, address: str, note: Note) -> None:
        self.address = address
        # Not the optimizer itself: its slots are as large as the model, and it may go before us.
        self._optimizer = weakref.ref(optimizer)
        self._key = id(optimizer)
        self._iterations = optimizer.__dict__.get("_iterations")
        self.next = self.counted() or 0
        self._note = note
        self._backend = backend_name("keras")
        self._rule = optimizer.__dict__.get("_learning_rate")
        record = ledger.record(optimizer)
        self._changes: list[Change] = record.changes.setdefault("learning_rate", [])
        if hasattr(self._rule, "assign"):
            # On JAX a training step puts every value back into its variable: that is no change.
            record.rate = read_scalar(self._rule)
        self._first_change = self._told = len(self._changes)
        self._at_first = _exact(read_scalar(self._rule))
        self._waiting: list[tuple[int, Any]] = []
        self._seen: list[Any] = []
        self._jit_compile = False
        self._evaluate: Evaluator | None = None
        self._noted: set[str] = set()
        self._tap_before = rate_taps.get(self._key)
        rate_taps[self._key] = self._tap
        self._gone = weakref.finalize(optimizer, self._untap)

    @property
    def schedule(self) -> str | None:
        """The class of what gives the rate; None where it is a variable."""
        return None if hasattr(self._rule, "assign") else class_name(type(self._rule))

    def counted(self) -> int | None:
        """The optimizer's own count of steps by now; None where it cannot be read."""
        scalar = read_scalar(self._iterations)
        return scalar if isinstance(scalar, int) else None

    def leave(self) -> None:
        """The loop is over."""
        self._gone.detach()
        self._untap()

    def _untap(self) -> None:
        if rate_taps.get(self._key) == self._tap:
            if self._tap_before is None:
                del rate_taps[self._key]
            else:
                rate_taps[self._key] = self._tap_before

    def took(self, step: int, count: int = 1) -> None:
        """Steps were taken.

        Args:
            step: The optimizer's count before the first of them.
            count: How many.
        """
        seen, self._seen = self._seen, []
        self.next = step + count
        if len(seen) != count:  # some or all were compiled, or the loop counts otherwise
            seen = [None] * (count - 1) + (seen[-1:] or [None])
        self._waiting += zip(range(step, step + count), seen, strict=True)

    def changes(self) -> Iterator[Change]:
        """The changes since it was last asked."""
        new = self._changes[self._told :]
        self._told += len(new)
        yield from new

    def take(self) -> list[tuple[int, float]]:
        """The rates of the steps since it was last asked, where they are known."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        unread = [step for step, seen in waiting if seen is None]
        worked_out = dict(zip(unread, self._unread(unread), strict=True)) if unread else {}
        found = [
            (step, worked_out[step] if seen is None else _number(seen)) for step, seen in waiting
        ]
        return [(step, rate) for step, rate in found if rate is not None]

    def _tap(self, value: Any) -> None:
        """The optimizer read its rate: a number now, or what stands for one inside a trace."""
        # In JAX's stateless loops the optimizer's variables stand for values that the loop holds.
        stateless = self._backend == "jax" and hasattr(value, "assign")
        held = value.value if stateless else getattr(value, "_value", value)
        if _is_symbolic(held):
            self._jit_compile = _is_traced_for_xla()
            return
        if hasattr(held, "assign"):
            return  # TensorFlow's variable itself: what is assigned to it is seen
        self._seen.append(held.detach().clone() if hasattr(held, "detach") else held)
        if len(self._seen) % _READ_AT_ONCE == 0:
            self._seen = [_number(seen) for seen in self._seen]

    def _unread(self, steps: list[int]) -> list[float | None]:
        """The rates of steps in which nothing could be read."""
        optimizer = self._optimizer()
        if optimizer is not None and optimizer.__dict__.get("_learning_rate") is not self._rule:
            self._miss("another rate was put in the place of the one that compiled steps hold")
            return [None] * len(steps)
        if hasattr(self._rule, "assign"):
            return self._assigned(steps)
        if holds_variables(self._rule):
            self._miss("its schedule depends on variables")
            return [None] * len(steps)
        try:
            if self._evaluate is None:
                self._evaluate = evaluator(self._rule, self._backend, self._jit_compile)
            return list(self._evaluate(steps))
        except Exception as error:  # a user's schedule may raise, or may not be traceable
            self._miss(f"its schedule cannot be evaluated: {type(error).__name__}: {error}")
            return [None] * len(steps)

    def _assigned(self, steps: list[int]) -> list[float | None]:
        """What the variable was at each step, by the assignments that were seen."""
        changes = self._changes[self._first_change :]
        if any(isinstance(change.new, Unset) or change.step is None for change in changes):
            self._miss("it is assigned inside a compiled function")
            return [None] * len(steps)
        if self._at_first is None:  # it could not be read when the first step was being traced
            before = changes[0].old if changes else read_scalar(self._rule)
            self._at_first = _exact(before)
        counted = self.counted()
        if counted is None or counted <= steps[-1]:
            # As in JAX's stateless loops, which hold the optimizer's values themselves.
            if changes:
                self._miss("the optimizer does not count these steps, and its rate was assigned")
                return [None] * len(steps)
            self._say("the optimizer does not count these steps: its own rate is told for them")
        since = [change.step for change in changes if change.step is not None]
        rates = [self._at_first, *(_exact(change.new) for change in changes)]
        return [rates[bisect_right(since, step)] for step in steps]

    def _miss(self, reason: str) -> None:
        self._say(f"{reason}: its rates are not told")

    def _say(self, reason: str) -> None:
        if reason not in self._noted:
            self._noted.add(reason)
            self._note(self.address, reason)


def _exact(value: Plain | Unset) -> float | None:
    """The float32 that stands behind its shortest decimal."""
    return float(np.float32(value)) if isinstance(value, (int, float)) else None


def _number(value: Any) -> float | None:
    if value is None or type(value) is float:
        return value
    value = value.numpy() if hasattr(value, "numpy") else value
    try:
        return float(np.asarray(value))
    except (TypeError, ValueError, RuntimeError):  # a buffer that was given away
        return None


def _is_symbolic(value: Any) -> bool:
    module = type(value).__module__.partition(".")[0]
    if module == "tensorflow":
        return not hasattr(value, "numpy")
    return any(cls.__name__ == "Tracer" for cls in type(value).__mro__)


def _is_traced_for_xla() -> bool:
    """Whether the TensorFlow function that is being traced will be compiled by XLA."""
    import sys

    return any(
        bool(getattr(frame.f_locals.get("self"), "_jit_compile", False))
        for frame in frames_above(sys._getframe(1))
        if frame.f_code.co_filename.endswith("polymorphic_function.py")
    )


def loop_rates(optimizer: Any, scope: str, note: Note) -> list[LoopRate]:
    """The rates of an optimizer, or of those within it.

    Args:
        optimizer: A Keras optimizer.
        scope: The first part of its addresses.
        note: Takes what cannot be told.
    """
    return [LoopRate(each, address, note) for each, address in holders_of_rates(optimizer, scope)]
