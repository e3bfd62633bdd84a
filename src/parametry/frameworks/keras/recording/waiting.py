"""Steps that were taken and wait until their numbers are read, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from parametry.core.facts import PointColumns
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.rates import AppliedRate, Held

__all__ = ["Taken", "Waiting"]

# So many steps wait for their numbers to be read together, or so many seconds.
_AT_ONCE: Final = 256
_SECONDS: Final = 1.0
# The last ones may still be under way on the device.
_UNDER_WAY: Final = 4


@dataclass(slots=True)
class Taken:
    """One call of the train function.

    Attributes:
        step: The step, the first of them where the call took several.
        count: How many it took.
        when: Seconds since 1970.
        logs: What it gave, as `Backend.kept` keeps it.
        rates: What each rate keeps of it.
    """

    step: int
    count: int
    when: float
    logs: dict[str, Any]
    rates: list[Held]


class Waiting:
    """The calls that wait, in order.

    Args:
        backend: How their numbers are read.
        now: Seconds since 1970.
    """

    def __init__(self, backend: Backend, now: float) -> None:
        self._backend = backend
        self._calls: list[Taken] = []
        self._told = now

    def add(self, taken: Taken) -> bool:
        """One more call; whether it is time to tell of those that wait."""
        calls = self._calls
        calls.append(taken)
        return len(calls) >= _AT_ONCE or taken.when - self._told > _SECONDS

    @property
    def last(self) -> Taken | None:
        """The last call, whose count may yet be put right."""
        return self._calls[-1] if self._calls else None

    def told(
        self, rates: Sequence[AppliedRate], epoch: int | None, now: float, *, all_of_them: bool
    ) -> Iterator[PointColumns]:
        """The metrics and the rates of the calls, which wait no longer.

        Args:
            rates: The rates, as they stand in `Taken.rates`.
            epoch: The epoch to which all belong.
            now: Seconds since 1970.
            all_of_them: Whether to tell of the last ones, too, and so wait for the device.
        """
        self._told = now
        ready = self._calls if all_of_them else self._calls[:-_UNDER_WAY]
        self._calls = [] if all_of_them else self._calls[-_UNDER_WAY:]
        if ready:
            yield from _columns(ready, self._values(ready, rates), epoch)

    def _values(
        self, ready: list[Taken], rates: Sequence[AppliedRate]
    ) -> dict[str, list[float | None]]:
        """The value at each step by key, of metrics and of rates; None where there is none."""
        values: dict[str, list[float | None]] = {}
        for key, held in self._backend.by_key([taken.logs for taken in ready]).items():
            values[key] = _at_last_steps(ready, self._backend.numbers(held))
        steps = _steps(ready)
        for number, rate in enumerate(rates):
            held = [taken.rates[number] for taken in ready for _ in range(taken.count)]
            if rate.every == 1:
                values[rate.address] = rate.rates(steps, held)
                continue
            applied = [place for place, step in enumerate(steps) if rate.applies_at(step)]
            found = rate.rates([steps[at] for at in applied], [held[at] for at in applied])
            told = dict(zip(applied, found, strict=True))
            values[rate.address] = [told.get(place) for place in range(len(steps))]
        return values


def _steps(ready: list[Taken]) -> list[int]:
    return [taken.step + inner for taken in ready for inner in range(taken.count)]


def _at_last_steps(ready: list[Taken], found: list[float | None]) -> list[float | None]:
    """What calls gave, at the last of the steps that each took."""
    if all(taken.count == 1 for taken in ready):
        return found
    out: list[float | None] = []
    for taken, value in zip(ready, found, strict=True):
        out += [None] * (taken.count - 1)
        out.append(value)
    return out


def _columns(
    ready: list[Taken], values: dict[str, list[float | None]], epoch: int | None
) -> Iterator[PointColumns]:
    """The steps in groups that have values for the same keys."""
    steps = np.array(_steps(ready), np.int64)
    whens = np.array([taken.when for taken in ready for _ in range(taken.count)])
    for keys, places in _alike(values, len(steps)):
        held = [values[key] for key in keys]
        if places is None:
            yield PointColumns("step", keys, epoch, steps, whens, np.array(held, np.float64).T)
        else:
            found = [[column[place] for place in places] for column in held]
            some = np.array(found, np.float64).T
            yield PointColumns("step", keys, epoch, steps[places], whens[places], some)


def _alike(
    values: dict[str, list[float | None]], size: int
) -> Iterator[tuple[tuple[str, ...], list[int] | None]]:
    """Keys, and the places that have values for just these; None for all places."""
    if not any(None in column for column in values.values()):
        if values:
            yield tuple(values), None
        return
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in range(size):
        keys = tuple(key for key, column in values.items() if column[place] is not None)
        if keys:
            groups.setdefault(keys, []).append(place)
    yield from groups.items()
