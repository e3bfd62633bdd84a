"""What an optimizer's variables hold before the first step."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from parametry.core.parameter import Parameter
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.inspection import optimizer_of
from parametry.frameworks.keras.randomness import seeded
from parametry.frameworks.keras.slots import optimizer_parameters, trained_by
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
    tree = walk(model, dialect_of(model))
    trained = [] if optimizer is None else trained_by(optimizer, tree)
    if not trained:
        return []
    own = optimizer_parameters(optimizer, tree)
    with seeded(0):
        twin = type(optimizer).from_config(optimizer.get_config())
        twin.build(trained)
    fresh = list(optimizer_parameters(twin, tree).values())
    return [
        (parameter, initial.numpy())
        for parameter, initial in zip(own.values(), fresh, strict=True)
        if not _is_rate(parameter) and parameter.shape == initial.shape
    ]


def _is_rate(parameter: Parameter) -> bool:
    return parameter.address.rpartition("/")[2] == "learning_rate"
