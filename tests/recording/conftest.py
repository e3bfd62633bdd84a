"""What the tests of recording share: a folder of runs, and runs made of facts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from parametry.core.facts import Fact, Status
from parametry.recording.home import new_run
from parametry.recording.run import Run, open_run
from parametry.recording.store.writer import Writer

Recorded = Callable[..., Run]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of runs, of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PARAMETRY_HOME", str(folder))
    return folder


@pytest.fixture
def recorded(home: Path) -> Recorded:
    """A finished run of some facts."""

    def record(
        facts: Iterable[Fact] = (),
        *,
        name: str | None = None,
        status: Status = "finished",
        started: float | None = None,
    ) -> Run:
        path, found = new_run(name, script="digits.py")
        began = time.time() if started is None else started
        writer = Writer(path, found, script="digits.py", command=["digits.py"], started=began)
        for fact in facts:
            writer.put(fact)
        assert writer.flush()
        writer.close(status)
        assert writer.failed is None
        return open_run(found)

    return record
