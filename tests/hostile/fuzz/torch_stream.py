"""Fuzzes the readers of torch's older files: streams of pickles, and tar archives."""

from __future__ import annotations

from .harness import GOLDEN, fuzz, reads, torch_file

if __name__ == "__main__":
    paths = [*(GOLDEN / "torch").glob("*_legacy.pt"), GOLDEN / "torch" / "tar.pt"]
    fuzz(reads(torch_file.read, ".pt"), [path.read_bytes() for path in sorted(paths)])
