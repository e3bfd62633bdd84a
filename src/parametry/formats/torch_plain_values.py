"""Values of a torch file beside its arrays, on their way to hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from parametry.core.address import join, part
from parametry.core.described import Described, Flattener, merge
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.secrets import withhold
from parametry.core.value import Plain, key_text, keyed
from parametry.formats.torch_values import Global, Instance, NumpyArray, Tensor

__all__ = ["below", "class_of", "fields_of", "hyperparameters_of", "qualified"]

# Where secrets may stand: what a script was given, what its surroundings were.
_OF_THE_USERS: Final = ("script/", "environment/")
_MOST_VALUES: Final = 20_000
_DEEPEST: Final = 24
_LONGEST_NAME: Final = 200
_MANGLED: Final = re.compile(r"___torch_mangle_\d+\.?")

Scalar = Callable[[Tensor], Plain]
"""Reads the one value of a tensor without axes."""


def class_of(found: Global) -> str:
    """The class's own name; TorchScript's marks of equal names left out.

    Example:
        >>> class_of(Global("torch.nn.modules.linear", "Linear"))
        'Linear'
    """
    return found.name.rpartition(".")[2]


def qualified(found: Global) -> str:
    """The class's qualified name, without what TorchScript puts before and into it."""
    return _MANGLED.sub("", found.path).removeprefix("__torch__.").rstrip(".")


def fields_of(instance: Instance) -> dict[str, Any]:
    """What an object holds by name: its state, its slots, its items."""
    state = instance.state
    parts = state if type(state) is tuple else (state,)
    fields: dict[str, Any] = {}
    for found in (*parts, instance.items):
        if type(found) is dict:
            fields.update((key_text(name), item) for name, item in found.items() if _is_key(name))
    if instance.args:
        fields.update((f"argument_{index}", item) for index, item in enumerate(instance.args))
    return fields


def _is_key(name: Any) -> bool:
    return name is None or type(name) in (str, int, float, bool)


def hyperparameters_of(values: Mapping[str, Any], scalar: Scalar) -> dict[str, Hyperparameter]:
    """Hyperparameters by address; how a value came about a file does not tell.

    Args:
        values: Whatever the file holds, by address.
        scalar: Reads the one value of a tensor without axes, as a learning rate may be.
    """
    flattener = Flattener()
    shaper = _Shaper(scalar)
    for address, value in values.items():
        flattener.add(address, shaper.shaped(value, 0))
    return {
        address: replace(entry, value=withhold(address, entry.value))
        if address.startswith(_OF_THE_USERS)
        else entry
        for address, entry in merge(flattener.rows, None).items()
    }


class _Shaper:
    """Copies what a file holds into a tree that nothing shares: 20,000 values of it at most."""

    def __init__(self, scalar: Scalar) -> None:
        self._room = _MOST_VALUES
        self._scalar = scalar
        self._inside: set[int] = set()

    def shaped(self, value: Any, depth: int) -> Any:
        """The value as `parametry.core.described.Flattener` takes it."""
        kind = type(value)
        self._room -= 1
        if kind in (dict, list, tuple, set, frozenset, Instance):
            name = qualified(value.of) if kind is Instance else kind.__name__
            if id(value) in self._inside:
                return {"$object": name, "recursive": True}
            if depth >= _DEEPEST:
                return {"$object": name, "deeper_than": _DEEPEST}
            if self._room < (0 if kind is Instance else len(value)):
                return {"$long": len(value.items if kind is Instance else value), "class": name}
            self._inside.add(id(value))
            try:
                return self._opened(value, depth + 1)
            finally:
                self._inside.discard(id(value))
        if kind is Global:
            name = qualified(value)
            return name.removeprefix("torch.") if value.module == "torch" else name
        if kind is Tensor:
            return self._tensor(value)
        return value.array if kind is NumpyArray else value

    def _opened(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return keyed((self._key(key), self.shaped(item, depth)) for key, item in value.items())
        if type(value) is Instance:
            fields = fields_of(value)
            if value.elements:
                fields["elements"] = value.elements
            self._room -= len(fields)
            if self._room < 0:
                return {"$long": len(fields), "class": qualified(value.of)}
            opened = {
                name[:_LONGEST_NAME]: self.shaped(item, depth) for name, item in fields.items()
            }
            return Described(qualified(value.of), fields=opened)
        return [self.shaped(item, depth) for item in value]

    def _key(self, key: Any) -> Any:
        if type(key) is Global:
            return qualified(key)
        return f"{type(key).__name__.lower()}" if type(key) in (Tensor, Instance) else key

    def _tensor(self, tensor: Tensor) -> Any:
        if not tensor.shape and tensor.storage is not None:
            return self._scalar(tensor)
        return {
            "$array": "torch.Tensor",
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
        }


def below(address: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The items of a mapping, each at an address of its own below one."""
    return {
        join(address, part(key_text(key))): item for key, item in values.items() if _is_key(key)
    }
