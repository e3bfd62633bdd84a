"""However a process ends, its run can be read: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parametry.core.facts import Happened, Points
from parametry.errors import FormatError
from parametry.recording.home import run_files
from parametry.recording.run import Run, open_run

PROGRAMS = Path(__file__).parent / "programs"
KILLS = 100

# ---------------------------------------------------------------- killed


def test_a_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / "kills.py"), str(tmp_path), str(KILLS)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == KILLS
    begun = [each for each in told if each["acknowledged"] is not None]
    assert len(begun) > KILLS / 2
    assert sum(each["acknowledged"] > 0 for each in begun) > KILLS / 4
    for each in told:
        path = Path(each["file"])
        if each["acknowledged"] is None and not _is_begun(path):
            continue  # it was killed while it made the file: there is no run, and none is listed
        run = open_run(path)
        assert run.status == "lost"
        numbers = []
        for fact in run.all_facts():
            assert isinstance(fact, (Points, Happened))
            assert fact.step is not None
            numbers.append(fact.step)
            right = str(fact.step) if isinstance(fact, Happened) else {"loss": fact.step / 3}
            assert right == (fact.text if isinstance(fact, Happened) else fact.values)
        # Kinds of facts lie in different tables: only whole transactions leave no gap.
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= (each["acknowledged"] or 0)
    assert {path for path in run_files(tmp_path)} >= {Path(each["file"]) for each in begun}


def _is_begun(path: Path) -> bool:
    try:
        open_run(path)
    except (FormatError, FileNotFoundError):
        return False
    return True


# ---------------------------------------------------------------- ended

BEGIN = """
import os, sys, time
from parametry.core.facts import Points
from parametry.recording.home import new_run
from parametry.recording.store.writer import Writer

path, name = new_run("run")
writer = Writer(path, name, script=None, command=sys.argv, started=time.time())
writer.put(Points("step", 0, None, 1.0, {"loss": 1.0}))
"""


@pytest.fixture
def ended(home: Path, tmp_path: Path) -> object:
    """Runs a program that begins a run and does not close it; gives the run and what happened."""

    def run(program: str) -> tuple[Run, subprocess.CompletedProcess[str]]:
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + program],
            cwd=tmp_path,
            env={**os.environ, "PARAMETRY_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return open_run("run"), done

    return run


@pytest.mark.parametrize(
    ("program", "status", "code", "points"),
    [
        ("", "finished", 0, 1),
        ("sys.exit()", "finished", 0, 1),
        ("raise ValueError('no')", "failed", 1, 1),
        ("raise KeyboardInterrupt", "interrupted", -signal.SIGINT, 1),
        ("writer.close('interrupted')\nraise ValueError('no')", "interrupted", 1, 1),
        ("writer.flush(); os._exit(3)", "lost", 3, 1),
        ("writer.flush(); os.kill(os.getpid(), 9)", "lost", -signal.SIGKILL, 1),
        # Another thread's error does not end the program.
        (
            "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
            "finished",
            0,
            1,
        ),
    ],
)
def test_the_status_tells_how_the_interpreter_ended(
    ended: object, program: str, status: str, code: int, points: int
) -> None:
    run, done = ended(program)  # type: ignore[operator]
    assert (run.status, done.returncode) == (status, code), done.stderr
    assert len(run.metrics("loss")) == points


def test_a_forked_process_writes_nothing(ended: object) -> None:
    run, done = ended(  # type: ignore[operator]
        """
assert writer.flush()
child = os.fork()
if child == 0:
    for step in range(1, 2_000):
        writer.put(Points("step", step, None, 1.0, {"loss": 2.0}))
    assert not writer.flush()
    writer.close("failed")
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
writer.put(Points("step", 1, None, 1.0, {"loss": 3.0}))
assert writer.flush()
child = os.fork()
if child == 0:
    sys.exit(0)  # its functions for the end of the interpreter do nothing either
assert os.waitpid(child, 0)[1] == 0
writer.put(Points("step", 2, None, 1.0, {"loss": 4.0}))
"""
    )
    assert done.returncode == 0, done.stderr
    assert run.status == "finished"
    assert run.metrics("loss").values.tolist() == [1.0, 3.0, 4.0]


def test_a_full_disk_ends_the_recording_and_not_the_program(ended: object) -> None:
    run, done = ended(  # type: ignore[operator]
        """
import resource
writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
step = 1
while writer.failed is None:
    writer.put(Points("step", step, None, 1.0, {"loss": 1.0}))
    step += 1
    if step % 1_000 == 0:
        writer.flush()
for step in range(step, step + 5_000):
    writer.put(Points("step", step, None, 1.0, {"loss": 1.0}))
assert not writer.flush()
writer.close("finished")
print("trained to the end")
"""
    )
    assert (done.returncode, done.stdout) == (0, "trained to the end\n"), done.stderr
    assert done.stderr.count("is no longer recorded") == 1
    assert done.stderr.count("\n") == 1
    assert run.status == "lost"
    steps = run.metrics("loss").steps
    assert len(steps) > 1_000
    assert steps.tolist() == list(range(len(steps)))


def test_a_run_is_read_from_where_nothing_can_be_written(ended: object, tmp_path: Path) -> None:
    run, _ = ended("")  # type: ignore[operator]
    run.path.chmod(0o400)
    run.path.parent.chmod(0o500)
    try:
        assert open_run(run.path).metrics("loss").values.tolist() == [1.0]
        assert list(run.path.parent.iterdir()) == [run.path]
    finally:
        run.path.parent.chmod(0o700)
