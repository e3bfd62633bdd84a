"""Saving and loading a layer that sees some of its variables transposed, by Keras's own way.

By default Keras saves the variables in a layer's lists. Where a transposed view stands before one,
the file must hold what the layer sees: so any Keras loads it, into a layer with arrays of its own.
"""

from __future__ import annotations

import functools
from typing import Any

from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.places import places_of
from parametry.frameworks.keras.transposed import is_view

__all__ = ["save_what_is_seen"]


def save_what_is_seen(layer: Any, edits: Edits) -> None:
    """Let a layer with views save and load through them; one without, as its class does.

    Args:
        layer: A layer. Classes that save by attribute, as ``Dense`` does, need nothing.
        edits: Notes what is changed.
    """
    import keras

    names = ("save_own_variables", "load_own_variables")
    views = any(is_view(place.array) for place in places_of(layer).values())
    for name, function in zip(names, (_save, _load), strict=True):
        of_keras = getattr(type(layer), name) is getattr(keras.layers.Layer, name)
        if views and of_keras:
            edits.put(layer.__dict__, name, functools.partial(function, layer))
        elif isinstance(layer.__dict__.get(name), functools.partial):
            edits.remove(layer.__dict__, name)


def _seen(layer: Any) -> list[Any]:
    """The variables in a layer's lists, or the views that the layer has of them."""
    seen = [*layer._trainable_variables, *layer._non_trainable_variables]
    for index, place in places_of(layer).items():
        seen[index] = place.array
    return seen


def _save(layer: Any, store: Any) -> None:
    for index, variable in enumerate(_seen(layer)):
        store[str(index)] = variable


def _load(layer: Any, store: Any) -> None:
    layer._check_load_own_variables(store)
    for index, variable in enumerate(_seen(layer)):
        variable.assign(store[str(index)])
