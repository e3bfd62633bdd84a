"""Which parameters of two models belong together: by address, through ties, by a likely name."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from parametry.core.address import split
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie

__all__ = ["Pair", "likely_renames", "pairs", "tie_form"]

# A file may hold an address of ten thousand parts, and the work grows with their number.
_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands at one address in two models.

    Attributes:
        address: The address, which may be an alias on either side.
        first: The first model's parameter there, or None.
        second: The second model's, or None.
        transposed: Whether a tie makes one the transpose of the other.
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


def pairs(first: Mapping[str, Parameter], second: Mapping[str, Parameter]) -> Iterator[Pair]:
    """All parameters of two models with their counterparts, in the first's order.

    An address that is tied on one side leads to the array that it is tied to: a copy in which a tie
    was undone has a parameter more, and nothing that the other lacks.

    Args:
        first: The first model's parameters by canonical address.
        second: The second's.
    """
    ways_one, ways_two = _ways(first), _ways(second)
    met: set[tuple[str, str]] = set()
    for entry in first.values():
        address = _common(entry, ways_two)
        if address is None:
            yield Pair(entry.address, entry, None)
            continue
        found, transposed = ways_two[address]
        met.add((entry.address, found.address))
        yield Pair(address, entry, found, transposed != ways_one[address][1])
    for entry in second.values():
        address = _common(entry, ways_one)
        if address is None:
            yield Pair(entry.address, None, entry)
            continue
        found, transposed = ways_one[address]
        if (found.address, entry.address) not in met:
            yield Pair(address, found, entry, transposed != ways_two[address][1])


def _ways(parameters: Mapping[str, Parameter]) -> dict[str, tuple[Parameter, bool]]:
    """Each address that leads to a parameter, with whether it is seen transposed from there."""
    ways = {
        alias: (entry, alias in entry.transposed)
        for entry in parameters.values()
        for alias in entry.aliases
    }
    return ways | {entry.address: (entry, False) for entry in parameters.values()}


def _common(entry: Parameter, ways: Mapping[str, object]) -> str | None:
    """The first of a parameter's addresses that leads to something on the other side, if any."""
    return next((at for at in (entry.address, *entry.aliases) if at in ways), None)


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

    Two are taken for one where their shapes are equal and their addresses differ in one part
    alone, or by parts that stand before or are missing there. Each is taken once, in order; the
    time is linear in their number.

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
    # A layer's name changes more often than what it lies in, its variables' names hardly ever.
    for position in (*range(2, longest + 1), 1):
        _match(ones, twos, partial(_but_one, position=position), found)
    for count in range(longest, 1, -1):
        _match(ones, twos, partial(_last, count=count), found)
    return found


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
    found: dict[str, str],
) -> None:
    """Find for each of the first that has none yet the next of the second with an equal key."""
    waiting: dict[Hashable, deque[str]] = {}
    for entry in twos:
        form = key(split(entry.address))
        if form is not None and entry.address not in found:
            waiting.setdefault((form, entry.shape), deque()).append(entry.address)
    for entry in ones:
        same = waiting.get((key(split(entry.address)), entry.shape))
        if same and entry.address not in found:
            other = same.popleft()
            found[entry.address], found[other] = other, entry.address
