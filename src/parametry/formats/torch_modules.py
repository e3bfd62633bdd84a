"""Whole models that were pickled as objects: their parameters are found in the modules' state.

A module of ``torch.save(model)`` keeps its parameters, buffers and submodules in the dicts
``_parameters``, ``_buffers`` and ``_modules``; one of a TorchScript archive has them all as
attributes, and the archive's code says which of them are parameters. No class is imported: its name
is that of the layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from parametry.core.address import join, part
from parametry.core.described import Described
from parametry.core.parameter import Role
from parametry.errors import FormatError
from parametry.formats.torch_parts import Array, Parts
from parametry.formats.torch_plain_values import class_of, fields_of, qualified
from parametry.formats.torch_values import Instance, NumpyArray, Tensor

__all__ = ["Scripted", "add_module", "is_module", "scripted_classes"]

_HOLDERS: Final = ("_parameters", "_buffers", "_modules")
_CLASS: Final = re.compile(r"^class (\w+)\(Module\):$", re.MULTILINE)
_LISTED: Final = re.compile(r"^  __(parameters|buffers)__ = \[(.*)\]$", re.MULTILINE)
_NAME: Final = re.compile(r'"([^"\\]*)"')


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a TorchScript archive's code says of one class.

    Attributes:
        parameters: The names of its parameters.
        buffers: The names of its buffers.
    """

    parameters: frozenset[str] = frozenset()
    buffers: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Module:
    """What one module holds."""

    tensors: dict[str, tuple[Tensor | NumpyArray, Role]] = field(default_factory=dict)
    modules: dict[str, Instance] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def is_module(value: Any) -> bool:
    """Whether an object is a pickled ``torch.nn.Module``."""
    return (
        type(value) is Instance
        and type(value.state) is dict
        and all(type(value.state.get(holder)) is dict for holder in _HOLDERS)
    )


def scripted_classes(code: Mapping[str, str]) -> dict[str, Scripted]:
    r"""The parameters and buffers of each class, read from a TorchScript archive's code.

    The code is matched line by line as TorchScript writes it, never compiled.

    Args:
        code: The source by module, as ``__torch__.torch.nn.modules.linear``.

    Example:
        >>> source = 'class Net(Module):\n  __parameters__ = ["weight", ]\n  __buffers__ = []\n'
        >>> scripted_classes({"__torch__": source})["__torch__.Net"].parameters
        frozenset({'weight'})
    """
    out: dict[str, Scripted] = {}
    for module, source in code.items():
        starts = list(_CLASS.finditer(source))
        for number, start in enumerate(starts, 1):
            end = starts[number].start() if number < len(starts) else len(source)
            listed = {
                found[1]: frozenset(_NAME.findall(found[2]))
                for found in _LISTED.finditer(source, start.end(), end)
            }
            out[f"{module}.{start[1]}"] = Scripted(**listed)
    return out


def add_module(
    parts: Parts,
    root: Instance,
    address: str,
    name: str,
    scripted: Mapping[str, Scripted] | None = None,
) -> None:
    """Add the parameters, layers and settings of a pickled module and all below it.

    Args:
        parts: What to add to.
        root: The module.
        address: Where it stands; empty for the file's one model.
        name: Its own name in front of torch's names, likewise.
        scripted: The classes of a TorchScript archive; None for a pickled module.

    Raises:
        FormatError: Modules lie within themselves or too deeply, or there are too many.
    """
    waiting: list[tuple[Instance, str, str, int]] = [(root, address, name, 0)]
    while waiting:
        module, address, name, depth = waiting.pop()
        opened = _eager(module) if scripted is None else _scripted(parts, module, scripted)
        parts.enter(address, depth, 1 + len(opened.tensors) + len(opened.modules))
        if address:
            parts.layers[address] = class_of(module.of)
        else:
            parts.class_name = qualified(module.of)
        settings = Described(qualified(module.of), fields=opened.settings)
        parts.put(join("model", address), settings)
        for own, (tensor, role) in opened.tensors.items():
            at = join(address, part(own))
            parts.add(Array(f"{name}.{own}" if name else own, at, tensor, role, address))
        inner = [
            (child, join(address, part(own)), f"{name}.{own}" if name else own)
            for own, child in opened.modules.items()
        ]
        waiting.extend((*child, depth + 1) for child in reversed(inner))


def _eager(module: Instance) -> _Module:
    if not is_module(module):
        raise FormatError(f"a {module.of.name:.100} stands where a module is expected")
    state = module.state
    out = _Module()
    for own, tensor in state["_parameters"].items():
        if type(tensor) in (Tensor, NumpyArray):
            trained = type(tensor) is Tensor and tensor.requires_grad
            out.tensors[str(own)] = (tensor, "trainable" if trained else "frozen")
    for own, tensor in state["_buffers"].items():
        if type(tensor) in (Tensor, NumpyArray):
            out.tensors[str(own)] = (tensor, "state")
    for own, child in state["_modules"].items():
        if type(child) is Instance:
            out.modules[str(own)] = child
    out.settings = _settings(state)
    return out


def _scripted(parts: Parts, module: Instance, classes: Mapping[str, Scripted]) -> _Module:
    known = classes.get(module.of.path, Scripted())
    out = _Module()
    plain: dict[str, Any] = {}
    for own, value in fields_of(module).items():
        if type(value) is Instance and value.of.path in classes:
            out.modules[own] = value
            continue
        role: Role = "trainable" if own in known.parameters else "state"
        leaves = list(parts.leaves(value, own, own)) if type(value) in (list, tuple) else []
        tensors = {at: found for at, _, found in leaves if type(found) is Tensor}
        if type(value) is Tensor:
            tensors = {own: value}
        for at, tensor in tensors.items():
            trained = role == "trainable" and not tensor.requires_grad
            out.tensors[at] = (tensor, "frozen" if trained else role)
        if not tensors and value is not None:  # a parameter that is not there
            plain[own] = value
    out.settings = _settings(plain)
    return out


def _settings(state: Mapping[Any, Any]) -> dict[str, Any]:
    """A module's own plain attributes: not torch's book-keeping, and no objects or arrays."""
    return {
        name: value
        for name, value in state.items()
        if type(name) is str
        and not name.startswith("_")
        and name not in ("training", "T_destination", "call_super_init", "dump_patches")
        and type(value) not in (Tensor, NumpyArray, Instance)
    }
