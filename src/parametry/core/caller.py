"""Whose code a frame runs: the user's, a framework's, or another library's."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Literal, TypeAlias

from parametry.core.place import Place

__all__ = ["Owner", "cells", "file_name", "frames_above", "owner_of", "place_of", "user_frames"]

Owner: TypeAlias = Literal["user", "framework", "library", "parametry"]

_FRAMEWORKS = frozenset(
    {"keras", "tf_keras", "tensorflow", "jax", "jaxlib", "torch", "flax", "ml_dtypes", "optree"}
)
_HERE = str(Path(__file__).absolute().parents[1]) + os.sep


def _library_folders() -> tuple[str, ...]:
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    found.add(str(Path(os.__file__).parent))
    found |= {os.path.realpath(folder) for folder in found if folder}
    return tuple(folder + os.sep for folder in found if folder)


_LIBRARIES = _library_folders()


@lru_cache(maxsize=65536)
def owner_of(filename: str) -> Owner:
    """Whose code a file holds, by its path alone.

    Args:
        filename: A code object's ``co_filename``.

    Returns:
        ``user`` for scripts, the user's own modules, notebook cells and typed-in code.
    """
    if filename.startswith(_HERE):
        return "parametry"
    for marker in ("site-packages", "dist-packages"):
        _, found, below = filename.rpartition(f"{os.sep}{marker}{os.sep}")
        if found:
            root = below.split(os.sep, 1)[0].partition(".")[0]
            return "framework" if root in _FRAMEWORKS else "library"
    if "__autograph_generated_file" in filename:
        return "framework"
    if filename.startswith("<frozen") or filename.startswith(_LIBRARIES):
        return "library"
    return "user"


def frames_above(frame: FrameType | None, most: int = 500) -> Iterator[FrameType]:
    """A frame and those that called it, innermost first."""
    while frame is not None and most:
        yield frame
        frame = frame.f_back
        most -= 1


def user_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of the user's own code, innermost first."""
    for found in frames_above(frame):
        if owner_of(found.f_code.co_filename) == "user":
            yield found


def place_of(frame: FrameType) -> Place:
    """Where a frame stands: file and line, or notebook cell and line."""
    return Place(file_name(frame.f_code.co_filename), frame.f_lineno or 0)


def file_name(filename: str) -> str:
    """A file's name for people: a notebook's generated one becomes its cell, ``In[3]``."""
    if "ipykernel_" in filename or filename.startswith("<ipython-input"):
        return _cell(filename) or filename
    return filename


def _cell(filename: str) -> str | None:
    number = _cell_numbers().get(filename)
    if number is None and filename.startswith("<ipython-input-"):
        return f"In[{filename.split('-')[2]}]"
    return None if number is None else f"In[{number}]"


def _cell_numbers() -> dict[str, int]:
    """The notebook's cells by the file name that IPython gave them."""
    shell = sys.modules.get("IPython")
    interactive = None if shell is None else shell.get_ipython()
    return dict(getattr(getattr(interactive, "compile", None), "_filename_map", {}))


def cells() -> list[str]:
    """The file names of the cells that a notebook has run, the latest first; else none."""
    numbers = _cell_numbers()
    return sorted(numbers, key=lambda name: numbers[name], reverse=True)
