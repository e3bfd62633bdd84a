"""Which format a file is of: by its first bytes and its inner names; its suffix only breaks ties.

The registry holds dotted names as strings. A third party registers a module through the entry point
group ``parametry.formats``; it offers what `Format` tells.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from parametry.errors import FormatError, SourceMissing, UnknownFormat
from parametry.formats.locating import located
from parametry.formats.peek import Peek

if TYPE_CHECKING:
    from parametry.core.manifest import Manifest
    from parametry.formats.contents import Contents
    from parametry.formats.writing import Destination, Written

__all__ = ["Format", "Writer", "open_file", "registered", "writer_for"]

Writer: TypeAlias = "Callable[[Destination, Mapping[str, Written], Manifest], None]"

_BUILT_IN: Final = {
    "safetensors": "parametry.formats.safetensors",
    "keras": "parametry.formats.keras_archive",
    "hdf5": "parametry.formats.hdf5",
    "keras_sharded": "parametry.formats.keras_sharded",
    "npz": "parametry.formats.npz",
    "npy": "parametry.formats.npy",
    "torch": "parametry.formats.torch_file",
    "hugging face": "parametry.formats.hugging_face",
    "tensorflow": "parametry.formats.tensorflow_checkpoint",
}
_SUFFIXES: Final = {
    ".safetensors": "safetensors",
    ".keras": "keras",
    ".h5": "hdf5",
    ".npz": "npz",
    ".npy": "npy",
    ".pt": "torch",
    ".pth": "torch",
    ".bin": "torch",
    ".ckpt": "torch",
    ".index": "tensorflow",
}
_WRITERS: Final = {
    ".safetensors": "parametry.formats.safetensors_writer:write_safetensors",
    ".npz": "parametry.formats.npz_writer:write_npz",
    ".weights.h5": "parametry.formats.keras_weights_writer:write_keras_weights",
}


class Format(Protocol):
    """What a format's module offers."""

    def recognises(self, peek: Peek) -> bool:
        """Whether a file is of this format, by a first look; imports nothing for it."""
        ...

    def read(self, path: str | os.PathLike[str]) -> Contents:
        """What the file holds; `parametry.FrameworkMissing` where a package for it is missing."""
        ...


def registered() -> dict[str, str]:
    """The formats by name with the modules that know them, third parties' included."""
    from importlib.metadata import entry_points

    found = {point.name: point.value for point in entry_points(group="parametry.formats")}
    return {**found, **_BUILT_IN}


def open_file(path: str | os.PathLike[str]) -> Contents:
    """Open a model's file: its headers are read and checked, its arrays when they are asked for.

    Args:
        path: The file.

    Raises:
        SourceMissing: There is none.
        UnknownFormat: It is of no known format; the message says what it is, if that can be told.
        FormatError: It is cut short, damaged or hostile.
        FrameworkMissing: The package that reads its format is not installed.

    Example:
        >>> contents = open_file("net.safetensors")                  # doctest: +SKIP
        >>> contents.model.parameters["dense/kernel"].shape          # doctest: +SKIP
        (4, 8)
    """
    try:
        peek = Peek.at(located(path))
    except FileNotFoundError:
        raise SourceMissing(
            f"there is no file {os.fspath(path)!r}",
            hint="give the path of a model's file, or a live model",
        ) from None
    found = _recognising(peek, _BUILT_IN)
    if found is None:
        extra = {name: at for name, at in registered().items() if name not in _BUILT_IN}
        found = _recognising(peek, extra)
    if found is None:
        from parametry.formats.not_models import what_it_is

        raise UnknownFormat(
            f"it is {what_it_is(peek)}",
            path=peek.path,
            hint=f"files of models that can be read: {', '.join(_BUILT_IN)}",
        )
    return found.read(peek.path)


def _recognising(peek: Peek, formats: Mapping[str, str]) -> Format | None:
    preferred = _SUFFIXES.get(peek.suffix)
    # The suffix's own format is asked first, and most often no other need be imported.
    for name in sorted(formats, key=lambda name: name != preferred):
        module = cast(Format, importlib.import_module(formats[name]))
        if module.recognises(peek):
            return module
    return None


def writer_for(path: str | os.PathLike[str]) -> Writer:
    """The function that writes parameters to a file with the path's suffix.

    Raises:
        FormatError: No format that parametry writes has that suffix.

    Example:
        >>> writer_for("net.npz").__name__
        'write_npz'
    """
    name = Path(path).name.lower()
    suffix = next((suffix for suffix in _WRITERS if name.endswith(suffix)), "")
    if not suffix:
        raise FormatError(
            f"parametry writes no files with the suffix {Path(path).suffix!r}",
            path=path,
            hint=f"use one of {', '.join(_WRITERS)}",
        )
    module, _, name = _WRITERS[suffix].partition(":")
    function: Any = getattr(importlib.import_module(module), name)
    return cast(Writer, function)
