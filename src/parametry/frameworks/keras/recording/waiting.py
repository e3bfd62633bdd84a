"""Steps that were taken and wait until their numbers are read, and told, many at a time.

A call of the train function costs one of `Waiting.add`, or an entry of the list that `Waiting.room`
gives; all else is done for many of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.facts import PointColumns
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.rates import AppliedRate, Held

__all__ = ["Waiting"]

# The numbers of so many calls alike are read together, so that few arrays are held, and they are
# told in larger blocks: so many together, or those of so many seconds.
_READ_AT_ONCE: Final = 128
_AT_ONCE: Final = 256
_SECONDS: Final = 1.0
# The last ones may still be under way on the device.
_UNDER_WAY: Final = 4


@dataclass(slots=True)
class _Stretch:
    """Calls in a row that differ in nothing but what they gave.

    Attributes:
        first: The place of the first one among the calls that wait.
        step: The first step of that call.
        count: How many steps each call took.
        keys: The keys of what they gave.
        rates: What each rate keeps of them.
    """

    first: int
    step: int
    count: int
    keys: tuple[str, ...]
    rates: list[Held]


class Waiting:
    """The calls that wait, in order.

    Args:
        backend: How their numbers are read.
        now: Seconds since 1970.
    """

    def __init__(self, backend: Backend, now: float) -> None:
        self._backend = backend
        self._told = now
        self._alike: list[tuple[float, Any]] = []
        self._whens: list[float] = []
        self._rows: list[tuple[Any, ...]] = []
        self._stretches: list[_Stretch] = []
        self._next = -1

    def add(
        self,
        step: int,
        count: int,
        when: float,
        kept: tuple[tuple[str, ...], tuple[Any, ...]],
        rates: list[Held],
    ) -> bool:
        """One more call; whether it is time to tell of those that wait.

        Args:
            step: The step, the first of them where the call took several.
            count: How many it took.
            when: Seconds since 1970.
            kept: Keys and values of what it gave, as `Backend.kept` has them.
            rates: What each rate keeps of it.
        """
        self._take_in()
        keys, row = kept
        whens, last = self._whens, self._stretches[-1] if self._stretches else None
        if (
            step != self._next
            or last is None
            or count != last.count
            or keys != last.keys
            or not _are_the_same(rates, last.rates)
        ):
            if last is not None and last.first == len(whens):
                self._stretches.pop()  # no call was like those told of before
            self._stretches.append(_Stretch(len(whens), step, count, keys, rates))
        self._next = step + count
        whens.append(when)
        self._rows.append(row)
        return len(whens) >= _AT_ONCE or when - self._told > _SECONDS

    def room(self) -> tuple[list[tuple[float, Any]], int, float]:
        """Where to put calls of one step each, with the rates of the last call.

        Returns:
            A list that takes when each was, in seconds since 1970, with what it gave, scalars under
            keys, which are held as they are; with how many `read` is due; and until when it is not.
        """
        return self._alike, _READ_AT_ONCE, self.until

    @property
    def until(self) -> float:
        """Until when those that wait may wait, in seconds since 1970."""
        return self._told + _SECONDS

    def read(self, now: float) -> bool:
        """Read the numbers of the calls in the list of `room`, but for those still under way.

        Args:
            now: Seconds since 1970.

        Returns:
            Whether it is time to tell of those that wait.
        """
        self._take_in(max(len(self._alike) - _UNDER_WAY, 0), read=True)
        return len(self._whens) >= _AT_ONCE or now - self._told > _SECONDS

    @property
    def next_step(self) -> int:
        """The first step of the call that comes next, if none is left out."""
        return self._next + len(self._alike)

    def _take_in(self, size: int | None = None, *, read: bool = False) -> None:
        """Those that were alike, or so many of them, stand with the others after a look at them.

        The list stays the same: whoever has it goes on with it.
        """
        alike = self._alike[:size]
        if not alike:
            return
        del self._alike[:size]
        keys = self._stretches[-1].keys
        columns = self._backend.columns_of([logs for _, logs in alike], keys)
        if columns is None:  # a step was traced again, and gives other keys
            alike, rates = alike + self._alike, self._stretches[-1].rates
            self._alike.clear()
            for when, logs in alike:
                self.add(self._next, 1, when, self._backend.kept(logs), rates)
            return
        if read:
            columns = [self._backend.numbers(column) for column in columns]
        self._next += len(alike)
        self._whens += [when for when, _ in alike]
        self._rows += zip(*columns, strict=True)

    @property
    def last(self) -> tuple[int, int] | None:
        """The first step of the last call, and how many it took."""
        self._take_in()
        if not self._stretches or self._stretches[-1].first == len(self._rows):
            return None
        count = self._stretches[-1].count
        return self._next - count, count

    def shorten(self, count: int) -> None:
        """The last call took fewer steps."""
        self._take_in()
        stretch, place = self._stretches[-1], len(self._rows) - 1
        step = self._next - stretch.count
        if stretch.first == place:
            self._stretches.pop()
        self._stretches.append(replace(stretch, first=place, step=step, count=count))
        self._next = step + count

    def told(
        self, rates: Sequence[AppliedRate], epoch: int | None, now: float, *, all_of_them: bool
    ) -> Iterator[PointColumns]:
        """The metrics and the rates of the calls, which wait no longer.

        Args:
            rates: The rates, as they stand in what was added.
            epoch: The epoch to which all belong.
            now: Seconds since 1970.
            all_of_them: Whether to tell of the last ones, too, and so wait for the device.
        """
        if all_of_them:
            self._take_in()
        under_way = 0 if all_of_them else max(_UNDER_WAY - len(self._alike), 0)
        self._told = now
        size = max(len(self._rows) - under_way, 0)
        whens, rows = self._whens[:size], self._rows[:size]
        stretches = [stretch for stretch in self._stretches if stretch.first < size]
        left = [
            replace(stretch, first=stretch.first - size)
            for stretch in self._stretches
            if stretch.first >= size
        ]
        if stretches and size < len(self._rows) and (not left or left[0].first):
            last = stretches[-1]
            step = last.step + (size - last.first) * last.count
            left.insert(0, replace(last, first=0, step=step))
        if stretches and not left:  # those in the list of `room` go on from here
            left = [replace(stretches[-1], first=0, step=self._next)]
        self._whens, self._rows, self._stretches = self._whens[size:], self._rows[size:], left
        for some, calls, begin in _with_the_same_keys(stretches, size):
            end = begin + sum(calls)
            values, steps, when = self._table(some, calls, whens[begin:end], rows[begin:end], rates)
            yield from _alike(values, steps, when, epoch)

    def _table(
        self,
        stretches: list[_Stretch],
        calls: list[int],
        whens: list[float],
        rows: list[tuple[Any, ...]],
        rates: Sequence[AppliedRate],
    ) -> tuple[dict[str, list[float | None]], NDArray[np.int64], NDArray[np.float64]]:
        """By key the value at each step, None where there is none; the steps; and when they were.

        Args:
            stretches: Calls that gave values for the same keys.
            calls: How many there are in each stretch.
            whens: When each call was.
            rows: What each gave.
            rates: The rates.
        """
        steps = _steps(stretches, calls)
        values: dict[str, list[float | None]] = {
            key: self._backend.numbers(column)
            for key, column in zip(stretches[0].keys, zip(*rows, strict=True), strict=True)
        }
        when = np.array(whens)
        if any(stretch.count > 1 for stretch in stretches):
            counts = _repeated([stretch.count for stretch in stretches], calls)
            values = {key: _at_last_steps(counts, column) for key, column in values.items()}
            when = np.repeat(when, counts)
        taken = [of * stretch.count for stretch, of in zip(stretches, calls, strict=True)]
        for number, rate in enumerate(rates):
            held = _repeated([stretch.rates[number] for stretch in stretches], taken)
            values[rate.address] = _rates(rate, steps.tolist(), held)
        return values, steps, when


def _are_the_same(one: list[Held], other: list[Held]) -> bool:
    """Whether rates keep the same number; of two scalars on a device nobody asks for theirs."""
    for a, b in zip(one, other, strict=True):
        if a is not b and not (type(a) is float and type(b) is float and a == b):
            return False
    return True


def _with_the_same_keys(
    stretches: list[_Stretch], size: int
) -> Iterator[tuple[list[_Stretch], list[int], int]]:
    """Stretches in a row with the same keys, how many calls each has, and where they begin."""
    ends = [*(stretch.first for stretch in stretches[1:]), size][: len(stretches)]
    for _, group in groupby(zip(stretches, ends, strict=True), lambda pair: pair[0].keys):
        some = list(group)
        calls = [end - stretch.first for stretch, end in some]
        yield [stretch for stretch, _ in some], calls, some[0][0].first


def _steps(stretches: Iterable[_Stretch], calls: Iterable[int]) -> NDArray[np.int64]:
    return np.concatenate(
        [
            np.arange(stretch.step, stretch.step + of * stretch.count, dtype=np.int64)
            for stretch, of in zip(stretches, calls, strict=True)
        ]
    )


def _repeated(values: list[Any], times: list[int]) -> list[Any]:
    return [value for value, of in zip(values, times, strict=True) for _ in range(of)]


def _at_last_steps(counts: list[int], found: list[float | None]) -> list[float | None]:
    """What calls gave, at the last of the steps that each took."""
    out: list[float | None] = []
    for count, value in zip(counts, found, strict=True):
        out += [None] * (count - 1)
        out.append(value)
    return out


def _rates(rate: AppliedRate, steps: list[int], held: list[Held]) -> list[float | None]:
    """The rate at each step; None where it is not known, or not applied."""
    if rate.every == 1:
        return rate.rates(steps, held)
    applied = [place for place, step in enumerate(steps) if rate.applies_at(step)]
    found = rate.rates([steps[at] for at in applied], [held[at] for at in applied])
    told = dict(zip(applied, found, strict=True))
    return [told.get(place) for place in range(len(steps))]


def _alike(
    values: dict[str, list[float | None]],
    steps: NDArray[np.int64],
    whens: NDArray[np.float64],
    epoch: int | None,
) -> Iterator[PointColumns]:
    """The steps in groups that have values for the same keys."""
    if not any(None in column for column in values.values()):
        if values:
            table = np.array(list(values.values()), np.float64).T
            yield PointColumns("step", tuple(values), epoch, steps, whens, table)
        return
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(steps)):
        keys = tuple(key for key, column in values.items() if column[place] is not None)
        if keys:
            groups.setdefault(keys, []).append(place)
    for keys, places in groups.items():
        table = np.array([[values[key][place] for place in places] for key in keys], np.float64).T
        yield PointColumns("step", keys, epoch, steps[places], whens[places], table)
