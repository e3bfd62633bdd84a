"""Copies of a layer without values, to learn what it declares when it is built.

A layer that passes an initializer to ``add_weight`` alone keeps it nowhere: Keras calls it once
and lets it go. Where the layer's configuration tells how to make it again, a second one is made and
built in a scope in which Keras notes a variable's initializer instead of calling it.
"""

from __future__ import annotations

from typing import Any

from parametry.frameworks.keras.dialect import dialect_of, is_of_keras
from parametry.frameworks.keras.randomness import seeded

__all__ = ["given_to_add_weight"]


def given_to_add_weight(layer: Any, variable: Any) -> Any:
    """The initializer that a user's layer gave to ``add_weight`` for one of its variables.

    The layer's own constructor and ``build`` are run for a copy of it; the layer stays as it is.

    Returns:
        None where it cannot be known: the class tells no configuration, a model of Keras 3 keeps
        the arguments of its constructor nowhere, or the copy differs from the layer.
    """
    if dialect_of(layer).package != "keras" or not _tells_its_arguments(layer):
        return None
    try:
        with seeded(0):
            own = _own(_copy_of(layer))
    except Exception:  # a user's constructor that cannot be run twice tells nothing
        return None
    theirs = _own(layer)
    if [_form(each) for each in own] != [_form(each) for each in theirs]:
        return None
    twin = next(b for a, b in zip(theirs, own, strict=True) if a is variable)
    return twin._initializer


def _copy_of(layer: Any) -> Any:
    from keras import StatelessScope
    from keras.src.backend.common import global_state

    name = "uninitialized_variables"
    waiting = list(global_state.get_global_attribute(name, []))
    try:
        with StatelessScope(initialize_variables=False):
            twin = type(layer).from_config(layer.get_config())
            shapes = layer.__dict__.get("_build_shapes_dict") or {}
            if shapes and not twin.built:
                twin.build(**shapes) if len(shapes) > 1 else twin.build(*shapes.values())
    finally:
        # Keras would give these their values when the next scope ends.
        global_state.set_global_attribute(name, waiting)
    return twin


def _own(layer: Any) -> list[Any]:
    return [variable for variable, _ in dialect_of(layer).variables(layer)]


def _form(variable: Any) -> tuple[str, tuple[int, ...], str]:
    return str(variable.name), tuple(variable.shape), str(variable.dtype)


def _tells_its_arguments(layer: Any) -> bool:
    """Whether ``get_config`` can be believed: Keras fills in a model's with defaults."""
    import inspect

    import keras

    if not isinstance(layer, keras.Model):
        return True
    by = next(cls for cls in type(layer).__mro__ if "get_config" in cls.__dict__)
    if not is_of_keras(by):
        return True
    taken = list(inspect.signature(type(layer).__init__).parameters.values())[1:]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(each.kind in kinds or each.name in ("name", "dtype") for each in taken)
