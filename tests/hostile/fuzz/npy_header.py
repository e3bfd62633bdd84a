"""Fuzzes the reader of .npy."""

from __future__ import annotations

from .harness import GOLDEN, fuzz, npy, reads

if __name__ == "__main__":
    fuzz(reads(npy.read, ".npy"), [(GOLDEN / "array.npy").read_bytes()])
