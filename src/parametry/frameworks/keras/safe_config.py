"""A stranger's configuration of a Keras model, checked before Keras sees it.

Keras makes objects of whatever class or function a configuration names: it imports modules of
``keras.…`` for it, takes what the running program registered, and unmarshals a Lambda layer's code.
Here every entry is looked at first. Allowed are Keras's own public classes whose arguments are
data, its activations, losses and metrics by name, the operations of its graphs, and what the caller
names in ``custom_objects``; the configuration that is handed on says of each entry which of these
it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NoReturn

from parametry.core.address import join, part
from parametry.errors import FormatError

__all__ = ["SafeConfig", "callers_names", "checked"]

# Nested models of a depth that nobody builds would only exhaust the stack.
_DEEPEST = 200
_CLASSES_IN = (
    "layers",
    "models",
    "initializers",
    "regularizers",
    "constraints",
    "optimizers",
    "optimizers.schedules",
    "losses",
    "metrics",
    "dtype_policies",
    "quantizers",
    "random",
)
_FUNCTIONS_IN = ("activations", "losses", "metrics")
_NO_MODELLING = frozenset({"get", "serialize", "deserialize"})
# Their arguments are code, pickles or other files.
_REFUSED = {
    "Lambda": "a Lambda layer holds code",
    "TFSMLayer": "a TFSMLayer loads another file and runs it",
    "TorchModuleWrapper": "a TorchModuleWrapper holds a pickle",
    "JaxLayer": "a JaxLayer holds functions",
    "FlaxLayer": "a FlaxLayer holds a module of the user's",
}
_FUNCTIONAL = ("keras.src.models.functional", "Functional")
_OPERATIONS = "keras.src.ops."
_BACKEND_OPTIMIZERS = re.compile(r"keras\.src\.backend\.[a-z]+\.optimizers\.\w+\Z")
_OF_CALLER = "parametry.custom_objects:"
_NUMBERS = frozenset({"__numpy__", "__tensor__"})
_PLAIN = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__", "__bytes__"})
_READS_FILES = frozenset({"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"})


class SafeConfig(dict[str, Any]):
    """A configuration that was checked, and is safe to hand to Keras.

    Attributes:
        custom: Whether it names any of the caller's own objects.
    """

    custom: bool = False


def checked(config: Mapping[str, Any], custom_objects: Mapping[str, Any], path: str) -> SafeConfig:
    """Check a configuration; a copy of it that names nothing else than what was allowed.

    Args:
        config: What the file has, as plain data.
        custom_objects: What the caller allows beside Keras's own, by class or registered name.
        path: The file, for messages.

    Raises:
        FormatError: An entry is not allowed; the message names its address in the configuration.
    """
    reader = _Checker(custom_objects, path)
    safe = SafeConfig(reader.mapping(dict(config), "", 0))
    if "class_name" not in safe:
        reader.fault("it names no class of a model", "", None)
    safe.custom = reader.custom
    return safe


def callers_names(custom_objects: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's objects under the names that `checked` gives them, and their own.

    What the program has registered goes before, in Keras; so they get names that nobody registers.
    """
    private = {_OF_CALLER + name: value for name, value in custom_objects.items()}
    return {**custom_objects, **private}


class _Checker:
    """Walks a configuration and copies what is allowed."""

    def __init__(self, custom_objects: Mapping[str, Any], path: str) -> None:
        self._given = custom_objects
        self._path = path
        self._registered = _registered_names() - set(custom_objects)
        self.custom = False

    def fault(self, what: str, at: str, hint: str | None) -> NoReturn:
        raise FormatError(
            f"the configuration cannot be trusted: {what}",
            path=self._path,
            address=f"config.json/{at}" if at else "config.json",
            hint=hint,
        )

    def value(self, value: Any, at: str, depth: int) -> Any:
        if depth > _DEEPEST:
            self.fault(f"it is nested more than {_DEEPEST} deep", at[:200], None)
        if isinstance(value, dict):
            return self.mapping(value, at, depth)
        if isinstance(value, list):
            return [self.value(v, join(at, str(i)), depth + 1) for i, v in enumerate(value)]
        if isinstance(value, str) and value in self._registered:
            self.fault(f"it names {value!r}, which the program has registered", at, _hint(value))
        return value

    def mapping(self, value: dict[str, Any], at: str, depth: int) -> dict[str, Any]:
        keep: tuple[str, ...] = ()
        if "class_name" in value:
            value = self._entry(value, at)
            keep = ("class_name", "registered_name", "module")
        return {
            key: item if key in keep else self.value(item, join(at, part(str(key))), depth + 1)
            for key, item in value.items()
        }

    def _entry(self, entry: dict[str, Any], at: str) -> dict[str, Any]:
        """The entry of an object with the name under which Keras may look it up."""
        name, registered = entry["class_name"], entry.get("registered_name")
        if not isinstance(name, str) or not isinstance(registered, str | None):
            self.fault("a class's name is no text", at, None)
        if name == "function":
            return self._function(entry, at)
        for known in (registered, name):
            if known is not None and known in self._given:
                self.custom = True
                return {**entry, "registered_name": _OF_CALLER + known}
        if name.startswith("__") and name.endswith("__"):
            self._special(entry, name, at)
            return entry
        module = _public_module(entry.get("module"), name)
        self._builtin({**entry, "module": module}, name, registered, at)
        return {**entry, "module": module, "registered_name": None}

    def _special(self, entry: dict[str, Any], name: str, at: str) -> None:
        if name == "__lambda__":
            self.fault("it holds the code of a function", at, "build the model in code, then load")
        inner: Any = entry.get("config")
        if name in _NUMBERS:
            numeric = isinstance(inner, dict) and set(inner) == {"value", "dtype"}
            if not numeric or not _is_numbers(inner["value"]) or not _is_dtype(inner["dtype"]):
                self.fault(f"{name} that holds other than numbers", at, None)
        elif name not in _PLAIN:
            self.fault(f"{name} is nothing that a model is made of", at, None)

    def _builtin(self, entry: dict[str, Any], name: str, registered: str | None, at: str) -> None:
        module = entry.get("module")
        shown = name if module is None else f"{module}.{name}"
        if not isinstance(module, str) or not _is_allowed(module, name):
            self.fault(
                f"{shown[:200]!r} is no public class of Keras that holds data alone",
                at,
                _hint(name),
            )
        if name in _REFUSED:
            self.fault(
                _REFUSED[name], at, "build the model in code, then parametry.load its values"
            )
        if registered not in (None, name):
            self.fault(
                f"Keras's own {name} is given the registered name {registered!r}",
                at,
                _hint(str(registered)),
            )
        inner = entry.get("config")
        if not isinstance(inner, dict):
            self.fault(f"the arguments of {name} are no mapping", at, None)
        if name in _READS_FILES and isinstance(inner.get("vocabulary"), str):
            self.fault("a vocabulary that is the name of another file", at, None)

    def _function(self, entry: dict[str, Any], at: str) -> dict[str, Any]:
        name = entry.get("config")
        if not isinstance(name, str):
            self.fault("a function's name is no text", at, None)
        registered, module = entry.get("registered_name"), entry.get("module")
        for given in (registered, name):
            if given in self._given:
                self.custom = True
                return {**entry, "config": f"{_OF_CALLER}{given}"}
        modules = {f"keras.{each}" for each in _FUNCTIONS_IN} | {"builtins"}
        known = module in modules and name in _functions()
        if not known or registered not in (None, name, "function"):
            self.fault(
                f"{str(module)[:100]}.{name[:100]} is no activation, loss or metric of Keras",
                at,
                _hint(name),
            )
        return {**entry, "registered_name": None}


def _public_module(module: Any, name: str) -> Any:
    """The module of a class that each backend has its own of, as all backends know it."""
    of_backend = isinstance(module, str) and _BACKEND_OPTIMIZERS.match(module)
    return "keras.optimizers" if of_backend and _is_allowed("keras.optimizers", name) else module


def _hint(name: str) -> str:
    return (
        f"if you trust it, name it: custom_objects={{{name[:100]!r}: …}}; "
        "or build the model in code and parametry.load its values"
    )


def _is_allowed(module: str, name: str) -> bool:
    """Whether a class is one of Keras's public ones, or an operation of its graphs."""
    if (module, name) == _FUNCTIONAL:
        return True
    if module.startswith(_OPERATIONS):
        # What is not loaded with Keras is not loaded for a file's sake.
        found = vars(sys.modules.get(module, object)).get(name)
        return isinstance(found, type) and _is_operation(found)
    return (module, name) in _classes()


def _is_operation(cls: type) -> bool:
    import keras

    return issubclass(cls, keras.Operation)


@cache
def _classes() -> frozenset[tuple[str, str]]:
    """Keras's public classes that models are made of, each with its public module."""
    import keras

    found: set[tuple[str, str]] = set()
    for name, holder in _public(_CLASSES_IN):
        for key, value in vars(holder).items():
            if isinstance(value, type):
                found.add((name, key))
                if getattr(keras, key, None) is value:
                    found.add(("keras", key))
    return frozenset(found)


@cache
def _functions() -> frozenset[str]:
    """The names of Keras's public activations, losses and metrics."""
    return frozenset(
        key
        for _, holder in _public(_FUNCTIONS_IN)
        for key, value in vars(holder).items()
        if callable(value)
        and not isinstance(value, type)
        and not key.startswith("_")
        and key not in _NO_MODELLING
    )


def _public(names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    import keras

    for name in names:
        holder: Any = keras
        for step in name.split("."):
            holder = getattr(holder, step, None)
        if holder is not None:
            yield f"keras.{name}", holder


def _registered_names() -> set[str]:
    """What the running program has registered with Keras, which a file could reach by name."""
    import keras

    names: Callable[[], Mapping[str, Any]] = keras.saving.get_custom_objects
    return set(names())


def _is_numbers(value: Any) -> bool:
    """Whether it is a number, or lists of numbers, nowhere deeper than an array can be."""
    waiting, most_axes = [(value, 0)], 32
    while waiting:
        found, depth = waiting.pop()
        if isinstance(found, list) and depth < most_axes:
            waiting += [(item, depth + 1) for item in found]
        elif not isinstance(found, bool | int | float):
            return False
    return True


def _is_dtype(name: Any) -> bool:
    from parametry.core.dtype import numpy_dtype
    from parametry.errors import DtypeMismatch

    if not isinstance(name, str):
        return False
    try:
        return numpy_dtype(name).kind in "biufcV"
    except DtypeMismatch:
        return False
