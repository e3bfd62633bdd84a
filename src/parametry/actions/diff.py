"""`parametry.diff`: what differs between two models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from parametry.actions.comparing import Comparing
from parametry.actions.renaming import AddressMap, Renamed, renaming
from parametry.actions.viewing import view_of
from parametry.conventions.names import automatic
from parametry.core.address import nearest
from parametry.core.counterparts import Goal, Pair, likely_renames, pairs, tie_form
from parametry.core.difference import (
    Compared,
    Difference,
    HyperparameterDifference,
    HyperparameterDifferences,
    ParameterDifferences,
    Side,
    TieDifference,
)
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.pattern import Pattern, compile_pattern
from parametry.core.progress import Progress, unwatched
from parametry.core.report import Report
from parametry.core.tie import Tie
from parametry.core.value import class_name, same
from parametry.errors import LoadError, NotAModel, NothingMatched

__all__ = ["diff"]


def diff(
    first: Any,
    second: Any,
    *,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    values: bool = True,
    tolerance: float = 0.0,
    optimizer: bool = False,
    map: AddressMap | None = None,
    progress: Progress = unwatched,
) -> Difference:
    """What was chosen, learned and tied differently in two models.

    Both are read, not run, and stay as they are. Parameters are compared by address; one that is
    tied on one side is compared with what stands at its address on the other. Values are compared
    in float64, one parameter at a time, and those of files that can be mapped where they lie. An
    element differs if it is further than ``tolerance`` from its counterpart; with 0, if its bits
    differ. NaN equals NaN.

    Where two frameworks lay kernels out differently (torch's ``out, in`` and Keras's ``in, out``),
    the second's axes are reordered if the kernel's name or the shapes leave no doubt. A square
    kernel of which nothing tells how it lies is compared as it is, and marked as ambiguous.

    The names that Keras gives by counting (``dense_7``) are no difference, wherever two models'
    layers have the same address.

    Args:
        first: A live model, the path of a model's file, or what `parametry.inspect` gave.
        second: The model to compare it with, of whichever framework.
        select: Patterns of the addresses to compare, of hyperparameters and parameters alike
            (``"optimizer/**"``, ``"**/kernel"``); none means all.
        ignore: Patterns of addresses to leave out, as ``"environment/**"``; none unless given, and
            one that matches nothing is no error.
        values: Whether to compare parameters' values; False reads none.
        tolerance: The largest absolute difference of two elements that does not count.
        optimizer: Whether to compare the optimizers' slots too.
        map: Where the first's parameters stand in the second, as `parametry.convert` takes it:
            ``{"body/*/kernel": "layers/*/weight"}``; with None they are left out, with
            ``("address", "T")`` they are compared transposed.
        progress: Told the bytes that are compared and all that will be, as it goes on.

    Returns:
        A `Difference`: false where nothing differs.

    Raises:
        NotAModel: One of both is no model.
        FormatError: A file is of no known format, or damaged.
        SourceMissing: There is no such file.
        NothingMatched: A pattern of ``select`` matches no address of either model, one of ``map``
            none of the first, or leads to none of the second.
        LoadError: ``map`` sends two parameters to one address.
        PatternError: A pattern cannot be read.
        ValueUnavailable: A value cannot be read at this moment, as within a compiled step.
        ValueError: The tolerance is negative or not finite.

    Example:
        >>> import keras, parametry as pm                                        # doctest: +SKIP
        >>> before = keras.models.clone_model(net)                               # doctest: +SKIP
        >>> found = pm.diff(before, net)                                         # doctest: +SKIP
        >>> found.parameters["dense/kernel"].values.max_abs                      # doctest: +SKIP
        0.25
        >>> found.hyperparameters["optimizer/learning_rate"].second.value        # doctest: +SKIP
        0.01
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(
            f"a tolerance is a finite number that is not negative, {tolerance!r} was given\n"
            "hint: tolerance=0 counts every change, tolerance=1e-6 those above a millionth"
        )
    wanted = _Wanted(_patterns(select), _patterns(ignore))
    one, two = _view(first, "first"), _view(second, "second")
    addresses = [each for each in _addresses(one, two) if wanted(each)]
    goal = _goal(map, one, two, optimizer)
    held = [
        found for found in pairs(one.parameters, two.parameters, goal) if wanted(*found.addresses)
    ]
    slots = [
        found
        for found in pairs(one.optimizer_parameters, two.optimizer_parameters, goal)
        if optimizer and wanted(*found.addresses)
    ]
    ties = tuple(found for found in _ties(one.ties, two.ties) if wanted(*found.tie))
    wanted.must_have_matched(one, two)

    differing, origins = _chosen(one, two, addresses)
    comparing = Comparing(one.framework, two.framework, values, tolerance)
    comparing.watch(progress, (*held, *slots))
    return Difference(
        first=Side.of(one),
        second=Side.of(two),
        hyperparameters=differing,
        origins=origins,
        parameters=_compared(held, comparing),
        optimizer_parameters=_compared(slots, comparing),
        ties=ties,
        compared=Compared(
            hyperparameters=len(addresses),
            parameters=len(held),
            optimizer_parameters=len(slots),
            values=values,
            tolerance=float(tolerance),
            select=wanted.select,
            ignore=wanted.ignore,
        ),
    )


def _view(thing: Any, which: str) -> Model:
    view = view_of(thing)
    if view is not None:
        return view
    hint = "give a live model, a file's path, or what inspect gave"
    if isinstance(thing, type):
        hint = f"make one first: {thing.__name__}(...)"
    elif isinstance(thing, Report):
        hint = f"give one of its models: report.models[{next(iter(thing.models), 'model')!r}]"
    raise NotAModel(
        f"the {which} of what is to be compared is of class {class_name(type(thing))}, "
        "which is no model",
        hint=hint,
    )


# ---------------------------------------------------------------- which addresses


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


class _Wanted:
    """Which addresses are to be compared, and which patterns have matched any."""

    def __init__(self, select: tuple[str, ...], ignore: tuple[str, ...]) -> None:
        self.select = select
        self.ignore = ignore
        self._select = {pattern: compile_pattern(pattern) for pattern in select}
        self._ignore = [compile_pattern(pattern) for pattern in ignore]
        self._unmatched = dict(self._select)

    def __call__(self, *addresses: str) -> bool:
        """Whether what these addresses lead to is compared; any of them may be matched."""
        if not self.select and not self.ignore:
            return True
        matched = [name for name, form in self._select.items() if _any_matches(form, addresses)]
        for name in matched:
            self._unmatched.pop(name, None)
        if self._select and not matched:
            return False
        return not any(_any_matches(form, addresses) for form in self._ignore)

    def must_have_matched(self, one: Model, two: Model) -> None:
        """Raise if a pattern of ``select`` has matched nothing."""
        for pattern in self._unmatched:
            known = dict.fromkeys(
                address
                for model in (one, two)
                for held in (model.parameters, model.hyperparameters, model.optimizer_parameters)
                for address in held
            )
            close = nearest(pattern.replace("**/", "").replace("*", ""), known)
            hint = f"nearest: {', '.join(close)}" if close else "select=() compares everything"
            raise NothingMatched(
                f"{pattern!r} matches nothing in model {one.name!r} nor in {two.name!r}",
                hint=f"{hint}; slots are compared with optimizer=True alone",
            )


def _any_matches(pattern: Pattern, addresses: Iterable[str]) -> bool:
    return any(map(pattern.fullmatch, addresses))


# ---------------------------------------------------------------- what was chosen


def _addresses(one: Model, two: Model) -> dict[str, None]:
    """The addresses of all hyperparameters of both, in the first's order."""
    return dict.fromkeys((*one.hyperparameters, *two.hyperparameters))


def _chosen(
    one: Model, two: Model, addresses: Iterable[str]
) -> tuple[HyperparameterDifferences, HyperparameterDifferences]:
    """The hyperparameters that differ, and those of one value that came about differently."""
    # A mapping answers to other ways to an entry too; here an address is that address alone.
    ones, twos = dict(one.hyperparameters.items()), dict(two.hyperparameters.items())
    differing: dict[str, HyperparameterDifference] = {}
    origins: dict[str, HyperparameterDifference] = {}
    for address in addresses:
        first, second = ones.get(address), twos.get(address)
        if first is None or second is None or not same(first.value, second.value):
            found = HyperparameterDifference(address, first, second)
            if not _are_counted_names(found, one, two):
                differing[address] = found
        elif _other_origin(first, second):
            origins[address] = HyperparameterDifference(address, first, second)
    return HyperparameterDifferences(differing), HyperparameterDifferences(origins)


def _are_counted_names(found: HyperparameterDifference, one: Model, two: Model) -> bool:
    above, _, last = found.address.rpartition("/")
    sides = ((one, found.first), (two, found.second))
    return last == "name" and all(_is_counted(model, above, entry) for model, entry in sides)


def _is_counted(model: Model, above: str, name: Hyperparameter | None) -> bool:
    """Whether a name has the form that the framework gives by counting, which tells nothing."""
    if name is None or not isinstance(name.value, str):
        return False
    kind = model.hyperparameters.get(f"{above}/class")
    classes = [kind.value] if kind is not None and isinstance(kind.value, str) else []
    classes += [model.class_name] if above == "model" else []
    names = {found.rpartition(".")[2] for found in classes}
    # What was made by keras.Model(inputs, outputs) is of that class, and counts as Functional.
    names |= {"Functional"} if "Model" in names else set()
    return any(automatic(name.value, found) is not None for found in names)


def _other_origin(first: Hyperparameter, second: Hyperparameter) -> bool:
    """Whether a value came about differently, where it is known on both sides how it did."""
    if first.origin is None or second.origin is None:
        return False
    return first.origin != second.origin or not same(first.passed, second.passed)


# ---------------------------------------------------------------- what was learned, and ties


def _goal(rules: AddressMap | None, one: Model, two: Model, optimizer: bool) -> Goal:
    """Where the first's addresses are in the second, once it is sure that the rules can be meant.

    Raises:
        NothingMatched: A rule matches nothing in the first, or leads to nothing in the second.
        LoadError: Two arrays go to one address.
    """
    sides = [
        [*model.parameters.values(), *(model.optimizer_parameters.values() if optimizer else ())]
        for model in (one, two)
    ]
    ones, twos = ({at: e for e in side for at in (e.address, *e.aliases)} for side in sides)
    rename = renaming(rules, ones)
    if rules is not None:
        _must_lead_somewhere(rename, ones, twos)

    def goal(address: str) -> tuple[str, bool] | None:
        found = rename(address)
        return None if found.address is None else (found.address, found.transposed)

    return goal


def _must_lead_somewhere(
    rename: Callable[[str], Renamed], ones: Mapping[str, Parameter], twos: Mapping[str, Parameter]
) -> None:
    came: dict[str, str] = {}
    lost: dict[str, tuple[str, str]] = {}
    led: set[str] = set()
    for address, entry in ones.items():
        goal = rename(address)
        if goal.address is None or goal.by is None:
            continue
        other = came.setdefault(goal.address, address)
        if ones[other] is not entry:
            raise LoadError(
                f"map= sends both {other!r} and {address!r} to {goal.address!r}",
                hint="map= one of them to None, or to another address",
            )
        if goal.address in twos:
            led.add(goal.by)
        else:
            lost.setdefault(goal.by, (address, goal.address))
    for by, (address, goal_address) in lost.items():
        if by not in led:
            raise NothingMatched(
                f"map= sends {address!r} to {goal_address!r}, which the second model has not",
                hint=f"nearest: {', '.join(nearest(goal_address, twos)) or 'none'}",
            )


def _compared(found: Iterable[Pair], comparing: Comparing) -> ParameterDifferences:
    """The pairs that differ; the values of one pair after the other are read."""
    each = [comparing.difference(pair) for pair in found]
    out = [difference for difference in each if difference is not None]
    renames = likely_renames(
        (gone.first for gone in out if gone.first is not None and gone.second is None),
        (new.second for new in out if new.second is not None and new.first is None),
    )
    return ParameterDifferences(
        {
            each.address: each
            if each.kind == "changed"
            else replace(each, nearest=renames.get(each.address))
            for each in out
        }
    )


def _ties(one: Iterable[Tie], two: Iterable[Tie]) -> Iterator[TieDifference]:
    ones, twos = ({tie_form(tie): tie for tie in ties} for ties in (one, two))
    yield from (TieDifference("removed", tie) for form, tie in ones.items() if form not in twos)
    yield from (TieDifference("added", tie) for form, tie in twos.items() if form not in ones)
