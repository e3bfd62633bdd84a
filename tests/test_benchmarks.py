"""The benchmarks run. What they measure is looked at by people, never by a test."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
NOT_BENCHMARKS = {"run.py", "measure.py"}
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.name not in NOT_BENCHMARKS)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", NAMES)
def test_benchmark_runs(name: str) -> None:
    before = (FOLDER / "RESULTS.md").read_bytes()
    done = run("--quick", "--json", name)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)[name]
    assert result["command"] == f"python benchmarks/run.py {name} --quick"
    assert int(result["machine"]["cores"]) >= 1
    assert len(result["figures"]) >= 3
    for figure in result["figures"]:
        assert figure["unit"] in ("µs", "ms", "×", "%", "B", "points/s"), figure
        assert figure["low"] <= figure["value"] <= figure["high"], figure
        assert math.isfinite(figure["value"]), figure
        assert figure["taken"] >= 1, figure
    assert len({figure["what"] for figure in result["figures"]}) == len(result["figures"])
    assert (FOLDER / "RESULTS.md").read_bytes() == before  # quick figures are written nowhere


def test_every_benchmark_is_in_the_results() -> None:
    text = (FOLDER / "RESULTS.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"\n## {name}\n" not in text] == []


def test_unknown_benchmark() -> None:
    done = run("imprting")
    assert done.returncode == 2
    assert "there is no benchmark imprting; there are importing, " in done.stderr
