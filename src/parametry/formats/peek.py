"""A first look at a file: its first bytes, and the names within where it is an archive."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from parametry.formats.file_bytes import FileBytes

__all__ = ["Peek"]

LENGTH = 2048
ZIP = b"PK\x03\x04"


@dataclass(frozen=True, eq=False)
class Peek:
    """What tells the kind of a file.

    Attributes:
        path: The file.
        start: Its first bytes, 2,048 at most.
        size: How many bytes it has.
    """

    path: str
    start: bytes
    size: int

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Peek:
        """A look at the file at a path.

        Raises:
            FileNotFoundError: There is none.
            FormatError: It is a folder, a pipe or a device.
        """
        source = FileBytes.of(path)
        return cls(source.path, source.read(0, min(LENGTH, source.size)), source.size)

    @property
    def suffix(self) -> str:
        """The last suffix of the file's name, in small letters."""
        return Path(self.path).suffix.lower()

    @property
    def is_zip(self) -> bool:
        """Whether it begins as a zip archive does."""
        return self.start.startswith(ZIP)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names within a zip archive; none in another file.

        Raises:
            FormatError: It begins as an archive and is none.
        """
        if not self.is_zip:
            return frozenset()
        from parametry.formats.zip_archive import names_in

        return names_in(self.path)
