"""The worker that reads files for these tests, each in a process that is watched and bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "formats" / "golden"


@dataclass(frozen=True)
class Ending:
    """How the reading of one file ended.

    Attributes:
        refusals: The messages of the `FormatError`s.
        faults: Any other error, a signal, or output that could steer a terminal.
        events: What Python did that reading has no need of.
        memory: By how many bytes the process grew at most.
    """

    refusals: list[str]
    faults: list[str]
    events: list[str]
    memory: int

    def must_be_safe(self) -> None:
        """Whatever the file is: nothing but a value or a `FormatError`, and nothing touched."""
        assert not self.faults, "\n".join(self.faults)
        assert not self.events
        assert self.memory < 512 << 20


Reader = Callable[[Path, Path], Ending]


def seeds() -> list[Path]:
    """Small real files, of every format."""
    suffixes = {".safetensors", ".npy", ".npz", ".keras", ".h5", ".pt", ".ckpt", ".index"}
    found = [path for path in sorted(GOLDEN.rglob("*")) if path.suffix in suffixes]
    return [*found, GOLDEN / "legacy" / "sharded.weights.json"]


@pytest.fixture(scope="session")
def reading() -> Iterator[Reader]:
    """Reads a file of a folder, outside of which nothing may be opened."""
    script = Path(__file__).with_name("reading.py")
    environment = {**os.environ, "TERM": "xterm-256color", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, str(script), *map(str, seeds())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def read(path: Path, home: Path) -> Ending:
            worker.stdin.write(json.dumps([str(path), str(home)]) + "\n")
            worker.stdin.flush()
            return Ending(**json.loads(worker.stdout.readline()))

        yield read
        worker.stdin.close()
