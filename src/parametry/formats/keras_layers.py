"""What a Keras configuration tells of the layers in it: which class each has, with what arguments.

A configuration is plain data here; nothing that it names is imported or built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from parametry.conventions.names import snake_case
from parametry.conventions.variable_names import class_of_snake_case

__all__ = ["UNKNOWN", "Said", "guessed", "made_at", "said_of", "without_number"]

# Recurrent layers make their cell themselves, with their own arguments.
_CELLS: Final = {
    "LSTM": "LSTMCell",
    "GRU": "GRUCell",
    "SimpleRNN": "SimpleRNNCell",
    "ConvLSTM1D": "ConvLSTMCell",
    "ConvLSTM2D": "ConvLSTMCell",
    "ConvLSTM3D": "ConvLSTMCell",
}
_ATTENTION: Final = frozenset({"MultiHeadAttention", "GroupQueryAttention"})
_PROJECTIONS: Final = frozenset({"query_dense", "key_dense", "value_dense", "output_dense"})
# The order in which layers make those within themselves.
_ORDER: Final = {
    name: position
    for position, name in enumerate(
        (
            "forward_layer",
            "backward_layer",
            "query_dense",
            "key_dense",
            "value_dense",
            "softmax",
            "dropout_layer",
            "output_dense",
        )
    )
}
_WRAPPED: Final = ("layer", "cell", "cells", "forward_layer", "backward_layer")
_MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of one layer.

    Attributes:
        class_name: Its class; empty where nothing tells it.
        arguments: Its configuration; None where that is not in the file.
        trainable: Whether the layer itself says that it is trained.
    """

    class_name: str = ""
    arguments: Mapping[str, Any] | None = None
    trainable: bool = True
    _children: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def children(self) -> list[tuple[str, str]]:
        """Name and class of each layer that a graph lists, in its order."""
        return [(name, said_of(child).class_name) for name, child in self._children.items()]

    def child(self, name: str, component: str) -> Said:
        """What is known of a layer within.

        Args:
            name: Its name, as the file tells it.
            component: The attribute that leads to it, as ``cell`` or ``layers/dense_1``.
        """
        listed = self._children.get(name)
        if listed is not None:
            return said_of(listed)
        attribute = component.lstrip("_").partition("/")[0]
        if attribute == "cell" and self.class_name in _CELLS:
            return Said(_CELLS[self.class_name], self.arguments)
        if self.class_name in _ATTENTION and attribute in _PROJECTIONS:
            return Said("EinsumDense", self._projection(attribute))
        wrapped = self._wrapped(name, attribute)
        return guessed(name, component) if wrapped is None else said_of(wrapped)

    def _projection(self, attribute: str) -> Mapping[str, Any]:
        """The arguments that matter of the layers that attention makes for itself."""
        uses_bias = (self.arguments or {}).get("use_bias", True)
        return {"bias_axes": "e" if uses_bias else None, "of": attribute}

    def _wrapped(self, name: str, attribute: str) -> Any:
        """The configuration of the layer that a wrapper has as an argument."""
        arguments = self.arguments or {}
        if attribute == "forward_layer":
            return arguments.get("layer")
        if attribute == "backward_layer":
            return arguments.get("backward_layer") or arguments.get("layer")
        if attribute not in _WRAPPED:
            return None
        found = arguments.get(attribute)
        if isinstance(found, list):
            return next((one for one in found if _name_in(one) == name), None)
        return found


UNKNOWN: Final = Said()


def said_of(config: Any) -> Said:
    """What a layer's own configuration says: ``{"class_name": …, "config": {…}}``.

    Args:
        config: What stands where a configuration is expected; anything else tells nothing.

    Example:
        >>> said_of({"class_name": "Dense", "config": {"units": 3}}).class_name
        'Dense'
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        return UNKNOWN
    arguments = config.get("config")
    if not isinstance(arguments, dict):
        return Said(config["class_name"])
    layers = arguments.get("layers")
    children: dict[str, Any] = {}
    for child in layers if isinstance(layers, list) else ():
        name = _name_in(child)
        if name is not None:
            children.setdefault(name, child)
    return Said(
        config["class_name"], arguments, arguments.get("trainable", True) is not False, children
    )


def _name_in(config: Any) -> str | None:
    """The name that a configuration tells, inside of its arguments or beside them."""
    if not isinstance(config, dict):
        return None
    arguments = config.get("config")
    name = arguments.get("name") if isinstance(arguments, dict) else None
    name = config.get("name") if name is None else name
    return name if isinstance(name, str) else None


def made_at(component: str) -> int:
    """When a layer makes the one within that an attribute leads to, against the others it makes.

    Example:
        >>> made_at("forward_layer") < made_at("backward_layer")
        True
    """
    return _ORDER.get(component.lstrip("_"), len(_ORDER))


def guessed(name: str, component: str) -> Said:
    """What a layer's name, or its place in a list, tells of its class.

    A list's items are stored under their classes' names in snake case, and numbered; a name that
    has the form of an automatic one tells the class that it is the form of.

    Example:
        >>> guessed("head", "blocks/dense_1").class_name, guessed("lstm_3", "rnn").class_name
        ('Dense', 'LSTM')
    """
    if "/" in component:
        base = without_number(component.rpartition("/")[2])
        return Said(class_of_snake_case(base) or base)
    base = without_number(name)
    for prefix in ("", "forward_", "backward_"):
        found = class_of_snake_case(base.removeprefix(prefix))
        if found is not None:
            return Said(found)
    # A class of the user's whose attribute is called as it is.
    return Said(base) if snake_case(base) == base and base == without_number(component) else UNKNOWN


def without_number(name: str) -> str:
    """A name without the number that tells it from others of its class.

    Example:
        >>> without_number("dense_12"), without_number("conv2d")
        ('dense', 'conv2d')
    """
    base, line, number = name.rpartition("_")
    if line and base and number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS:
        return base
    return name
