"""Keras's own files of a live model: what it calls each array in them, and writing one.

Keras names an array by the attributes that lead to its layer and its number in it, such as
``layers/dense/vars/0``. Only its own walk knows these names for sure, so it is asked: it is given a
store that notes what would be written.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parametry.core.address import join
from parametry.errors import ParametryError
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.optimizer import optimizers_of
from parametry.frameworks.keras.slots import optimizer_parameters
from parametry.frameworks.keras.transposed import array_of
from parametry.frameworks.keras.walk import Tree, name_of, walk

__all__ = ["names_in_file", "structure", "write"]

WEIGHTS_SUFFIX = ".weights.h5"


@dataclass(frozen=True, slots=True)
class _Noted:
    """An array that Keras would write: at which path, of which layer, and what it is."""

    path: str
    layer_name: str | None
    array: Any


def names_in_file(model: Any) -> dict[str, str]:
    """What Keras calls each parameter in a file of its own, by address, aliases and slots too.

    A parameter that Keras does not write (the state of a random generator), or that a layer writes
    otherwise than it holds it (a quantized one), has no name.

    Args:
        model: A Keras model or layer; not changed. Keras 2 has other files, which name nothing so.
    """
    dialect = dialect_of(model)
    if dialect.package != "keras":
        return {}
    tree = walk(model, dialect)
    noted = _noted(model)
    places = _places(tree)
    out: dict[str, str] = {}
    for entry in noted:
        candidates = [
            (address, layer_name)
            for address, layer_name in places.get(id(array_of(entry.array)), ())
            if address not in out
        ]
        same_layer = [address for address, name in candidates if name == entry.layer_name]
        chosen = same_layer or [address for address, _ in candidates]
        if chosen:
            out[chosen[0]] = entry.path
    return out | _names_of_slots(model, tree, noted)


def _names_of_slots(model: Any, tree: Tree, noted: list[_Noted]) -> dict[str, str]:
    """The names of optimizers' variables, which Keras writes as values, in the order held."""
    groups: dict[tuple[str, str | None], list[_Noted]] = {}
    for entry in noted:
        groups.setdefault((entry.path.rpartition("/")[0], entry.layer_name), []).append(entry)
    paths: dict[int, str] = {}
    for optimizer in _with_inner(optimizers_of(model)):
        held = optimizer.variables
        for (_, name), group in groups.items():
            if name == optimizer.name and len(group) == len(held):
                for variable, entry in zip(held, group, strict=True):
                    paths.setdefault(id(variable), entry.path)
    out: dict[str, str] = {}
    for number, optimizer in enumerate(optimizers_of(model)):
        scope = f"optimizer_{number}" if number else "optimizer"
        for address, slot in optimizer_parameters(optimizer, tree, scope).items():
            if id(slot.native) in paths:
                out[address] = paths[id(slot.native)]
    return out


def _with_inner(optimizers: Iterable[Any]) -> Iterator[Any]:
    """The optimizers, each with the one that it wraps after it."""
    for optimizer in optimizers:
        yield optimizer
        inner = getattr(optimizer, "inner_optimizer", None)
        if inner is not None:
            yield inner


def _places(tree: Tree) -> dict[int, list[tuple[str, str]]]:
    """By a variable's identity the addresses that its holders give it, with the holder's name."""
    out: dict[int, list[tuple[str, str]]] = {}
    for node in tree.nodes.values():
        for part, variable in node.own:
            address = join(node.address, part)
            if address in variable.addresses:
                found = out.setdefault(id(array_of(variable.native)), [])
                found.append((address, name_of(node.native)))
    return out


def _noted(model: Any) -> list[_Noted]:
    """What Keras would write of a model, in its order."""
    from keras.src.saving import saving_lib

    noted: list[_Noted] = []

    class Recorder(saving_lib.H5IOStore):  # type: ignore[misc]
        """Takes what is to be written, and writes nothing."""

        def __init__(self) -> None:
            self._path = ""
            self._name: str | None = None

        def __bool__(self) -> bool:
            return True

        def make(self, path: str, metadata: Any = None) -> Recorder:
            self._path = path
            self._name = (metadata or {}).get("name")
            return self

        def __setitem__(self, key: str, value: Any) -> None:
            noted.append(_Noted(join(self._path, "vars", key), self._name, value))

    saving_lib._save_state(
        model,
        weights_store=Recorder(),
        assets_store=None,
        inner_path="",
        visited_saveables=set(),
    )
    return noted


def structure(model: Any) -> dict[str, Any]:
    """What Keras's configuration of a model loses: that one layer stands in several places.

    For each Sequential and Functional model within, the addresses of its layers in the order in
    which its configuration lists them, a Sequential's with repeats. Empty where nothing is shared
    in a way that Keras forgets.

    Args:
        model: A Keras 3 model or layer; not changed.
    """
    tree = walk(model, dialect_of(model))
    out: dict[str, Any] = {}
    forgets = False
    for node in tree.nodes.values():
        listed = list(_listed(node.native))
        if not listed:
            continue
        known = [tree.nodes.get(id(layer)) for layer in listed]
        out[node.address] = {
            "layers": [None if found is None else found.address for found in known]
        }
        repeats = len({id(layer) for layer in listed}) < len(listed)
        shared = any(found is not None and len(found.addresses) > 1 for found in known)
        forgets = forgets or repeats or shared
    return out if forgets else {}


def _listed(holder: Any) -> Iterator[Any]:
    """What the configuration of a Sequential or Functional model lists, in order."""
    import keras
    from keras.src.models.functional import Functional, functional_like_constructor

    if isinstance(holder, keras.Sequential):
        yield from holder.__dict__.get("_layers") or ()
    elif isinstance(holder, Functional) and functional_like_constructor(type(holder)):
        yield from holder.operations


def write(model: Any, path: Path) -> None:
    """Write Keras's own kind of file, which its suffix tells: ``.keras`` or ``.weights.h5``.

    Args:
        model: A Keras 3 model, built.
        path: Where to; nothing may be there yet.

    Raises:
        ParametryError: Keras cannot write it; the message ends in Keras's own.
        OSError: The system cannot write there.
    """
    import keras

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.name.endswith(WEIGHTS_SUFFIX):
                keras.saving.save_weights(model, path)
            else:
                keras.saving.save_model(model, path)
    except OSError:
        raise
    except Exception as error:
        raise ParametryError(
            f"Keras cannot write {name_of(model)} to a {path.suffix} file: "
            f"{type(error).__name__}: {error}",
            hint="parametry.save to .safetensors or .npz needs no configuration of the model",
        ) from error
