"""The first value of each metric that is no finite number, as an event."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import SupportsFloat

from parametry.core.facts import Happened, Put

__all__ = ["FirstNonfinite"]


class FirstNonfinite:
    """Looks through metrics for NaN and infinities, later than they come.

    To read a scalar on a device waits for it, so this is done now and then, for many at a time.

    Args:
        put: Takes the events, one for each metric.
    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._waiting: list[tuple[int, int | None, Mapping[str, SupportsFloat]]] = []
        self._told: set[str] = set()

    def add(self, step: int, epoch: int | None, values: Mapping[str, SupportsFloat]) -> None:
        """Take the metrics of a step, to be looked at later."""
        self._waiting.append((step, epoch, values))

    def tell(self) -> None:
        """Look at all that wait."""
        waiting, self._waiting = self._waiting, []
        for step, epoch, values in waiting:
            for key, value in values.items():
                if key in self._told or math.isfinite(number := float(value)):
                    continue
                self._told.add(key)
                text = f"{key} is {number} for the first time"
                self._put(Happened("nan", step, epoch, time.time(), key, text))
