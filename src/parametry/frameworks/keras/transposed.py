"""A view that shows a variable transposed, to stand where a layer keeps a variable of its own.

A layer computes with whatever its attribute holds, so a ``keras.Variable`` whose value is another
variable's, transposed at each use, ties the two in every compiled or eager computation: gradients
flow through the transposition into the one array. The view has no value of its own. What is
trained, counted and saved is the variable below it, which stands in the layer's list of weights.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["array_of", "is_view", "view_of"]

_VIEWED = "_parametry_viewed"


def view_of(variable: Any, name: str, path: str) -> Any:
    """A transposed view of a matrix.

    Args:
        variable: The ``keras.Variable``; it holds the values and what is said of them.
        name: What the layer calls its variable, as ``kernel``.
        path: The same with the layer's path, as ``head/kernel``.
    """
    return _view_class()(variable, name, path)


def is_view(thing: object) -> bool:
    """Whether it is a transposed view."""
    return _VIEWED in getattr(thing, "__dict__", ())


def array_of(variable: Any) -> Any:
    """The variable that holds the values: the one below a view, else the variable itself."""
    return variable.__dict__[_VIEWED] if is_view(variable) else variable


@functools.cache
def _view_class() -> Any:
    import keras
    from keras import ops

    class TransposedView(keras.Variable):  # type: ignore[misc]
        """Another variable, transposed."""

        def __init__(self, viewed: Any, name: str, path: str) -> None:
            # The parent's constructor would make an array.
            self._parametry_viewed = viewed
            self._name = name
            self._path = path
            self._shape = tuple(reversed(tuple(viewed.shape)))
            self._ndim = len(self._shape)

        def __getattr__(self, name: str) -> Any:
            """What is said of the variable itself: its dtype, layout, constraint."""
            if name == _VIEWED:  # while a copy is being made there is none yet
                raise AttributeError(name)
            return getattr(self._parametry_viewed, name)

        @property
        def value(self) -> Any:
            return ops.transpose(self._parametry_viewed.value)

        @property
        def _value(self) -> Any:
            value = self._parametry_viewed._value
            return None if value is None else ops.transpose(value)

        @property
        def trainable(self) -> bool:
            return bool(self._parametry_viewed.trainable)

        @trainable.setter
        def trainable(self, trainable: bool) -> None:
            self._parametry_viewed.trainable = trainable

        def assign(self, value: Any) -> Any:
            value = self._convert_to_tensor(value, dtype=self._parametry_viewed.dtype)
            if tuple(value.shape) != self._shape:
                raise ValueError(
                    f"The variable {self._path} has the shape {self._shape}, the value given has "
                    f"{tuple(value.shape)}"
                )
            self._parametry_viewed.assign(ops.transpose(value))
            return value

    return TransposedView
