"""What is said of a layer, a parameter or an alias in the tree of a model."""

from __future__ import annotations

from parametry.core.layer import Layer
from parametry.core.parameter import Parameter
from parametry.show.provenance import provenance_words
from parametry.show.quantity import number, shape
from parametry.show.structure import Node, Shapes, outputs
from parametry.show.tree import Branch

__all__ = ["notes", "size", "times", "type_name"]


def type_name(node: Node) -> str:
    """A layer's class, a parameter's dtype, or what an alias leads to."""
    if isinstance(node, Layer):
        return node.class_name
    if isinstance(node, Parameter):
        return node.dtype
    return f"= {node.target}" + ("ᵀ" if node.transposed else "")


def size(branch: Branch[Node], node: Node, output: Shapes) -> tuple[str, int]:
    """The shape, a layer's being its output's, and the number of elements."""
    if isinstance(node, Layer):
        return outputs(branch, node, output), node.parameters
    return (shape(node.shape), node.size) if isinstance(node, Parameter) else ("", 0)


def notes(node: Node) -> str:
    """What is out of the ordinary: uses, not built, not trained by gradients, tied, made by us."""
    said: list[str] = []
    if isinstance(node, Layer):
        said += [f"uses: {number(node.uses)}"] if node.uses > 1 else []
        said += [] if node.built else ["unbuilt"]
    elif isinstance(node, Parameter):
        said += [] if node.role in ("trainable", "optimizer") else [node.role]
        said += ["tied"] if node.aliases else []
        said += filter(None, [provenance_words(node)])
    return "  ".join(said)


def times(count: int, *, turns: bool = False) -> str:
    """How many a row stands for, where it is more than one.

    Example:
        >>> times(1), times(32), times(3, turns=True)
        ('', '×32', '×3 in turn')
    """
    if count == 1:
        return ""
    return f"×{number(count)} in turn" if turns else f"×{number(count)}"
