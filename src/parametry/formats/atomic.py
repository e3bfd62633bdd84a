"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing", "settle", "temporary_beside"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that takes a path's place once it is written whole.

    Written is a temporary file in the same folder. When the block ends well, its bytes are forced
    to the disk and it is renamed; when it fails, the temporary is gone and what was at the path is
    as it was. Between the two nobody sees half a file, whenever the machine stops.

    Args:
        path: Where the file is to be; what is there is replaced. A link is followed.

    Raises:
        OSError: As the system says it: the folder is not there or read-only, the disk is full, the
            path is a folder.

    Example:
        >>> with replacing("model.safetensors") as file:             # doctest: +SKIP
        ...     file.write(content)
    """
    target = _target(path)
    with temporary_beside(target) as temporary:
        with temporary.open("xb") as file:
            yield file
        settle(temporary, target)


@contextmanager
def temporary_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A free path in the same folder, with the same suffixes; what is there at the end is removed.

    For what only writes to paths: rename the temporary to the path once it is whole.

    Args:
        path: The path that the temporary is for.
    """
    target = Path(path)
    temporary = target.with_name(f".{secrets.token_hex(8)}.{target.name[-100:]}")
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def settle(temporary: Path, path: str | os.PathLike[str]) -> None:
    """Give a finished temporary file the place of another, with its bytes on the disk before.

    Args:
        temporary: The finished file, in the same folder.
        path: Where it is to be.
    """
    target = _target(path)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    _keep_mode(target, temporary)
    temporary.replace(target)
    _sync_folder(target.parent)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file itself where the path is a link to it; a folder is refused before any work."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder")
    return target


def _keep_mode(target: Path, temporary: Path) -> None:
    """Who may read the old file may read the new one."""
    with contextlib.suppress(OSError):
        temporary.chmod(target.stat().st_mode & 0o777)


def _sync_folder(folder: Path) -> None:
    """Force the new name to the disk, where the system knows how."""
    flags = getattr(os, "O_DIRECTORY", None)
    if flags is None:
        return
    with contextlib.suppress(OSError):  # some file systems cannot; the file itself is whole
        descriptor = os.open(folder, os.O_RDONLY | flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
