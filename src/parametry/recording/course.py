"""The course of one number over a run: its points, and the changes that somebody caused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from parametry.core.address import nearest
from parametry.core.display import render
from parametry.core.export import json_text
from parametry.core.facts import Changed
from parametry.core.value import Unset
from parametry.errors import UnknownAddress
from parametry.recording.run import Run
from parametry.recording.series import Series

__all__ = ["Course", "course_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """How one number went over a run.

    Attributes:
        address: Its address, or the metric's key.
        series: Its points: those that were told, else those that its changes tell; None where it
            is no number, or did not change.
        changes: Its changes with their causes, oldest first.
    """

    address: str
    series: Series | None
    changes: tuple[Changed, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready data."""
        return {
            "address": self.address,
            "points": None if self.series is None else self.series.to_dict(),
            "changes": [
                {**fact.change.to_dict(), "epoch": fact.epoch, "time": fact.when}
                for fact in self.changes
            ],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def __repr__(self) -> str:
        """A chart, and the changes."""
        return str(render("parametry.show.text:course", self))


def course_of(run: Run, address: str) -> Course:
    """The course of a metric or a hyperparameter.

    Args:
        run: The run.
        address: A metric's key, or a hyperparameter's address.

    Raises:
        UnknownAddress: The run has neither.
    """
    keys = run.keys
    known = run.hyperparameters
    if address not in keys and address not in known:
        close = nearest(address, dict.fromkeys([*keys, *known]))
        raise UnknownAddress(
            f"run {run.name!r} has neither points nor a hyperparameter of {address!r}",
            hint=f"nearest: {', '.join(close)}" if close else "parametry show RUN lists them",
        )
    changes = run.history(address) if address in known else ()
    if address in keys:
        return Course(address, run.metrics(address), changes)
    return Course(address, _stairs(address, changes, run.last_step), changes)


def _stairs(address: str, changes: tuple[Changed, ...], last: int | None) -> Series | None:
    """The points that changes tell: where each value began, and where it ended."""
    points: list[tuple[int, float, int, float]] = []
    for fact in changes:
        step, change = fact.change.step, fact.change
        if step is None or isinstance(change.old, Unset) or isinstance(change.new, Unset):
            return None
        if not _is_number(change.old) or not _is_number(change.new):
            return None
        epoch = -1 if fact.epoch is None else fact.epoch
        # The value before stood from the last change, or the beginning, until the step before.
        begin = points[-1][0] + 1 if points else 0
        for at in sorted({begin, step - 1}):
            if begin <= at < step:
                points.append((at, float(change.old), epoch, fact.when))  # type: ignore[arg-type]
        points.append((step, float(change.new), epoch, fact.when))  # type: ignore[arg-type]
    if not points:
        return None
    if last is not None and last > points[-1][0]:
        points.append((last, *points[-1][1:]))
    steps, values, epochs, times = (np.array(column) for column in zip(*points, strict=True))
    return Series(address, "step", steps, values, epochs, times)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
