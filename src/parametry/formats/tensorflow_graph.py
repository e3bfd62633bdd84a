"""The graph of objects that TensorFlow writes beside variables: which object holds which.

A checkpoint has a ``TrackableObjectGraph``, a SavedModel a ``SavedObjectGraph`` besides. Both list
objects, and each object's children by the attributes that lead to them.

Source: ``tensorflow/core/protobuf/trackable_object_graph.proto`` and ``saved_object_graph.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from parametry.formats.protobuf import Field, fields

__all__ = ["Node", "graph_of", "names_in", "node_at", "paths_in"]

_NODES: Final = 1
_CHILDREN, _ATTRIBUTES = 1, 2
# A path is as long as the objects lie deep; a chain of thousands would make paths of gigabytes.
_DEEPEST: Final = 100


@dataclass(frozen=True, slots=True)
class Node:
    """One object of a graph.

    Attributes:
        children: The objects that it holds, by the attribute that leads to each, as their places in
            the graph.
        arrays: Key and own name of each array that a checkpoint has of it; no name is empty.
        fields: What else the message has.
    """

    children: Mapping[str, int]
    arrays: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]


def graph_of(serialized: bytes) -> list[Node]:
    """The objects of a graph, the root first.

    Args:
        serialized: A ``TrackableObjectGraph`` or a ``SavedObjectGraph``.

    Raises:
        ProtobufRefused: It is neither.
    """
    return [_node(each.data) for each in fields(serialized) if each.number == _NODES]


def _node(serialized: bytes) -> Node:
    children: dict[str, int] = {}
    arrays: list[tuple[str, str]] = []
    rest: list[Field] = []
    for each in fields(serialized):
        if each.number == _CHILDREN:
            known = {inner.number: inner for inner in fields(each.data)}
            name = known[2].text if 2 in known else ""
            children.setdefault(name, known[1].whole if 1 in known else 0)
        elif each.number == _ATTRIBUTES and isinstance(each.value, bytes):
            known = {inner.number: inner for inner in fields(each.value)}
            key = known[3].text if 3 in known else ""
            if key:
                arrays.append((key, known[2].text if 2 in known else ""))
        else:
            rest.append(each)
    return Node(children, tuple(arrays), tuple(rest))


def names_in(graph: Sequence[Node]) -> dict[str, str]:
    """Each array's own name by its key, empty where it has none; depth first from the root.

    What an object has of its own comes before what the objects in it have.

    Args:
        graph: The objects of a checkpoint.
    """
    found: dict[str, str] = {}
    seen = {0}
    stack = [0] if graph else []
    while stack:
        node = graph[stack.pop()]
        for key, name in node.arrays:
            found.setdefault(key, name)
        fresh = dict.fromkeys(
            child for child in node.children.values() if child < len(graph) and child not in seen
        )
        seen.update(fresh)
        stack.extend(sorted(reversed(fresh), key=lambda child: bool(graph[child].arrays)))
    for node in graph:
        for key, name in node.arrays:  # of an object that the root does not lead to
            found.setdefault(key, name)
    return found


def node_at(graph: Sequence[Node], path: Sequence[str]) -> int | None:
    """The place of the object that attributes lead to from the root; None where none is there.

    Args:
        graph: The objects.
        path: The attributes.
    """
    at = 0
    for step in path:
        found = graph[at].children.get(step) if at < len(graph) else None
        if found is None:
            return None
        at = found
    return at if at < len(graph) else None


def paths_in(graph: Sequence[Node]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Each object that the root leads to, once, with the shortest path to it.

    Args:
        graph: The objects.
    """
    level: list[tuple[tuple[str, ...], int]] = [((), 0)] if graph else []
    seen = {0}
    for _ in range(_DEEPEST):
        below: list[tuple[tuple[str, ...], int]] = []
        for path, at in level:
            yield path, graph[at]
            for name, child in graph[at].children.items():
                if child < len(graph) and child not in seen:
                    seen.add(child)
                    below.append(((*path, name), child))
        level = below
