"""Where a constant of the user's code was set: the very line, in whichever of their files it is."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from parametry.capture.assignments import Binding, class_scopes_of, scopes_of
from parametry.core.caller import file_name, owner_of
from parametry.core.place import Place
from parametry.core.value import UNSET

__all__ = ["attribute_places", "imported_place", "latest"]

_LONGEST_CHAIN = 10


def latest(bindings: Iterable[Binding], value: Any) -> Binding | None:
    """The last of some bindings that can have given the value; failing that the last.

    Where both branches of an ``if`` write out a value, only one of them ran.
    """
    ordered = sorted(bindings, key=lambda binding: binding.line, reverse=True)
    possible = (b for b in ordered if b.kind == "argument" or b.value is UNSET or gave(b, value))
    return next(possible, ordered[0] if ordered else None)


def gave(binding: Binding, value: Any) -> bool:
    """Whether the constant that the source has there is the value."""
    return type(binding.value) is type(value) and bool(binding.value == value)


def imported_place(
    origin: tuple[str, str], importer: Mapping[str, Any], value: Any
) -> Place | None:
    """The line in the user's own module that set what was imported; None for another library's.

    Args:
        origin: The module and the name, as the import has them.
        importer: The names of the importing module.
        value: What was imported.
    """
    package = importer.get("__package__")
    for _ in range(_LONGEST_CHAIN):
        module_name, name = origin
        try:
            module = sys.modules.get(importlib.util.resolve_name(module_name, package))
        except (ImportError, ValueError):  # no package that the dots could be relative to
            return None
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or owner_of(file) != "user" or name not in vars(module):
            return None
        scope = (scopes_of(file) or {}).get(("<module>", 0))
        found = None if scope is None else latest(scope.find(name), value)
        if found is None:
            return None
        if found.origin is None:
            return Place(file_name(file), found.line)
        origin, package = found.origin, vars(module).get("__package__")
    return None


def attribute_places(thing: Any, values: Mapping[str, Any]) -> dict[str, Place]:
    """The lines of a class's own source that set attributes of it, or of an object of it.

    Args:
        thing: A class of the user's, or an object of one.
        values: The attributes' names and values.
    """
    cls = thing if isinstance(thing, type) else type(thing)
    places: dict[str, Place] = {}
    for ancestor in cls.__mro__:
        file = getattr(sys.modules.get(ancestor.__module__), "__file__", None)
        if not isinstance(file, str) or owner_of(file) != "user":
            continue
        for scope in class_scopes_of(file, ancestor.__qualname__):
            for name, value in values.items():
                written = scope.bindings.get(name, [])
                if cls is not thing:
                    # What the class's body says is an object's default, if it has that value.
                    written = [binding for binding in written if gave(binding, value)]
                found = latest(scope.attributes.get(name) or written, value)
                if found is not None:
                    places.setdefault(name, Place(file_name(file), found.line))
    return places
