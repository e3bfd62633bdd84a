"""Files of a folder, and nothing outside of it: names that a file tells, and links, are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from parametry.errors import FormatError

__all__ = ["within"]

_SNAPSHOTS: Final = "snapshots"
_BLOBS: Final = "blobs"


def within(folder: Path, *names: str) -> Path:
    """The path of a file of a folder.

    Links are followed within the folder, and from a snapshot of the Hugging Face cache to the
    cache's own ``blobs``.

    Args:
        folder: The folder.
        names: The folders in it that lead to the file, and the file's own name.

    Raises:
        FormatError: A name, or the link that it is, leads out of the folder.
    """
    for name in names:
        if Path(name).name != name or "\0" in name or "\\" in name or name == "..":
            raise FormatError(f"{name[:200]!r} is no name of a file in its folder", path=folder)
    path, home = folder.joinpath(*names), folder.resolve()
    real = path.resolve()
    places = [home]
    places += [above.parent / _BLOBS for above in home.parents if above.name == _SNAPSHOTS]
    if not any(real.is_relative_to(place) for place in places):
        raise FormatError("it is a link that leads out of its folder", path=path)
    return path
