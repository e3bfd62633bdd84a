"""Runs real programs under capture, each in a process of its own, since a backend is for life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parent / "programs"
BACKENDS = ("tensorflow", "jax", "torch")

_RUNNER = """
import json, sys
from parametry.capture.script import run_program
outcome = run_program(sys.argv[2], sys.argv[3:])
with open(sys.argv[1], "w") as file:
    json.dump({"exit_code": outcome.exit_code, "signal": outcome.signal,
               "report": outcome.report.to_dict()}, file)
sys.exit(outcome.exit_code)
"""


@dataclass(frozen=True)
class Ran:
    """What came of a program."""

    exit_code: int
    out: str
    err: str
    report: dict[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """Hyperparameters by address."""
        return self.report["hyperparameters"]

    def value(self, address: str) -> Any:
        """The value in effect at an address."""
        return self.values[address]["value"]


def environment(backend: str, **more: str) -> dict[str, str]:
    """A process's environment with a fixed backend and quiet frameworks."""
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        **more,
    }


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of programs."""
    return PROGRAMS


@pytest.fixture(scope="session")
def run_watched(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Runs a program (a path, or its text) under capture and gives back what was seen."""

    def run(program: Path | str, *arguments: str, backend: str = "tensorflow", **more: str) -> Ran:
        folder = tmp_path_factory.mktemp("watched")
        if isinstance(program, str):
            path = folder / "program.py"
            path.write_text(program, encoding="utf-8")
        else:
            path = program
        answer = folder / "answer.json"
        done = subprocess.run(
            [sys.executable, "-c", _RUNNER, str(answer), str(path), *arguments],
            capture_output=True,
            text=True,
            env=environment(backend, **more),
            cwd=folder,
            timeout=600,
            check=False,
        )
        assert answer.exists(), f"no report came:\n{done.stdout}\n{done.stderr}"
        seen = json.loads(answer.read_text())
        return Ran(done.returncode, done.stdout, done.stderr, seen["report"])

    return run


@pytest.fixture(scope="session")
def run_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program that asserts for itself, without capture unless it asks; gives its output."""

    def run(text: str, backend: str = "jax", **more: str) -> str:
        folder = tmp_path_factory.mktemp("plain")
        path = folder / "program.py"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(path)],
            capture_output=True,
            text=True,
            env=environment(backend, **more),
            cwd=folder,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert "capture failed" not in done.stderr, done.stderr
        return done.stdout

    return run
