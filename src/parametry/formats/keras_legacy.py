"""Reading legacy ``.h5``: whole models and weights of Keras 1 and 2, which Keras 3 still writes.

The root, or its group ``model_weights``, has a group for each layer; the attribute ``layer_names``
lists them, and each one's ``weight_names`` its arrays, in the order in which Keras loads them. A
list that is longer than an attribute may be is in pieces, ``layer_names0``, ``layer_names1``. A
whole model has its configuration in the root's attributes ``model_config`` and ``training_config``.

Source: ``keras.src.legacy.saving.legacy_h5_format``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from parametry.conventions.configuration import hyperparameters_of
from parametry.conventions.legacy_configuration import modern, modern_training
from parametry.core.address import join, part
from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.manifest import Manifest
from parametry.core.strict_json import JsonRefused, parse
from parametry.core.tie import Tie
from parametry.errors import FormatError
from parametry.formats.assembling import Described, Found, assemble
from parametry.formats.contents import Contents
from parametry.formats.hdf5_file import Array, Group, Hdf5
from parametry.formats.keras_legacy_layers import Layer, layers_in, settle, without_output
from parametry.formats.keras_legacy_optimizer import slot_addresses

__all__ = ["NAME", "contents_of", "is_legacy"]

NAME: Final = "keras_legacy"
_MODEL: Final = "model_config"
_TRAINING: Final = "training_config"
_LAYERS: Final = "layer_names"
_WEIGHTS: Final = "weight_names"
_ROOT_WEIGHTS: Final = "top_level_model_weights"
_OPTIMIZER: Final = "optimizer_weights"
_DEEPEST: Final = 500


def is_legacy(file: Hdf5) -> bool:
    """Whether an HDF5 file is laid out as Keras 1 and 2 do, rather than as ``.weights.h5`` is.

    Args:
        file: What the file holds.
    """
    marks = {_MODEL, _LAYERS, f"{_LAYERS}0", "keras_version"}
    held = file.groups.get("model_weights")
    return bool(marks & file.groups[""].texts.keys() or (held and marks & held.texts.keys()))


def contents_of(path: str, file: Hdf5) -> Contents:
    """What a legacy file holds.

    Args:
        path: The file.
        file: What it holds as an HDF5 file.

    Raises:
        FormatError: A list of names is missing, or names what is not there; a configuration is no
            JSON; two weights have one name.
    """
    root = file.groups[""]
    config = _json(path, root, _MODEL)
    training = _json(path, root, _TRAINING)
    model = layers_in(config)
    top = "model_weights" if "model_weights" in file.groups else ""
    reading = _Reading(path, file)
    for name in reading.names(top, _LAYERS):
        layer = model.child(name)
        for weight, array in reading.weights(join(top, part(name))):
            layer.add(weight, array)
    own = join(top, _ROOT_WEIGHTS)
    for weight, array in reading.weights(own) if own in file.groups else ():
        model.add_own(weight, array)
    settle(model)
    arrays, ties, classes, addresses = _listed(model)
    if _OPTIMIZER in file.groups:
        slots = dict(reading.weights(_OPTIMIZER))
        at = slot_addresses(slots, addresses)
        arrays += [
            Found(name, at[name], array.layout, array.backing, "optimizer", "optimizer")
            for name, array in slots.items()
        ]
    version = _one(root, "keras_version") or _one(file.groups.get(top, root), "keras_version")
    described = Described(
        name=model.name,
        class_name=model.said.class_name,
        framework=f"keras {version[:50]}".strip(),
        layers=classes,
        hyperparameters=lambda: _hyperparameters(config, training, version),
        gaps=file.gaps + reading.gaps(),
    )
    view = assemble(path, arrays, Manifest(ties=ties), described)
    return Contents(path, NAME, view, None, config)


def _hyperparameters(
    config: dict[str, Any] | None, training: dict[str, Any] | None, version: str
) -> dict[str, Hyperparameter]:
    if config is None:
        return {}
    compiled = {} if training is None else modern_training(training, version)
    return hyperparameters_of(modern(config, version), compiled)


class _Reading:
    """The lists of names in a file, and the arrays that they name, each of them once."""

    def __init__(self, path: str, file: Hdf5) -> None:
        self._path = path
        self._file = file
        self._taken: set[str] = set()

    def names(self, group: str, attribute: str) -> tuple[str, ...]:
        """The list of names in an attribute, or in its pieces.

        Raises:
            FormatError: There is none, or a name is there twice.
        """
        held = self._file.groups.get(group)
        if held is None:
            raise self._fault(group, "a layer of this name is listed, and the file has no such")
        found = held.texts.get(attribute)
        if found is None and f"{attribute}0" in held.texts:
            pieces: list[str] = []
            number = 0
            while f"{attribute}{number}" in held.texts:
                pieces += held.texts[f"{attribute}{number}"]
                number += 1
            found = tuple(pieces)
        if found is None:
            raise self._fault(group, f"the attribute {attribute}, a list of names, is missing")
        if len(set(found)) < len(found):
            raise self._fault(group, f"the attribute {attribute} has a name twice")
        return found

    def weights(self, group: str) -> Iterator[tuple[str, Array]]:
        """The arrays that a group's list names, with those names.

        Raises:
            FormatError: The file has no such array in the group.
        """
        for name in self.names(group, _WEIGHTS):
            at = join(group, *(part(step) for step in name.split("/")))
            array = self._file.arrays.get(at)
            if array is None:
                raise self._fault(
                    group, f"a weight {name[:200]!r} is listed, and the group holds no such array"
                )
            if at in self._taken:
                raise self._fault(group, f"the weight {name[:200]!r} is listed twice")
            self._taken.add(at)
            yield name, array

    def gaps(self) -> tuple[Gap, ...]:
        """The arrays that no list names, and Keras does not read."""
        return tuple(
            Gap(at, "no list of weights names it, so that Keras does not read it")
            for at in self._file.arrays
            if at not in self._taken
        )

    def _fault(self, address: str, message: str) -> FormatError:
        return FormatError(message, path=self._path, address=address[:1000])


def _one(group: Group, attribute: str) -> str:
    """An attribute that is one text; empty where it is not there."""
    found = group.texts.get(attribute, ())
    return found[0] if len(found) == 1 else ""


def _json(path: str, root: Group, attribute: str) -> dict[str, Any] | None:
    """The configuration in an attribute; None where the file has none."""
    if attribute not in root.texts:
        return None
    text = "".join(root.texts[attribute]).encode("utf-8", "surrogateescape")
    try:
        found = parse(text, deepest=_DEEPEST)
    except JsonRefused as refused:
        raise FormatError(f"it cannot be read: {refused}", path=path, address=attribute) from None
    if not isinstance(found, dict):
        raise FormatError("it is no object", path=path, address=attribute)
    return _with_lists_named(found)


def _with_lists_named(config: dict[str, Any]) -> dict[str, Any]:
    """The same, with the layers of a Sequential where all other models have them.

    Until 2.2.3 its configuration was the list of them.
    """
    stack: list[Any] = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("class_name") == "Sequential" and isinstance(value.get("config"), list):
                value["config"] = {"layers": value["config"]}
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return config


def _listed(
    model: Layer,
) -> tuple[list[Found], tuple[Tie, ...], dict[str, str], Mapping[str, str]]:
    """The arrays depth first, the ties, each layer's class, and addresses by the weights' names.

    A layer that is shared is met at each place where it is, and is what the first one is.
    """
    arrays: list[Found] = []
    classes: dict[str, str] = {}
    by_name: dict[str, str] = {}
    first_met: dict[tuple[str, str], Layer] = {}
    aliases: dict[str, list[str]] = {}
    stack = [(model, model)]
    while stack:
        layer, known = stack.pop()
        if known is layer:
            first = first_met.setdefault((layer.name, layer.said.class_name), layer)
            if layer.shared and first.said.arguments == layer.said.arguments:
                known = first
        if known is layer and layer is not model:
            classes[layer.address] = layer.said.class_name
        own = {weight.variable for weight in known.weights}
        for weight in layer.weights:
            address = join(layer.address, part(weight.variable))
            if known is not layer and weight.variable in own:
                there = join(known.address, part(weight.variable))
                aliases.setdefault(there, []).append(address)
            else:
                by_name.setdefault(without_output(weight.name), address)
            arrays.append(
                Found(
                    weight.name,
                    address,
                    weight.array.layout,
                    weight.array.backing,
                    layer.role(weight.variable),
                    layer.address,
                    layer.said.class_name,
                )
            )
        within = {child.name: child for child in known.children}
        for child in reversed(layer.children):
            same = child if known is layer else within.get(child.name, child)
            stack.append((child, same))
    ties = tuple(Tie(there, tuple(others)) for there, others in aliases.items())
    return arrays, ties, classes, by_name
