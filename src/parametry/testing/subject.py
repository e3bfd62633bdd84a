"""What a framework's tests say of its models, for the contract to be tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

__all__ = ["Subject"]


class Subject:
    """How a framework's models are made and read. Every method is to be overridden."""

    def make(self) -> Any:
        """A fresh model with parameters: two layers or more, one of them within another.

        Some parameter is trained and a matrix, and some layer has no name of its own. Each call
        makes a model of the same structure.
        """
        raise NotImplementedError

    def make_tied(self) -> Any:
        """A fresh model in which one array has two addresses or more."""
        raise NotImplementedError

    def arrays_of(self, model: Any) -> Sequence[Any]:
        """Every array that the model holds, as the framework's own objects, each once."""
        raise NotImplementedError

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """The values of one of the framework's arrays."""
        raise NotImplementedError

    def train(self, model: Any) -> None:
        """Train the model for a step, so that every trainable parameter changes."""
        raise NotImplementedError

    def state_of(self, model: Any) -> Any:
        """All that looking at a model must not change, as something that can be compared.

        The model's attributes and their identity, its mode, the values of its arrays, the states of
        the generators of random numbers, the framework's global state.
        """
        raise NotImplementedError
