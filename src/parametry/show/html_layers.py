"""Layers and parameters as HTML: a tree of folded sections."""

from __future__ import annotations

from collections.abc import Mapping

from parametry.core.layer import Layer
from parametry.core.parameter import Parameter
from parametry.show import markup, nodes
from parametry.show.markup import Markup, address, text
from parametry.show.quantity import number
from parametry.show.structure import Node, Shapes, structure
from parametry.show.tree import Branch

__all__ = ["section", "tree"]


# A longer list than this is closed until somebody opens it.
_MOST_OPEN = 40


def section(page: Markup, layers: Mapping[str, Layer], parameters: Mapping[str, Parameter]) -> None:
    """Add a section with the tree of layers, if there are any, with the parameters of each.

    Args:
        page: What to add to, as far as its room goes.
        layers: A model's layers, by address.
        parameters: Its parameters, by address.
    """
    if not layers and not parameters:
        return
    root, output = structure(layers, parameters)
    few = len(root.children) <= _MOST_OPEN
    opening = markup.section("Layers", number(len(layers)), opened=few)
    with page.element(opening, "</details>") as opened:
        if opened:
            _children(page, root, output, 0)


def tree(page: Markup, layers: Mapping[str, Layer], parameters: Mapping[str, Parameter]) -> None:
    """Add the tree of layers alone; see `section`."""
    root, output = structure(layers, parameters)
    _children(page, root, output, 0)


def _children(
    page: Markup, branch: Branch[Node], output: Shapes, depth: int, times: int = 1
) -> None:
    shown = 0
    for child in branch.children.values():
        if not _branch(page, child, output, depth, times * child.count):
            break
        shown += 1
    page.left_out(len(branch.children) - shown)


def _branch(page: Markup, branch: Branch[Node], output: Shapes, depth: int, times: int) -> bool:
    rows = [_row(branch, node, output, times) for node in branch.items or (None,)]
    if not branch.children:
        return all([page.add(f'<div class="row" style="--d:{depth}">{row}</div>') for row in rows])
    opening = f'<details style="--d:{depth}"><summary>{"<br>".join(rows)}</summary>'
    with page.element(opening, "</details>") as opened:
        if opened:
            _children(page, branch, output, depth + 1, times)
    return opened


def _row(branch: Branch[Node], node: Node | None, output: Shapes, times: int) -> str:
    told = nodes.times(times, turns=branch.turns)
    name = address(branch.name) + (f' <span class="dim">{told}</span>' if told else "")
    pieces = [f'<span class="n">{name}</span>']
    if node is not None:
        shape, count = nodes.size(branch, node, output)
        look = "t v" if isinstance(node, Layer) else "t dim"
        pieces += [
            f'<span class="{look}">{text(nodes.type_name(node))}</span>',
            f'<span class="s">{text(shape)}</span>',
            number(count * times) if count else "",
            f'<span class="dim">{text(nodes.notes(node))}</span>',
        ]
    return " ".join(pieces)
