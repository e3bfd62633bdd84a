"""An optimizer's variables: its slots, each below the parameter it belongs to, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parametry.conventions.names import automatic
from parametry.core.address import join, part
from parametry.core.parameter import Parameter
from parametry.frameworks.keras.dialect import Dialect
from parametry.frameworks.keras.store import VariableStore
from parametry.frameworks.keras.walk import Tree, held_dtype

__all__ = ["optimizer_parameters", "trained_by"]

# Lists of variables that may be as long as the list of what is trained, by chance or by design.
_NO_SLOTS = frozenset({"_trainable_variables", "_variables"})


def optimizer_parameters(
    optimizer: Any, tree: Tree, scope: str = "optimizer"
) -> dict[str, Parameter]:
    """The optimizer's variables by address: ``optimizer/dense/kernel/momentum``.

    A slot belongs to a model's variable by its place in the optimizer's own lists, never by its
    name, which two variables may share.

    Args:
        optimizer: The optimizer; not changed.
        tree: The model that it trains, as walked.
        scope: The first part of the addresses.
    """
    dialect = tree.dialect
    inner = _inner(optimizer)
    slots = {id(slot): below for slot, below in _slots(optimizer, tree)}
    out: dict[str, Parameter] = {}
    own = {id(variable): variable for variable in _variables(optimizer)}
    if inner is not None:
        for variable in _variables(inner):
            own.pop(id(variable), None)
    for identity, variable in own.items():
        below = slots.get(identity) or part(_own_name(optimizer, variable, dialect))
        address, number = join(scope, below), 0
        while address in out:
            number += 1
            address = f"{join(scope, below)}_{number}"
        out[address] = Parameter(
            address,
            dialect.native_name(variable),
            tuple(variable.shape),
            held_dtype(variable),
            "optimizer",
            scope,
            type(optimizer).__name__,
            VariableStore(variable, optimizer, address),
        )
    if inner is not None:
        out.update(optimizer_parameters(inner, tree, join(scope, "inner_optimizer")))
    return out


def trained_by(optimizer: Any, tree: Tree) -> list[Any]:
    """The model's variables that an optimizer has slots for, in its own order; none if unbuilt."""
    stored = (_inner(optimizer) or optimizer).__dict__
    return list(stored.get("_trainable_variables") or _trained_by_keras2(stored, tree))


def _inner(optimizer: Any) -> Any:
    """The optimizer that a loss scale wraps."""
    stored = optimizer.__dict__
    inner = stored.get("inner_optimizer", stored.get("_optimizer"))
    return inner if hasattr(inner, "variables") else None


def _variables(optimizer: Any) -> list[Any]:
    variables = optimizer.variables
    return list(variables() if callable(variables) else variables)


def _own_name(optimizer: Any, variable: Any, dialect: Dialect) -> str:
    """What a variable that is no slot is called: its name, or its attribute if nobody named it."""
    name = dialect.variable_name(variable)
    if automatic(name, type(variable).__name__) is None:
        return name
    held = (key for key, value in optimizer.__dict__.items() if value is variable)
    return next(held, name).lstrip("_")


def _slots(optimizer: Any, tree: Tree) -> Iterator[tuple[Any, str]]:
    """Each slot variable with the ``address/slot`` of the model's variable it belongs to."""
    stored = optimizer.__dict__
    legacy = stored.get("_slots")
    if isinstance(legacy, dict):
        yield from _legacy_slots(legacy, tree)
        return
    trained = trained_by(optimizer, tree)
    if not trained:
        return
    for attribute, values in stored.items():
        if attribute in _NO_SLOTS or not isinstance(values, list) or len(values) != len(trained):
            continue
        for variable, slot in zip(trained, values, strict=True):
            known = tree.variables.get(id(variable))
            if slot is not None and known is not None and hasattr(slot, "shape"):
                name = _slot_name(variable, slot, attribute)
                yield slot, join(known.addresses[0], part(name))


def _slot_name(variable: Any, slot: Any, attribute: str) -> str:
    """``momentum``: what the slot's name has beside the variable's, or its list's name."""
    if hasattr(variable, "path"):
        prefix = variable.path.replace("/", "_") + "_"
        name = str(slot.name)
        return name.removeprefix(prefix) if name.startswith(prefix) else attribute.lstrip("_")
    # Keras 2: ``Adam/m/dense/kernel:0`` is the slot ``m`` of ``dense/kernel:0``.
    name, suffix = str(slot.name), f"/{variable.name}"
    return name.removesuffix(suffix).rpartition("/")[2] if name.endswith(suffix) else attribute


def _trained_by_keras2(stored: Mapping[str, Any], tree: Tree) -> list[Any]:
    """What an optimizer of Keras 2 trains, in its order: it keeps its variables' keys alone."""
    order = stored.get("_index_dict")
    if not isinstance(order, dict):
        return []
    by_key = {_key(found.native): found.native for found in tree.variables.values()}
    return [by_key.get(key) for key in sorted(order, key=lambda key: int(order[key]))]


def _legacy_slots(slots: Mapping[Any, Any], tree: Tree) -> Iterator[tuple[Any, str]]:
    """The slots of ``tf_keras.optimizers.legacy``: by the variable's key, then by name."""
    for found in tree.variables.values():
        for name, slot in (slots.get(_key(found.native)) or {}).items():
            yield slot, join(found.addresses[0], part(str(name)))


def _key(variable: Any) -> Any:
    """The key by which Keras 2's optimizers know a variable."""
    return getattr(variable, "_unique_id", None)
