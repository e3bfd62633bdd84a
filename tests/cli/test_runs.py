"""``parametry runs``, ``log``, ``export`` and ``rm``, as a user calls them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from parametry.core.facts import Changed, Points
from parametry.core.hyperparameter import Change
from parametry.core.place import Place
from parametry.recording.home import new_run
from parametry.recording.store.writer import Writer

Command = Callable[..., "subprocess.CompletedProcess[str]"]
NAMES = ("2026-11-22-digits-amber", "2026-11-22-digits-birch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, one of which is still running."""
    for number, name in enumerate(NAMES):
        path, _ = new_run(name, home=tmp_path / ".parametry")
        writer = Writer(path, name, script="digits.py", command=["digits.py"], started=1e9 + number)
        for step in range(40):
            writer.put(Points("step", step, 0, 1e9 + step, {"loss": 1 / (1 + step + number)}))
        change = Change(20, 0.1, 0.05, "callbacks/reduce_lr_on_plateau", Place("digits.py", 7))
        writer.put(Changed("optimizer/learning_rate", change, 0, 1e9))
        assert writer.flush()
        if number == 0:
            writer.close("finished")
    return tmp_path


def test_runs_lists_them(folder: Path, parametry: Command) -> None:
    done = parametry("runs", "--sort=-loss")
    assert (done.returncode, done.stderr) == (0, "")
    head, first, second, *_ = done.stdout.splitlines()
    assert head.split() == ["RUN", "STATUS", "STARTED", "TIME", "STEPS", "LOSS"]
    assert first.split()[:2] == [NAMES[0], "finished"]
    assert second.split()[:2] == [NAMES[1], "running"]
    assert first.split()[-2:] == ["40", "0.025"]
    assert list(json.loads(parametry("runs", "--json", "*amber").stdout)) == [NAMES[0]]
    missed = parametry("runs", "*-faces-*")
    assert (missed.returncode, missed.stdout) == (4, "")
    assert "matches no run" in missed.stderr


def test_no_runs_are_no_error(parametry: Command) -> None:
    done = parametry("runs")
    assert (done.returncode, done.stdout) == (0, "no runs; parametry run SCRIPT records one\n")


def test_log_draws_and_names_the_cause(folder: Path, parametry: Command) -> None:
    done = parametry("log", NAMES[0], "optimizer/learning_rate", "--plain")
    assert done.returncode == 0, done.stderr
    assert "0.1 |****" in done.stdout
    words = done.stdout.splitlines()[-1].split()
    assert words == [
        *("optimizer/learning_rate", "20", "0.1", "0.05"),
        *("callbacks/reduce_lr_on_plateau", "digits.py:7"),
    ]
    drawn = parametry("log", NAMES[0], "loss").stdout
    assert "1 ┤" in drawn
    assert any("\u2800" < mark <= "\u28ff" for mark in drawn)  # braille
    data = json.loads(parametry("log", NAMES[0], "loss", "--json").stdout)
    assert data["points"]["values"][:2] == [1.0, 0.5]
    missed = parametry("log", NAMES[0], "los")
    assert (missed.returncode, "nearest: loss" in missed.stderr) == (4, True)
    missed = parametry("log", "digits", "loss")
    assert missed.returncode == 2
    assert f"nearest: {NAMES[1]}" in missed.stderr


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_export_writes_a_file(folder: Path, parametry: Command, kind: str) -> None:
    done = parametry("export", NAMES[0], "--to", kind)
    assert (done.returncode, done.stdout) == (0, f"{NAMES[0]}.{kind}\n"), done.stderr
    assert (folder / f"{NAMES[0]}.{kind}").stat().st_size > 1_000
    done = parametry("export", NAMES[0], "--to", kind, "--output", "no/folder/x")
    assert done.returncode == 3
    assert "cannot be written" in done.stderr


def test_rm_asks_and_refuses_what_runs(folder: Path, parametry: Command) -> None:
    runs = folder / ".parametry" / "runs"
    done = parametry("rm", *NAMES, "--yes")
    assert done.returncode == 3
    assert "still running" in done.stderr
    assert (runs / f"{NAMES[0]}.sqlite").exists()  # nothing was deleted
    done = parametry("rm", NAMES[0], input="n\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing was deleted" in done.stderr
    assert parametry("rm", NAMES[0], stdin=subprocess.DEVNULL).returncode == 130
    assert (runs / f"{NAMES[0]}.sqlite").exists()
    done = parametry("rm", NAMES[0], input="y\n")
    assert (done.returncode, done.stdout) == (0, f"{NAMES[0]}\n")
    assert not (runs / f"{NAMES[0]}.sqlite").exists()
    assert parametry("rm", NAMES[0], "--yes").returncode == 2
    assert os.listdir(runs)  # noqa: PTH208


def test_what_no_tracker_or_file_is_called_is_a_fault_of_usage(
    folder: Path, parametry: Command
) -> None:
    done = parametry("export", NAMES[0], "--to", "cvs")
    assert done.returncode == 2
    assert "did you mean 'csv'?" in done.stderr
    (folder / "script.py").write_text("print('ran')")
    done = parametry("run", "--to", "tensorbord", "script.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'tensorboard'?" in done.stderr
