"""Places: the line of a file, or of a notebook cell, that passed a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's code something happened.

    Attributes:
        file: The file's path as the interpreter knows it, or ``In[3]`` for a notebook cell.
        line: The line, from 1.

    Example:
        >>> str(Place("train.py", 12))
        'train.py:12'
    """

    file: str
    line: int

    def __str__(self) -> str:
        """``file:line``, with the file relative to the working directory where it lies below it."""
        return f"{self._shown()}:{self.line}"

    def _shown(self) -> str:
        if self.file.startswith(("<", "In[")):
            return self.file
        try:
            return _seen_from(os.getcwd(), self.file)  # noqa: PTH109 - asked for each line told
        except OSError:  # a working directory that is gone
            return self.file


@lru_cache(maxsize=1024)
def _seen_from(folder: str, file: str) -> str:
    """The file's path from a folder where it lies below it, else as it is."""
    try:
        relative = os.path.relpath(file, folder)
    except ValueError:  # another drive
        return file
    return file if relative.partition(os.sep)[0] == os.pardir else relative
