"""`parametry.load_model`: a whole model from a ``.keras`` file, built of known parts alone."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any, cast

from parametry.actions.load import Source, fill, source_of
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.model import Model
from parametry.core.value import same, to_json_value
from parametry.errors import FormatError, LoadError
from parametry.frameworks.registry import Framework, registered

__all__ = ["load_model"]

_ASSETS = "assets/"


def load_model(
    path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """A live model from a ``.keras`` file, ours or Keras's own: layers, values, ties, compiled.

    The file is not trusted. Made are Keras's own layers, and what ``custom_objects`` names; what
    the file names is never imported, no code in it is run, and no more memory is taken than its
    arrays explain. Layers that several models share, or that a Sequential has twice, are shared
    again, ties are tied and frozen weights frozen, which Keras's own ``load_model`` cannot do. The
    model comes back compiled if it was, with the optimizer's slots and step.

    Args:
        path: The file.
        custom_objects: Your own classes and functions that the file may name, by their class name
            or the name that they are registered under. They are called with what the file says, so
            name what you trust. What the program has registered with Keras is not used unless it is
            named here.

    Raises:
        FormatError: The file is cut short, damaged, hostile or no ``.keras`` file, or its
            configuration names what is not allowed: the message says where and what to pass.
        LoadError: The model that its configuration tells is not the one that was saved: an array is
            missing or left over, or an argument has another value than it had. Or a layer keeps
            more than parameters, as a vocabulary.
        FileNotFoundError: There is no such file.

    Example:
        >>> net = pm.load_model("net.keras")                         # doctest: +SKIP
        >>> net = pm.load_model("mine.keras", custom_objects={"Net": Net})     # doctest: +SKIP
    """
    given = dict(custom_objects or {})
    source = source_of(os.fsdecode(path))
    contents = source.contents
    assert contents is not None
    if contents.config is None:
        raise FormatError(
            "it holds values alone, and no configuration of a model",
            path=contents.path,
            hint="build the model in code, then parametry.load(model, path)",
        )
    _must_be_without_assets(contents.path)
    framework = cast(Framework, importlib.import_module(registered()["keras"]))
    held = (*source.view.parameters.values(), *source.view.optimizer_parameters.values())
    model = framework.load_model(
        contents.config,
        structure={} if source.manifest is None else source.manifest.structure,
        custom_objects=given,
        path=contents.path,
        nbytes=sum(entry.nbytes for entry in held),
    )
    fill(model, framework, source)
    framework.compile_model(model, contents.config, custom_objects=given, path=contents.path)
    view = framework.inspect(model)
    _must_be_the_same(source, view)
    if source.view.optimizer_parameters and view.optimizer_parameters:
        fill(model, framework, source, parameters=False, optimizer=True)
    return model


def _must_be_without_assets(path: str) -> None:
    """What a layer keeps beside its parameters, as a vocabulary, would be silently gone."""
    from parametry.formats.zip_archive import ZipArchive

    assets = [name for name in ZipArchive.of(path).members if name.startswith(_ASSETS)]
    if assets:
        raise LoadError(
            f"{path} holds {assets[0]!r}, which a layer keeps beside its parameters, and "
            "parametry does not read",
            hint="build the model in code with its vocabulary, then parametry.load its values",
        )


def _must_be_the_same(source: Source, view: Model) -> None:
    """Keras gives a class of the user's its defaults where it does not know the arguments."""
    if source.manifest is None:
        return
    differing = [
        (address, was, found)
        for address, was in source.view.hyperparameters.items()
        if address.startswith("model/")
        and not address.endswith("/name")  # Keras counts what it names itself
        and (found := view.hyperparameters.get(address)) is not None
        and not _same(was, found)
    ]
    if differing:
        address, was, found = differing[0]
        more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise LoadError(
            f"{source.name} was saved with {address} {was.value!r}, its configuration makes a "
            f"model with {found.value!r}{more}",
            hint="Keras does not save the arguments of a class without a get_config: give it one, "
            "or build the model in code and parametry.load its values",
        )


def _same(was: Hyperparameter, found: Hyperparameter) -> bool:
    # What went through a file has lists and text keys where there may have been others.
    return same(_as_read(was), _as_read(found))


def _as_read(entry: Hyperparameter) -> Any:
    return to_json_value(entry.value)
