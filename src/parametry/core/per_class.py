"""Remembering an answer for each class, without keeping the class alive."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["per_class"]

T = TypeVar("T")


def per_class(function: Callable[[type], T]) -> Callable[[type], T]:
    """Ask a function once for each class; forgets a class that is gone.

    An ``lru_cache`` would hold on to every class of a notebook's cell that was run again.

    Example:
        >>> @per_class
        ... def name(cls):
        ...     return cls.__name__
        >>> name(int)
        'int'
    """
    known: dict[int, tuple[weakref.ref[Any], T]] = {}

    @functools.wraps(function)
    def remembered(cls: type) -> T:
        entry = known.get(id(cls))
        if entry is not None and entry[0]() is cls:
            return entry[1]
        key = id(cls)
        answer = function(cls)

        def forget(reference: weakref.ref[Any]) -> None:
            held = known.get(key)
            if held is not None and held[0] is reference:
                del known[key]

        known[key] = (weakref.ref(cls, forget), answer)
        return answer

    return remembered
