"""Inspecting a live Keras model: the read view over both kinds of number that it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from parametry.core.address import join, split
from parametry.core.layer import Layer
from parametry.core.ledger import Event, ledger
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model, ties_of
from parametry.core.parameter import Parameter
from parametry.core.phase import Phase, Phases
from parametry.frameworks.keras.attributes import follow
from parametry.frameworks.keras.building import build
from parametry.frameworks.keras.describe import keras_class_name
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.environment import backend_name
from parametry.frameworks.keras.freezing import settle
from parametry.frameworks.keras.hyperparameters import ModelHyperparameters
from parametry.frameworks.keras.optimizer import optimizers_of
from parametry.frameworks.keras.shapes import shapes_of
from parametry.frameworks.keras.slots import optimizer_parameters
from parametry.frameworks.keras.store import GoneStore
from parametry.frameworks.keras.transposed import array_of
from parametry.frameworks.keras.walk import (
    Node,
    Tree,
    name_of,
    own_attribute,
    parameters_of,
    walk,
)

_INDEX = re.compile(r"\[([0-9]+)\]")

__all__ = ["frozen_view", "inspect", "is_model", "optimizer_of"]


def is_model(thing: object) -> bool:
    """Whether it is a Keras layer or model: something that holds variables and sublayers."""
    return hasattr(thing, "_flatten_layers")


def inspect(model: Any, *, sample: Any = None, input_shape: Any = None) -> Model:
    """The read view over a live Keras model or layer.

    Args:
        model: A Keras model or layer. It is not changed, unless a sample or an input shape is given
            and it was not built yet.
        sample: A batch of input to build an unbuilt model with.
        input_shape: Its input's shape with the batch axis, likewise.

    Raises:
        NotBuilt: It cannot be built that way.
    """
    if sample is not None or input_shape is not None:
        build(model, sample=sample, input_shape=input_shape)
    dialect = dialect_of(model)
    tree = walk(model, dialect)
    name = name_of(model)
    source = f"model {name!r}"
    entries = parameters_of(tree)
    aliases = {alias: known for known, entry in entries.items() for alias in entry.aliases}
    optimizer = optimizer_of(model)
    optimizers = optimizers_of(model) or ([] if optimizer is None else [optimizer])
    slots = {}
    for number, found in enumerate(optimizers):
        scope = f"optimizer_{number}" if number else "optimizer"
        slots.update(optimizer_parameters(found, tree, scope))
    settle(model)
    record = ledger.find(model)
    scopes = ModelHyperparameters(model, tree, optimizers)
    resolver = _Resolver(tree, model)
    return Model(
        name=name,
        class_name=keras_class_name(type(model)),
        framework=f"{dialect.package} ({backend_name(dialect.package)})",
        parameters=Parameters(entries, source=source, aliases=aliases, resolve=resolver.parameter),
        optimizer_parameters=Parameters(slots, source=f"the optimizer of {source}"),
        hyperparameters=Hyperparameters(
            scopes.collect, source=source, resolve=resolver.hyperparameter
        ),
        layers=Layers(
            lambda: {
                node.address: _layer(node, entries) for node in _layer_nodes(tree) if node.address
            },
            source=source,
            aliases=lambda: {
                alias: node.address for node in _layer_nodes(tree) for alias in node.addresses[1:]
            },
            resolve=resolver.layer,
        ),
        ties=ties_of(entries),
        phases=phases_of([] if record is None else record.events, source),
        gaps=scopes.gaps,
    )


def frozen_view(model: Any) -> Model:
    """The read view as plain data that keeps nothing of the model alive: it has no values."""
    live = inspect(model)
    gone = GoneStore(live.name)
    shapes = {address: layer.shapes() for address, layer in live.layers.items()}
    layers = {
        address: replace(layer, shapes=partial(shapes.__getitem__, address), native=None)
        for address, layer in live.layers.items()
    }
    parameters, slots = (
        Parameters(
            {address: replace(entry, store=gone.of(entry)) for address, entry in mapping.items()},
            source=mapping.source,
        )
        for mapping in (live.parameters, live.optimizer_parameters)
    )
    gaps = live.coverage
    return replace(
        live,
        parameters=parameters,
        optimizer_parameters=slots,
        hyperparameters=Hyperparameters(dict(live.hyperparameters), source=live.parameters.source),
        layers=Layers(layers, source=live.parameters.source),
        gaps=lambda: gaps,
    )


def optimizer_of(model: Any) -> Any:
    """What trains the model: its own optimizer, or the one seen in a hand-written loop."""
    own = optimizers_of(model)
    if own:
        return own[0]
    record = ledger.find(model)
    if record is None or record.optimizer is None:
        return None
    return record.optimizer.get()


def phases_of(events: list[Event], source: str) -> Phases:
    """Phases by name: ``compile``, ``fit``, ``fit_1``, in their order."""
    counts: dict[str, int] = {}
    out: dict[str, Phase] = {}
    for event in events:
        number = counts[event.kind] = counts.get(event.kind, -1) + 1
        name = event.kind + (f"_{number}" if number else "")
        values = Hyperparameters(event.values, source=f"{name} of {source}")
        out[name] = Phase(name, event.kind, values, event.where, event.times)
    return Phases(out)


def _layer_nodes(tree: Tree) -> Iterator[Node]:
    return (node for node in tree.nodes.values() if node.is_layer)


def _entries_below(node: Node, entries: Mapping[str, Parameter]) -> list[Parameter]:
    """The parameters of a layer and all below it, each once."""
    found: dict[str, Parameter] = {}
    stack = [node]
    while stack:
        below = stack.pop()
        for _, variable in below.own:
            found[variable.addresses[0]] = entries[variable.addresses[0]]
        stack.extend(child for _, child in below.children)
    return list(found.values())


def _layer(node: Node, entries: Mapping[str, Parameter]) -> Layer:
    layer = node.native
    sizes = [(entry.size, entry.nbytes) for entry in _entries_below(node, entries)]
    return Layer(
        address=node.address,
        class_name=type(layer).__name__,
        native_name=name_of(layer),
        built=bool(own_attribute(layer, "built", False)),
        uses=node.uses,
        aliases=tuple(node.addresses[1:]),
        parameters=sum(size for size, _ in sizes),
        nbytes=sum(nbytes for _, nbytes in sizes),
        depth=node.depth,
        shapes=shapes_of(layer),
        native=layer,
    )


class _Resolver:
    """Other ways to an entry: the path of attributes that user code would take."""

    def __init__(self, tree: Tree, model: Any) -> None:
        self._tree = tree
        self._model = model

    def _thing(self, address: str) -> Any:
        """What a path leads to, each step the part of an address or the name of an attribute."""
        address = _INDEX.sub(r".\1", address)  # ``layers[1]`` is ``layers.1``
        steps = split(address.replace(".", "/") if "/" not in address else address)
        thing: Any = self._model
        while steps:
            node = self._tree.nodes.get(id(thing))
            taken = 0
            for length in range(min(3, len(steps)), 0, -1):
                found = self._below(node, "/".join(steps[:length]))
                if found is not None:
                    thing, taken = found, length
                    break
            if not taken:
                thing, taken = follow(thing, steps[:1]), 1
            if thing is None:
                return None
            steps = steps[taken:]
        return thing

    @staticmethod
    def _below(node: Node | None, part: str) -> Any:
        if node is None:
            return None
        for known, child in node.children:
            if known == part:
                return child.native
        for known, variable in node.own:
            if known == part:
                return variable.native
        return None

    def parameter(self, address: str) -> str | None:
        """The canonical address of the variable that a path of attributes leads to."""
        thing = self._thing(address)
        found = self._tree.variables.get(id(array_of(thing)))
        return None if found is None else found.addresses[0]

    def layer(self, address: str) -> str | None:
        """The canonical address of the layer that a path of attributes leads to."""
        found = self._tree.nodes.get(id(self._thing(address)))
        return None if found is None else found.address

    def hyperparameter(self, address: str) -> str | None:
        """The address of a layer's argument, with the layer named by attributes or an alias."""
        scope, _, below = address.partition("/")
        parts = split(below)
        for length in range(len(parts) - 1, 0, -1):
            layer = "/".join(parts[:length])
            canonical = self._by_alias().get(layer) or self.layer(layer)
            if canonical is not None and canonical != layer:
                return join(scope, canonical, *parts[length:])
        return None

    def _by_alias(self) -> dict[str, str]:
        return {
            alias: node.address for node in self._tree.nodes.values() for alias in node.addresses
        }
