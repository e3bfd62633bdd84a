"""How core reaches the screen: by a name in a string, so that it imports nothing above itself."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["render"]


def render(name: str, thing: Any) -> Any:
    """Call the function that a string ``module:function`` names with one argument.

    Example:
        >>> render("builtins:len", [1, 2])
        2
    """
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)(thing)
