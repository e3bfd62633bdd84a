"""From a source's address to the model's: the mapping of patterns, or the function, in ``map=``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from parametry.core.address import nearest
from parametry.core.pattern import compile_pattern
from parametry.errors import LoadError, NothingMatched, PatternError

__all__ = ["AddressMap", "Goal", "Rename", "Renamed", "renaming"]

Goal: TypeAlias = "str | tuple[str, str] | None"
"""Where an array goes: an address; with ``"T"`` beside it transposed; None for nowhere."""

AddressMap: TypeAlias = "Mapping[str, Goal] | Callable[[str], Goal]"


@dataclass(frozen=True, slots=True)
class Renamed:
    """Where an array of the source goes.

    Attributes:
        address: The address in the model; None where it is left out on purpose.
        transposed: Whether its axes are reversed on the way.
        by: The pattern that said so; None where no rule did and the address stays.
    """

    address: str | None
    transposed: bool = False
    by: str | None = None


Rename: TypeAlias = Callable[[str], Renamed]
"""From an address of the source to where its array goes."""


def renaming(rules: AddressMap | None, addresses: Iterable[str]) -> Rename:
    """The function from an address of the source to where it goes in the model.

    Args:
        rules: ``map=`` as `parametry.load` takes it. Of patterns the last that matches wins; what
            none matches keeps its address.
        addresses: What the source holds, to say which pattern matches nothing.

    Raises:
        NothingMatched: A pattern matches no address of the source.
        PatternError: A pattern cannot be read, or its wildcards are not as many as its goal's.

    Example:
        >>> rename = renaming({"encoder/*/kernel": ("body/*/kernel", "T")}, ["encoder/a/kernel"])
        >>> rename("encoder/a/kernel")
        Renamed(address='body/a/kernel', transposed=True, by='encoder/*/kernel')
    """
    if rules is None:
        return Renamed
    if callable(rules):
        function = rules
        return lambda address: _renamed(function(address), address, "map=")
    known = list(addresses)
    compiled = [_Rule(pattern, goal) for pattern, goal in rules.items()]
    for rule in compiled:
        if not any(rule.captures(address) is not None for address in known):
            close = ", ".join(nearest(rule.pattern.replace("*", ""), known)) or "none"
            raise NothingMatched(
                f"map= has the pattern {rule.pattern!r}, which matches nothing in the source",
                hint=f"keys are the source's addresses, values the model's; nearest: {close}",
            )

    def rename(address: str) -> Renamed:
        for rule in reversed(compiled):
            found = rule.apply(address)
            if found is not None:
                return found
        return Renamed(address)

    return rename


def _renamed(goal: object, address: str, by: str) -> Renamed:
    if goal is None or isinstance(goal, str):
        return Renamed(goal, by=by)
    match goal:
        case (str(target), "T"):
            return Renamed(target, transposed=True, by=by)
    raise LoadError(
        f"map= sends {address!r} to {goal!r}",
        hint="an address is expected, (address, 'T') for a transposed array, or None to leave it",
    )


# A wildcard: its sign, and which texts it stands for.
_Wild: TypeAlias = "tuple[str, Callable[[str], bool]]"


class _Rule:
    """A pattern whose wildcards are captured, and the goal that they are put into."""

    def __init__(self, pattern: str, goal: Goal) -> None:
        self.pattern = pattern
        self._matches = compile_pattern(pattern).fullmatch
        self._goal = _renamed(goal, pattern, pattern)
        self._parts = _parts(pattern)
        self._into = [] if self._goal.address is None else _parts(self._goal.address)
        wild = sum(1 for part in self._parts if not isinstance(part, str))
        places = sum(1 for part in self._into if not isinstance(part, str))
        if self._goal.address is not None and wild != places:
            raise PatternError(
                f"map= has {pattern!r} with {wild} wildcards and "
                f"{self._goal.address!r} with {places}",
                hint="the goal's n-th wildcard stands for what the pattern's n-th matched",
            )
        self.captures: Callable[[str], tuple[str, ...] | None] = lru_cache(4096)(self._captures)

    def apply(self, address: str) -> Renamed | None:
        found = self.captures(address)
        if found is None:
            return None
        if self._goal.address is None:
            return self._goal
        texts = iter(found)
        filled = "".join(
            part if isinstance(part, str) else _fitting(next(texts), part[0]) for part in self._into
        )
        return Renamed(filled, self._goal.transposed, self.pattern)

    def _captures(self, address: str) -> tuple[str, ...] | None:
        """What each wildcard stands for, the first as much as it can; None without a match."""
        if not self._matches(address):
            return None
        parts, dead = self._parts, set[tuple[int, int]]()

        def match(index: int, at: int) -> tuple[str, ...] | None:
            if index == len(parts):
                return () if at == len(address) else None
            if (index, at) in dead:
                return None
            part = parts[index]
            if isinstance(part, str):
                if address.startswith(part, at):
                    return match(index + 1, at + len(part))
            else:
                for end in range(len(address), at - 1, -1):
                    text = address[at:end]
                    if part[1](text):
                        rest = match(index + 1, end)
                        if rest is not None:
                            return (text, *rest)
            dead.add((index, at))
            return None

        return match(0, 0)


def _fitting(text: str, sign: str) -> str:
    """What a wildcard matched, with the slash at its end as the goal's sign has it."""
    bare = text.removesuffix("/")
    return bare + "/" if sign.endswith("/") and bare else bare


def _parts(pattern: str) -> list[str | _Wild]:
    """The pattern as literal texts and wildcards, in order."""
    parts: list[str | _Wild] = []
    at = 0
    while at < len(pattern):
        sign = _sign(pattern, at) or pattern[at]
        quoted = len(sign) == 3 and sign[0] == "["  # `parametry.escape` quotes so
        if _sign(pattern, at) is None or quoted:
            literal = sign[1] if quoted else sign
            if parts and isinstance(parts[-1], str):
                parts[-1] += literal
            else:
                parts.append(literal)
        else:
            parts.append((sign, compile_pattern(sign).fullmatch))
        at += len(sign)
    return parts


def _sign(pattern: str, at: int) -> str | None:
    """The wildcard that begins here, None where there is none."""
    if pattern[at] == "*":
        end = at
        while pattern.startswith("*", end):
            end += 1
        whole = at == 0 or pattern[at - 1] == "/"
        slash = "/" if end - at > 1 and whole and pattern.startswith("/", end) else ""
        return pattern[at:end] + slash
    if pattern[at] == "?":
        return "?"
    closing = {"[": "]", "{": "}"}.get(pattern[at])
    if closing is None:
        return None
    if closing == "]":
        end = pattern.find("]", at + (3 if pattern.startswith("!", at + 1) else 2))
        return pattern[at : end + 1]
    depth, end = 0, at
    while True:
        depth += {"{": 1, "}": -1}.get(pattern[end], 0)
        end += 1
        if depth == 0:
            return pattern[at:end]
