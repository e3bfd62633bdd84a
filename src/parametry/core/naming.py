"""What a thing is called, and whether it is a function or an array; asked of anything at all."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

__all__ = ["class_name", "function_name", "is_array", "is_function"]

_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    np.ufunc,
)


def class_name(cls: type) -> str:
    """The qualified name of a class, without ``__main__`` and ``builtins``.

    Example:
        >>> import fractions
        >>> class_name(fractions.Fraction), class_name(dict)
        ('fractions.Fraction', 'dict')
    """
    # A metaclass may make any attribute misbehave; type's own slots are always there.
    module = type.__dict__["__module__"].__get__(cls)
    name: str = type.__dict__["__qualname__"].__get__(cls)
    if type(module) is not str or module in ("__main__", "__mp_main__", "builtins"):
        return name
    return f"{module}.{name}"


def is_function(value: object) -> bool:
    """Whether the value is a function: Python's own, a built-in, a method, a ufunc, or a wrapper.

    A wrapper is what ``functools.wraps`` left its mark on: ``jax.jit(f)``, ``tf.function(f)``.
    """
    try:
        if isinstance(value, _FUNCTIONS):
            return True
        marked = "__wrapped__" in getattr(value, "__dict__", ())
        return marked and callable(value) and not isinstance(value, type)
    except Exception:  # what the object says of itself may raise
        return False


def function_name(function: Any) -> str:
    """The qualified name of a function, without ``__main__`` and ``builtins``.

    Example:
        >>> import math
        >>> function_name(len), function_name(math.sqrt)
        ('len', 'math.sqrt')
    """
    if isinstance(function, types.MethodType):
        owner = function.__self__
        cls = owner if isinstance(owner, type) else type(owner)
        return f"{class_name(cls)}.{getattr(function.__func__, '__name__', 'method')}"
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "function")
    module = getattr(function, "__module__", None)
    if not isinstance(module, str) or module in ("__main__", "__mp_main__", "builtins"):
        return str(name)
    return f"{module}.{name}"


def is_array(value: Any) -> bool:
    """Whether the value is an array or tensor of any library: its class has a shape and a dtype."""
    cls = type(value)
    try:
        return hasattr(cls, "shape") and hasattr(cls, "dtype")
    except Exception:  # a class of a class may raise from anything
        return False
