"""Which parameters of two models belong together: by address, through ties, by a likely name."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from parametry.core.address import split
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie

__all__ = ["Goal", "Pair", "likely_renames", "pairs", "tie_form"]

Goal: TypeAlias = "Callable[[str], tuple[str, bool] | None]"
"""From an address of the first model to the second's, and whether it is transposed there; None
where it is left out."""

# A file may hold an address of ten thousand parts, and the work grows with their number.
_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands at one address in two models.

    Attributes:
        address: The address in the first model, which may be an alias; in the second where the
            first has nothing.
        first: The first model's parameter there, or None.
        second: The second model's, or None.
        transposed: Whether a tie, or who said where it goes, makes one the transpose of the other.
    """

    address: str
    first: Parameter | None
    second: Parameter | None
    transposed: bool = False

    @property
    def addresses(self) -> set[str]:
        """All addresses that lead to it on either side."""
        found = {self.address}
        for entry in (self.first, self.second):
            if entry is not None:
                found |= {entry.address, *entry.aliases}
        return found


def _same(address: str) -> tuple[str, bool]:
    return address, False


def pairs(
    first: Mapping[str, Parameter], second: Mapping[str, Parameter], goal: Goal = _same
) -> Iterator[Pair]:
    """All parameters of two models with their counterparts, in the first's order.

    An address that is tied on one side leads to the array that it is tied to: a copy in which a tie
    was undone has a parameter more, and nothing that the other lacks.

    Args:
        first: The first model's parameters by canonical address.
        second: The second's.
        goal: Where the first's stand in the second.
    """
    ways_one, ways_two = _ways(first, goal), _ways(second, _same)
    met: set[tuple[str, str]] = set()
    for entry in first.values():
        goals = [found[0] for at in (entry.address, *entry.aliases) if (found := goal(at))]
        if not goals:
            continue
        address = next((at for at in goals if at in ways_two), None)
        if address is None:
            yield Pair(entry.address, entry, None)
            continue
        there, here = ways_two[address], ways_one[address]
        met.add((entry.address, there.entry.address))
        yield Pair(here.address, entry, there.entry, there.transposed != here.transposed)
    for entry in second.values():
        at = next((at for at in (entry.address, *entry.aliases) if at in ways_one), None)
        if at is None:
            yield Pair(entry.address, None, entry)
            continue
        here, there = ways_one[at], ways_two[at]
        if (here.entry.address, entry.address) not in met:
            yield Pair(here.address, here.entry, entry, here.transposed != there.transposed)


@dataclass(frozen=True, slots=True)
class _Way:
    """What an address of the second model leads to, on one side."""

    entry: Parameter
    transposed: bool
    address: str


def _ways(parameters: Mapping[str, Parameter], goal: Goal) -> dict[str, _Way]:
    """By address in the second model; a canonical address goes before an alias."""
    ways: dict[str, _Way] = {}
    for canonical in (False, True):
        for entry in parameters.values():
            for address in (entry.address,) if canonical else entry.aliases:
                found = goal(address)
                if found is not None:
                    turned = (address in entry.transposed) != found[1]
                    ways[found[0]] = _Way(entry, turned, address)
    return ways


def tie_form(tie: Tie) -> frozenset[tuple[str, bool]]:
    """A tie whichever of its addresses is the canonical one.

    Example:
        >>> one = Tie("a", ("b", "c"), frozenset({"b"}))
        >>> tie_form(one) == tie_form(Tie("b", ("a", "c"), frozenset({"a", "c"})))
        True
    """
    turned = min(tie) in tie.transposed
    return frozenset((address, (address in tie.transposed) != turned) for address in tie)


def likely_renames(first: Iterable[Parameter], second: Iterable[Parameter]) -> dict[str, str]:
    """Which parameters of one side are most likely the other's under another name.

    Two are taken for one where their shapes are equal, or else of the same axes in another order,
    and their addresses differ in one part alone, or by parts that stand before or are missing
    there. Each is taken once, in order; the time is linear in their number.

    Args:
        first: What the first model alone has.
        second: What the second alone has.

    Returns:
        The addresses of either side with that of the other.
    """
    found: dict[str, str] = {}
    ones, twos = list(first), list(second)
    longest = max((len(split(entry.address)) for entry in (*ones, *twos)), default=0)
    longest = min(longest, _MOST_PARTS)
    for shape in (_shape, _sizes):
        # A layer's name changes more often than what it lies in, its variables' names hardly ever.
        for position in (*range(2, longest + 1), 1):
            _match(ones, twos, partial(_but_one, position=position), shape, found)
        for count in range(longest, 1, -1):
            _match(ones, twos, partial(_last, count=count), shape, found)
    return found


def _shape(entry: Parameter) -> tuple[int, ...]:
    return entry.shape


def _sizes(entry: Parameter) -> tuple[int, ...]:
    """The sizes of its axes, in whichever order a framework has them."""
    return tuple(sorted(entry.shape))


def _but_one(parts: tuple[str, ...], position: int) -> Hashable:
    """The address without its part at a position, counted from the end."""
    if len(parts) < position:
        return None
    cut = len(parts) - position
    return parts[:cut], parts[cut + 1 :]


def _last(parts: tuple[str, ...], count: int) -> Hashable:
    return parts[-count:] if len(parts) >= count else None


def _match(
    ones: Iterable[Parameter],
    twos: Iterable[Parameter],
    key: Callable[[tuple[str, ...]], Hashable],
    shape: Callable[[Parameter], tuple[int, ...]],
    found: dict[str, str],
) -> None:
    """Find for each of the first that has none yet the next of the second with an equal key."""
    waiting: dict[Hashable, deque[str]] = {}
    for entry in twos:
        form = key(split(entry.address))
        if form is not None and entry.address not in found:
            waiting.setdefault((form, shape(entry)), deque()).append(entry.address)
    for entry in ones:
        same = waiting.get((key(split(entry.address)), shape(entry)))
        if same and entry.address not in found:
            other = same.popleft()
            found[entry.address], found[other] = other, entry.address
