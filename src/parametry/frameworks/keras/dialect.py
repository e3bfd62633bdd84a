"""How Keras 3 and Keras 2 keep a layer's variables and sublayers: the same questions of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Protocol

from parametry.core.parameter import Role
from parametry.core.per_class import per_class

__all__ = ["Dialect", "Keras2", "Keras3", "dialect_of", "is_of_keras", "loaded_keras"]


class Dialect(Protocol):
    """The questions that walking a model asks of its objects."""

    package: str
    every_layer_freezes: bool
    """Whether each layer that is frozen keeps all below it from training, or the root alone."""
    names_inputs_after_layers: bool
    """Whether the input of a Sequential is called after the layer that it feeds."""

    def sublayers(self, layer: Any) -> list[Any]:
        """The layers directly below, one that is used twice possibly twice."""
        ...

    def variables(self, layer: Any) -> Iterator[tuple[Any, Role]]:
        """The layer's own variables with their roles, without its sublayers'."""
        ...

    def seed_generators(self, layer: Any) -> list[Any]:
        """The layer's own generators of random numbers, each with one variable."""
        ...

    def variable_name(self, variable: Any) -> str:
        """The variable's own name, without its path."""
        ...

    def native_name(self, variable: Any) -> str:
        """The variable's name as the framework spells it."""
        ...

    def shape(self, variable: Any) -> tuple[int, ...]:
        """The variable's shape."""
        ...

    def called(self, parent: Any) -> list[Any]:
        """The layers that a parent's graph calls, once for each call; none without a graph."""
        ...


def loaded_keras() -> Any:
    """The loaded ``keras`` package. Only called with an object of Keras at hand."""
    return sys.modules["keras"]


class Keras3:
    """Keras 3, on any backend."""

    package = "keras"
    every_layer_freezes = False
    names_inputs_after_layers = False

    def sublayers(self, layer: Any) -> list[Any]:
        """See `Dialect.sublayers`."""
        return layer.__dict__.get("_layers") or []

    def variables(self, layer: Any) -> Iterator[tuple[Any, Role]]:
        """See `Dialect.variables`."""
        attributes = layer.__dict__
        for variable in attributes.get("_trainable_variables") or ():
            yield variable, ("trainable" if variable.trainable else "frozen")
        for variable in attributes.get("_non_trainable_variables") or ():
            yield variable, "state"

    def seed_generators(self, layer: Any) -> list[Any]:
        """See `Dialect.seed_generators`."""
        return layer.__dict__.get("_seed_generators") or []

    def variable_name(self, variable: Any) -> str:
        """See `Dialect.variable_name`."""
        return str(variable.name)

    def native_name(self, variable: Any) -> str:
        """See `Dialect.native_name`."""
        return str(variable.path)

    def shape(self, variable: Any) -> tuple[int, ...]:
        """See `Dialect.shape`."""
        # On TensorFlow the property makes a TensorShape, which takes longer than all the rest.
        stored = variable.__dict__.get("_shape")
        return tuple(variable.shape) if type(stored) is not tuple else stored

    def called(self, parent: Any) -> list[Any]:
        """See `Dialect.called`."""
        stored = parent.__dict__
        # On the torch backend layers stand in `_modules`.
        graph = stored.get("_functional") or (stored.get("_modules") or {}).get("_functional")
        graph = graph or parent
        by_depth = graph.__dict__.get("_nodes_by_depth") or {}
        return [node.operation for nodes in by_depth.values() for node in nodes]


class Keras2:
    """Keras 2, as the package ``tf_keras``."""

    package = "tf_keras"
    every_layer_freezes = True
    names_inputs_after_layers = True

    def sublayers(self, layer: Any) -> list[Any]:
        """See `Dialect.sublayers`."""
        return list(layer._flatten_layers(recursive=False, include_self=False))

    def variables(self, layer: Any) -> Iterator[tuple[Any, Role]]:
        """See `Dialect.variables`."""
        # A layer whose constructor failed has neither list; a lookup keeps its table there too.
        stored = layer.__dict__
        for variable in stored.get("_trainable_weights") or ():
            if hasattr(variable, "shape"):
                trains = stored.get("_trainable", True) and variable.trainable
                yield variable, ("trainable" if trains else "frozen")
        for variable in stored.get("_non_trainable_weights") or ():
            if hasattr(variable, "shape"):
                yield variable, "state"

    def seed_generators(self, layer: Any) -> list[Any]:
        """See `Dialect.seed_generators`; Keras 2 keeps them outside of its layers' variables."""
        return []

    def variable_name(self, variable: Any) -> str:
        """See `Dialect.variable_name`."""
        return str(variable.name).rpartition("/")[2].partition(":")[0]

    def native_name(self, variable: Any) -> str:
        """See `Dialect.native_name`."""
        return str(variable.name)

    def shape(self, variable: Any) -> tuple[int, ...]:
        """See `Dialect.shape`."""
        return tuple(variable.shape)

    def called(self, parent: Any) -> list[Any]:
        """See `Dialect.called`."""
        by_depth = parent.__dict__.get("_nodes_by_depth") or {}
        return [node.layer for nodes in by_depth.values() for node in nodes]


def dialect_of(thing: object) -> Dialect:
    """The dialect of a Keras object, by the first of its ancestors that is Keras's."""
    for ancestor in type(thing).__mro__:
        root = ancestor.__module__.partition(".")[0]
        if root == "keras":
            return Keras3()
        if root == "tf_keras":
            return Keras2()
    raise TypeError(f"{type(thing)!r} is no class of Keras")


@per_class
def is_of_keras(cls: type) -> bool:
    """Whether a class is Keras's own rather than a user's."""
    return cls.__module__.partition(".")[0] in ("keras", "tf_keras")
