"""The layers of a SavedModel that Keras 2 wrote: which holds which, and which variable is whose.

Keras tells of each layer by the attributes that lead to it from the model; the checkpoint's graph
of objects tells what each of these objects holds. A variable's address is that of the layer, which
its own name is not: Keras 2 names what is in a nested model without the model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from parametry.conventions.configuration import hyperparameters_of
from parametry.conventions.legacy_configuration import modern, modern_training
from parametry.core.address import join, part
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.parameter import Role
from parametry.formats.keras_layers import said_of
from parametry.formats.keras_legacy_layers import Layer, settle
from parametry.formats.keras_metadata import KerasObject
from parametry.formats.tensorflow_graph import Node, node_at

__all__ = ["SavedKeras", "Variable"]

_METRIC: Final = "_tf_keras_metric"
# What Keras keeps of every layer once more, beside the attributes that lead to its variables.
_ONCE_MORE: Final = frozenset(
    {
        *("keras_api", "layers", "layer_metrics", "losses", "metrics", "optimizer", "signatures"),
        *("regularization_losses", "layer_regularization_losses"),
        *("variables", "trainable_variables", "non_trainable_variables"),
    }
)
_NUMBERED: Final = re.compile(r"layer-([0-9]{1,9})\Z")
_SHAPE: Final = "TensorShape"
# The key that stands in the configuration of a layer which had none to give.
_WITHOUT_CONFIG: Final = "layer was saved without config"
_DEEPEST: Final = 100


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a layer.

    Attributes:
        address: Its address.
        role: Its role.
        layer: The layer's address.
    """

    address: str
    role: Role
    layer: str


@dataclass(frozen=True, slots=True)
class SavedKeras:
    """What Keras tells of a SavedModel.

    Attributes:
        name: The model's name.
        class_name: Its class.
        version: The version of Keras.
        variables: The variables by the checkpoint's keys, depth first.
        classes: The class of each layer, by address.
    """

    name: str
    class_name: str
    version: str
    variables: Mapping[str, Variable]
    classes: Mapping[str, str]
    _config: Mapping[str, Any] = field(repr=False)
    _training: Mapping[str, Any] | None = field(repr=False)

    @classmethod
    def of(cls, objects: Sequence[KerasObject], graph: Sequence[Node]) -> SavedKeras | None:
        """What is told of a model; None where the root is no model of Keras's.

        Args:
            objects: What Keras says of its objects.
            graph: The objects of the checkpoint.
        """
        told = {each.path: each for each in objects if each.kind != _METRIC and _is_known(each)}
        if () not in told:
            return None
        layers = _tree(told, graph)
        root = layers[()]
        settle(root)
        said = told[()].said
        training = said.get("training_config")
        ordered = list(_depth_first(root))
        where = {id(layer): node_at(graph, path) for path, layer in layers.items()}
        return cls(
            root.name,
            root.said.class_name,
            _text(said.get("keras_version")),
            _variables(ordered, where, graph),
            {layer.address: layer.said.class_name for layer in ordered if layer is not root},
            _composed(layers),
            training if isinstance(training, dict) else None,
        )

    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """What the layers' configurations, and what the model was compiled with, tell."""
        compiled = {} if self._training is None else modern_training(self._training, self.version)
        return hyperparameters_of(modern(self._config, self.version), compiled)


def _is_known(told: KerasObject) -> bool:
    names = (told.said.get("class_name"), told.said.get("name"))
    return len(told.path) <= _DEEPEST and all(isinstance(name, str) for name in names)


def _text(value: object) -> str:
    return value[:50] if isinstance(value, str) else ""


def _tree(
    told: Mapping[tuple[str, ...], KerasObject], graph: Sequence[Node]
) -> dict[tuple[str, ...], Layer]:
    """The layers by their paths, each with those within it, in the model's order."""
    layers = {path: _layer(told[path].said) for path in sorted(told, key=len)}
    within: dict[tuple[str, ...], list[tuple[str, ...]]] = {path: [] for path in layers}
    for path in layers:
        above = path[:-1]
        while path and above not in layers:
            above = above[:-1]
        if path:
            within[above].append(path)
    for above, paths in within.items():
        order = _order(graph, above)
        paths.sort(key=lambda path: order(path[len(above) :]))
        layers[above].children = _with_listed(layers[above], [layers[path] for path in paths])
    return layers


def _with_listed(layer: Layer, children: list[Layer]) -> list[Layer]:
    """The layers within one, in the order of its graph, which lists inputs too, if it has one."""
    by_name = {child.name: child for child in children}
    found = [
        by_name.pop(name) if name in by_name else Layer(name, layer.said.child(name, ""))
        for name, _ in layer.said.children
    ]
    return found + list(by_name.values())


def _layer(said: Mapping[str, Any]) -> Layer:
    config = said.get("config")
    known = {name: said[name] for name in ("name", "trainable") if name in said}
    if isinstance(config, dict):
        config.pop(_WITHOUT_CONFIG, None)
    arguments = {**known, **(config if isinstance(config, dict) else {})}
    for name, value in arguments.items():
        if isinstance(value, dict) and value.get("class_name") == _SHAPE:
            arguments[name] = value.get("items")
    found = {"class_name": said["class_name"], "config": arguments}
    return Layer(said["name"], said_of(found))


def _order(graph: Sequence[Node], above: tuple[str, ...]) -> Any:
    """Sorts the paths below a layer as it has them: by its own count, else as they were set."""
    at = node_at(graph, above)
    children = {} if at is None else graph[at].children
    counted = {
        node: int(found[1]) for name, node in children.items() if (found := _NUMBERED.match(name))
    }
    places = {name: place for place, name in enumerate(children)}

    def key(path: tuple[str, ...]) -> tuple[Any, ...]:
        first = path[0]
        number = counted.get(children.get(first, -1), len(children))
        rest = [(int(step), "") if step.isdecimal() else (-1, step) for step in path[1:]]
        return number, places.get(first, len(places)), rest

    return key


def _depth_first(root: Layer) -> Iterator[Layer]:
    stack = [root]
    while stack:
        layer = stack.pop()
        yield layer
        stack.extend(reversed(layer.children))


def _variables(
    layers: Sequence[Layer], where: Mapping[int, int | None], graph: Sequence[Node]
) -> dict[str, Variable]:
    """The variables that each layer leads to without going through another one."""
    met = {at for at in where.values() if at is not None}
    found: dict[str, Variable] = {}
    for layer in layers:
        at = where.get(id(layer))
        own = [] if at is None else list(_reached(graph, at, met))
        counts = Counter(name for _, name, _ in own)
        for key, name, path in own:
            last = part(name) if counts[name] == 1 else join(*map(part, path))
            role = layer.role(name)
            found.setdefault(key, Variable(join(layer.address, last), role, layer.address))
    return found


def _reached(
    graph: Sequence[Node], start: int, met: set[int]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Key, name and path of the variables below an object; each object is met once."""
    stack: list[tuple[int, tuple[str, ...]]] = [(start, ())]
    while stack:
        at, path = stack.pop()
        for key, full_name in graph[at].arrays:
            yield key, full_name.rpartition("/")[2] or path[-1], path
        below = []
        for name, child in graph[at].children.items():
            is_further = child < len(graph) and child not in met and len(path) < _DEEPEST
            if is_further and (path or name not in _ONCE_MORE):
                met.add(child)
                below.append((child, (*path, name)))
        stack.extend(reversed(below))


def _composed(layers: Mapping[tuple[str, ...], Layer]) -> Mapping[str, Any]:
    """The model's configuration with that of each layer in it, as Keras tells of them one by one.

    A graph of layers lists them, and one of the user's class says of itself alone.
    """
    done: dict[int, dict[str, Any]] = {}
    for layer in reversed(list(layers.values())):  # those within come after those around them
        within = {child.name: done[id(child)] for child in layer.children if id(child) in done}
        arguments = dict(layer.said.arguments or {})
        listed = arguments.get("layers")
        if isinstance(listed, list):
            arguments["layers"] = [_replaced(one, within) for one in listed]
        elif within:
            arguments = {name: one for name, one in arguments.items() if not _is_layer(one)}
            arguments |= {f"layer {place}": one for place, one in enumerate(within.values())}
        done[id(layer)] = {"class_name": layer.said.class_name, "config": arguments}
    return done[id(layers[()])]


def _replaced(listed: Any, within: Mapping[str, dict[str, Any]]) -> Any:
    if not isinstance(listed, dict) or not isinstance(listed.get("config"), dict):
        return listed
    name = listed["config"].get("name", listed.get("name"))
    known = within.get(name) if isinstance(name, str) else None
    if known is None or known["class_name"] != listed.get("class_name"):
        return listed
    return {**listed, "config": known["config"]}


def _is_layer(value: Any) -> bool:
    """Whether an argument is a layer, of which Keras tells as of the others."""
    inner = value.get("config") if isinstance(value, dict) else None
    return isinstance(inner, dict) and {"name", "trainable"} <= inner.keys()
