"""The layers that a legacy Keras file tells of, and which of them each of its weights belongs to.

A weight's name is that of its variable, as ``bidirectional/forward_lstm/lstm_cell/kernel:0``. Its
parts are the names of layers, some of them left out: Keras 2 names what is in a nested model
without the model, Keras 3 with it. The configuration tells which layer lies in which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from parametry.conventions.legacy_configuration import inputs_renamed
from parametry.conventions.names import sibling_parts
from parametry.conventions.variable_names import is_state
from parametry.core.address import join
from parametry.core.parameter import Role
from parametry.formats.hdf5_file import Array
from parametry.formats.keras_layers import Said, guessed, said_of

__all__ = ["Layer", "Weight", "layers_in", "settle", "without_output"]

_OUTPUT: Final = ":0"
# What attention calls the layers that it makes, and the attributes that it has them in.
_PROJECTIONS: Final = {
    "query": "query_dense",
    "key": "key_dense",
    "value": "value_dense",
    "attention_output": "output_dense",
}
_RECURRENT: Final = frozenset(
    {"LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
)
_CONVOLVING_CELL: Final = "conv_lstm_cell"
_MOST_LAYERS: Final = 100_000
_MOST_PARTS: Final = 100


@dataclass(frozen=True, slots=True)
class Weight:
    """One array of a layer.

    Attributes:
        name: Its name in the file, as ``lstm/lstm_cell/kernel:0``.
        variable: The last part of it, as ``kernel``.
        array: Its values.
    """

    name: str
    variable: str
    array: Array


@dataclass(slots=True, eq=False)
class Layer:
    """A layer as the file tells of it.

    Attributes:
        name: Its name.
        said: What its configuration says.
        shared: Whether the file says that it stands elsewhere too: Keras marks a layer so when it
            meets it again, and loses the mark of the first place where that lies in a Sequential.
        address: Its address, once `settle` worked it out.
        frozen: Whether it, or a layer above, says that it is not trained.
        weights: Its own.
        children: The layers within.
    """

    name: str
    said: Said
    shared: bool = False
    address: str = ""
    frozen: bool = False
    weights: list[Weight] = field(default_factory=list)
    children: list[Layer] = field(default_factory=list)
    _variables: set[str] = field(default_factory=set, repr=False)
    _by_name: dict[str, Layer] | None = field(default=None, repr=False)
    _all_by_name: dict[str, list[Layer]] | None = field(default=None, repr=False)

    def child(self, name: str) -> Layer:
        """The layer directly within that has a name; one without a configuration if there is none.

        Args:
            name: Its name.
        """
        known = self._direct().get(name)
        if known is None:
            known = self._direct()[name] = Layer(name, self._made(name))
            self.children.append(known)
        return known

    def _direct(self) -> dict[str, Layer]:
        """The layers directly within, by name."""
        if self._by_name is None:
            self._by_name = {child.name: child for child in self.children}
        return self._by_name

    def _deeper(self) -> dict[str, list[Layer]]:
        """The layers that the configuration has at any depth, by name, the nearest first."""
        if self._all_by_name is None:
            self._all_by_name = {}
            level = self.children
            while level:
                for layer in level:
                    self._all_by_name.setdefault(layer.name, []).append(layer)
                level = [child for layer in level for child in layer.children]
        return self._all_by_name

    def _made(self, name: str) -> Said:
        """What is known of a layer that this one makes itself, of which no configuration tells."""
        if name in _PROJECTIONS:
            made = self.said.child(name, _PROJECTIONS[name])
            if made.class_name == "EinsumDense":
                return made
        if self.said.class_name in _RECURRENT and "_cell" in name:
            return self.said.child(name, "cell")
        return guessed(name, "")

    def add(self, name: str, array: Array) -> None:
        """Give a weight to the layer that its name tells of, this one or one within.

        Args:
            name: The weight's name, as ``lstm/lstm_cell/kernel:0``.
            array: Its values.
        """
        *way, last = name.split("/")
        variable = without_output(last)
        if not way:  # Keras 1: ``dense_1_W`` is the weight ``W`` of ``dense_1``
            variable = variable.removeprefix(f"{self.name}_") or variable
        if self.name in way and way[0] not in self._direct():
            way = way[way.index(self.name) + 1 :]  # what comes before are the models around it
        holder = self
        for step in way[:_MOST_PARTS]:
            holder = holder._below(step, variable)
        _wrapped_by(holder)._take(Weight(name, variable, array))

    def _below(self, step: str, variable: str) -> Layer:
        """The layer that the next part of a weight's name leads to."""
        if step in self._direct():
            return self.child(step)
        if step == self.name:
            return self
        within = self._deeper().get(step, [])
        free = (layer for layer in within if variable not in layer._variables)
        return next(free, within[0]) if within else self.child(step)

    def add_own(self, name: str, array: Array) -> None:
        """Give a weight to this very layer, whatever scopes its name has.

        Args:
            name: The weight's name.
            array: Its values.
        """
        variable = without_output(name.rpartition("/")[2])
        self._take(Weight(name, variable, array))

    def _take(self, weight: Weight) -> None:
        self.weights.append(weight)
        self._variables.add(weight.variable)

    def role(self, variable: str) -> Role:
        """The role of one of its own variables."""
        if is_state(variable) or self.said.class_name == "Normalization":
            return "state"
        return "frozen" if self.frozen else "trainable"


def without_output(name: str) -> str:
    """A variable's name without the ``:0`` that TensorFlow ends it in.

    Example:
        >>> without_output("dense/kernel:0")
        'dense/kernel'
    """
    return name.removesuffix(_OUTPUT)


def _wrapped_by(holder: Layer) -> Layer:
    """The layer within whose variables Keras 2 names as if they were of the layer around it."""
    while holder.said.class_name == "TimeDistributed" and len(holder.children) == 1:
        holder = holder.children[0]
    if holder.said.class_name.startswith("ConvLSTM") and holder.said.class_name in _RECURRENT:
        return holder.child(_CONVOLVING_CELL)
    return holder


def layers_in(config: object) -> Layer:
    """The root of the layers that a model's configuration lists, at any depth.

    Args:
        config: The configuration, as plain data; what is no configuration lists nothing.
    """
    root = Layer("", said_of(config))
    arguments = root.said.arguments or {}
    root.name = str(arguments.get("name", ""))
    stack = [root]
    count = 0
    while stack and count < _MOST_LAYERS:
        layer = stack.pop()
        # A name is one layer's within one parent, however often its graph uses it.
        layer.children = list({child.name: child for child in _listed(layer.said)}.values())
        count += len(layer.children)
        stack.extend(layer.children)
    return root


def _listed(said: Said) -> Iterator[Layer]:
    """The layers that a configuration has directly within it."""
    arguments = said.arguments or {}
    listed = arguments.get("layers")
    for config in listed if isinstance(listed, list) else ():
        yield from _configured(config)
    if said.class_name == "Bidirectional":
        forward = arguments.get("layer")
        for layer in _configured(forward):
            plain = layer.name.removeprefix("forward_")
            yield Layer(f"forward_{plain}", layer.said)
            backward = list(_configured(arguments.get("backward_layer")))
            yield backward[0] if backward else Layer(f"backward_{plain}", layer.said)
        return
    for argument in ("layer", "cell", "cells"):
        found = arguments.get(argument)
        for config in found if isinstance(found, list) else [found]:
            yield from _configured(config)


def _configured(config: object) -> Iterator[Layer]:
    """The layer that a configuration is of, if it is one of a layer with a name."""
    if not isinstance(config, dict):
        return
    said = said_of(config)
    name = (said.arguments or {}).get("name", config.get("name"))
    if said.class_name and isinstance(name, str):
        yield Layer(name, said, "shared_object_id" in config)


def settle(root: Layer) -> None:
    """Work out the addresses of all layers, and which are frozen, from the top down.

    Args:
        root: The model; its own name is no part of an address.
    """
    stack = [root]
    while stack:
        layer = stack.pop()
        layer.frozen = layer.frozen or not layer.said.trainable
        siblings = [(child.name, child.said.class_name) for child in layer.children]
        parts = sibling_parts(inputs_renamed(siblings), lambda _: None)
        for child, part in zip(layer.children, parts, strict=True):
            child.address = join(layer.address, part)
            child.frozen = layer.frozen
        stack.extend(layer.children)
