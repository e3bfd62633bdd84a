"""One hostile file: how it is made, and whether reading it is refused or gives values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

__all__ = ["Case", "Content", "files", "folders"]

Content: TypeAlias = bytes | Callable[[], bytes]


@dataclass(frozen=True)
class Case:
    """A file, or a folder of files, that means harm or is broken.

    Attributes:
        name: Its format, and what is wrong with it.
        make: Writes it into an empty folder, and gives the path that is to be read. What lies
            beside that folder is outside: nothing of it may be opened.
        is_refused: Whether reading ends in a `FormatError`; else it ends in values.
    """

    name: str
    make: Callable[[Path], Path]
    is_refused: bool


def files(
    kind: str, suffix: str, contents: Mapping[str, Content], *, refused: bool = True
) -> list[Case]:
    """Cases of one file each, by their bytes."""

    def made(content: Content) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            path = folder / f"file{suffix}"
            path.write_bytes(content if isinstance(content, bytes) else content())
            return path

        return make

    return [Case(f"{kind}: {name}", made(content), refused) for name, content in contents.items()]


def folders(
    kind: str, makes: Mapping[str, Callable[[Path], Path]], *, refused: bool = True
) -> list[Case]:
    """Cases of several files."""
    return [Case(f"{kind}: {name}", make, refused) for name, make in makes.items()]
