"""``model.hyperparameters``: the attribute that every Keras model lacks."""

from __future__ import annotations

from typing import Any

from parametry.core.mappings import Hyperparameters
from parametry.core.watch import watch

__all__ = ["HyperparametersAttribute"]


class HyperparametersAttribute:
    """Gives a model its hyperparameters, unless the user's own class has something of that name.

    It has no ``__set__``, so ``self.hyperparameters = …`` in user code stores in the instance and
    wins. On the torch backend a submodule or parameter of that name is looked for first, since
    those do not stand in the instance's ``__dict__``.
    """

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        """The hyperparameters of a model; on the class, this object.

        Raises:
            AttributeError: Capture was turned off.
        """
        if model is None:
            return self
        for registry in ("_modules", "_parameters", "_buffers"):
            held = model.__dict__.get(registry)
            if isinstance(held, dict) and "hyperparameters" in held:
                return held["hyperparameters"]
        if not watch.on:
            raise AttributeError(
                f"{type(model).__name__!r} object has no attribute 'hyperparameters'"
            )
        return _hyperparameters(model)


def _hyperparameters(model: Any) -> Hyperparameters:
    from parametry.frameworks.keras.inspection import inspect

    return inspect(model).hyperparameters
