"""Runs the tests that need a live framework: each backend in a process of its own.

Keras takes its backend when it is imported, for the life of the process. So the folders here are
collected only in a process that belongs to one backend; the modules beside this one start such a
process each, and pass if every test in it passed. To run some of them by hand:

    PARAMETRY_TEST_BACKEND=jax pytest tests/frameworks/keras -k addresses
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
FOLDERS = {"tensorflow": "keras", "jax": "keras", "torch": "keras", "tf_keras": "keras2"}
BACKEND = os.environ.get("PARAMETRY_TEST_BACKEND")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the folders that belong to another process."""
    if collection_path.parent != HERE or not collection_path.is_dir():
        return None
    return BACKEND is None or FOLDERS[BACKEND] != collection_path.name


@pytest.fixture
def passes_with(tmp_path: Path) -> Callable[[str], None]:
    """Runs the tests of one backend and fails with their report unless every one has passed."""

    def run(backend: str) -> None:
        report = tmp_path / "report.xml"
        # What belongs to the process around this one: its workers, its options.
        foreign = ("PYTEST_", "KERAS_BACKEND")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(foreign)
        }
        environment["PARAMETRY_TEST_BACKEND"] = backend
        command = [sys.executable, "-m", "pytest", str(HERE / FOLDERS[backend])]
        options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--quiet", "--color=no", "-rfEs"]
        done = subprocess.run(
            [*command, *options, f"--junitxml={report}"],
            cwd=HERE.parents[1],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        told = f"\n{done.stdout[-100_000:]}\n{done.stderr[-20_000:]}"
        assert done.returncode == 0, told
        suite = ElementTree.parse(report).getroot()[0].attrib
        # A test that is skipped proves nothing, and neither does a folder that was not found.
        assert int(suite["skipped"]) == 0, told
        assert int(suite["tests"]) >= 50, told

    return run
