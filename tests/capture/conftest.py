"""Runs real programs under capture, each in a process of its own, since a backend is for life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parametry.capture.constants import constants_above

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


class Program:
    """A user's program, run in this process and in a thread of its own, without any framework.

    In the new thread no frame of pytest's, or of a test's, lies above the program's own. It imports
    ``start`` from ``training``, and calls it where its training would start.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.starts: list[dict[str, Any]] = []
        self._folder = folder
        self._monkeypatch = monkeypatch
        training = types.ModuleType("training")
        training.start = self._start  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "training", training)
        monkeypatch.syspath_prepend(folder)

    def _start(self) -> None:
        self.starts.append(constants_above(sys._getframe(1)))

    def write(self, name: str, text: str) -> None:
        """Write one more file of the program's."""
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, source: str) -> None:
        """Run a script whose source may be indented."""
        self.run_text(textwrap.dedent(source).lstrip("\n"))

    def run_text(self, source: str) -> None:
        """Run a script."""
        self.write("train.py", source)
        self._lines = source.splitlines()
        file = str(self._folder / "train.py")
        main = types.ModuleType("program_of_a_test")
        main.__file__ = file
        main.__package__ = ""
        before = set(sys.modules)
        self._monkeypatch.setitem(sys.modules, "program_of_a_test", main)
        with ThreadPoolExecutor(1) as executor:
            executor.submit(exec, compile(source, file, "exec"), vars(main)).result()
        for name in set(sys.modules) - before:  # another test may have a module of the same name
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(self._folder)):
                del sys.modules[name]

    @property
    def found(self) -> dict[str, Any]:
        """The constants at the last start."""
        return self.starts[-1]

    @property
    def told(self) -> dict[str, tuple[Any, str]]:
        """Each constant with its value and the line of the script that set it."""
        return {
            address.removeprefix("script/"): (entry.value, self._line(entry.where))
            for address, entry in self.found.items()
        }

    def _line(self, where: Any) -> Any:
        assert Path(where.file) == self._folder / "train.py", where
        return _Line(self._lines[where.line - 1].strip())

    def where(self) -> dict[str, tuple[Any, str]]:
        """Each constant with its value, and the file and the line that set it."""
        return {
            address.removeprefix("script/"): (
                entry.value,
                f"{Path(entry.where.file).name}:{entry.where.line}",
            )
            for address, entry in self.found.items()
        }


class _Line(str):
    """A line of a program: equal to any text that it begins with."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.startswith(str(other))

    __hash__ = str.__hash__


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(tmp_path, monkeypatch)
