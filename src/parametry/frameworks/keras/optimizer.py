"""A Keras optimizer: what it was given, its rate as it is now, its exclusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parametry.core.address import join
from parametry.core.coverage import Gap
from parametry.core.described import Described, Flattener, merge
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.ledger import Record, described_call, ledger
from parametry.core.per_class import per_class
from parametry.core.value import UNSET, Plain, Unset
from parametry.frameworks.keras.describe import (
    Describer,
    constructed,
    keras_class_name,
    label_of,
    read_scalar,
)
from parametry.frameworks.keras.dialect import is_of_keras

__all__ = [
    "holders_of_rates",
    "is_optimizer",
    "last_known",
    "optimizer_hyperparameters",
    "optimizer_step",
    "optimizers_of",
]


def optimizer_hyperparameters(
    optimizer: Any, describer: Describer, scope: str = "optimizer"
) -> dict[str, Hyperparameter]:
    """The hyperparameters of an optimizer by address, the rate as it is now among them.

    Args:
        optimizer: The optimizer; not changed.
        describer: Describes the objects among its arguments.
        scope: The first part of the addresses.
    """
    effective = Flattener(describer)
    effective.add(scope, _live(optimizer, describer))
    record = ledger.find(optimizer)
    passed = None
    if record is not None:
        seen = Flattener(describer)
        label = label_of(type(optimizer).__name__)
        call = constructed(record.construction, optimizer, label)
        if call is not None:
            seen.add(scope, call)
        for name, other in record.calls.items():
            seen.add(join(scope, name), described_call(other))
        passed = seen.rows
    merged = merge(effective.rows, passed)
    _mark_live(merged, scope)
    if record is not None:
        for name, changes in record.changes.items():
            _add_changes(merged, join(scope, name), tuple(changes))
    inner = getattr(optimizer, "__dict__", {}).get("inner_optimizer")
    if inner is not None:
        address = join(scope, "inner_optimizer")
        merged = {
            known: entry
            for known, entry in merged.items()
            if known != address and not known.startswith(address + "/")
        }
        merged.update(optimizer_hyperparameters(inner, describer, address))
    return merged


def optimizers_of(model: Any) -> list[Any]:
    """The optimizers that a model holds: ``compile``'s, or those of a ``compile`` of its own.

    Args:
        model: A Keras model; its attributes are read, no property is called.
    """
    stored = getattr(model, "__dict__", {})
    held = [stored.get("optimizer"), *stored.values()]
    found = list({id(thing): thing for thing in held if is_optimizer(thing)}.values())
    if len(found) > 1 and _is_left_over(found[0]):
        return found[1:]
    return found


def _is_left_over(optimizer: Any) -> bool:
    """Whether Keras made it for a ``super().compile()`` that named none."""
    record = ledger.find(optimizer)
    return (
        record is not None and record.construction is not None and record.construction.by_framework
    )


def is_optimizer(thing: Any) -> bool:
    """Whether it is a Keras optimizer."""
    return _is_optimizer_class(type(thing))


@per_class
def _is_optimizer_class(cls: type) -> bool:
    return any(
        ancestor.__name__ in ("BaseOptimizer", "Optimizer", "_BaseOptimizer", "OptimizerV2")
        and is_of_keras(ancestor)
        for ancestor in cls.__mro__
    )


def _live(optimizer: Any, describer: Describer) -> Described:
    cls = type(optimizer)
    fields = describer.kept(optimizer)
    fields.update(optimizer.__dict__.get("_hyper") or {})  # where Keras 2's legacy ones keep theirs
    if "learning_rate" in fields:
        fields["learning_rate"] = _rate(optimizer, fields["learning_rate"], describer)
    for name in ("_hyper", "_index_dict"):
        fields.pop(name, None)
    exclusions = _exclusions(optimizer)
    if exclusions is not None:
        fields["exclude_from_weight_decay"] = exclusions
    return Described(keras_class_name(cls), label_of(cls.__name__), fields)


def _rate(optimizer: Any, held: Any, describer: Describer) -> Any:
    """The rate as it is now, with the schedule or function that gives it below."""
    stored = optimizer.__dict__.get("_learning_rate", held)
    if callable(stored) and not hasattr(stored, "assign"):
        described = describer(stored)
        if not isinstance(described, Described):
            return described
        now = _scheduled(optimizer, stored)
        if isinstance(now, Unset):
            reason = "the rate as it is now cannot be read here: only what gives it is told"
            describer.gaps.append(Gap("optimizer/learning_rate", reason))
        label = described.label if isinstance(now, Unset) else now
        return Described(described.class_name, label, described.fields)
    scalar = read_scalar(stored)
    if isinstance(scalar, Unset):
        # On JAX a fit that failed leaves its optimizer's variables without values.
        record = ledger.find(optimizer)
        scalar = UNSET if record is None else record.rate
    return held if isinstance(scalar, Unset) else scalar


def _scheduled(optimizer: Any, schedule: Any) -> Plain | Unset:
    """A schedule's rate at the optimizer's present step; UNSET where there is none now."""
    if not type(schedule).__module__.startswith(("keras.", "tf_keras.")):
        return UNSET  # a user's own function may do anything: it is not called
    try:
        return read_scalar(schedule(optimizer.iterations))
    except Exception:  # inside a compiled function there is no present step
        return UNSET


def _mark_live(merged: dict[str, Hyperparameter], scope: str) -> None:
    address = join(scope, "learning_rate")
    entry = merged.get(address)
    if entry is not None and entry.origin is None:
        merged[address] = Hyperparameter(address, entry.value, entry.passed, "live", entry.where)


def _add_changes(
    merged: dict[str, Hyperparameter], address: str, changes: tuple[Change, ...]
) -> None:
    entry = merged.get(address)
    if entry is not None:
        merged[address] = Hyperparameter(
            address, entry.value, entry.passed, entry.origin, entry.where, changes
        )


def last_known(record: Record, entries: Mapping[str, Hyperparameter]) -> dict[str, Hyperparameter]:
    """The optimizer of a model as it was when last seen, with what changed since.

    Args:
        record: The model's record, which holds its optimizer's; the optimizer itself may be gone.
        entries: The model's hyperparameters as they were when last seen.
    """
    address = "optimizer/learning_rate"
    found = {known: entries[known] for known in entries if known.partition("/")[0] == "optimizer"}
    entry = found.get(address)
    known = None if record.optimizer is None else record.optimizer.record
    changes = () if known is None else tuple(known.changes.get("learning_rate", ()))
    if entry is not None and len(changes) > len(entry.changes):
        last = changes[-1].new
        value = entry.value if isinstance(last, Unset) else last
        passed = entry.value if isinstance(entry.passed, Unset) else entry.passed
        found[address] = replace(entry, value=value, passed=passed, changes=changes)
    return found


def _exclusions(optimizer: Any) -> Any:
    """What weight decay leaves out: patterns of names, and how many variables by identity."""
    stored = optimizer.__dict__
    pattern = stored.get("_exclude_from_weight_decay_pattern")
    variables = stored.get("_exclude_from_weight_decay")
    if pattern is None and not variables:
        return None
    fields: dict[str, Any] = {}
    if pattern is not None:
        fields["var_names"] = pattern.pattern.split("|") if hasattr(pattern, "pattern") else pattern
    if variables:
        fields["variables"] = len(variables)
    return Described(None, UNSET, fields)


def holders_of_rates(optimizer: Any, scope: str) -> list[tuple[Any, str]]:
    """The optimizers that have a learning rate of their own, each with the rate's address.

    One that wraps another, or several, has none: those within it do.

    Args:
        optimizer: A Keras optimizer.
        scope: The first part of its addresses.
    """
    stored = getattr(optimizer, "__dict__", {})
    inner = stored.get("inner_optimizer")
    if inner is not None:
        return holders_of_rates(inner, join(scope, "inner_optimizer"))
    several = stored.get("_inner_optimizers")
    if several is not None:
        return [
            found
            for number, each in enumerate(list(several))
            for found in holders_of_rates(each, join(scope, "optimizers", str(number)))
        ]
    if stored.get("_learning_rate") is None:
        return []
    return [(optimizer, join(scope, "learning_rate"))]


def optimizer_step(optimizer: Any) -> int | None:
    """The optimizer's own count of steps; None inside a compiled function."""
    scalar = read_scalar(optimizer.__dict__.get("_iterations"))
    return scalar if isinstance(scalar, int) else None
