"""The places in which layers keep variables, and what a tie has put there instead.

A tie puts another layer's variable, or a transposed view of it, into a layer's place. What the layer
itself called its variable there is noted on the layer, since its address must stay what it was, and
since a variable of its own may return.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.transposed import array_of, is_view, view_of

__all__ = ["Place", "places_of", "put_variable"]

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


def put_variable(
    layer: Any,
    old: Any,
    new: Any,
    *,
    transposed: bool,
    edits: Edits,
    index: int | None = None,
) -> None:
    """Put one variable where a layer has another, in its list of weights and its attributes.

    Args:
        layer: A built layer; left alone where it does not have the old variable.
        old: The variable that goes.
        new: The variable that comes.
        transposed: Whether the new one is seen transposed where the old one was seen as it is.
        edits: Notes what is changed.
        index: The one position in the layer's list of weights that is meant; all by default.
    """
    weights = layer.__dict__.get(_WEIGHTS) or []
    places = dict(places_of(layer))
    everywhere = tuple(_paths_to(layer, old))
    claimed = {path for place in places.values() for path in place.attributes}
    free = tuple(path for path in everywhere if path not in claimed)
    view: Any = None
    exchanged: set[Path] = set(everywhere) if index is None else set()
    for position in [index] if index is not None else _positions(weights, old):
        place = places.pop(position, None) or Place(
            old.name, old.path, old.regularizer, old.constraint, free, old
        )
        if is_view(place.array) == transposed:
            array = new
        else:
            array = view = view or view_of(new, place.name, place.path)
        if (array.name, array.path) != (place.name, place.path) or is_view(array):
            places[position] = replace(place, array=array)
        exchanged.update(place.attributes)
        edits.put(weights, position, new)
    if exchanged and view is None:
        view = view_of(new, old.name, old.path) if len(new.shape) == 2 else new
    for path in exchanged:
        _exchange(layer, path, old, new, view, transposed, edits)
    if places or _NOTE in layer.__dict__:
        edits.put(layer.__dict__, _NOTE, places)
    if weights:
        kept = {id(variable) for variable in weights}
        edits.put(layer._tracker.stored_ids, _STORE, kept)


def _positions(weights: list[Any], variable: Any) -> list[int]:
    return [index for index, held in enumerate(weights) if held is variable]


def _exchange(
    layer: Any, path: Path, old: Any, new: Any, view: Any, transposed: bool, edits: Edits
) -> None:
    """Put the new variable, or its view, at the end of a path of attributes."""
    container = layer.__dict__
    for key in path[:-1]:
        container = container[key]

    def successor(value: Any) -> Any:
        if isinstance(value, tuple):
            items = [successor(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if not _is_array(value, old):
            return value
        return new if is_view(value) == transposed else view

    edits.put(container, path[-1], successor(container[path[-1]]))
    # What TensorFlow notes for its checkpoints are variables: a view is none of them.
    stored = layer.__dict__
    names = stored.get("_self_unconditional_dependency_names")
    if names is not None and names.get(path[0]) is old:
        edits.put(names, path[0], new)
    for index, noted in enumerate(stored.get("_self_unconditional_checkpoint_dependencies") or ()):
        if noted.name == path[0] and noted.ref is old:
            edits.put(
                stored["_self_unconditional_checkpoint_dependencies"],
                index,
                type(noted)(noted.name, new),
            )


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
