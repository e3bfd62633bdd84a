"""Fuzzes what is done with the configuration in a .keras archive."""

from __future__ import annotations

import zipfile

from ..corpus.keras_archive import keras_archive as archive
from .harness import GOLDEN, fuzz, keras_archive, reads


def configurations() -> list[bytes]:
    """Those of the golden files."""
    found = []
    for path in sorted(GOLDEN.glob("*.keras")):
        with zipfile.ZipFile(path) as opened:
            found.append(opened.read("config.json"))
    return found


if __name__ == "__main__":
    weights = (GOLDEN / "nested.weights.h5").read_bytes()
    read = reads(keras_archive.read, ".keras")
    fuzz(lambda raw: read(archive(weights, raw)), configurations())
