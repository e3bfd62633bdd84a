"""Runs the real command in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def _environment(**changes: str) -> dict[str, str]:
    wishes = ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "PARAMETRY", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if name not in wishes} | changes


@pytest.fixture(scope="session")
def environment() -> Callable[..., dict[str, str]]:
    """The environment of a user without any wishes, and what is changed in it."""
    return _environment


@pytest.fixture
def parametry(tmp_path: Path) -> Command:
    """Runs ``parametry`` in an empty folder."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run(
            [sys.executable, "-m", "parametry", *arguments],
            cwd=tmp_path,
            text=True,
            timeout=120,
            check=False,
            **{"env": _environment(), **options},
        )

    return run


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Writes a script into that folder."""

    def write(source: str, name: str = "train.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def build() -> Any:
    """Makes core's objects by hand, as the tests of ``show`` do."""
    path = Path(__file__).parents[1] / "show" / "conftest.py"
    spec = importlib.util.spec_from_file_location("models_by_hand", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.Build
