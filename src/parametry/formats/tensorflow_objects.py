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

__all__ = ["Name", "named"]

_VALUE: Final = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOT: Final = "/.OPTIMIZER_SLOT/"
# Where Keras's optimizers keep their variables, and how many steps they took.
_OF_OPTIMIZERS: Final = ("/_variables/", "/_iterations", "/_optimizer/", "/iter")
# Keras 3's export lists every variable once more.
_ONCE_MORE: Final = "_all_variables/"
_METRICS: Final = "keras_api/"
# What a Bidirectional puts before the names of the layers that it makes.
_PREFIXES: Final = ("", "forward_", "backward_")
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


def named(
    keys: Iterable[str], names: Mapping[str, str] | None, known: Mapping[str, str]
) -> dict[str, Name]:
    """The address of each array; without those that the file holds a second time.

    Args:
        keys: What the checkpoint calls its arrays.
        names: Their own names, by key; None in a checkpoint that has no object graph.
        known: The addresses that are known otherwise, by key, in the model's order.
    """
    own = {key: _own_name(key, names) for key in keys}
    twice = {name for key, name in own.items() if not key.startswith(_ONCE_MORE)}
    own = {
        key: name
        for key, name in own.items()
        if name not in twice or not key.startswith(_ONCE_MORE)
    }
    optimizers = _optimizers(own) if names is not None else ()
    slots = {key for key in own if _SLOT in key or key.startswith(optimizers)} - known.keys()
    if names is None:
        slots = _slots_by_name(own)
    others = {key: name for key, name in own.items() if key not in slots and key not in known}
    addresses = {key: address for key, address in known.items() if key in own}
    taken = set(addresses.values())
    for key, address in _addresses(_distinct(_in_order(others, names))).items():
        addresses[key] = address if address not in taken else _by_path(key)
    counts = Counter(own[key] for key in addresses)
    by_name = {own[key]: at for key, at in addresses.items() if counts[own[key]] == 1}
    out = {
        key: Name(address, "state" if _is_metric(key) else None)
        for key, address in sorted(addresses.items(), key=lambda pair: _is_metric(pair[0]))
    }
    for key in (key for key in own if key in slots):
        below = _slot_address(key, own[key], by_name, addresses)
        if below in taken:
            below = _by_path(key)
        taken.add(below)
        out[key] = Name(join("optimizer", below), "optimizer")
    return out


def _by_path(key: str) -> str:
    """The address of an array that is called as another is: the path of attributes to it."""
    return join(*map(part, key.removesuffix(_VALUE).split("/")))


def _own_name(key: str, names: Mapping[str, str] | None) -> str:
    """The variable's name; the path of attributes where it has none."""
    path = key.removesuffix(_VALUE)
    return path if names is None else names.get(key) or path


def _in_order(model: dict[str, str], names: Mapping[str, str] | None) -> dict[str, str]:
    """In the order of the objects, rather than of the keys; what counts steps and metrics last."""
    order = {key: index for index, key in enumerate(names or ())}
    counters = ("save_counter/", _METRICS)
    return dict(
        sorted(
            model.items(),
            key=lambda pair: (pair[0].startswith(counters), order.get(pair[0], len(order))),
        )
    )


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
    """Names that no two arrays share: else the path of attributes, which none shares.

    Where one name is shared, others beside it may be of other layers too: Keras 3 names all that
    the layers of a model make within its call after the model alone.
    """
    counts = Counter(model.values())
    vague = {name.rpartition("/")[0] for name, count in counts.items() if count > 1}
    return {
        key: _path_of(key, name) if name.rpartition("/")[0] in vague or _is_metric(key) else name
        for key, name in model.items()
    }


def _path_of(key: str, name: str) -> str:
    """The attributes that lead to an array; its own name stands at the end, or for the last."""
    path = key.removesuffix(_VALUE).removeprefix(_METRICS)
    above, line, last = path.rpartition("/")
    own = name.rpartition("/")[2]
    if last.isdecimal() and own != last:  # an item of a list
        return f"{path}/{own}"
    return above + line + (own if last == f"_{own}" else last)


def _is_metric(key: str) -> bool:
    return key.startswith(_METRICS)


def _addresses(model: Mapping[str, str]) -> dict[str, str]:
    """Addresses as the live model has them: without the root's name, automatic ones renumbered."""
    split = {key: tuple(name.split("/")) for key, name in model.items()}
    shared = {parts[0] for key, parts in split.items() if len(parts) > 1 and not _is_metric(key)}
    if len(shared) == 1 and all(len(parts) != 2 for parts in split.values()):
        # Keras 3 begins a variable's path with the model's own name.
        split = {
            key: parts if _is_metric(key) else parts[1:] or parts for key, parts in split.items()
        }
    below: dict[tuple[str, ...], dict[str, None]] = {}
    for parts in split.values():
        for length in range(1, len(parts)):
            below.setdefault(parts[: length - 1], {})[parts[length - 1]] = None
    found: dict[tuple[str, ...], str] = {(): ""}
    for above in sorted(below, key=len):
        layers = list(below[above])
        siblings = [(name, _class_of(name)) for name in layers]
        for name, new in zip(layers, sibling_parts(siblings, lambda _: None), strict=True):
            found[*above, name] = join(found[above], new)
    return {key: join(found[parts[:-1]], part(parts[-1])) for key, parts in split.items()}


def _class_of(name: str) -> str:
    base = _NUMBER.sub("", name)
    own = (class_of_snake_case(base.removeprefix(prefix)) for prefix in _PREFIXES)
    return next((found for found in own if found), "")


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
