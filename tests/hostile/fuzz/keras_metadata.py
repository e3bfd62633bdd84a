"""Fuzzes what is done with Keras 2's metadata in a SavedModel, a message of JSON texts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .harness import GOLDEN, everything, fuzz, tensorflow_checkpoint

SAVED = GOLDEN / "tensorflow" / "saved"

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp()) / "saved"
    shutil.copytree(SAVED, folder)

    def target(raw: bytes) -> None:
        """The bytes as the metadata of the golden SavedModel."""
        (folder / "keras_metadata.pb").write_bytes(raw)
        everything(tensorflow_checkpoint.read(folder / "variables" / "variables.index"))

    fuzz(target, [(SAVED / "keras_metadata.pb").read_bytes()])
