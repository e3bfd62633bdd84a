"""Attribute paths: how user code reaches a sublayer or a variable from the layer that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from parametry.core.address import part

__all__ = ["attribute_paths", "follow", "reference_counts", "stored_attributes"]

# What Keras itself keeps on every layer; user code does not go through these.
_BOOKKEEPING = frozenset(
    {
        "_layers",
        "_trainable_variables",
        "_non_trainable_variables",
        "_seed_generators",
        "_metrics",
        "_tracker",
        "_functional",
        "_nodes",
        "_operations",
        "_inbound_nodes",
        "_outbound_nodes",
        "_operations_by_depth",
        "_nodes_by_depth",
        "_trainable_weights",
        "_non_trainable_weights",
        "_obj_reference_counts_dict",
        "_modules",
        "_parameters",
        "_buffers",
        "_undeduplicated_weights",
        "_input_layers",
        "_output_layers",
        "_network_nodes",
        "_layer_call_argspecs",
    }
)
# What TensorFlow keeps on everything that it tracks begins so: all children once more.
_OF_TENSORFLOW = "_self_"
_DEEPEST = 4
_MOST_ITEMS = 10_000
# Most attributes hold one of these, and none of these leads anywhere.
_CONTAINERS = (list, tuple, dict)
_LEAVES = frozenset({bool, int, float, str, type(None)})


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), item) for key, item in list(value.items())[:_MOST_ITEMS])
    elif isinstance(value, (list, tuple)):
        yield from ((str(index), item) for index, item in enumerate(value[:_MOST_ITEMS]))


def _values(container: Any) -> Iterable[Any]:
    found = container.values() if isinstance(container, dict) else container
    return found if len(container) <= _MOST_ITEMS else islice(found, _MOST_ITEMS)


def stored_attributes(holder: Any) -> dict[str, Any]:
    """The attributes that an object stores; on the torch backend layers stand in ``_modules``."""
    stored: dict[str, Any] = getattr(holder, "__dict__", {})
    modules = stored.get("_modules")
    return {**stored, **modules} if modules and isinstance(modules, dict) else stored


def _references(holder: Any) -> Iterator[tuple[str, Any]]:
    """Every object that an attribute, or a list or dict in one, leads to; with its path."""
    stack = [
        (part(name), value, 0)
        for name, value in reversed(list(stored_attributes(holder).items()))
        if name not in _BOOKKEEPING and not name.startswith(_OF_TENSORFLOW)
    ]
    while stack:
        path, value, depth = stack.pop()
        if isinstance(value, (list, tuple, dict)):
            if depth < _DEEPEST:
                stack.extend(
                    (f"{path}/{part(key)}", item, depth + 1)
                    for key, item in reversed(list(_items(value)))
                )
        elif hasattr(value, "__dict__"):
            yield path, value


def attribute_paths(holder: Any) -> dict[int, str]:
    """The first path that leads to each object, by identity; a public one before a private."""
    paths: dict[int, str] = {}
    for path, value in _references(holder):
        known = paths.get(id(value))
        if known is None or (known.startswith("_") and not path.startswith("_")):
            paths[id(value)] = path
    return paths


def reference_counts(holder: Any) -> dict[int, int]:
    """How many attributes and items lead to each object, by identity."""
    counts: dict[int, int] = {}
    stack: list[tuple[Any, int]] = []
    for name, value in stored_attributes(holder).items():
        if type(value) in _LEAVES or name in _BOOKKEEPING or name.startswith(_OF_TENSORFLOW):
            continue
        if not isinstance(value, _CONTAINERS):
            counts[id(value)] = counts.get(id(value), 0) + 1
        elif value:
            stack.append((value, 1))
    while stack:
        container, depth = stack.pop()
        for item in _values(container):
            if not isinstance(item, _CONTAINERS):
                counts[id(item)] = counts.get(id(item), 0) + 1
            elif item and depth < _DEEPEST:
                stack.append((item, depth + 1))
    return counts


def _without_input(holder: Any, layers: Any) -> Any:
    """The layers as ``model.layers`` gives them: a Sequential hides the input that it begins with.

    The property itself is not called, since a user's class may have another.
    """
    hides = any(cls.__name__ == "Sequential" for cls in type(holder).__mro__)
    if hides and isinstance(layers, list) and layers and type(layers[0]).__name__ == "InputLayer":
        return layers[1:]
    return layers


def follow(holder: Any, path: tuple[str, ...]) -> Any:
    """What a path of attribute names, keys and indices leads to, or None; calls no property."""
    value: Any = holder
    for name in path:
        if isinstance(value, dict):
            value = next((item for key, item in value.items() if str(key) == name), None)
        elif isinstance(value, (list, tuple)):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            stored = stored_attributes(value)
            found = stored.get(name, stored.get("_" + name))
            value = _without_input(value, found) if name == "layers" else found
        if value is None:
            return None
    return value
