"""The places in which layers keep variables, and what a tie has put there instead.

A tie puts another layer's variable, or a transposed view of it, into a layer's place. What the
layer itself called its variable there is noted on the layer, since its address must stay what it
was, and since a variable of its own may return.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.transposed import array_of, is_view, view_of

__all__ = ["Exchange", "Place", "places_of", "put_variable"]

Path: TypeAlias = tuple[Any, ...]
"""An attribute's name, then keys and indices into the lists and dicts in it."""

_NOTE = "_parametry_places"
_WEIGHTS = "_trainable_variables"
_STORE = "trainable_variables"  # what Keras's tracker calls the same list
_BOOKKEEPING = frozenset({_NOTE, _WEIGHTS, "_non_trainable_variables"})
_OF_TENSORFLOW = "_self_"
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a layer's list of weights that a tie has filled.

    Attributes:
        name: What the layer called its own variable.
        path: The same with the layer's path.
        regularizer: What the layer's own variable was regularized with.
        constraint: What it was constrained by.
        attributes: Where the layer's attributes lead to it.
        array: What stands there now: a variable, or a transposed view of one.
    """

    name: str
    path: str
    regularizer: Any
    constraint: Any
    attributes: tuple[Path, ...]
    array: Any


def places_of(layer: Any) -> Mapping[int, Place]:
    """What ties have put into a layer, by the position in its list of weights."""
    stored = layer.__dict__
    noted: Mapping[int, Place] | None = stored.get(_NOTE)
    if noted is None:
        return {}
    weights = stored[_WEIGHTS]
    # Quantizing a layer, or giving it LoRA weights, takes variables out of the list.
    return {
        index: place
        for index, place in noted.items()
        if index < len(weights) and weights[index] is array_of(place.array)
    }


@dataclass(frozen=True, slots=True)
class Exchange:
    """One variable for another.

    Attributes:
        old: The variable that goes.
        new: The variable that comes.
        transposed: Whether the new one is seen transposed where the old one was seen as it is.
    """

    old: Any
    new: Any
    transposed: bool

    def of(self, seen: Any, name: str, path: str) -> Any:
        """What comes where the old variable was seen, as it is or through a view.

        Args:
            seen: The old variable, or a view of it.
            name: What the layer calls it, for a view.
            path: The same with the layer's path.
        """
        direct = is_view(seen) == self.transposed
        return self.new if direct else view_of(self.new, name, path)


def put_variable(layer: Any, exchange: Exchange, edits: Edits, index: int | None = None) -> None:
    """Put one variable where a layer has another, in its list of weights and its attributes.

    Args:
        layer: A built layer; left alone where it does not have the old variable.
        exchange: Which goes, which comes.
        edits: Notes what is changed.
        index: The one position in the layer's list of weights that is meant; all by default.
    """
    old, stored = exchange.old, layer.__dict__
    weights = stored.get(_WEIGHTS) or []
    at = [place for place, held in enumerate(weights) if held is old] if index is None else [index]
    paths = tuple(_paths_to(layer, old))
    if not at and not paths:
        return
    places = dict(places_of(layer))
    claimed = {path for place in places.values() for path in place.attributes}
    unclaimed = tuple(path for path in paths if path not in claimed)
    for position in at:
        place = places.pop(position, None) or Place(
            old.name, old.path, old.regularizer, old.constraint, unclaimed, old
        )
        array = exchange.of(place.array, place.name, place.path)
        if is_view(array) or (array.name, array.path) != (place.name, place.path):
            places[position] = replace(place, array=array)
        edits.put(weights, position, exchange.new)
        for path in paths:
            if path in place.attributes:
                _put_at(layer, path, exchange, (place.name, place.path), edits)
    for path in _paths_to(layer, old) if index is None else ():
        _put_at(layer, path, exchange, (old.name, old.path), edits)
    edits.put(stored, _NOTE, places)
    edits.put(layer._tracker.stored_ids, _STORE, {id(variable) for variable in weights})


def _put_at(
    layer: Any, path: Path, exchange: Exchange, names: tuple[str, str], edits: Edits
) -> None:
    """Put the new variable, or a view of it, at the end of a path of attributes."""
    container = layer.__dict__
    for key in path[:-1]:
        container = container[key]

    def exchanged(value: Any) -> Any:
        if isinstance(value, tuple):
            items = [exchanged(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return exchange.of(value, *names) if _is_array(value, exchange.old) else value

    edits.put(container, path[-1], exchanged(container[path[-1]]))
    _note_for_tensorflow(layer, path[0], exchange, edits)


def _note_for_tensorflow(layer: Any, name: str, exchange: Exchange, edits: Edits) -> None:
    """What TensorFlow notes of an attribute for its checkpoints is a variable, never a view."""
    names = layer.__dict__.get("_self_unconditional_dependency_names") or {}
    if names.get(name) is exchange.old:
        edits.put(names, name, exchange.new)
    noted = layer.__dict__.get("_self_unconditional_checkpoint_dependencies") or []
    for index, reference in enumerate(noted):
        if reference.name == name and reference.ref is exchange.old:
            edits.put(noted, index, type(reference)(name, exchange.new))


def _paths_to(layer: Any, variable: Any) -> Iterator[Path]:
    """The paths of attributes that lead to a variable, or to a view of it."""
    for name, value in list(layer.__dict__.items()):
        if name not in _BOOKKEEPING and not name.startswith(_OF_TENSORFLOW):
            yield from _paths_below((name,), value, variable)


def _paths_below(path: Path, value: Any, variable: Any) -> Iterator[Path]:
    if _is_array(value, variable) or _tuple_holds(value, variable):
        yield path
    elif isinstance(value, (list, dict)) and len(path) <= _DEEPEST:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield from _paths_below((*path, key), item, variable)


def _tuple_holds(value: Any, variable: Any) -> bool:
    return isinstance(value, tuple) and any(
        _is_array(item, variable) or _tuple_holds(item, variable) for item in value
    )


def _is_array(value: Any, variable: Any) -> bool:
    return value is variable or (is_view(value) and array_of(value) is variable)
