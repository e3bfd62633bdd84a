"""What a compiled model must forget once its variables are others, or train otherwise.

A compiled step has the variables in it that were there when it was traced, and an optimizer has a
list of its own of what it trains. Both are made anew from the model as it is now, so that nobody
has to compile it again: the optimizer stays the same object, with its step, its rate, and the slots
of all that it goes on training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parametry.errors import NotSupported, ValueUnavailable
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.edits import Edits
from parametry.frameworks.keras.inspection import optimizer_of
from parametry.frameworks.keras.optimizer import optimizers_of
from parametry.frameworks.keras.optimizer_swap import retrain
from parametry.frameworks.keras.walk import Tree, walk

__all__ = ["rebuild", "refresh_torch", "standing_tree"]

_STEPS = ("train", "test", "predict")


def standing_tree(model: Any, action: str) -> Tree:
    """The model as walked, once it is sure that its variables stand still and can be exchanged.

    Args:
        model: The model; not changed.
        action: What is to be done to it, for messages.

    Raises:
        NotSupported: The model is one of Keras 2.
        ValueUnavailable: Its values are out of reach, as between the batches of JAX's ``fit``.
    """
    dialect = dialect_of(model)
    if dialect.package != "keras":
        raise NotSupported(
            f"{action} exchanges variables, which those of {dialect.package} do not allow",
            hint="use Keras 3, or one layer in both places; a layer's own flag freezes it whole",
        )
    tree = walk(model, dialect)
    away = [found for found in tree.variables.values() if _has_no_value(found.native)]
    if away:
        raise ValueUnavailable(
            f"{action} cannot follow up {away[0].addresses[0]} at this moment: the JAX backend "
            "takes the values out of the variables while fit runs",
            hint=f"{action} before or after fit, or in a callback's on_epoch_begin or on_epoch_end",
        )
    return tree


def _has_no_value(variable: Any) -> bool:
    return getattr(variable, "_value", variable) is None


def rebuild(
    model: Any, tree: Tree, edits: Edits, successors: Mapping[int, Any] | None = None
) -> None:
    """Make the compiled steps and the optimizers of a model follow its variables.

    Args:
        model: The model; its submodels that were compiled are followed up too.
        tree: The model, as walked before or after the change: its layers are the same.
        edits: Notes what is changed.
        successors: By the identity of a variable what is trained in its place, or beside it where
            it is still in the model.
    """
    trainers = [node.native for node in tree.nodes.values() if _trains(node.native)]
    for trainer in trainers:
        _rebuild_optimizers(trainer, edits, successors or {})
    if not trainers or trainers[0] is not model:
        _rebuild_optimizers(model, edits, successors or {})
    for trainer in trainers:
        _rebuild_steps(trainer, edits)


def refresh_torch(tree: Tree) -> None:
    """On the torch backend, let each layer tell torch its variables anew."""
    for node in tree.nodes.values():
        layer = node.native
        if "_torch_params" in (layer.__dict__.get("_modules") or ()):
            layer._track_variables()


def _trains(layer: Any) -> bool:
    return hasattr(type(layer), "make_train_function")


def _rebuild_steps(trainer: Any, edits: Edits) -> None:
    stored = trainer.__dict__
    for step in _STEPS:
        name = f"{step}_function"
        if stored.get(name) is not None:
            edits.put(stored, name, None)
            # At once, and not when it is next needed: inside fit nobody asks again.
            getattr(trainer, f"make_{name}")(force=True)
    if "_compiled_trainable_state" in stored:
        # Else Keras warns that what was compiled does not follow the layers' flags.
        flags = {layer: layer.trainable for layer in trainer._flatten_layers()}
        edits.put(stored, "_compiled_trainable_state", flags)


def _rebuild_optimizers(model: Any, edits: Edits, successors: Mapping[int, Any]) -> None:
    compiled = model.__dict__.get("optimizer")
    known = optimizers_of(model) or [optimizer_of(model)]
    for optimizer in known:
        if optimizer is None or not optimizer.built:
            continue
        before = list(optimizer._trainable_variables)
        if optimizer is compiled:
            after = list(model.trainable_variables)
        else:
            after = _followed(before, model, successors)
        if list(map(id, before)) != list(map(id, after)):
            retrain(optimizer, after, edits, successors)


def _followed(before: list[Any], model: Any, successors: Mapping[int, Any]) -> list[Any]:
    """What an optimizer trains that has a list of its own, which may be a part of the model."""
    held = {id(variable) for variable in model.variables}
    after: dict[int, Any] = {}
    for variable in before:
        successor = successors.get(id(variable))
        if successor is None or id(variable) in held:
            after[id(variable)] = variable
        if successor is not None:
            after[id(successor)] = successor
    return list(after.values())
