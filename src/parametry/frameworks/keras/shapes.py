"""The input and output shapes of a layer, as far as they can be told without running it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parametry.core.value import Plain
from parametry.frameworks.keras.dialect import is_of_keras

__all__ = ["shapes_of"]


def shapes_of(layer: Any) -> Callable[[], tuple[Plain, Plain]]:
    """A function that works out the shapes of a layer when asked, once.

    Three sources are asked in turn: the graph of a Functional or Sequential model; the shape that
    the layer was built with, from which a layer of Keras's own computes its output; and nothing
    else, since a user's layer would have to be run.
    """
    known: list[tuple[Plain, Plain]] = []

    def work_out() -> tuple[Plain, Plain]:
        if not known:
            known.append(_shapes(layer))
        return known[0]

    return work_out


def _shapes(layer: Any) -> tuple[Plain, Plain]:
    stored = getattr(layer, "__dict__", {})
    # Keras 2 keeps its nodes under the second name.
    for node in stored.get("_inbound_nodes", stored.get("_inbound_nodes_value")) or ():
        try:
            return _of_tensors(node.input_tensors), _of_tensors(_outputs(node))
        except Exception:  # Keras 2's nodes keep their tensors otherwise
            break
    built = stored.get("_build_shapes_dict")
    if not built:
        built_with = stored.get("_build_input_shape")
        built = {"input_shape": built_with} if built_with is not None else None
    if not built:
        return None, _declared_output(layer)
    shapes = list(built.values())
    shape = shapes[0] if len(shapes) == 1 else shapes
    output = _declared_output(layer) or _computed(layer, built)
    return _plain_shape(shape), output


def _outputs(node: Any) -> Any:
    return node.output_tensors if hasattr(node, "output_tensors") else node.outputs


def _declared_output(layer: Any) -> Plain:
    """The output of a Functional model, whose graph tells it."""
    outputs = getattr(layer, "__dict__", {}).get("_outputs")
    return None if not outputs else _of_tensors(outputs)


def _computed(layer: Any, built: dict[str, Any]) -> Plain:
    if not is_of_keras(type(layer)):
        return None
    try:
        return _plain_shape(layer.compute_output_shape(*built.values()))
    except Exception:  # an abstract layer, or one that wants other arguments
        return None


def _of_tensors(tensors: Any) -> Plain:
    if not isinstance(tensors, (list, tuple)):
        tensors = [tensors]
    shapes: list[Plain] = [_plain_shape(tensor.shape) for tensor in tensors]
    if not shapes:  # what an input layer takes
        return None
    return shapes[0] if len(shapes) == 1 else shapes


def _plain_shape(shape: Any) -> Plain:
    if isinstance(shape, dict):
        return {str(name): _plain_shape(inner) for name, inner in shape.items()}
    if shape is None or isinstance(shape, int):
        return shape
    if hasattr(shape, "as_list"):
        shape = shape.as_list()
    return [_plain_shape(size) for size in shape]
