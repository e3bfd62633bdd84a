"""What an object of a general kind holds: dataclasses, namespaces, configurations, functions.

These are the objects in which programs keep their hyperparameters. Only what they store is read:
no property is called, nothing is iterated that is not a built-in container.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
import types
from typing import Any

from parametry.core.value import function_name, is_function, to_plain

__all__ = ["fields_of", "function_fields"]

_MOST_FIELDS = 200
_RESOLVER = re.compile(r"\$\{[^{}]*:")
# Configuration classes of other libraries, by qualified name, and what gives their plain form.
_CONFIGURATIONS = {
    "omegaconf.dictconfig.DictConfig": "omegaconf",
    "omegaconf.listconfig.ListConfig": "omegaconf",
    "ml_collections.config_dict.config_dict.ConfigDict": "to_dict",
}


def fields_of(value: object) -> dict[str, Any] | None:
    """The named values that a general object holds, or None for an object of another kind.

    Knows dataclasses, ``argparse.Namespace``, ``types.SimpleNamespace``, named tuples, attrs and
    pydantic classes, OmegaConf and ml_collections configurations.

    Args:
        value: Any object; not changed.

    Example:
        >>> fields_of(types.SimpleNamespace(units=8))
        {'units': 8}
    """
    cls = type(value)
    if isinstance(value, type):
        return None
    if isinstance(value, types.SimpleNamespace) or _is_parsed(value):
        return _first(dict(vars(value)))
    if isinstance(value, tuple) and hasattr(cls, "_fields"):
        return _first(dict(zip(cls._fields, value, strict=False)))
    stored = _stored(value)
    if dataclasses.is_dataclass(cls):
        names = [field.name for field in dataclasses.fields(cls)]
    elif hasattr(cls, "__attrs_attrs__"):
        names = [attribute.name for attribute in cls.__attrs_attrs__]
    elif hasattr(cls, "__pydantic_fields__"):
        extra = stored.get("__pydantic_extra__") or {}  # what a model takes beyond its own fields
        stored.update(extra)
        names = [*cls.__pydantic_fields__, *extra]
    else:
        return _configuration(value)
    return _first({name: stored[name] for name in names if name in stored})


def _is_parsed(value: object) -> bool:
    """Whether it is what a command line gave; none can be where argparse was never imported."""
    argparse = sys.modules.get("argparse")
    return argparse is not None and isinstance(value, argparse.Namespace)


def _stored(value: object) -> dict[str, Any]:
    stored = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in stored and isinstance(
                cls.__dict__.get(name), types.MemberDescriptorType
            ):
                try:
                    stored[name] = cls.__dict__[name].__get__(value)
                except AttributeError:  # a slot that was never set
                    continue
    return stored


def _configuration(value: object) -> dict[str, Any] | None:
    for cls in type(value).__mro__:
        how = _CONFIGURATIONS.get(f"{cls.__module__}.{cls.__qualname__}")
        if how is None:
            continue
        plain = _omegaconf(value) if how == "omegaconf" else getattr(value, how)()
        if isinstance(plain, dict):
            return _first({str(key): item for key, item in plain.items()})
        return {str(index): item for index, item in enumerate(plain)}
    return None


def _omegaconf(value: object) -> Any:
    import sys

    # The object's class was found, so its package is loaded; nothing is imported on its behalf.
    to_container = sys.modules["omegaconf"].OmegaConf.to_container
    written = to_container(value, resolve=False)
    # A resolver, ``${name:…}``, is the user's own code: such a configuration stays as written.
    if _RESOLVER.search(repr(written)):
        return written
    try:
        return to_container(value, resolve=True)
    except Exception:  # a reference that leads nowhere yet
        return written


def _first(fields: dict[str, Any]) -> dict[str, Any]:
    return dict(list(fields.items())[:_MOST_FIELDS])


def function_fields(function: Any) -> dict[str, Any]:
    """What a function was given beside its arguments: closure values, defaults, partial arguments.

    Values that have no plain form are there as tagged dicts, so that the record says what it could
    not open.

    Example:
        >>> def decay(rate):
        ...     return lambda epoch: rate ** epoch
        >>> function_fields(decay(0.5))
        {'rate': 0.5}
    """
    if isinstance(function, functools.partial):
        fields = {f"argument_{index}": value for index, value in enumerate(function.args)}
        return {**function_fields(function.func), **fields, **function.keywords}
    function = getattr(function, "__func__", function)
    for _ in range(20):
        if isinstance(function, types.FunctionType) or not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__  # what jax.jit, tf.function or lru_cache was given
    code = getattr(function, "__code__", None)
    if not isinstance(function, types.FunctionType) or code is None:
        return {}
    fields = {}
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    fields.update(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    fields.update(function.__kwdefaults__ or {})
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # a cell that is not filled yet
            continue
        if name in ("self", "cls", "__class__") or isinstance(value, types.ModuleType):
            continue
        fields[name] = function_name(value) if is_function(value) else to_plain(value)
    return _first(fields)
