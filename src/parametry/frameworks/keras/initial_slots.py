"""What an optimizer's variables hold before the first step."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from parametry.core.parameter import Parameter
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.inspection import optimizer_of
from parametry.frameworks.keras.randomness import seeded
from parametry.frameworks.keras.slots import optimizer_parameters
from parametry.frameworks.keras.walk import walk

__all__ = ["initial_slots"]


def initial_slots(model: Any) -> list[tuple[Parameter, NDArray[Any]]]:
    """Each of the optimizer's variables with its initial values, as a new one like it has them.

    The learning rate is left out: it is a hyperparameter. The optimizer stays as it is.

    Args:
        model: A Keras model.

    Returns:
        An empty list if there is no optimizer, or it was not built yet.
    """
    optimizer = optimizer_of(model)
    if optimizer is None or not optimizer.built:
        return []
    tree = walk(model, dialect_of(model))
    own = optimizer_parameters(optimizer, tree)
    with seeded(0):
        twin = type(optimizer).from_config(optimizer.get_config())
        twin.build(_trained(optimizer))
    fresh = list(optimizer_parameters(twin, tree).values())
    return [
        (parameter, initial.numpy())
        for parameter, initial in zip(own.values(), fresh, strict=True)
        if not _is_rate(parameter) and parameter.shape == initial.shape
    ]


def _trained(optimizer: Any) -> list[Any]:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(inner.__dict__.get("_trainable_variables") or [])


def _is_rate(parameter: Parameter) -> bool:
    return parameter.address.rpartition("/")[2] == "learning_rate"
