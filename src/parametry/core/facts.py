"""What a recording tells, fact by fact: made by frameworks, kept by the store, passed to sinks.

A fact is plain data about one moment of a training. Steps are the optimizer's own count *before*
the step: the first step of a training is 0, and a training that resumes goes on counting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, SupportsFloat, TypeAlias

from numpy.typing import NDArray

from parametry.core.hyperparameter import Change
from parametry.core.report import Report
from parametry.core.statistics import ArrayStatistics

__all__ = [
    "Changed",
    "Ended",
    "EventKind",
    "Fact",
    "Happened",
    "Measured",
    "Per",
    "PointColumns",
    "Points",
    "Put",
    "Snapshot",
    "Status",
]

Per: TypeAlias = Literal["step", "epoch"]
EventKind: TypeAlias = Literal["nan", "early_stop", "exception", "resume", "note"]
Status: TypeAlias = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known at a moment: what was chosen, the models' structure, the phases.

    Attributes:
        report: What capture tells; without values of parameters.
        when: Seconds since 1970.
    """

    report: Report
    when: float


@dataclass(frozen=True, slots=True)
class Points:
    """Metrics at one step or at the end of one epoch.

    Attributes:
        per: What they are of: one ``step``, or a whole ``epoch``.
        step: The step; of an epoch its last one.
        epoch: The epoch, counted from 0; None outside of epochs.
        when: Seconds since 1970.
        values: The values by key, as ``loss``, ``val_loss``, or an address such as
            ``optimizer/learning_rate``. A device's scalar may stay one: it is read when written.
    """

    per: Per
    step: int
    epoch: int | None
    when: float
    values: Mapping[str, SupportsFloat]


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Metrics at several steps of one epoch, all with the same keys: as many `Points` put at once.

    Who reads facts gets them as `Points`.

    Attributes:
        per: What they are of.
        keys: The keys.
        epoch: The epoch, counted from 0; None outside of epochs.
        steps: int64 (n,): the steps.
        whens: float64 (n,): seconds since 1970.
        values: float64 (n, k): the values of each key.
    """

    per: Per
    keys: tuple[str, ...]
    epoch: int | None
    steps: NDArray[Any]
    whens: NDArray[Any]
    values: NDArray[Any]

    def __len__(self) -> int:
        """How many steps."""
        return len(self.steps)

    def part(self, start: int, stop: int) -> PointColumns:
        """The points from one place to another, as views."""
        steps, whens, values = (each[start:stop] for each in (self.steps, self.whens, self.values))
        return PointColumns(self.per, self.keys, self.epoch, steps, whens, values)


@dataclass(frozen=True, slots=True)
class Changed:
    """A hyperparameter changed.

    Attributes:
        address: Its address.
        change: Step, old and new value, and what did it.
        epoch: The epoch, counted from 0; None outside of epochs.
        when: Seconds since 1970.
    """

    address: str
    change: Change
    epoch: int | None
    when: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What the values of one parameter, or its gradient's, looked like after a step.

    Attributes:
        of: ``parameter`` or ``gradient``.
        step: The step after which it was looked at.
        epoch: The epoch, counted from 0; None outside of epochs.
        when: Seconds since 1970.
        statistics: The statistics, with the parameter's address; of a gradient perhaps only those
            moments that a norm needs.
        update_ratio: The norm of what the step changed over the norm of the values before it; None
            where it was not worked out.
    """

    of: Literal["parameter", "gradient"]
    step: int
    epoch: int | None
    when: float
    statistics: ArrayStatistics
    update_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something worth knowing happened.

    Attributes:
        kind: ``nan`` (a value that is not finite was first seen), ``early_stop``, ``exception``,
            ``resume``, ``note``.
        step: The step; None before the first.
        epoch: The epoch, counted from 0; None outside of epochs.
        when: Seconds since 1970.
        address: Whom it concerns: a parameter, a metric, a callback; None for the whole run.
        text: What there is to say.
    """

    kind: EventKind
    step: int | None
    epoch: int | None
    when: float
    address: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The recording ended.

    Attributes:
        status: How.
        when: Seconds since 1970.
    """

    status: Status
    when: float


Fact: TypeAlias = Snapshot | Points | Changed | Measured | Happened | Ended
"""Anything that a recording tells."""

Put: TypeAlias = Callable[[Fact | PointColumns], None]
"""Takes a fact, or many: quick, from any thread, never raises."""
