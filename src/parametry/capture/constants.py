"""The constants of the user's own code that are in scope when training starts: ``script/…``.

Names are read from the frames of the user's functions and of their modules, and kept where the
source says that they were assigned, not counted or measured: a loop's counter, and what the loop
around the training works out anew each time, are no constants.
"""

from __future__ import annotations

import dataclasses
import enum
import pathlib
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import numpy as np

from parametry.capture.assignments import Binding, Scope, scopes_of
from parametry.capture.local_variables import local_variables
from parametry.capture.places import attribute_places, gave, imported_place, latest
from parametry.conventions.names import snake_case
from parametry.core.address import part
from parametry.core.caller import cells, file_name, owner_of, user_frames
from parametry.core.described import Described, Flattener
from parametry.core.fields import fields_of
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.place import Place
from parametry.core.secrets import withhold
from parametry.core.value import UNSET, class_name, same
from parametry.core.watch import watch

__all__ = ["constants_above", "constants_of_module"]

_MOST_CONSTANTS = 2_000
_MOST_ITEMS = 100
_LONGEST_TEXT = 1_000
_END = sys.maxsize
_FRAMEWORKS = frozenset({"keras", "tf_keras", "tensorflow", "jax", "jaxlib", "torch", "flax"})


@dataclass(frozen=True, slots=True)
class _Namespace:
    """The names of one frame, or of one module, with what the source says of them."""

    name: str
    file: str
    line: int
    values: Mapping[str, Any]
    scope: Scope | None
    caller: Place | None = None


def constants_above(frame: FrameType | None) -> dict[str, Hyperparameter]:
    """The constants in scope of the user's code at and above a frame, by address.

    Where two frames have one name with different values, the innermost has it plain and the outer
    one under its function's name: ``script/main/batch_size``.

    Args:
        frame: Where training starts; not kept.
    """
    collector = _Collector()
    for namespace in _namespaces(frame):
        collector.add(namespace)
    return collector.found


def constants_of_module(module: types.ModuleType) -> dict[str, Hyperparameter]:
    """The constants of a module of the user's own, as they are now."""
    collector = _Collector()
    namespace = _of_module(vars(module), _END)
    if namespace is not None:
        collector.add(namespace)
    return collector.found


def _namespaces(frame: FrameType | None) -> Iterator[_Namespace]:
    frames = list(user_frames(frame))
    modules: dict[int, _Namespace] = {}
    for found in frames:
        if found.f_code.co_name == "<module>":
            namespace = _of_module(found.f_globals, found.f_lineno or 0, found.f_code.co_filename)
            if namespace is not None:
                modules[id(found.f_globals)] = namespace
    for index, found in enumerate(frames):
        if found.f_code.co_name != "<module>":
            yield _of_function(found, frames[index + 1] if index + 1 < len(frames) else None)
        elif found.f_locals is not found.f_globals:
            yield _of_function(found, None)
    seen: set[int] = set()
    for found in frames:
        key = id(found.f_globals)
        if key in seen:
            continue
        seen.add(key)
        module = modules.get(key) or _of_module(found.f_globals, _END)
        if module is not None:
            yield module


def _of_function(frame: FrameType, caller: FrameType | None) -> _Namespace:
    code = frame.f_code
    scopes = scopes_of(code.co_filename) or {}
    scope = scopes.get((code.co_name, code.co_firstlineno))
    where = None
    if caller is not None:
        where = Place(file_name(caller.f_code.co_filename), caller.f_lineno or 0)
    return _Namespace(
        code.co_name,
        code.co_filename,
        frame.f_lineno or 0,
        local_variables(frame),
        scope,
        where,
    )


def _of_module(
    values: Mapping[str, Any], line: int, filename: str | None = None
) -> _Namespace | None:
    file = filename or values.get("__file__")
    if not isinstance(file, str) or owner_of(file) != "user":
        return None
    name = pathlib.PurePath(file).stem
    scopes = scopes_of(file) or {}
    return _Namespace(name, file, line, dict(values), scopes.get(("<module>", 0)))


class _Collector:
    """Gathers constants, the innermost namespace first."""

    def __init__(self) -> None:
        self.found: dict[str, Hyperparameter] = {}
        self._kinds: dict[str, str] = {}
        self._modules: set[str] = set()

    def add(self, namespace: _Namespace) -> None:
        """Add the constants of one namespace."""
        for name, value in namespace.values.items():
            if name.startswith("_"):
                continue
            if len(self.found) >= _MOST_CONSTANTS:
                reason = f"more than {_MOST_CONSTANTS:,} constants: only the first are told"
                watch.missed("script/", reason)
                return
            with suppress(Exception):  # an object may raise from anything: it is no constant then
                self._add_name(namespace, name, value)

    def _add_name(self, namespace: _Namespace, name: str, value: Any) -> None:
        if isinstance(value, types.ModuleType):
            self._add_module(name, value)
            return
        home, binding = _home(namespace, name, value)
        if binding is None or (binding.empty and isinstance(value, (list, dict, set))):
            return
        if binding.kind == "imported" and _place(home, binding, value) is None:
            return  # another library's
        kept = _kept(name, value)
        if kept is not None:
            self._add(*kept, home, binding, value)

    def _add_module(self, name: str, module: types.ModuleType) -> None:
        """A configuration module of the user's: ``import config; config.batch_size``."""
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or module.__name__ in self._modules:
            return
        if owner_of(file) != "user" or module.__name__ in ("__main__", "__mp_main__"):
            return
        self._modules.add(module.__name__)
        namespace = _of_module(vars(module), _END)
        if namespace is None:
            return
        for inner, value in namespace.values.items():
            binding = None if inner.startswith("_") else _binding(namespace, inner, value)
            if binding is None or binding.kind == "imported":
                continue
            with suppress(Exception):  # as above
                kept = _kept(inner, value)
                if kept is not None:
                    self._add(f"{name}/{kept[0]}", kept[1], namespace, binding, value)

    def _add(
        self, name: str, value: Any, namespace: _Namespace, binding: Binding, raw: Any
    ) -> None:
        where = _place(namespace, binding, raw)
        places = {}
        if isinstance(value, Described) and _is_users(raw if isinstance(raw, type) else type(raw)):
            places = attribute_places(raw, value.fields)
        base = "script/" + "/".join(part(piece) for piece in name.split("/"))
        flattener = Flattener()
        flattener.add(base, value, "explicit", where)
        rows = {
            address: Hyperparameter(
                address,
                withhold(address.partition("/")[2], row.value),
                UNSET,
                "explicit",
                places.get(address[len(base) + 1 :].partition("/")[0], where),
            )
            for address, row in flattener.rows.items()
        }
        for address, entry in rows.items():
            known = self.found.get(address)
            if known is None:
                self.found[address] = entry
                self._kinds[address] = binding.kind
            elif same(known.value, entry.value):
                # The same value handed down: the line that assigned it tells more than the call.
                if self._kinds[address] == "argument" and binding.kind == "assigned":
                    self.found[address] = entry
                    self._kinds[address] = binding.kind
            else:
                outer = f"script/{part(namespace.name)}/{address.partition('/')[2]}"
                if outer not in self.found:
                    self.found[outer] = Hyperparameter(
                        outer, entry.value, UNSET, "explicit", entry.where
                    )


def _home(namespace: _Namespace, name: str, value: Any) -> tuple[_Namespace, Binding | None]:
    """What gave the name its value, and where: in a notebook perhaps another cell."""
    binding = _binding(namespace, name, value)
    if binding is not None:
        return namespace, binding
    notebook = cells()
    if namespace.file not in notebook:
        return namespace, None
    for file in notebook[notebook.index(namespace.file) + 1 :]:
        scope = (scopes_of(file) or {}).get(("<module>", 0))
        if scope is not None and name in scope.bindings:
            cell = replace(namespace, file=file, scope=scope, line=_END)
            return cell, _binding(cell, name, value)
    return namespace, None


def _binding(namespace: _Namespace, name: str, value: Any) -> Binding | None:
    """What the source says gave the name its value; None for what is no constant."""
    scope = namespace.scope
    if scope is None:
        # Without a source nothing can be told apart but by what the value is.
        return Binding(namespace.line if namespace.line != _END else 0, "assigned")
    if scope.counts(name) and isinstance(value, (int, float, np.number)):
        return None
    bindings = scope.find(name)
    here = name in scope.bindings
    line = namespace.line if here else _END
    kept = [
        binding
        for binding in bindings
        if not (here and binding.line > line and not _around(binding, line))
        and not (binding.kind == "looped" and not binding.literal)
        and not (here and _around(binding, line) and not binding.literal)
    ]
    return latest(kept, value)


def _around(binding: Binding, line: int) -> bool:
    """Whether a line lies in one of the loops that a binding lies in."""
    return any(first <= line <= last for first, last in binding.loops)


def _place(namespace: _Namespace, binding: Binding, value: Any) -> Place | None:
    """The line that gave the value; None for what is another library's."""
    if binding.kind == "argument" and namespace.caller is not None:
        left_out = isinstance(value, _SCALARS) and gave(binding, value)
        if not left_out:
            return namespace.caller
    if binding.kind == "imported":
        origin = binding.origin
        return None if origin is None else imported_place(origin, namespace.values, value)
    return Place(file_name(namespace.file), binding.line)


_SCALARS = (type(None), bool, int, float, complex, str, np.generic, enum.Enum, pathlib.PurePath)


def _kept(name: str, value: Any) -> tuple[str, Any] | None:
    """The name and value to record, or None for what is no setting: arrays, functions, objects."""
    if isinstance(value, _SCALARS):
        return name, _short(value)
    if isinstance(value, (list, tuple, dict, set, frozenset)) and not hasattr(value, "_fields"):
        return (name, _short(value)) if value and _is_setting(value) else None
    fields = fields_of(value)
    if fields is not None:
        return name, _described(type(value), fields)
    if isinstance(value, type):
        return _configuration_class(name, value)
    return _own_object(name, value)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return {"$long": len(value), "class": "str"}
    if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > _MOST_ITEMS:
        return {"$long": len(value), "class": class_name(type(value))}
    return value


def _is_setting(value: Any, depth: int = 0) -> bool:
    """Whether a container holds scalars alone, at any depth."""
    if len(value) > _MOST_ITEMS or depth > 6:
        return depth == 0 and all(isinstance(item, _SCALARS) for item in _first(value))
    return all(
        isinstance(item, _SCALARS)
        or (isinstance(item, (list, tuple, dict, set)) and _is_setting(item, depth + 1))
        for item in (value.values() if isinstance(value, dict) else value)
    )


def _first(value: Any) -> list[Any]:
    from itertools import islice

    return list(islice(value.values() if isinstance(value, dict) else value, _MOST_ITEMS))


def _described(cls: type, fields: Mapping[str, Any], depth: int = 0) -> Described:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        found = _kept(name, value) if depth < 6 else None
        if found is not None:
            kept[name] = found[1]
    return Described(None, UNSET, kept)


def _configuration_class(name: str, cls: type) -> tuple[str, Any] | None:
    """A class that only holds values: ``class Config: batch_size = 32``."""
    if not _is_users(cls) or issubclass(cls, enum.Enum):
        return None
    if dataclasses.is_dataclass(cls) and dataclasses.fields(cls):
        return None  # it says what its objects hold
    fields: dict[str, Any] = {}
    for ancestor in reversed(cls.__mro__[:-1]):
        for key, value in vars(ancestor).items():
            if key.startswith("_"):
                continue
            function = callable(value) and not isinstance(value, type)
            if function or isinstance(value, (staticmethod, classmethod, property)):
                return None
            fields[key] = value
    return (name, _described(cls, fields)) if fields else None


def _own_object(name: str, value: Any) -> tuple[str, Any] | None:
    """An object of the user's own, such as a trainer: what it stores of plain values."""
    cls = type(value)
    stored = getattr(value, "__dict__", None)
    if not isinstance(stored, dict) or not _is_users(cls):
        return None
    fields = {key: item for key, item in stored.items() if not key.startswith("_")}
    shown = {key: item for key, item in fields.items() if _is_plain_or_fields(item)}
    if not shown:
        return None
    return (snake_case(cls.__name__) if name == "self" else name), _described(cls, shown)


def _is_plain_or_fields(value: Any) -> bool:
    if isinstance(value, _SCALARS):
        return True
    if isinstance(value, (list, tuple, dict, set, frozenset)) and not hasattr(value, "_fields"):
        return _is_setting(value)
    return fields_of(value) is not None


def _is_users(cls: type) -> bool:
    """Whether a class is defined in the user's own code and descends from no framework's."""
    for ancestor in cls.__mro__:
        if ancestor.__module__.partition(".")[0] in _FRAMEWORKS:
            return False
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if cls.__module__ in ("__main__", "__mp_main__"):
        return True
    return isinstance(file, str) and owner_of(file) == "user"
