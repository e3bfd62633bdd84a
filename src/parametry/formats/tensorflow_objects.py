"""The names of a checkpoint's arrays: from its graph of objects, or as graph-style ones have them.

An object checkpoint calls an array by the attributes that lead to it,
``model/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE``; the graph beside the arrays knows
the variable's own name, ``dense/kernel``.

Source: ``tensorflow/core/protobuf/trackable_object_graph.proto``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from parametry.conventions.names import sibling_parts
from parametry.conventions.variable_names import class_of_snake_case
from parametry.core.address import join, part
from parametry.core.parameter import Role
from parametry.formats.protobuf import Field, fields

__all__ = ["Name", "full_names", "named"]

_VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOT: Final = "/.OPTIMIZER_SLOT/"
# Where Keras's optimizers keep their variables, and how many steps they took.
_OF_OPTIMIZERS: Final = ("/_variables/", "/_iterations", "/_optimizer/", "/iter")
# Keras 3's export lists every variable once more.
_ONCE_MORE: Final = "_all_variables/"
_METRICS: Final = "keras_api/"
_DIGITS: Final = re.compile(r"([0-9]{1,18})")
_NUMBER: Final = re.compile(r"_[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """What an array of a checkpoint is called.

    Attributes:
        address: Its address.
        role: What it is, where its key tells that.
    """

    address: str
    role: Role | None


def full_names(graph: bytes) -> dict[str, str]:
    """Each array's own name by its key, in the order of the objects; without those unnamed.

    Args:
        graph: A serialized ``TrackableObjectGraph``.

    Raises:
        ProtobufRefused: It is no such message.
    """
    found: dict[str, str] = {}
    for node in fields(graph):
        if node.number != 1:
            continue
        for attribute in (each for each in fields(node.data) if each.number == 2):
            key, name = _attribute(attribute)
            if key:
                found.setdefault(key, name)
    return found


def _attribute(serialized: Field) -> tuple[str, str]:
    known = {each.number: each for each in fields(serialized.data)}
    key, name = known.get(3), known.get(2)
    return "" if key is None else key.text, "" if name is None else name.text


def named(
    keys: Iterable[str], names: Mapping[str, str] | None, classes: Mapping[str, str]
) -> dict[str, Name]:
    """The address of each array; without those that the file holds a second time.

    Args:
        keys: What the checkpoint calls its arrays.
        names: Their own names, by key; None in a checkpoint that has no object graph.
        classes: The class of a layer by its name, where that is known.
    """
    own = {key: _own_name(key, names) for key in keys}
    twice = {name for key, name in own.items() if not key.startswith(_ONCE_MORE)}
    own = {
        key: name
        for key, name in own.items()
        if name not in twice or not key.startswith(_ONCE_MORE)
    }
    optimizers = _optimizers(own) if names is not None else ()
    slots = {key for key in own if _SLOT in key or key.startswith(optimizers)}
    if names is None:
        slots = _slots_by_name(own)
    model = _in_order({key: name for key, name in own.items() if key not in slots}, names)
    addresses = _addresses(_distinct(model), classes)
    by_name = {own[key]: address for key, address in addresses.items()}
    out = {
        key: Name(address, "state" if _is_metric(key) else None)
        for key, address in addresses.items()
    }
    for key, name in own.items():
        if key in slots:
            below = _slot_address(key, name, by_name, addresses)
            out[key] = Name(join("optimizer", below), "optimizer")
    return out


def _own_name(key: str, names: Mapping[str, str] | None) -> str:
    """The variable's name; the path of attributes where it has none."""
    path = key.removesuffix(_VALUE)
    return path if names is None else names.get(key) or path


def _in_order(model: dict[str, str], names: Mapping[str, str] | None) -> dict[str, str]:
    """In the order of the layers, and within one of the objects, rather than of the keys."""
    order = {key: index for index, key in enumerate(names or ())}

    def place(pair: tuple[str, str]) -> tuple[list[tuple[int, str]], int]:
        above = pair[0].removesuffix(_VALUE).rpartition("/")[0]
        return _natural(above), order.get(pair[0], len(order))

    return dict(sorted(model.items(), key=place))


def _natural(text: str) -> list[tuple[int, str]]:
    """Compares ``layer-10`` after ``layer-9``."""
    pieces = _DIGITS.split(text)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _optimizers(own: Mapping[str, str]) -> tuple[str, ...]:
    """What the keys of optimizers' variables begin with."""
    found = {key.partition(sign)[0] + "/" for key in own for sign in _OF_OPTIMIZERS if sign in key}
    found |= {key.partition(_SLOT)[2].partition("/")[0] + "/" for key in own if _SLOT in key}
    return tuple(found)


def _slots_by_name(own: Mapping[str, str]) -> set[str]:
    """In a graph-style checkpoint, ``dense/kernel/Adam`` is a slot of ``dense/kernel``."""
    known = set(own.values())
    return {key for key, name in own.items() if name.rpartition("/")[0] in known}


def _distinct(model: dict[str, str]) -> dict[str, str]:
    """Names that no two arrays share: else the path of attributes, which none shares."""
    counts = Counter(model.values())
    return {
        key: name if counts[name] == 1 and not _is_metric(key) else key.removesuffix(_VALUE)
        for key, name in model.items()
    }


def _is_metric(key: str) -> bool:
    return key.startswith(_METRICS)


def _addresses(model: Mapping[str, str], classes: Mapping[str, str]) -> dict[str, str]:
    """Addresses as the live model has them: without the root's name, automatic ones renumbered."""
    split = {key: tuple(name.split("/")) for key, name in model.items()}
    shared = {parts[0] for parts in split.values() if len(parts) > 1}
    if len(shared) == 1 and all(len(parts) != 2 for parts in split.values()):
        # Keras 3 begins a variable's path with the model's own name.
        split = {key: parts[1:] or parts for key, parts in split.items()}
    below: dict[tuple[str, ...], dict[str, None]] = {}
    for parts in split.values():
        for length in range(1, len(parts)):
            below.setdefault(parts[: length - 1], {})[parts[length - 1]] = None
    found: dict[tuple[str, ...], str] = {(): ""}
    for above in sorted(below, key=len):
        layers = list(below[above])
        siblings = [(name, classes.get(name) or _class_of(name)) for name in layers]
        for name, new in zip(layers, sibling_parts(siblings, lambda _: None), strict=True):
            found[*above, name] = join(found[above], new)
    return {key: join(found[parts[:-1]], part(parts[-1])) for key, parts in split.items()}


def _class_of(name: str) -> str:
    return class_of_snake_case(_NUMBER.sub("", name)) or ""


def _slot_address(
    key: str, name: str, by_name: Mapping[str, str], addresses: Mapping[str, str]
) -> str:
    """``dense/kernel/m``: below the array it belongs to; its own name where that is unknown."""
    if _SLOT in key:
        owner, _, slot = key.removesuffix(_VALUE).partition(_SLOT)
        above = addresses.get(owner + _VALUE)
        if above is not None:
            return join(above, part(slot.rpartition("/")[2]))
    pieces = name.split("/")
    for length in range(1, len(pieces)):
        above = by_name.get("/".join(pieces[length:]))  # ``Adam/m/dense/kernel``
        if above is not None:
            return join(above, part(pieces[length - 1]))
    above = by_name.get("/".join(pieces[:-1]))  # ``dense/kernel/Adam``
    return join(above or "", *map(part, pieces if above is None else pieces[-1:]))
