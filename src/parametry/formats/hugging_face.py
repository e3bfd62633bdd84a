"""Folders as Hugging Face's libraries write them: weights, whole or in shards, and configurations.

``model.safetensors.index.json`` says in ``weight_map`` which shard holds which tensor;
``config.json``, ``generation_config.json`` and ``adapter_config.json`` are settings of the model. A
folder is read by whichever of these files its path leads to.

Nothing outside of the folder is opened. Links are followed within it, and from a snapshot of the
Hugging Face cache to the cache's own ``blobs``.

Source: https://huggingface.co/docs/safetensors/index, ``transformers/utils/hub.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from parametry.core.address import part
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.strict_json import JsonRefused, parse
from parametry.core.value import to_plain
from parametry.errors import FormatError
from parametry.formats import safetensors, torch_file
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.peek import Peek
from parametry.formats.within import within

__all__ = ["NAME", "file_of_folder", "read", "recognises"]

NAME: Final = "hugging face"
_INDEX: Final = ".index.json"
_STEMS: Final = ("model", "adapter_model", "diffusion_pytorch_model", "pytorch_model")
_SUFFIXES: Final = (".safetensors", ".bin")
_CONFIGURATIONS: Final[Mapping[str, str]] = {
    "config.json": "model",
    "generation_config.json": "model/generation",
    "adapter_config.json": "model/adapter",
}
_ENVIRONMENT: Final = frozenset({"transformers_version", "_diffusers_version", "peft_version"})
_LONGEST_JSON: Final = 64 << 20


def file_of_folder(folder: Path) -> Path | None:
    """The file by which a folder is read: its index, or its configuration; None where it has none.

    Args:
        folder: A folder.
    """
    names = [f"{stem}{suffix}{_INDEX}" for suffix in _SUFFIXES for stem in _STEMS]
    for name in (*names, *_CONFIGURATIONS):
        if (folder / name).is_file() and (name.endswith(_INDEX) or _whole(folder) is not None):
            return folder / name
    return _whole(folder)


def recognises(peek: Peek) -> bool:
    """Whether it is an index of shards, or a configuration that has weights beside it."""
    path = Path(peek.path)
    if peek.start.lstrip()[:1] != b"{":
        return False
    if path.name.endswith(_INDEX):
        return any(path.name.endswith(suffix + _INDEX) for suffix in _SUFFIXES)
    return path.name in _CONFIGURATIONS and _whole(path.parent) is not None


def _whole(folder: Path) -> Path | None:
    """The file that holds all weights of a folder."""
    paths = (folder / f"{stem}{suffix}" for suffix in _SUFFIXES for stem in _STEMS)
    return next((path for path in paths if path.is_file()), None)


def read(path: str | os.PathLike[str]) -> Contents:
    """What a folder holds, by the path of its index or configuration.

    Raises:
        FormatError: A shard is missing, damaged, outside of the folder, or holds other tensors than
            the index says; or a configuration is no JSON object.
    """
    given = Path(path)
    folder = given.parent
    whole = _whole(folder)
    if given.name.endswith(_INDEX):
        model, checks = _sharded(given)
    elif whole is not None:
        found = _opened(within(folder, whole.name))
        model, checks = found.model, (found.check,)
    else:
        raise FormatError("no weights stand beside it", path=given)
    configurations = {
        name: _json(within(folder, name)) for name in _CONFIGURATIONS if (folder / name).is_file()
    }
    chosen = {**model.hyperparameters, **_hyperparameters(configurations)}
    config = configurations.get("config.json", {})
    architectures = config.get("architectures")
    named = architectures[:1] if isinstance(architectures, list) else []
    source = f"folder {folder.resolve().name!r}"
    model = replace(
        model,
        name=folder.resolve().name,
        class_name=named[0] if named and type(named[0]) is str else model.class_name,
        hyperparameters=Hyperparameters(chosen, source=source),
    )
    return Contents(str(given), NAME, model, None, config or None, checks)


def _hyperparameters(configurations: Mapping[str, dict[str, Any]]) -> dict[str, Hyperparameter]:
    out: dict[str, Hyperparameter] = {}
    for name, config in configurations.items():
        for key, value in config.items():
            scope = "environment" if key in _ENVIRONMENT else _CONFIGURATIONS[name]
            address = f"{scope}/{part(key)}"
            out[address] = Hyperparameter(address, to_plain(value))
    return out


def _json(path: Path) -> dict[str, Any]:
    source = FileBytes.of(path)
    if source.size > _LONGEST_JSON:
        raise FormatError(f"it is longer than {_LONGEST_JSON:,} bytes", path=path)
    try:
        found = parse(source.read(0, source.size))
    except JsonRefused as refused:
        raise FormatError(f"it cannot be read: {refused}", path=path) from None
    if not isinstance(found, dict):
        raise FormatError("it holds no object", path=path)
    return found


def _opened(path: Path) -> Contents:
    peek = Peek.at(path)
    if safetensors.recognises(peek):
        return safetensors.read(path)
    if torch_file.recognises(peek):
        return torch_file.read(path)
    raise FormatError("it is neither safetensors nor torch's", path=path)


def _sharded(index: Path) -> tuple[Model, tuple[Callable[[], None], ...]]:
    """The model of all shards, its parameters in the index's order."""
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not all(type(name) is str for name in places.values()):
        raise FormatError("its weight_map is no mapping from names to files", path=index)
    if not places:
        raise FormatError("its weight_map is empty", path=index)
    shards: dict[str, Contents] = {}
    for name in dict.fromkeys(places.values()):
        path = within(index.parent, name)
        if not path.is_file():
            raise FormatError(f"the shard {name[:200]!r} is not there", path=index)
        shards[name] = _opened(path)
    held = {
        shard: {entry.native_name: entry for entry in contents.model.parameters.values()}
        for shard, contents in shards.items()
    }
    tied = {
        (shard, alias): contents.model.parameters[alias]
        for shard, contents in shards.items()
        for tie in contents.model.ties
        for alias in tie.aliases
    }
    parameters: dict[str, Parameter] = {}
    for tensor, shard in places.items():
        found = held[shard].pop(tensor, None)
        if found is None:
            if (shard, "/".join(map(part, tensor.split(".")))) in tied:
                continue
            raise FormatError(f"the shard {shard!r} holds no {tensor[:200]!r}", path=index)
        if found.address in parameters:
            raise FormatError("two arrays have this address", path=index, address=found.address)
        parameters[found.address] = found
    for shard, tensor in ((shard, tensor) for shard, left in held.items() for tensor in left):
        raise FormatError(f"{tensor[:200]!r} of {shard!r} is not in the weight_map", path=index)
    models = [contents.model for contents in shards.values()]
    source = f"folder {index.parent.resolve().name!r}"
    aliases = {
        alias: tie.address for model in models for tie in model.ties for alias in tie.aliases
    }
    whole = replace(
        models[0],
        parameters=Parameters(parameters, source=source, aliases=aliases),
        layers=Layers(lambda: _layers(models), source=source),
        ties=tuple(tie for model in models for tie in model.ties),
        gaps=lambda: tuple(dict.fromkeys(gap for model in models for gap in model.coverage)),
    )
    return whole, tuple(contents.check for contents in shards.values())


def _layers(models: list[Model]) -> dict[str, Layer]:
    """The layers of all shards; one that several hold parts of is their sum."""
    out: dict[str, Layer] = {}
    for model in models:
        for address, layer in model.layers.items():
            known = out.get(address)
            out[address] = (
                layer
                if known is None
                else replace(
                    known,
                    parameters=known.parameters + layer.parameters,
                    nbytes=known.nbytes + layer.nbytes,
                )
            )
    return out
