"""Counting steps as the optimizer does, without asking it at every one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parametry.frameworks.keras.recording.backend import Backend

__all__ = ["Counter"]


class Counter:
    """The optimizer's count of steps: read when training begins, then counted along.

    It is compared with the optimizer's own after the first step and at the end of each epoch. An
    optimizer that leaves steps out (one that scales the loss skips those whose gradients overflow),
    and a loop of the user's own that takes more than one, are read at every step.

    Attributes:
        step: The count before the step that is next.
        taken: How many steps a call of the train function takes.
    """

    def __init__(self, model: Any, backend: Backend, note: Callable[[str, str], None]) -> None:
        optimizer = getattr(model, "optimizer", None)
        stored = getattr(optimizer, "__dict__", {})
        inner = stored.get("inner_optimizer")
        self._variable = (stored if inner is None else inner.__dict__).get("_iterations")
        self._backend = backend
        self._checked = False
        self._each = inner is not None
        self.taken = int(getattr(model, "steps_per_execution", 1) or 1)
        self.step = self.real() or 0

    def real(self) -> int | None:
        """The optimizer's own count, at a moment at which its variable holds it; else None."""
        if self._variable is None or getattr(self._variable, "_value", self) is None:
            return None
        return int(self._backend.number(self._variable))

    @property
    def goes_by_one(self) -> bool:
        """Whether each call takes one step, and nobody needs to ask the optimizer."""
        return self.taken == 1 and not self._each and (self._checked or self._variable is None)

    def read_each(self) -> None:
        """Ask the optimizer at every step from now on."""
        self._each = True

    def before_step(self, state: Any) -> int:
        """The count before the step that begins."""
        if self._each and self._variable is not None:
            self.step = self._now(state)
        return self.step

    def after_step(self, state: Any, *, exactly: bool = False) -> int:
        """The count before the next step.

        Args:
            state: The optimizer's variables after the step on JAX; else None.
            exactly: Whether it must be known where the data ended within an execution of several.
        """
        self.step += self.taken
        if exactly and self.taken > 1 and self._variable is not None:
            self.step = self._now(state)
        if not self._checked and self._variable is not None and self.taken == 1:
            self._checked = True
            real = self._now(state)
            if real != self.step:
                self.step = real
                self.read_each()
        return self.step

    def _now(self, state: Any) -> int:
        value = self._variable if state is None else state[id(self._variable)]
        return int(self._backend.number(value))
