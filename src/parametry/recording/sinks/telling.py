"""What a run tells, in the words that trackers have in common: scalars under tags, and texts.

One rule names everything, whatever the tracker: ``step/KEY`` and ``epoch/KEY`` for metrics,
``parameter/ADDRESS`` and ``gradient/ADDRESS`` for statistics, ``changed/ADDRESS`` for
hyperparameters that changed, ``event/KIND`` for events.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from parametry.core.export import json_text
from parametry.core.facts import Changed, Fact, Happened, Measured, Points
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.value import Plain, Unset, same, to_json_value

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = [
    "HYPERPARAMETERS_FILE",
    "Remark",
    "Scalar",
    "changed_values",
    "first_values",
    "hyperparameters_text",
    "identity",
    "remarks",
    "scalars",
    "text",
]

HYPERPARAMETERS_FILE: Final = "hyperparameters.json"
"""The file beside a run that holds every hyperparameter whole, with origins and changes."""

_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number at one moment.

    Attributes:
        tag: What it is called: ``step/loss``.
        step: The step, of an epoch's metric the epoch; both counted from 0.
        when: Seconds since 1970.
        value: The number; may be NaN or infinite.
    """

    tag: str
    step: int
    when: float
    value: float


@dataclass(frozen=True, slots=True)
class Remark:
    """One text at one moment: an event, or a hyperparameter that changed to what is no number.

    Attributes:
        tag: What it is called: ``event/early_stop``.
        step: The step, 0 where there is none.
        when: Seconds since 1970.
        text: The text.
    """

    tag: str
    step: int
    when: float
    text: str


def scalars(fact: Fact) -> Iterator[Scalar]:
    """The numbers that a fact tells.

    Example:
        >>> from parametry.core.facts import Points
        >>> [s.tag for s in scalars(Points("epoch", 99, 0, 1.0, {"loss": 0.5, "val_loss": 0.7}))]
        ['epoch/loss', 'epoch/val_loss']
    """
    match fact:
        case Points():
            step = fact.epoch if fact.per == "epoch" and fact.epoch is not None else fact.step
            for key, value in fact.values.items():
                yield Scalar(text(f"{fact.per}/{key}"), step, fact.when, float(value))
        case Measured():
            for key, measure in _measures(fact).items():
                tag = f"{fact.of}/{fact.statistics.address}/{key}"
                yield Scalar(tag, fact.step, fact.when, float(measure))
        case Changed() if (number := _number(fact.change.new)) is not None:
            yield Scalar(f"changed/{fact.address}", fact.change.step or 0, fact.when, number)


def _measures(fact: Measured) -> dict[str, float]:
    """What is worth a curve: histograms show the rest."""
    moments = fact.statistics.moments
    found: dict[str, float] = {"norm": moments.l2}
    if moments.nonfinite:
        found["nonfinite"] = moments.nonfinite
    if fact.update_ratio is not None:
        found["update_ratio"] = fact.update_ratio
    return found


def _number(value: Plain | Unset) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond any float
        return None


def remarks(fact: Fact) -> Iterator[Remark]:
    """The texts that a fact tells."""
    match fact:
        case Happened():
            told = f"{fact.address}: {fact.text}" if fact.address else fact.text
            yield Remark(f"event/{fact.kind}", fact.step or 0, fact.when, text(told))
        case Changed() if _number(fact.change.new) is None:
            new = fact.change.new
            told = "unknown" if isinstance(new, Unset) else text(new)
            yield Remark(f"changed/{fact.address}", fact.change.step or 0, fact.when, told)


def text(value: Plain) -> str:
    r"""A value as text that any tracker takes: UTF-8, without NUL.

    Example:
        >>> text("adam"), text(None), text(0.1), text([1, None]), text("\0")
        ('adam', 'None', '0.1', '[1, null]', '\\x00')
    """
    if isinstance(value, str):
        plain = value
    elif value is None or isinstance(value, (bool, float)):
        plain = repr(value)
    else:
        plain = json_text(to_json_value(value))
    return _UNWRITABLE.sub(lambda found: ascii(found[0])[1:-1], plain)


def first_values(run: Run) -> dict[str, Plain]:
    """All of a run's hyperparameters by address, with the values that the run began with.

    Those that came late have the first value that is known of them.
    """
    at_start = run.start.hyperparameters
    return {
        address: at_start[address].value if address in at_start else _oldest(entry)
        for address, entry in run.hyperparameters.items()
    }


def _oldest(entry: Hyperparameter) -> Plain:
    old = entry.changes[0].old if entry.changes else entry.value
    return entry.value if isinstance(old, Unset) else old


def changed_values(run: Run) -> dict[str, Plain]:
    """The values in effect of those hyperparameters that the run began with another value of."""
    first = first_values(run)
    entries = run.hyperparameters.items()
    return {a: entry.value for a, entry in entries if not same(entry.value, first[a])}


def hyperparameters_text(run: Run) -> str:
    """All of a run's hyperparameters whole, with origins and changes, as JSON text."""
    data: dict[str, Any] = run.hyperparameters.to_dict()
    return json_text(data, indent=2)


def identity(run: Run) -> str:
    """16 hexadecimal digits for a run: runs of one name in two places have two identities."""
    return hashlib.sha256(f"{run.name}\n{run.started!r}".encode()).hexdigest()[:16]
