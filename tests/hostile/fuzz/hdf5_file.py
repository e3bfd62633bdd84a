"""Fuzzes the reader of HDF5, of Keras's weights and of the whole models of Keras 1 and 2."""

from __future__ import annotations

from ..corpus.hdf5_seeds import LAYOUTS
from .harness import GOLDEN, fuzz, hdf5, reads

if __name__ == "__main__":
    paths = [*GOLDEN.glob("*.h5"), *(GOLDEN / "legacy").glob("*.h5")]
    fuzz(
        reads(hdf5.read, ".h5"), [*LAYOUTS.values(), *(path.read_bytes() for path in sorted(paths))]
    )
