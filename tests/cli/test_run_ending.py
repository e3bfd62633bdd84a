"""``parametry run`` ends as the script does, and leaves its output alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PRINT = "import sys; print('out'); print('err', file=sys.stderr)\n"


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("pass", 0, "train.py · finished"),
        ("raise SystemExit", 0, "train.py · finished"),
        ("raise SystemExit(None)", 0, "train.py · finished"),
        ("raise SystemExit(0)", 0, "train.py · finished"),
        ("raise SystemExit(3)", 3, "train.py · exit 3"),
        ("raise SystemExit(True)", 1, "train.py · exit 1"),
        ("raise SystemExit(-1)", 255, "train.py · exit 255"),
        ("raise SystemExit('no data')", 1, "no data"),
        ("raise ValueError('no data')", 1, "ValueError: no data"),
        ("1/0", 1, "ZeroDivisionError: division by zero"),
        ("import os; os._exit(7)", 7, ""),
    ],
)
def test_exit_code_and_output_are_the_scripts(parametry, script, source, code, says) -> None:
    path = script(PRINT + source)
    plain = subprocess.run(
        [sys.executable, "train.py"], cwd=path.parent, capture_output=True, text=True, check=False
    )
    done = parametry("run", "train.py")
    assert done.returncode == plain.returncode == code
    if "_exit" not in source:  # which flushes nothing
        assert done.stdout == plain.stdout == "out\n"
        assert done.stderr.startswith("err\n")
        assert "Traceback" not in done.stderr or "Traceback" in plain.stderr
    assert says in done.stderr


def test_a_scripts_traceback_is_pythons_own(parametry, script) -> None:
    path = script("def f():\n    raise ValueError('x')\nf()\n")
    plain = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False
    ).stderr
    done = parametry("run", str(path))
    assert done.stderr.startswith(plain)
    assert "parametry" not in plain


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
class TestInterrupted:
    SOURCE = "import atexit, os, signal\natexit.register(print, 'bye')\n"

    def test_by_itself(self, parametry, script) -> None:
        script(self.SOURCE + "lr = 0.5\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass")
        done = parametry("run", "train.py")
        assert done.returncode == -signal.SIGINT
        assert done.stdout == "bye\n"
        assert "train.py · interrupted" in done.stderr
        assert "script/lr" in done.stderr

    def test_from_outside(self, script, environment) -> None:
        path = script(self.SOURCE + "print('ready', flush=True)\nwhile True: signal.pause()")
        with subprocess.Popen(
            [sys.executable, "-m", "parametry", "run", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT
        assert out == "bye\n"
        assert "interrupted" in err

    def test_a_script_that_handles_it_goes_on(self, parametry, script) -> None:
        script(
            "import os, signal\n"
            "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    while True: pass\n"
            "except KeyboardInterrupt:\n    print('saved')\n"
        )
        done = parametry("run", "train.py")
        assert (done.returncode, done.stdout) == (0, "saved\n")

    def test_a_script_that_ignores_it_still_ends_by_its_own_code(self, parametry, script) -> None:
        script(
            "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "os.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(4)\n"
        )
        assert parametry("run", "train.py").returncode == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_reports_nothing(parametry, script) -> None:
    script(
        "import os\nchild = os.fork()\n"
        "if child == 0: raise SystemExit(5)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = parametry("run", "train.py")
    assert (done.returncode, done.stdout) == (0, "5\n")
    assert done.stderr.count("train.py · ") == 1


def test_nobody_reading_the_report_does_no_harm(parametry, script) -> None:
    script("print('out')\nraise SystemExit(3)")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = parametry("run", "train.py", stderr=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stdout) == (3, "out\n")


@pytest.mark.parametrize(
    "source",
    [
        "import sys; sys.stderr.close()",
        "import sys; sys.stderr = None",
        "import sys; sys.stdout = None",
        "import sys; sys.stdout.close()",
        "import os; os.close(2)",
    ],
)
def test_a_script_that_closes_its_streams(parametry, script, source: str) -> None:
    path = script(source + "\nraise SystemExit(3)")
    plain = subprocess.run(
        [sys.executable, "train.py"], cwd=path.parent, capture_output=True, text=True, check=False
    )
    done = parametry("run", "train.py")
    assert done.returncode == plain.returncode
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_fault_of_parametry_is_said_in_one_line_and_changes_no_exit_code(
    parametry, script
) -> None:
    script(
        "import parametry.show.page\n"
        "def broken(*arguments): raise RuntimeError('a bug')\n"
        "parametry.show.page.report = broken\n"
        "raise SystemExit(3)\n"
    )
    done = parametry("run", "train.py")
    assert done.returncode == 3
    assert "error: parametry failed: RuntimeError: a bug at " in done.stderr
    assert "hint: this is a fault in parametry" in done.stderr
    assert "Traceback" not in done.stderr
