"""Which file a path means: a folder's, a checkpoint's by its prefix, or simply the one it names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from parametry.errors import FormatError
from parametry.formats.within import within

__all__ = ["located"]

_SHARD: Final = re.compile(r"\.data-[0-9]{5}-of-[0-9]{5}\Z")
_SAVED_MODEL: Final = "saved_model.pb"
_LATEST: Final = "checkpoint"
_LATEST_PATH: Final = r'(?m)^model_checkpoint_path: "([^"\\\0]+)"'
_MOST_BYTES: Final = 1 << 20


def located(path: str | os.PathLike[str]) -> Path:
    """The file that is read for a path.

    Args:
        path: A file; the prefix of a checkpoint, as ``tf.train.Checkpoint.save`` gives it, or one
            of its shards; the folder of a SavedModel, of checkpoints (then the latest), or
            of a Hugging Face model (then its index or configuration).

    Raises:
        FileNotFoundError: There is neither.
        FormatError: A folder holds no model.
    """
    given = Path(path)
    if given.is_dir():
        return _in_folder(given)
    if _SHARD.search(given.name):
        return given.with_name(_SHARD.sub(".index", given.name))
    if given.name == _SAVED_MODEL and given.is_file():
        return _in_folder(given.parent)
    index = given.with_name(given.name + ".index")
    return index if not given.exists() and index.is_file() else given


def _in_folder(folder: Path) -> Path:
    if (folder / _SAVED_MODEL).is_file():
        index = within(folder, "variables", "variables.index")
        if not index.is_file():
            raise FormatError("a SavedModel that has no variables", path=folder)
        return index
    latest = folder / _LATEST
    if latest.is_file():
        with within(folder, _LATEST).open("rb") as file:
            said = re.search(_LATEST_PATH, file.read(_MOST_BYTES).decode("utf-8", "replace"))
        # Only its last part: whatever the file says, nothing outside of the folder is opened.
        index = folder / f"{Path(said[1]).name}.index" if said else folder
        if index.is_file():
            return within(folder, index.name)
    from parametry.formats.hugging_face import file_of_folder

    weights = file_of_folder(folder)
    if weights is not None:
        return within(folder, weights.name)
    raise FormatError(
        "it is a folder that holds no model", path=folder, hint="give the path of one file in it"
    )
