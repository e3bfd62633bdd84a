"""What a live Keras object was given: its class and the arguments that it keeps.

Objects are read, never asked to serialise themselves: ``get_config`` of a layer imports TensorFlow,
on the JAX and torch backends too (five seconds), and may be a user's own code. A class of Keras's
is read through its attributes and properties; a class of a user's through what stands in its
``__dict__`` alone, since its properties may do anything. Only where a user's class keeps an
argument nowhere is its own ``get_config`` asked.
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parametry.conventions.arguments import (
    HIDDEN_ARGUMENTS,
    INTERNAL_ARGUMENTS,
    KEPT_AS,
    KERAS_ATTRIBUTES,
    NOT_KEPT,
)
from parametry.conventions.names import snake_case
from parametry.core.coverage import Gap
from parametry.core.described import Described, describe_general
from parametry.core.ledger import Call, ObjectReference, described_call
from parametry.core.per_class import per_class
from parametry.core.value import (
    UNSET,
    Plain,
    Unset,
    class_name,
    is_array,
    is_function,
    same,
    shortest,
)
from parametry.frameworks.keras.attributes import stored_attributes
from parametry.frameworks.keras.dialect import is_of_keras

__all__ = ["Describer", "arguments_of", "keras_class_name", "label_of", "summary"]


@per_class
def keras_class_name(cls: type) -> str:
    """A class's public name: ``keras.layers.Dense``, ``keras_hub.…``, ``MyLayer``."""
    if not is_of_keras(cls):
        return class_name(cls)
    if cls.__name__ == "Functional":
        return "keras.Model"  # what Model(inputs, outputs) makes; its own class is not public
    for name in cls.__dict__.get("_keras_api_names") or ():  # Keras 2's way to say it
        return f"tf_{name}" if name.startswith("keras.") else str(name)
    for ancestor in cls.__mro__:
        # A backend may put a class of its own, of the same name, in the public one's place.
        exported = ancestor.__dict__.get("_api_export_path")
        if isinstance(exported, (list, tuple)) and exported:
            exported = exported[0]
        if isinstance(exported, str) and ancestor.__name__ == cls.__name__:
            return exported
    return class_name(cls)


def label_of(name: str) -> str:
    """The plain value that stands for an object: its class's name as Keras spells identifiers."""
    return snake_case(name.rpartition(".")[2])


def arguments_of(cls: type) -> tuple[str, ...]:
    """The names of a class's constructor arguments, in order, those of its bases that it passes on.

    A base's arguments count where the class takes ``**kwargs``, as Keras's classes do for ``name``,
    ``dtype`` and ``trainable``.
    """
    return tuple(_declared(cls))


@per_class
def _declared(cls: type) -> dict[str, type]:
    """Each argument with the class whose constructor declares it."""
    names: dict[str, type] = {}
    below_keras = False
    for depth, ancestor in enumerate(cls.__mro__):
        constructor = ancestor.__dict__.get("__init__")
        if constructor is None or ancestor is object:
            continue
        try:
            parameters = list(inspect.signature(constructor).parameters.values())[1:]
        except (TypeError, ValueError):  # a constructor written in C, or a broken signature
            return names
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if below_keras and parameter.default is parameter.empty:
                continue  # what a base requires Keras's own class gives it, as LSTM its cell
            if depth and parameter.name in INTERNAL_ARGUMENTS and is_of_keras(ancestor):
                continue
            names.setdefault(parameter.name, ancestor)
        if is_of_keras(ancestor):
            for hidden in HIDDEN_ARGUMENTS.get(ancestor.__name__, ()):
                names.setdefault(hidden, ancestor)
        below_keras = below_keras or is_of_keras(ancestor)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


Reader = Callable[[Any, Mapping[str, Any]], Any]


@per_class
def _readers(cls: type) -> tuple[tuple[str, Reader], ...]:
    """For each argument of a class, how it is read from an instance."""
    readers: list[tuple[str, Reader]] = []
    ancestors = {ancestor.__name__ for ancestor in cls.__mro__ if is_of_keras(ancestor)}
    for name, declaring in _declared(cls).items():
        if any((ancestor, name) in NOT_KEPT for ancestor in ancestors):
            continue
        elsewhere = next((KEPT_AS[a, name] for a in ancestors if (a, name) in KEPT_AS), None)
        if elsewhere is not None:
            readers.append((name, _reader_of_path(tuple(elsewhere.split(".")))))
        elif name == "dtype":
            readers.append((name, _read_dtype))
        else:
            readers.append((name, _reader_of_attribute(name, cls, declaring)))
    return tuple(readers)


def _reader_of_attribute(name: str, cls: type, declaring: type) -> Reader:
    keys = ["_init_seed"] if name == "seed" else []
    keys += [name, "_" + name]
    if not is_of_keras(declaring):
        # What Keras keeps for itself on every layer is not what a user's class was given.
        keys = [key for key in keys if key not in KERAS_ATTRIBUTES]
    # A property may be called only where Keras itself defined it, for an argument of its own.
    defined = next((a for a in cls.__mro__ if name in a.__dict__), None)
    kind = None if defined is None else type(defined.__dict__[name])
    of_keras = defined is not None and is_of_keras(defined) and is_of_keras(declaring)
    readable = kind is types.MemberDescriptorType or (of_keras and kind is property)

    def read(thing: Any, stored: Mapping[str, Any]) -> Any:
        for key in keys:
            if key in stored:
                return stored[key]
        if readable:
            try:
                return getattr(thing, name)
            except Exception:  # a property of an object that is not built yet, an empty slot
                return UNSET
        return UNSET

    return read


def _reader_of_path(path: tuple[str, ...]) -> Reader:
    def read(thing: Any, stored: Mapping[str, Any]) -> Any:
        value = thing
        for name in path:
            held = stored_attributes(value)
            value = held.get(name, held.get("_" + name, UNSET))
            if isinstance(value, Unset):
                return UNSET
        return value

    return read


def _read_dtype(thing: Any, stored: Mapping[str, Any]) -> Any:
    policy = stored.get("_dtype_policy", UNSET)
    return stored.get("_dtype", UNSET) if isinstance(policy, Unset) else policy


def kept_arguments(thing: Any) -> dict[str, Any]:
    """The constructor arguments that an object keeps, by name, without those it does not keep."""
    stored = stored_attributes(thing)
    out = {}
    for name, read in _readers(type(thing)):
        value = read(thing, stored)
        if not isinstance(value, Unset):
            out[name] = value
    return out


class Describer:
    """Describes the Keras objects of one record; remembers what it could not see.

    Args:
        references: The layers that have an address of their own, by identity: among arguments they
            are told by that address.
        ask_config: Whether a user class's ``get_config`` may be asked for what it keeps nowhere.
    """

    def __init__(self, references: Mapping[int, str] | None = None) -> None:
        self.references = references or {}
        self.gaps: list[Gap] = []

    def __call__(self, value: Any, /) -> Described | Plain | Unset:
        """Describe any object: Keras's, a variable, a reference of the ledger's; else UNSET."""
        kind = type(value)
        if kind is ObjectReference:
            return self._reference(value)
        reference = self.references.get(id(value))
        if reference is not None:
            return reference
        if isinstance(value, enum.Enum):
            return value.name
        if isinstance(value, re.Pattern):
            return str(value.pattern)
        if is_function(value):
            return self._function(value)
        family = _family(kind)
        if family == "policy":
            return self._policy(value)
        if family == "variable":
            return self._variable(value)
        if family == "object":
            return self.live(value)
        # Keras keeps some of its numbers as tensors of the backend.
        return read_scalar(value) if is_array(value) else UNSET

    def live(self, value: Any) -> Described:
        """A live object by the arguments that it keeps now."""
        cls = type(value)
        return Described(keras_class_name(cls), label_of(cls.__name__), self.kept(value))

    def kept(self, value: Any) -> dict[str, Any]:
        """The arguments that an object keeps now, ``get_config``'s among them where needed."""
        kept = kept_arguments(value)
        kept.pop("kwargs", None)
        missing = [name for name in arguments_of(type(value)) if name not in kept]
        if missing and not is_of_keras(type(value)):
            kept.update(self._asked(value, missing))
        return kept

    def _asked(self, value: Any, missing: list[str]) -> dict[str, Any]:
        """What a user class's own ``get_config`` tells of arguments that it keeps nowhere else."""
        owner = next((a for a in type(value).__mro__ if "get_config" in a.__dict__), None)
        if owner is None or is_of_keras(owner) or "tensorflow" not in sys.modules:
            # Keras's own get_config would be wrong for a subclassed model, and would import
            # TensorFlow where it is not loaded.
            return {}
        try:
            config = value.get_config()
            return {name: config[name] for name in missing if name in config}
        except Exception as error:  # user code: whatever it raises is reported, never passed on
            self.gaps.append(
                Gap(
                    self.references.get(id(value), class_name(type(value))),
                    f"its get_config raised {type(error).__name__}: {error}",
                )
            )
            return {}

    def _reference(self, value: ObjectReference) -> Described | Plain:
        thing = value.get()
        if thing is not None:
            known = self.references.get(id(thing))
            if known is not None:
                return known
        record = value.record
        name = value.class_name if thing is None else keras_class_name(type(thing))
        if record is not None and record.construction is not None:
            if thing is None:
                return described_call(record.construction, label_of(name), name)
            seen = constructed(record.construction, thing, label_of(name))
            if seen is not None:
                return seen
        if thing is not None:
            found = self(thing)
            return {"$object": name} if isinstance(found, Unset) else found
        return {"$object": name}

    def _function(self, value: Any) -> Described | Plain:
        module = getattr(value, "__module__", None) or ""
        if isinstance(module, str) and module.partition(".")[0] in ("keras", "tf_keras"):
            return str(getattr(value, "__name__", "function"))
        return describe_general(value)

    def _policy(self, value: Any) -> Described | Plain:
        name, stored = str(value.name), value.__dict__
        fields: dict[str, Any] = {}
        if "_source_name" in stored:
            # Not every quantized policy keeps its mode, which may hold the size of a block too.
            fields["mode"] = name.removesuffix(f"_from_{stored['_source_name']}")
            fields["source_name"] = stored["_source_name"]
        for argument in ("amax_history_length", "default_policy", "policy_map"):
            if "_" + argument in stored:
                fields[argument] = stored["_" + argument]
        return Described(keras_class_name(type(value)), name, fields) if fields else name

    def _variable(self, value: Any) -> Described | Plain:
        scalar = read_scalar(value)
        if not isinstance(scalar, Unset):
            return scalar
        return {
            "$array": class_name(type(value)),
            "shape": [int(size) for size in value.shape],
            "dtype": str(getattr(value.dtype, "name", value.dtype)),
        }


# Keras keeps a user's containers in classes of its own.
_CONTAINERS = (list, tuple, dict, set, frozenset)


@per_class
def _family(cls: type) -> str:
    """``object``, ``variable``, ``policy`` for Keras's classes and their subclasses; else empty."""
    for ancestor in cls.__mro__:
        if not is_of_keras(ancestor):
            continue
        if "DTypePolicy" in ancestor.__name__ or ancestor.__name__ == "Policy":
            return "policy"
        if "Variable" in ancestor.__name__ and hasattr(cls, "assign"):
            return "variable"
        if issubclass(cls, _CONTAINERS) or ancestor.__name__ == "KerasTensor":
            return ""
        return "object"
    if cls.__name__.endswith("Variable") and hasattr(cls, "assign") and hasattr(cls, "shape"):
        return "variable"
    return ""


def read_scalar(value: Any) -> Plain | Unset:
    """The number in a scalar variable or tensor, as the shortest decimal; UNSET if there is none.

    Values inside a compiled function, and those that JAX's fit has taken out, are UNSET.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value if value is not None else UNSET
    try:
        if tuple(value.shape) != ():
            return UNSET
        held = getattr(value, "_value", value)
        if held is None:
            return UNSET
        if type(held).__module__.partition(".")[0] == "torch":
            number = held.detach().cpu().numpy()[()]
        else:
            number = np.asarray(value.numpy() if hasattr(value, "numpy") else value)[()]
    except Exception:  # symbolic tensors raise whatever their framework chose
        return UNSET
    if number.dtype.kind in "fV":
        return shortest(number)
    return number.item() if number.dtype.kind in "iub" else UNSET


def summary(value: Any) -> Plain:
    """An object in one plain value: ``{"class": "GlorotUniform", "seed": None}``.

    Args:
        value: An initializer, regularizer or constraint, or a function.
    """
    described = Describer()(value)
    if isinstance(described, Unset):
        described = describe_general(value)
    if not isinstance(described, Described):
        return described
    if described.class_name is None:
        return None if isinstance(described.label, Unset) else described.label
    out: dict[Any, Plain] = {"class": described.class_name.rpartition(".")[2]}
    for name, item in described.fields.items():
        out[name] = summary(item) if not isinstance(item, (int, float, str)) else item
    return out


def constructed(call: Call | None, thing: Any, label: Plain | Unset = UNSET) -> Described | None:
    """The constructor call that capture saw of an object, as a described object; None if none.

    A call without any argument is believed only where the object agrees with it: unpickling makes
    an object without its arguments, and fills it afterwards. What Keras saves in its own way
    (layers, optimizers) it also makes anew in its own way, with arguments.

    Args:
        call: What the ledger holds.
        thing: The live object.
        label: The plain value that stands for it.
    """
    if call is None:
        return None
    if not call.explicit and not hasattr(thing, "_obj_type"):
        kept = kept_arguments(thing)
        for name, default in call.arguments.items():
            value = kept.get(name, UNSET)
            plain = isinstance(value, (bool, int, float, str))
            if plain and default is not None and not same(value, default):
                return None
    return described_call(call, label, keras_class_name(type(thing)))
