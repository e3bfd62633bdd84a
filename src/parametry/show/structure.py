"""A model's layers, with the parameters of each below it, as one tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from parametry.core.address import parent
from parametry.core.layer import Layer
from parametry.core.parameter import Parameter
from parametry.core.value import Plain
from parametry.show.provenance import provenance_words
from parametry.show.quantity import shape
from parametry.show.tree import Branch, fold, grow, walk

__all__ = ["Alias", "Node", "outputs", "rows_within", "structure"]

# To work out a layer's shapes can cost time, so a large model is asked for those shown alone.
_MOST_SHAPES = 500


class Alias(NamedTuple):
    """Another way to a layer or parameter.

    Attributes:
        target: The canonical address.
        transposed: Whether the array is seen transposed here.
    """

    target: str
    transposed: bool = False


Node: TypeAlias = Layer | Parameter | Alias
Shapes: TypeAlias = Callable[[Layer], str]


def structure(
    layers: Mapping[str, Layer], parameters: Mapping[str, Parameter], *, folded: bool = True
) -> tuple[Branch[Node], Shapes]:
    """The tree of layers and parameters, and how to ask for a layer's output shape.

    Args:
        layers: A model's layers.
        parameters: Its parameters; those of layers that are not given stand at their addresses.
        folded: Whether equal siblings become one.
    """
    output = _asking()
    few = len(layers) <= _MOST_SHAPES

    def alike(node: Node) -> Hashable:
        return _alike(node, output, few) if folded else id(node)

    return _joined(fold(grow(_nodes(layers, parameters)), alike)), output


def _nodes(
    layers: Mapping[str, Layer], parameters: Mapping[str, Parameter]
) -> Iterator[tuple[str, Node]]:
    below: dict[str, list[Parameter]] = {}
    for entry in parameters.values():
        below.setdefault(entry.layer, []).append(entry)
    yield from ((entry.address, entry) for entry in below.pop("", ()))
    for layer in layers.values():
        yield layer.address, layer
        yield from ((entry.address, entry) for entry in below.pop(layer.address, ()))
    for entries in below.values():
        yield from ((entry.address, entry) for entry in entries)
    shared = {alias for layer in layers.values() for alias in layer.aliases}
    for layer in layers.values():
        # What lies below a shared layer is shared with it, and goes without saying.
        yield from (
            (alias, Alias(layer.address)) for alias in layer.aliases if not _lies_in(alias, shared)
        )
    for entry in parameters.values():
        yield from (
            (alias, Alias(entry.address, alias in entry.transposed))
            for alias in entry.aliases
            if not _lies_in(alias, shared)
        )


def _lies_in(address: str, shared: set[str]) -> bool:
    while shared and address:
        address = parent(address)
        if address in shared:
            return True
    return False


def _alike(node: Node, output: Shapes, few: bool) -> Hashable:
    if isinstance(node, Layer):
        size = (node.parameters, output(node) if few else None)
        return (node.class_name, node.built, node.uses, len(node.aliases), *size)
    if isinstance(node, Parameter):
        return (node.shape, node.dtype, node.role, len(node.aliases), provenance_words(node))
    return node.target


def _asking() -> Shapes:
    """Asks each layer for its output shape at most once, and not more layers than may be asked."""
    known: dict[int, str] = {}

    def output(layer: Layer) -> str:
        if id(layer) not in known:
            known[id(layer)] = _output(layer) if len(known) < _MOST_SHAPES else ""
        return known[id(layer)]

    return output


def _output(layer: Layer) -> str:
    try:
        found: Plain = layer.output_shape
    except Exception:  # a layer's own code may work it out, and a picture must not fail by it
        return "?"
    return shape(found)


def outputs(branch: Branch[Node], layer: Layer, output: Shapes) -> str:
    """The output shape of a layer; of the first and the last, where several differ."""
    first = output(layer)
    if branch.count == 1:
        return first
    last = next((output(node) for node in branch.last if isinstance(node, Layer)), first)
    return first if first == last else f"{first} … {last}"


def _joined(branch: Branch[Node]) -> Branch[Node]:
    """The tree without branches that hold nothing but one other: ``blocks/{0..3}`` is one row."""
    children: dict[str, Branch[Node]] = {}
    for child in map(_joined, branch.children.values()):
        name, inner = child.name, child
        if not inner.items and len(inner.children) == 1 and inner.count == 1:
            (inner,) = inner.children.values()
            inner.name = f"{name}/{inner.name}"
        children[inner.name] = inner
    branch.children = children
    return branch


def rows_within(tree: Branch[Node], limit: int) -> tuple[list[tuple[int, Branch[Node]]], int]:
    """As many whole levels of the tree as fit, from the top; at least a part of the first.

    Returns:
        The rows with their depth, and how many rows are left out.
    """
    every = list(walk(tree))
    rows_at = Counter(depth for depth, _ in every)
    levels, total = 0, 0
    while total + rows_at[levels] <= limit and rows_at[levels]:
        total += rows_at[levels]
        levels += 1
    rows = [(depth, branch) for depth, branch in every if depth < max(levels, 1)][:limit]
    return rows, len(every) - len(rows)
