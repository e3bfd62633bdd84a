"""Keras's own layout of weights in HDF5, and the addresses that the model had when it was saved.

A layer's variables stand in a group ``vars`` at the path of attributes that led to the layer, as
``layers/dense/vars/0``. The attribute ``name`` of that group is the layer's name (since Keras 3.7).

Source: ``keras.src.saving.saving_lib``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from parametry.conventions.names import sibling_parts
from parametry.conventions.variable_names import is_state, variable_names
from parametry.core.address import join, part
from parametry.core.dtype import kind, numpy_dtype
from parametry.core.parameter import Role
from parametry.formats.assembling import Found
from parametry.formats.hdf5_file import Array, Hdf5
from parametry.formats.keras_layers import UNKNOWN, Said, made_at, without_number

__all__ = ["Node", "found_in", "is_laid_out", "layer_classes", "tree_of"]

VARS: Final = "vars"
# What a compiled model keeps beside its layers.
_OPTIMIZER: Final = "optimizer"
_TRAINING: Final = frozenset(
    {"metrics", "loss_tracker", "compile_metrics", "compile_loss", "compiled_metrics", "losses"}
)
_OPTIMIZER_NAMES: Final = ("iteration", "learning_rate")
# The lists of layers that Keras keeps itself; no program reaches a layer through their numbers.
_LISTS: Final = frozenset({"layers", "_layers", "_layer_checkpoint_dependencies"})


@dataclass(slots=True, eq=False)
class Node:
    """A layer as the file has it.

    Attributes:
        path: Its path in the file; empty for the root.
        name: Its name.
        component: The path from the layer that holds it.
        said: What is known of it otherwise.
        address: Its address.
        frozen: Whether it, or a layer above, says that it is not trained.
        arrays: Its own variables in their order.
        children: The layers within.
    """

    path: str
    name: str
    component: str = ""
    said: Said = UNKNOWN
    address: str = ""
    frozen: bool = False
    arrays: list[Array] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


def tree_of(file: Hdf5, root: Said) -> Node:
    """The layers that a file holds, with their addresses.

    Args:
        file: What the file holds.
        root: What the model's configuration says; `UNKNOWN` where the file has none.
    """
    nodes = {"": Node("", "")}
    holders = {_holder(path) for path in (*file.groups, *_groups_of(file)) if _is_vars(path)}
    for path in sorted(holders - {""}, key=lambda path: (path.count("/"), _natural(path))):
        nodes[path] = Node(path, "")
    for path, node in nodes.items():
        told = file.groups.get(join(path, VARS))
        node.name = (told.name if told is not None else None) or path.rpartition("/")[2]
        if path:
            above = _nearest(path, nodes)
            node.component = path[len(above.path) + 1 :] if above.path else path
            above.children.append(node)
    for array_path, array in file.arrays.items():
        holder = array_path.rpartition("/")[0]
        if _is_vars(holder):
            nodes[_holder(holder)].arrays.append(array)
    for node in nodes.values():
        node.arrays.sort(key=lambda array: _natural(array.path))
    top = nodes[""]
    top.said = root
    _settle(top)
    return top


def is_laid_out(path: str) -> bool:
    """Whether an array stands where Keras puts a layer's variables.

    Example:
        >>> is_laid_out("layers/dense/vars/0"), is_laid_out("kernel")
        (True, False)
    """
    return _is_vars(path.rpartition("/")[0])


def _groups_of(file: Hdf5) -> Iterator[str]:
    """The groups that the arrays lie in."""
    for path in file.arrays:
        yield path.rpartition("/")[0]


def _is_vars(path: str) -> bool:
    return path == VARS or path.endswith("/" + VARS)


def _holder(path: str) -> str:
    return path[: -len(VARS)].rstrip("/")


def _nearest(path: str, nodes: Mapping[str, Node]) -> Node:
    above = path.rpartition("/")[0]
    while above not in nodes:
        above = above.rpartition("/")[0]
    return nodes[above]


def _settle(top: Node) -> None:
    """Work out classes and addresses, from the top down, without recursion."""
    stack = [top]
    while stack:
        node = stack.pop()
        node.frozen = node.frozen or not node.said.trainable
        said = node.said
        node.children.sort(key=_Order(said))
        layers = [child for child in node.children if not _of_training(child, node)]
        for child in layers:
            child.said = said.child(child.name, child.component)
            child.frozen = node.frozen
        # A layer that the graph lists and the file has not here is stored where it was met first.
        stored = {child.name for child in layers}
        elsewhere = [(name, cls) for name, cls in said.children if name not in stored]
        paths = _attribute_paths(layers) + [None] * len(elsewhere)
        siblings = [(child.name, child.said.class_name) for child in layers] + elsewhere
        parts = sibling_parts(siblings, paths.__getitem__)
        for child, found in zip(layers, parts, strict=False):
            child.address = join(node.address, found)
        node.children = layers + [child for child in node.children if _of_training(child, node)]
        stack.extend(layers)


class _Order:
    """Sorts the layers within one: as its graph lists them, then by the paths in the file."""

    def __init__(self, said: Said) -> None:
        self._listed = {name: position for position, (name, _) in enumerate(said.children)}

    def __call__(self, child: Node) -> tuple[int, int, list[tuple[int, int, str]]]:
        position = self._listed.get(child.name, len(self._listed))
        return position, made_at(child.component), _natural(child.component)


def _of_training(child: Node, above: Node) -> bool:
    """Whether it belongs to the model's training, as its optimizer and metrics do."""
    first = child.component.lstrip("_").partition("/")[0]
    return not above.path and (first == _OPTIMIZER or first in _TRAINING)


def _attribute_paths(layers: list[Node]) -> list[str | None]:
    """The paths of attributes as a program would write them, for siblings of one explicit name.

    The file numbers a list's items within each class, so that their index is known only where all
    are of one class.
    """
    bases: dict[str, set[str]] = {}
    for child in layers:
        above, _, last = child.component.rpartition("/")
        bases.setdefault(above, set()).add(without_number(last))
    out: list[str | None] = []
    for child in layers:
        above, _, last = child.component.rpartition("/")
        if not above:
            out.append(part(child.component))
        elif above in _LISTS or len(bases[above]) > 1:
            out.append(None)
        else:
            base = next(iter(bases[above]))
            out.append(f"{above}/{last[len(base) + 1 :] or '0'}")
    return out


_DIGITS = re.compile(r"(\d{1,18})")


def _natural(text: str) -> list[tuple[int, int, str]]:
    """An order in which ``dense_10`` comes after ``dense_9``, and private names last."""
    pieces = _DIGITS.split(text)
    number = [
        (0, int(piece), "") if odd else (1, 0, piece)
        for odd, piece in zip((i % 2 for i in range(len(pieces))), pieces, strict=True)
    ]
    return [(int(text.startswith("_")), 0, ""), *number]


def found_in(top: Node, skip: frozenset[str] = frozenset()) -> Iterator[Found]:
    """The arrays below a node, with their addresses and roles, depth first.

    Args:
        top: The tree's root.
        skip: Paths of arrays that are known otherwise.
    """
    stack = [top]
    while stack:
        node = stack.pop()
        if node is not top and _of_training(node, top):
            if node.component.startswith(_OPTIMIZER):
                yield from _of_optimizer(node, _OPTIMIZER, skip)
            continue
        yield from _variables(node, skip)
        stack.extend(reversed(node.children))


def _variables(node: Node, skip: frozenset[str]) -> Iterator[Found]:
    shapes = [array.layout.shape for array in node.arrays]
    names = (
        None
        if _is_quantized(node)
        else variable_names(node.said.class_name, node.said.arguments, shapes)
    )
    for index, array in enumerate(node.arrays):
        if array.path in skip:
            continue
        own = f"{VARS}/{array.path.rpartition('/')[2]}" if names is None else names[index]
        role: Role = "state" if is_state(own) else "frozen" if node.frozen else "trainable"
        if node.said.class_name == "Normalization":
            role = "state"  # whose names, mean and variance, tell nothing elsewhere
        yield Found(
            array.path,
            join(node.address, own),
            array.layout,
            array.backing,
            role,
            node.address,
            node.said.class_name,
        )


def _is_quantized(node: Node) -> bool:
    """Whether its matrices are of integers: it has other variables than its class has usually."""
    return any(
        kind(numpy_dtype(array.layout.dtype)) == "integer" and len(array.layout.shape) > 1
        for array in node.arrays
    )


def _of_optimizer(node: Node, scope: str, skip: frozenset[str]) -> Iterator[Found]:
    for index, array in enumerate(node.arrays):
        own = f"{VARS}/{array.path.rpartition('/')[2]}"
        if index < len(_OPTIMIZER_NAMES) and not array.layout.shape:
            own = _OPTIMIZER_NAMES[index]
        if array.path not in skip:
            yield Found(
                array.path, join(scope, own), array.layout, array.backing, "optimizer", scope
            )
    for child in node.children:
        yield from _of_optimizer(child, join(scope, child.component), skip)


def layer_classes(top: Node) -> dict[str, str]:
    """The class of each layer by address, where it is known; depth first."""
    out: dict[str, str] = {}
    stack = [child for child in reversed(top.children) if not _of_training(child, top)]
    while stack:
        node = stack.pop()
        out[node.address] = node.said.class_name
        stack.extend(reversed(node.children))
    return out
