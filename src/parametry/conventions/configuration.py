"""From the configurations that Keras writes into files to hyperparameters by address.

A configuration is plain data here: ``{"module": "keras.layers", "class_name": "Dense", "config":
{"units": 3}}``. Nothing that it names is imported. The addresses are those that the live model has,
for what the file tells; who passed a value, and what was left at its default, no file knows.

Source: ``keras.src.saving.serialization_lib``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from parametry.conventions.legacy_configuration import inputs_renamed
from parametry.conventions.names import sibling_parts, snake_case
from parametry.core.address import join
from parametry.core.described import Described, Flattener, merge
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.value import DEEPEST, UNSET, Plain, Unset, shortest

__all__ = ["ConfigurationRefused", "hyperparameters_of"]

_PUBLIC: Final = {
    "Functional": "keras.Model",
}
# What a file needs to build the model again, and nobody chose.
_BOOKKEEPING: Final = frozenset(
    {"layers", "input_layers", "output_layers", "build_input_shape", "shared_object_id"}
)
# Objects that Keras accepts by a name: the name stands at their own address.
_NAMED: Final = ("initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
_LAYERS: Final = ("keras.layers", "tf_keras.layers")
_FUNCTIONS: Final = frozenset({"function", "builtin_function_or_method"})
_MOST_LAYERS: Final = 100_000
# How many characters the addresses of all layers and settings may have together: what lies within a
# layer begins with its address, so that long names of models in models add up.
_MOST_ADDRESS_TEXT: Final = 64 << 20


class ConfigurationRefused(ValueError):
    """A configuration that would take more memory than any model's does.

    Becomes a `parametry.FormatError` where the file is known.
    """


class _Layer(NamedTuple):
    address: str
    config: Mapping[str, Any]


def hyperparameters_of(
    config: Mapping[str, Any], training: Mapping[str, Any] | None = None
) -> dict[str, Hyperparameter]:
    """What a model's configuration tells of what was chosen, by address.

    Args:
        config: The model's own, as ``config.json`` in a ``.keras`` file has it.
        training: What it was compiled with; by default what the configuration itself tells.

    Raises:
        ConfigurationRefused: The addresses alone would take too much room.

    Example:
        >>> found = hyperparameters_of({"class_name": "Dense", "config": {"units": 3}})
        >>> found["model/units"].value
        3
    """
    flattener = Flattener()
    room = _MOST_ADDRESS_TEXT
    for layer in _layers(config):
        address = join("model", layer.address)
        room -= len(address) * (1 + len(_arguments(layer.config)))
        if room < 0:
            raise ConfigurationRefused("the addresses of what it configures take too much room")
        flattener.add(address, Described(_class_of(layer.config), UNSET, _own(layer.config)))
    compiled = config.get("compile_config") if training is None else training
    if isinstance(compiled, Mapping):
        _add_training(flattener, compiled)
    return merge(flattener.rows, None)


def _add_training(flattener: Flattener, compiled: Mapping[str, Any]) -> None:
    optimizer = compiled.get("optimizer")
    fields = {name: _described(value) for name, value in compiled.items()}
    if isinstance(optimizer, Mapping) and _is_object(optimizer):
        described = _described(optimizer)
        rate = described.fields.get("learning_rate")
        if isinstance(rate, float):
            described.fields["learning_rate"] = _as_passed(rate)
        flattener.add("optimizer", described)
        fields["optimizer"] = snake_case(optimizer["class_name"])
    flattener.add("compile", Described(None, UNSET, fields))


def _as_passed(rate: float) -> float:
    """The shortest decimal of a rate that Keras read from its variable of 32 bits."""
    narrow = np.float32(rate)
    return shortest(narrow) if float(narrow) == rate else rate


def _layers(root: Mapping[str, Any]) -> Iterator[_Layer]:
    """The layers with their addresses, each before those within it."""
    stack = [_Layer("", root)]
    first_met: dict[tuple[str, str], Mapping[str, Any]] = {}
    seen = 0
    room = _MOST_ADDRESS_TEXT
    while stack and seen < _MOST_LAYERS:
        layer = stack.pop()
        seen += 1
        arguments = _arguments(layer.config)
        first = first_met.setdefault(
            (_name_of(layer.config), str(layer.config.get("class_name"))), arguments
        )
        if "shared_object_id" in layer.config and first is not arguments and first == arguments:
            continue  # one layer with two places has its arguments at the first
        yield layer
        children = list(_children(layer.config))
        named = [(name, str(child.get("class_name", ""))) for name, child in children]
        if any(child.get("module") == "tf_keras.layers" for _, child in children):
            named = inputs_renamed(named)
        parts = sibling_parts(named, lambda _: None)
        room -= sum(len(layer.address) + len(part) for part in parts)
        if room < 0:
            raise ConfigurationRefused("the addresses of its layers take too much room")
        below = [
            _Layer(join(layer.address, part), child)
            for part, (_, child) in zip(parts, children, strict=True)
        ]
        stack.extend(reversed(below))


def _children(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The layers directly within, each with its name."""
    arguments = _arguments(config)
    listed = arguments.get("layers")
    for child in listed if isinstance(listed, list) else ():
        if _is_object(child):
            yield _name_of(child), child
    twice = config.get("class_name") == "Bidirectional"
    for name, value in arguments.items():
        if name == "layers" or not _is_layer(value):
            continue
        own = _name_of(value)
        if twice and name == "layer":
            own = own.removeprefix("forward_")
            yield f"forward_{own}", _changed(value, name=f"forward_{own}")
            if not _is_layer(arguments.get("backward_layer")):
                turned = not _arguments(value).get("go_backwards", False)
                other = f"backward_{own}"
                yield other, _changed(value, name=other, go_backwards=turned)
        else:
            yield own, value


def _changed(config: Mapping[str, Any], **arguments: Any) -> Mapping[str, Any]:
    """The same configuration with some of its arguments, where it has them, changed."""
    known = _arguments(config)
    changed = {name: value for name, value in arguments.items() if name in known}
    return {**config, "config": {**known, **changed}}


def _own(config: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's own arguments, without the layers within."""
    arguments = _arguments(config)
    # A model of layers has none of its own, though its configuration tells one.
    left_out = _BOOKKEEPING | {"dtype"} if "layers" in arguments else _BOOKKEEPING
    return {
        name: _described(value)
        for name, value in arguments.items()
        if name not in left_out and not _is_layer(value)
    }


def _arguments(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = config.get("config")
    return found if isinstance(found, Mapping) else {}


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str)


def _is_layer(value: Any) -> bool:
    if not _is_object(value):
        return False
    arguments = _arguments(value)
    return value.get("module") in _LAYERS or ("name" in arguments and "trainable" in arguments)


def _name_of(config: Mapping[str, Any]) -> str:
    for holder in (_arguments(config), config):
        name = holder.get("name")
        if isinstance(name, str):
            return name
    return snake_case(str(config.get("class_name", "")))


def _class_of(config: Mapping[str, Any]) -> str | None:
    """The class as a program would name it: ``keras.layers.Dense``, ``my_package.MyLayer``."""
    name = config.get("class_name")
    if not isinstance(name, str):
        return None
    module = config.get("module")
    if name in _PUBLIC and (module is None or str(module).startswith("keras")):
        return _PUBLIC[name]
    return f"{module}.{name}" if isinstance(module, str) and module else name


def _described(value: Any, depth: int = 0) -> Any:
    """A value with each configuration in it, at any depth, as the object that it stands for."""
    if depth > DEEPEST:
        return value
    if isinstance(value, list):
        return [_described(item, depth + 1) for item in value]
    if not _is_object(value):
        return value
    name, inner = value["class_name"], value.get("config")
    if name in _FUNCTIONS and isinstance(inner, str):
        return inner
    if name == "DTypePolicy":
        return _arguments(value).get("name")
    if name == "__tuple__" and isinstance(value.get("items"), list):
        return _described(value["items"], depth + 1)
    section = str(value.get("module")).removesuffix(".legacy").rpartition(".")[2]
    label: Plain | Unset = snake_case(name) if section in _NAMED else UNSET
    fields = {key: _described(item, depth + 1) for key, item in _arguments(value).items()}
    return Described(_class_of(value), label, fields)
