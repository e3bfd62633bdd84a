"""Fuzzes the reader of zip archives, as .npz files."""

from __future__ import annotations

from .harness import GOLDEN, fuzz, npz, reads

if __name__ == "__main__":
    seeds = [(GOLDEN / name).read_bytes() for name in ("arrays.npz", "packed.npz")]
    fuzz(reads(npz.read, ".npz"), seeds)
