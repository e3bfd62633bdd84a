"""`parametry.save`: a model's parameters in a file, with all that makes them a model again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from parametry.actions.uncopied import uncopied
from parametry.core.manifest import Manifest
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.value import class_name
from parametry.errors import FormatError, NotAModel, NotBuilt
from parametry.frameworks.registry import Framework, find

__all__ = ["manifest_of", "save", "write_arrays"]

_OF_ARRAYS = (".safetensors", ".npz")
_OF_KERAS = (".keras", ".weights.h5")


def save(
    model: Any,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    optimizer: bool | None = None,
) -> None:
    """Write a model to a file that keeps its ties, frozen state, provenance and hyperparameters.

    What a format has no place for stands in the manifest: the metadata of a ``.safetensors`` file,
    a member of an ``.npz`` or ``.keras`` archive, a dataset in ``.weights.h5``. A ``.keras`` or
    ``.weights.h5`` file is written by Keras itself, which can load it back wherever it could load
    its own. The file is written beside its place and renamed when it is whole and on the disk: a
    failure leaves what was there. Memory is needed for one parameter at a time in ``.safetensors``
    and ``.npz``; Keras decides for its own.

    Args:
        model: A live model or layer; for ``.safetensors`` and ``.npz`` also what
            `parametry.inspect` gave.
        path: Where to. The suffix decides the format: ``.safetensors``, ``.npz``, ``.keras``,
            ``.weights.h5``.
        overwrite: Whether to replace a file that is there.
        optimizer: Whether the optimizer's slots go along. By default they do where Keras itself
            writes the file, and else not.

    Raises:
        FormatError: The suffix is none of these, or the format cannot hold what was asked for.
        NotAModel: It is no model that a framework knows.
        NotBuilt: The model has no parameters yet.
        FileExistsError: ``overwrite=False``, and there is a file.
        OSError: The system cannot write there: read-only, no such folder, disk full.
        ParametryError: Keras cannot write the model.

    Example:
        >>> pm.save(net, "net.safetensors")                          # doctest: +SKIP
        >>> pm.save(net, "net.keras")                                # doctest: +SKIP
    """
    target = Path(os.fsdecode(path))
    suffix = _suffix(target)
    _must_be_free(target, overwrite)
    framework = None if isinstance(model, Model) else find(model)
    view = _view(model, framework)
    if suffix in _OF_KERAS:
        if optimizer is False:
            raise FormatError(
                f"Keras always writes the optimizer's slots to a {suffix} file",
                path=target,
                hint="leave out optimizer=False, or save to .safetensors or .npz",
            )
        _write_with_keras(model, framework, view, target)
    else:
        write_arrays(view, target, optimizer=bool(optimizer))


def _suffix(path: Path) -> str:
    for suffix in (*_OF_ARRAYS, *_OF_KERAS):
        if path.name.lower().endswith(suffix):
            return suffix
    known = ", ".join((*_OF_ARRAYS, *_OF_KERAS))
    raise FormatError(
        f"no format is known by the end of this name, one of {known} is expected",
        path=path,
        hint=f"parametry.save(model, {str(path.with_suffix('.safetensors'))!r})",
    )


def _must_be_free(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")
    if not overwrite and path.exists():
        raise FileExistsError(f"{path} is there already, and overwrite=False")


def _view(model: Any, framework: Framework | None) -> Model:
    if isinstance(model, Model):
        return model
    if framework is None or not framework.is_model(model):
        raise NotAModel(
            f"an object of class {class_name(type(model))} is no model",
            hint="give a live model, or what parametry.inspect gave",
        )
    view = framework.inspect(model)
    if not getattr(model, "built", True):
        raise NotBuilt(
            f"{view.name} has no parameters yet, so there is nothing to save",
            hint="call it on a sample first, or parametry.inspect(model, sample=batch)",
        )
    return view


def manifest_of(
    view: Model,
    entries: dict[str, Parameter],
    names: dict[str, str] | None = None,
    structure: dict[str, Any] | None = None,
) -> Manifest:
    """What goes beside the arrays of a model.

    Args:
        view: The model.
        entries: What is written, the optimizer's slots where they go along.
        names: What the format calls each, where it has its own names.
        structure: What the framework's configuration loses.
    """
    return Manifest(
        name=view.name,
        class_name=view.class_name,
        framework=view.framework,
        roles={address: entry.role for address, entry in entries.items()},
        layers={
            **{address: layer.class_name for address, layer in view.layers.items()},
            **{entry.layer: entry.layer_class for entry in view.parameters.values()},
        },
        ties=view.ties,
        provenance={
            address: found
            for address, entry in view.parameters.items()
            if (found := entry.provenance) is not None
        },
        hyperparameters={
            address: entry.to_dict() for address, entry in view.hyperparameters.items()
        },
        names=names or {},
        structure=structure or {},
    )


def write_arrays(
    view: Model,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    optimizer: bool = False,
    names: dict[str, str] | None = None,
) -> None:
    """Write what a view holds to a file that parametry itself writes.

    Args:
        view: The model.
        path: Where to; the suffix decides the format.
        overwrite: Whether to replace a file that is there.
        optimizer: Whether the optimizer's slots go along.
        names: What the format calls each, by address, where it has its own names.

    Raises:
        FormatError: No such format is written, or it cannot hold what was asked for.
        OSError: The file cannot be written.
    """
    from parametry.formats.registry import writer_for

    path = Path(os.fsdecode(path))
    writer = writer_for(path)
    _must_be_free(path, overwrite)
    entries = dict(view.parameters)
    slots = dict(view.optimizer_parameters) if optimizer else {}
    both = entries.keys() & slots.keys()
    if both:
        raise FormatError(
            f"a parameter and a slot of the optimizer have the address {min(both)}",
            path=path,
            hint="rename the layer that is called 'optimizer', or save without optimizer=True",
        )
    entries |= slots
    seen = {address: uncopied(entry) for address, entry in entries.items()}
    writer(path, seen, manifest_of(view, entries, names))


def _write_with_keras(model: Any, framework: Framework | None, view: Model, path: Path) -> None:
    from parametry.formats import hdf5, keras_archive
    from parametry.formats.atomic import settle, temporary_beside

    if framework is None or not view.framework.startswith("keras "):
        raise FormatError(
            f"Keras writes this kind of file, and {view.name} is of {view.framework}",
            path=path,
            hint="save to .safetensors or .npz",
        )
    names = framework.names_in_file(model)
    held = {**view.parameters, **view.optimizer_parameters}
    entries = {address: entry for address, entry in held.items() if address in names}
    manifest = manifest_of(view, entries, names, framework.structure(model))
    with temporary_beside(path) as temporary:
        framework.write(model, temporary)
        of_archive = path.name.lower().endswith(".keras")
        (keras_archive if of_archive else hdf5).add_manifest(temporary, manifest)
        settle(temporary, path)
