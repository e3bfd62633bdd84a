"""Fuzzes the reader of safetensors."""

from __future__ import annotations

from .harness import GOLDEN, fuzz, reads, safetensors

if __name__ == "__main__":
    fuzz(reads(safetensors.read, ".safetensors"), [(GOLDEN / "arrays.safetensors").read_bytes()])
