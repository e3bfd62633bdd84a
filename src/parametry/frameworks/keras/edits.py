"""Changes to lists and dicts, noted so that all of them can be taken back."""

from __future__ import annotations

from typing import Any

__all__ = ["Edits"]

_ABSENT = object()


class Edits:
    """Changes to lists and dicts in their order.

    Keras's own containers watch what is put into them, and refuse it once a layer is built. They
    are changed as the plain lists and dicts that they are.

    Example:
        >>> edits, numbers = Edits(), [1, 2]
        >>> edits.put(numbers, 0, 5)
        >>> numbers
        [5, 2]
        >>> edits.undo()
        >>> numbers
        [1, 2]
    """

    def __init__(self) -> None:
        self._before: list[tuple[Any, Any, Any]] = []

    def put(self, container: Any, key: Any, value: Any) -> None:
        """Set an item of a list or dict; of an object's ``__dict__``, an attribute."""
        if isinstance(container, list):
            self._before.append((container, key, container[key]))
        else:
            self._before.append((container, key, dict.get(container, key, _ABSENT)))
        _set(container, key, value)

    def remove(self, container: Any, key: Any) -> None:
        """Take an item out of a dict."""
        self.put(container, key, _ABSENT)

    def undo(self) -> None:
        """Take all back, the last first."""
        while self._before:
            _set(*self._before.pop())


def _set(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, list):
        list.__setitem__(container, key, value)
    elif value is _ABSENT:
        dict.pop(container, key, None)
    else:
        dict.__setitem__(container, key, value)
