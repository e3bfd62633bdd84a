"""Whether training changes a variable, or all of a layer, said also after compiling."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.freezing import note_variables
from parametry.frameworks.keras.rebuilding import rebuild, standing_tree
from parametry.frameworks.keras.transposed import array_of
from parametry.frameworks.keras.walk import Tree

__all__ = ["set_trainable"]


def set_trainable(
    model: Any, trainable: Mapping[str, bool], *, layers: Mapping[str, bool] | None = None
) -> None:
    """Say of parameters, or of whole layers, whether training changes them from now on.

    A compiled model follows at once: its steps are made anew, its optimizer goes on with the same
    step, rate and slots; those of a variable that is thawed start as for a new variable.

    Args:
        model: A Keras model or layer, built.
        trainable: By the canonical address of a weight.
        layers: By the address of a layer: sets Keras's own flag on it and all below it, which is
            more than its weights: a ``BatchNormalization`` that is not trainable uses its moving
            statistics and leaves them as they are. It is done before the parameters.

    Raises:
        NotSupported: The model is one of Keras 2.
        ValueUnavailable: Its values are out of reach, as between the batches of JAX's ``fit``.
    """
    tree = standing_tree(model, "freeze")
    flags = _Flags(tree)
    edits = Edits()
    try:
        for address, flag in (layers or {}).items():
            flags.layer(address).trainable = flag
        if any(trainable.values()):
            flags.thaw_root(model)
        for address, flag in trainable.items():
            flags.variable(address).trainable = flag
        rebuild(model, tree, edits)
    except BaseException:
        edits.undo()
        flags.restore()
        raise
    note_variables(model, trainable, sys._getframe(1))


class _Flags:
    """The trainable flags of a model's layers and variables, as they were."""

    def __init__(self, tree: Tree) -> None:
        self._layers = {
            address: node.native
            for node in tree.nodes.values()
            if node.is_layer
            for address in node.addresses
        }
        self._variables = {
            address: array_of(found.native)
            for found in tree.variables.values()
            for address in found.addresses
        }
        self._of_layers = [
            (layer, layer.__dict__.get("_trainable", True)) for layer in self._layers.values()
        ]
        self._of_variables = [(each, each.trainable) for each in self._variables.values()]

    def layer(self, address: str) -> Any:
        return self._layers[address]

    def variable(self, address: str) -> Any:
        return self._variables[address]

    def thaw_root(self, model: Any) -> None:
        """Let single variables train in a model that is frozen whole; the others stay frozen."""
        if model.__dict__.get("_trainable", True):
            return
        for variable in self._variables.values():
            variable.trainable = False
        model.__dict__["_trainable"] = True

    def restore(self) -> None:
        for layer, flag in self._of_layers:
            layer.__dict__["_trainable"] = flag
        for variable, flag in self._of_variables:
            variable.trainable = flag
