"""The learning rates of a hand-written loop, told as points and changes."""

from __future__ import annotations

import time
import weakref
from typing import Any

from parametry.core.facts import Changed, Happened, Points, Put
from parametry.core.hyperparameter import Change
from parametry.core.value import UNSET
from parametry.frameworks.registry import LoopRate, find

__all__ = ["Rates"]


class Rates:
    """Tells the rates of the optimizers of one loop, step by step.

    Args:
        put: Takes the facts.

    Attributes:
        epoch: The epoch that steps belong to; None outside of epochs.
    """

    def __init__(self, put: Put) -> None:
        self.epoch: int | None = None
        self._put = put
        self._rates: list[LoopRate] = []
        self._optimizers: list[weakref.ref[Any]] = []

    def add(self, optimizer: Any) -> int | None:
        """Follow one more optimizer, from its next step on.

        Returns:
            The steps that it has counted already; None where that cannot be read now.
        """
        if any(known() is optimizer for known in self._optimizers):
            return None
        framework = find(optimizer)
        if framework is None:
            return None
        number = len(self._optimizers)
        self._optimizers.append(weakref.ref(optimizer))
        found = framework.loop_rates(
            optimizer, f"optimizer_{number}" if number else "optimizer", self._note
        )
        for rate in found:
            if rate.schedule is not None:
                change = Change(rate.counted(), UNSET, rate.schedule, "schedule", None)
                self._put(Changed(rate.address, change, self.epoch, time.time()))
        self._rates += found
        return found[0].counted() if found else None

    def took(self, step: int, count: int) -> None:
        """Steps were taken; `tell` tells their rates.

        Args:
            step: The count before the first of them.
            count: How many.
        """
        for rate in self._rates:
            rate.took(step, count)

    def tell(self, step: int) -> None:
        """Tell what is known by now.

        Args:
            step: The count of steps by now, for changes whose own step could not be read.
        """
        now = time.time()
        for rate in self._rates:
            for change in rate.changes():
                at = step if change.step is None else change.step
                known = Change(at, change.old, change.new, change.cause, change.where)
                self._put(Changed(rate.address, known, self.epoch, now))
            for at, value in rate.take():
                self._put(Points("step", at, self.epoch, now, {rate.address: value}))

    def catch_up(self) -> None:
        """Tell of all steps that the optimizers have counted themselves and nobody told of."""
        for rate in self._rates:
            counted = rate.counted()
            if counted is not None and counted > rate.next:
                rate.took(rate.next, counted - rate.next)
        self.tell(max((rate.next for rate in self._rates), default=0))

    def leave(self) -> None:
        """Follow them no longer."""
        for rate in self._rates:
            rate.leave()

    def _note(self, address: str, reason: str) -> None:
        self._put(Happened("note", None, self.epoch, time.time(), address, reason))
