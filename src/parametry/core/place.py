"""Places: the line of a file, or of a notebook cell, that passed a value."""

from __future__ import annotations

from dataclasses import dataclass

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
        import os

        if self.file.startswith(("<", "In[")):
            return self.file
        try:
            relative = os.path.relpath(self.file)
        except (ValueError, OSError):  # another drive, or a working directory that is gone
            return self.file
        return self.file if relative.partition(os.sep)[0] == os.pardir else relative
