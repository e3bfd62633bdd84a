"""Patterns over addresses: a glob whose ``*`` stays within a part.

=============  =====================================================
``*``          any characters within one part
``**``         any parts, also none: ``**/kernel``, ``encoder/**``
``?``          one character within a part
``[0-9]``      one character of a set; ``[!0-9]`` one not of it
``{a,b}``      either; may be nested and hold other signs
``{0..31}``    a whole number of the range
``{0..8..2}``  every second whole number of the range, from its least on
=============  =====================================================

A pattern without any of these is an address and matches itself alone. `parametry.escape` quotes.

Regular expressions would do for these signs, but Python's try one way after another: on some
patterns, such as several ``**``, that takes longer than anyone can wait. Here a pattern becomes an
automaton that reads an address once, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from parametry.errors import PatternError

__all__ = ["Pattern", "compile_pattern", "is_pattern"]

Test: TypeAlias = Callable[[str], bool]

_RANGE = re.compile(r"\{([0-9]+)\.\.([0-9]+)(?:\.\.([0-9]+))?\}")
_MOST_DIGITS = 18
_DEEPEST = 50
_MOST_REMEMBERED = 10_000
_MOST_STEPS = 10_000


def is_pattern(text: str) -> bool:
    """Whether the text holds any sign that makes it more than an address."""
    return any(sign in text for sign in "*?[{")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Read a pattern; use its ``fullmatch``.

    Args:
        pattern: A pattern as drawn in the module's table.

    Raises:
        PatternError: A bracket or brace is not closed, a set's range goes downward, a number has
            more than 18 digits, or braces are nested more than 50 deep.

    Example:
        >>> compile_pattern("**/kernel").fullmatch("encoder/dense/kernel")
        True
        >>> compile_pattern("*/kernel").fullmatch("encoder/dense/kernel")
        False
    """
    return Pattern(pattern)


class _Step:
    """Where the automaton may be after some characters, and where each next character leads."""

    __slots__ = ("accepts", "next", "places")

    def __init__(self, places: frozenset[int], accepts: bool) -> None:
        self.places = places
        self.accepts = accepts
        self.next: dict[str, _Step] = {}


class Pattern:
    """A pattern that was read.

    Its places are numbered. From a place one comes to others for nothing (``_free``), or for a
    character that passes a test (``_paid``). Matching follows all ways at once, and remembers for
    the sets of places that it met where each character led: most addresses are alike.
    """

    def __init__(self, text: str) -> None:
        self._free: list[list[int]] = []
        self._paid: list[list[tuple[Test, int]]] = []
        start = self._place()
        self._end = _Reader(text, self).read(start)
        self._start_places = [start]
        self._forget()

    def fullmatch(self, address: str) -> bool:
        """Whether the pattern matches the whole address."""
        step = self._first
        for character in address:
            following = step.next.get(character)
            if following is None:
                following = self._follow(step, character)
            step = following
            if not step.places:
                return False
        return step.accepts

    def _follow(self, step: _Step, character: str) -> _Step:
        self._remembered += 1
        if self._remembered > _MOST_REMEMBERED:
            self._forget()
        reached = [to for place in step.places for test, to in self._paid[place] if test(character)]
        following = step.next[character] = self._step(reached)
        return following

    def _forget(self) -> None:
        self._remembered = 0
        self._steps: dict[frozenset[int], _Step] = {}
        self._first = self._step(self._start_places)

    def _step(self, reached: Iterable[int]) -> _Step:
        """The step at some places and all that lie behind them for nothing."""
        places: set[int] = set()
        waiting = list(reached)
        while waiting:
            place = waiting.pop()
            if place not in places:
                places.add(place)
                waiting += self._free[place]
        key = frozenset(places)
        return self._steps.setdefault(key, _Step(key, self._end in key))

    def _place(self) -> int:
        self._free.append([])
        self._paid.append([])
        return len(self._free) - 1

    def skip(self, start: int, end: int | None = None) -> int:
        """Add a way for nothing from a place to another, new if none is given; gives the other."""
        to = self._place() if end is None else end
        self._free[start].append(to)
        return to

    def take(self, start: int, test: Test, end: int | None = None) -> int:
        """Add a way for a character that passes a test."""
        to = self._place() if end is None else end
        self._paid[start].append((test, to))
        return to


def _any(character: str) -> bool:
    return True


def _within(character: str) -> bool:
    return character != "/"


class _Reader:
    """Reads a pattern from left to right into places of an automaton."""

    def __init__(self, text: str, out: Pattern) -> None:
        self._text = text
        self._out = out
        self._at = 0

    def read(self, start: int) -> int:
        """Read the whole pattern; gives the place where it ends."""
        return self._sequence(start, depth=0, starts_part=True)

    def _sequence(self, place: int, depth: int, starts_part: bool) -> int:
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign == "*":
                place = self._star(place, starts_part)
            elif sign == "?":
                place = self._out.take(place, _within)
                self._at += 1
            elif sign == "[":
                place = self._out.take(place, self._character_set())
            elif sign == "{":
                place = self._braces(place, depth, starts_part)
            elif depth and sign in ",}":
                break
            else:
                place = self._out.take(place, sign.__eq__)
                self._at += 1
            starts_part = self._text[self._at - 1] == "/"
        return place

    def _star(self, place: int, starts_part: bool) -> int:
        first = self._at
        while self._text.startswith("*", self._at):
            self._at += 1
        inside = self._out.skip(place)
        if self._at == first + 1:
            self._out.take(inside, _within, inside)
            return self._out.skip(inside)
        self._out.take(inside, _any, inside)
        if not (starts_part and self._text.startswith("/", self._at)):
            return self._out.skip(inside)
        self._at += 1
        # Whole parts, or none and then no slash either.
        return self._out.skip(place, self._out.take(inside, "/".__eq__))

    def _character_set(self) -> Test:
        opened = self._at
        negated = self._text.startswith("!", opened + 1)
        first = opened + 2 if negated else opened + 1
        # As in every shell, a closing bracket that comes first is a member of the set.
        closing = self._text.find("]", first + 1)
        if closing < 0:
            raise PatternError(
                f"the pattern {self._text!r} opens '[' at character {opened + 1} and never "
                "closes it",
                hint="a literal '[' is written '[[]'; parametry.escape(address) quotes an address",
            )
        ranges = list(self._ranges(self._text[first:closing]))
        self._at = closing + 1

        def is_member(character: str) -> bool:
            found = any(low <= character <= high for low, high in ranges)
            return character != "/" and found != negated

        return is_member

    def _ranges(self, members: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(members):
            low = high = members[at]
            if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
                high = members[at + 2]
                at += 2
            if low > high:
                raise PatternError(
                    f"the pattern {self._text!r} has the range {f'{low}-{high}'!r} in a set",
                    hint="a range goes upward, as in '[0-9]'",
                )
            yield low, high
            at += 1

    def _braces(self, place: int, depth: int, starts_part: bool) -> int:
        opened = self._at
        if depth >= _DEEPEST:
            raise PatternError(
                f"the pattern nests braces more than {_DEEPEST} deep",
                hint="give several patterns: select(first, second)",
            )
        numbers = _RANGE.match(self._text, opened)
        if numbers is not None:
            self._at = numbers.end()
            if numbers[3] is not None:
                return self._steps(place, *self._whole(*numbers.groups()))
            return self._numbers(place, numbers[1], numbers[2])
        end: int | None = None
        while True:
            self._at += 1
            ended = self._sequence(self._out.skip(place), depth + 1, starts_part)
            end = self._out.skip(ended, end)
            if self._at >= len(self._text):
                raise PatternError(
                    f"the pattern {self._text!r} opens '{{' at character {opened + 1} and never "
                    "closes it",
                    hint="a literal '{' is written '[{]'; parametry.escape(address) quotes",
                )
            if self._text[self._at] == "}":
                self._at += 1
                return end

    def _whole(self, *digits: str) -> list[int]:
        if max(map(len, digits)) > _MOST_DIGITS:
            raise PatternError(
                f"a range in the pattern has a number of more than {_MOST_DIGITS} digits",
                hint="'[0-9]*' matches what begins with a digit, however long",
            )
        return [int(each) for each in digits]

    def _steps(self, place: int, first: int, last: int, step: int) -> int:
        low, high = sorted((first, last))
        if not step or (high - low) // step >= _MOST_STEPS:
            raise PatternError(
                f"a range in the pattern goes in steps of {step}, from {low} to {high}",
                hint=f"a step is at least 1, and there are at most {_MOST_STEPS:,} of them",
            )
        end: int | None = None
        for number in range(low, high + 1, step):
            way = place
            for digit in str(number):
                way = self._out.take(way, digit.__eq__)
            end = self._out.skip(way, end)
        assert end is not None
        return end

    def _numbers(self, place: int, first: str, last: str) -> int:
        low, high = sorted(self._whole(first, last))
        end: int | None = None
        for digits in _digit_ranges(low, high):
            way = place
            for lowest, highest in digits:
                way = self._out.take(way, _between(lowest, highest))
            end = self._out.skip(way, end)
        assert end is not None
        return end


def _between(low: str, high: str) -> Test:
    return lambda character: low <= character <= high


_Digits: TypeAlias = tuple[tuple[str, str], ...]


def _digit_ranges(low: int, high: int) -> Iterator[_Digits]:
    """All numbers of a range as few rows of digits: 8..25 is 8-9, then 1 with 0-9, 2 with 0-5."""
    while len(str(low)) < len(str(high)):
        yield from _same_length(str(low), "9" * len(str(low)))
        low = 10 ** len(str(low))
    yield from _same_length(str(low), str(high))


def _same_length(low: str, high: str) -> Iterator[_Digits]:
    below = len(low) - 1
    if not low:
        yield ()
    elif low[0] == high[0]:
        yield from (((low[0], low[0]), *rest) for rest in _same_length(low[1:], high[1:]))
    elif low[1:] != "0" * below:
        yield from _same_length(low, low[0] + "9" * below)
        yield from _same_length(str(int(low[0]) + 1) + "0" * below, high)
    elif high[1:] != "9" * below:
        yield from _same_length(low, str(int(high[0]) - 1) + "9" * below)
        yield from _same_length(high[0] + "0" * below, high)
    else:
        yield ((low[0], high[0]), *[("0", "9")] * below)
