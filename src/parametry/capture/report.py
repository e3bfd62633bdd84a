"""One record of a whole program: all of its models, optimizers and phases, numbered by scope."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from parametry.capture.constants import constants_of_module
from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.ledger import Event, Record, ledger
from parametry.core.mappings import Hyperparameters
from parametry.core.model import Model
from parametry.core.phase import Phase, Phases
from parametry.core.report import Report
from parametry.core.secrets import withhold, withhold_arguments
from parametry.core.value import UNSET
from parametry.core.watch import watch
from parametry.frameworks.keras.describe import Describer
from parametry.frameworks.keras.observe import root_models
from parametry.frameworks.keras.optimizer import (
    is_optimizer,
    last_known,
    optimizer_hyperparameters,
    optimizers_of,
)
from parametry.frameworks.registry import find

__all__ = ["build_report", "moved_address", "moved_change", "number_of"]

_MOST_MODELS = 50
# Scopes of which each model has its own; script/ and environment/ are the program's.
_OWN_SCOPES = frozenset({"model", "optimizer", "compile", "fit", "data", "callbacks", "load"})


def build_report(
    program: list[str], outcome: str, *, models: Sequence[Any] | None = None
) -> Report:
    """Everything that capture saw of this program until now.

    Args:
        program: The command line: what was run, then its arguments.
        outcome: How it ended, as `Report.outcome` has it.
        models: The live models that it is to be about, the first of them as ``model``; None for
            all that were made, and for optimizers that belong to none.
    """
    gaps: list[Gap] = []
    found = (
        _all_models(gaps) if models is None else [(thing, ledger.record(thing)) for thing in models]
    )
    seen = list(_views(found, gaps))
    values: dict[str, Hyperparameter] = {}
    told: dict[str, Model] = {}
    events: list[tuple[int, str, Event]] = []
    numbers = range(len(seen)) if models is not None else _numbers([record for _, record in seen])
    for number, (model, record) in zip(numbers, seen, strict=True):
        scope = _numbered("model", number)
        told[scope] = model
        own = {**model.hyperparameters, **last_known(record, model.hyperparameters)}
        for address, entry in own.items():
            moved = _moved(entry, address, number)
            values[moved.address] = moved
        events += [(event.order, scope, event) for event in record.events]
        gaps += [_moved_gap(gap, number) for gap in model.coverage]
    if models is None:
        _add_other_optimizers(values, events)
    if not any(kind in ("fit", "train") for kind in (event.kind for _, _, event in events)):
        _add_constants_of_main(values)
    _add_command(values, program)
    for address, entry in list(values.items()):
        if address.startswith("environment/"):
            values[address] = replace(entry, value=withhold(address, entry.value))
    gaps += watch.gaps
    source = f"the report of {program[0] if program else 'this program'}"
    return Report(
        program=" ".join(str(word) for word in _words(program)),
        outcome=outcome,
        hyperparameters=Hyperparameters(_in_order(values), source=source),
        models=told,
        phases=_phases(sorted(events, key=lambda item: item[0])),
        coverage=tuple(dict.fromkeys(gaps)),
    )


def number_of(model: Any) -> int:
    """Which of all the program's models a model is in `build_report`; it stays so from now on.

    Args:
        model: A live model.
    """
    record = ledger.record(model)
    if record.number is None:
        records = [record for _, record in _every_model()]
        numbers = dict(zip(map(id, records), _numbers(records), strict=True))
        # A model within another one is none of the list.
        record.number = numbers.get(id(record), max(numbers.values(), default=-1) + 1)
    return record.number


def _numbers(records: Sequence[Record]) -> list[int]:
    """The numbers of models: those that were told already, and for the others what they leave."""
    told = {record.number for record in records}
    free = (number for number in itertools.count() if number not in told)
    return [next(free) if record.number is None else record.number for record in records]


def _all_models(gaps: list[Gap]) -> list[tuple[Any, Record]]:
    """The first models that were seen; None for one that is gone."""
    found = _every_model()
    if len(found) > _MOST_MODELS:
        reason = f"{len(found)} models were made: the first {_MOST_MODELS} are told"
        gaps.append(Gap("model/", reason))
    return found[:_MOST_MODELS]


def _every_model() -> list[tuple[Any, Record]]:
    """Every model that was seen, in the order of their making; None for one that is gone."""
    found: list[tuple[Any, Record]] = [
        (None, record) for record in ledger.departed if record.events
    ]
    found += [(model, ledger.record(model)) for model in root_models()]
    return sorted(found, key=lambda item: item[1].order)


def _views(found: Sequence[tuple[Any, Record]], gaps: list[Gap]) -> Iterator[tuple[Model, Record]]:
    """Models that live as they are now, the others as last seen."""
    for thing, record in found:
        framework = None if thing is None else find(thing)
        if framework is not None:
            try:
                model = framework.inspect(thing)
                len(model.hyperparameters)  # worked out here, where a fault can still be told
                yield model, record
                continue
            except Exception as error:  # a model in a state that its framework never gives it
                gaps.append(Gap(record.class_name, f"{type(error).__name__}: {error}"))
        if record.snapshot is not None:
            yield record.snapshot[1], record


def _numbered(scope: str, number: int) -> str:
    return f"{scope}_{number}" if number else scope


def moved_address(address: str, number: int) -> str:
    """An address of a model's own scopes as it stands in a report of several models.

    Args:
        address: The address as the model has it.
        number: Which of the models it is, from 0 on.

    Example:
        >>> moved_address("optimizer/learning_rate", 2), moved_address("script/seed", 2)
        ('optimizer_2/learning_rate', 'script/seed')
    """
    scope, slash, below = address.partition("/")
    return _numbered(scope, number) + slash + below if scope in _OWN_SCOPES else address


def moved_change(change: Change, number: int) -> Change:
    """A change of one of several models; a callback that made it has an address of its own."""
    return replace(change, cause=moved_address(change.cause, number))


def _moved(entry: Hyperparameter, address: str, number: int) -> Hyperparameter:
    if not number and entry.address == address:
        return entry  # the first model's addresses are as it has them
    changes = tuple(moved_change(change, number) for change in entry.changes)
    return replace(entry, address=moved_address(address, number), changes=changes)


def _moved_gap(gap: Gap, number: int) -> Gap:
    return Gap(moved_address(gap.subject, number), gap.reason)


def _add_other_optimizers(
    values: dict[str, Hyperparameter], events: list[tuple[int, str, Event]]
) -> None:
    """Optimizers that belong to no model: hand-written loops over variables alone."""
    living = list(ledger.alive())
    known = {id(record.optimizer.get()) for _, record in living if record.optimizer is not None}
    for thing, _ in living:
        known.update(id(found) for found in optimizers_of(thing))  # a model's, or one within one
    taken = {address.partition("/")[0] for address in values}
    for thing, record in living:
        if not is_optimizer(thing) or id(thing) in known:
            continue
        scopes = (_numbered("optimizer", number) for number in itertools.count())
        scope = next(scope for scope in scopes if scope not in taken)
        taken.add(scope)
        values.update(optimizer_hyperparameters(thing, Describer(), scope))
        for event in record.events:
            events.append((event.order, scope, event))
            values.update(event.values)


def _add_constants_of_main(values: dict[str, Hyperparameter]) -> None:
    """Where no training was seen to start: the script's own constants, as they are at its end."""
    main = sys.modules.get("__main__")
    if main is not None:
        with watch.guard("reading the script's constants"):
            values.update(constants_of_module(main))


def _words(program: list[str]) -> list[str]:
    return [word if isinstance(word, str) else "…" for word in withhold_arguments(list(program))]


def _add_command(values: dict[str, Hyperparameter], program: list[str]) -> None:
    for address, value in (
        ("environment/program", program[0] if program else None),
        ("environment/arguments", withhold_arguments(list(program[1:]))),
    ):
        values[address] = Hyperparameter(address, value, UNSET, "derived")


def _in_order(values: Mapping[str, Hyperparameter]) -> dict[str, Hyperparameter]:
    """By scope, in the order in which people ask: the model, what trains it, the script."""
    order = ("model", "optimizer", "compile", "fit", "data", "callbacks", "load", "script")

    def rank(address: str) -> tuple[int, int]:
        scope = address.partition("/")[0]
        base, _, number = scope.rpartition("_")
        if number.isdigit() and base in order:
            return int(number), order.index(base)
        if scope in ("script", "environment"):
            return sys.maxsize, order.index(scope) if scope in order else len(order)
        return 0, order.index(scope) if scope in order else len(order)

    return {address: values[address] for address in sorted(values, key=rank)}


def _phases(events: list[tuple[int, str, Event]]) -> Phases:
    counts: dict[str, int] = {}
    out: dict[str, Phase] = {}
    for _, scope, event in events:
        count = counts[event.kind] = counts.get(event.kind, -1) + 1
        name = _numbered(event.kind, count)
        number = int(scope.rpartition("_")[2]) if scope.rpartition("_")[2].isdigit() else 0
        entries = {
            moved.address: moved
            for moved in (_moved(entry, own, number) for own, entry in event.values.items())
        }
        values = Hyperparameters(entries, source=name)
        out[name] = Phase(name, event.kind, values, event.where, event.times, scope)
    return Phases(out)
