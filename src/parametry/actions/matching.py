"""Which array of a source goes to which parameter of a model, before any value is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from parametry.actions.renaming import Renamed
from parametry.core.address import nearest
from parametry.core.load_report import ShapeDiffers
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie
from parametry.errors import LoadError

__all__ = ["Match", "Matching", "Side", "match"]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a load: parameters, their ties, and more names that lead to them.

    Attributes:
        parameters: By canonical address.
        ties: Which addresses are one array, and which of them see it transposed.
        also: Further names of a parameter, to its canonical address.
    """

    parameters: Parameters
    ties: tuple[Tie, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> Iterator[tuple[str, Parameter, bool]]:
        """Every address with its parameter, and whether the array is seen transposed there."""
        transposed = {alias for tie in self.ties for alias in tie.transposed}
        for address, entry in self.parameters.items():
            yield address, entry, False
            for alias in entry.aliases:
                yield alias, entry, alias in transposed


@dataclass(frozen=True, slots=True)
class Match:
    """A parameter of the model, and the array that it gets.

    Attributes:
        target: The parameter.
        source: The array.
        transposed: Whether its axes are reversed on the way.
        through: At which address of the source it was found: the canonical one or an alias.
    """

    target: Parameter
    source: Parameter
    transposed: bool
    through: str


@dataclass(frozen=True, slots=True)
class Matching:
    """What goes where, and what is left over.

    Attributes:
        matches: For each parameter of the model the arrays that lead to it: one, but for addresses
            that the model ties and the source does not.
        missing: Parameters of the model that nothing leads to.
        extra: Arrays of the source that lead nowhere.
        shape_differs: What has another shape.
    """

    matches: Mapping[str, tuple[Match, ...]]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    shape_differs: tuple[ShapeDiffers, ...]


def match(
    model: Side, source: Side, rename: Callable[[str], Renamed], wanted: Mapping[str, Parameter]
) -> Matching:
    """Match the arrays of a source to the parameters of a model, by address.

    An alias is as good an address as the canonical one, on both sides.

    Args:
        model: What is to get values.
        source: What has them.
        rename: From an address of the source to the model's.
        wanted: The parameters that are to get values, by canonical address; others are passed over.

    Raises:
        LoadError: ``map=`` sends two arrays to one address, or an array where nothing is.
    """
    places = {name: (entry, flipped) for name, entry, flipped in model.names()}
    for name, address in model.also.items():
        places.setdefault(name, (model.parameters[address], False))
    found: dict[str, dict[str, Match]] = {}
    came: dict[str, tuple[str, Parameter]] = {}
    used: set[str] = set()
    for name, entry, flipped in source.names():
        goal = rename(name)
        if goal.address is None:
            used.add(entry.address)
            continue
        place = places.get(goal.address)
        if place is None:
            if goal.by is not None and goal.address != name:
                raise LoadError(
                    f"map= sends {name!r} to {goal.address!r}, which is no parameter of "
                    f"{model.parameters.source}",
                    hint=f"nearest: {', '.join(nearest(goal.address, places)) or 'none'}",
                )
            continue
        _one_source_only(came, goal.address, name, entry)
        target, target_flipped = place
        used.add(entry.address)
        if target.address in wanted:
            turned = goal.transposed ^ flipped ^ target_flipped
            arrays = found.setdefault(target.address, {})
            arrays.setdefault(entry.address, Match(target, entry, turned, name))
    return _sorted_out(found, source, used, wanted)


def _one_source_only(
    came: dict[str, tuple[str, Parameter]], goal: str, name: str, entry: Parameter
) -> None:
    first, other = came.setdefault(goal, (name, entry))
    if other is not entry:
        raise LoadError(
            f"two arrays of the source go to {goal}: {first} and {name}",
            hint="map= one of them to None, or to another address",
        )


def _sorted_out(
    found: Mapping[str, Mapping[str, Match]],
    source: Side,
    used: set[str],
    wanted: Mapping[str, Parameter],
) -> Matching:
    matches: dict[str, tuple[Match, ...]] = {}
    differing: list[ShapeDiffers] = []
    for address in wanted:
        fitting: list[Match] = []
        for each in found.get(address, {}).values():
            expected = each.target.shape[::-1] if each.transposed else each.target.shape
            if each.source.shape == expected:
                fitting.append(each)
            else:
                differing.append(ShapeDiffers(address, each.through, expected, each.source.shape))
        if fitting:
            matches[address] = tuple(fitting)
    return Matching(
        matches,
        tuple(address for address in wanted if address not in found),
        tuple(address for address in source.parameters if address not in used),
        tuple(differing),
    )
