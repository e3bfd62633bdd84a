"""Running a program as Python itself would: its arguments, its exit, its children."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parametry.capture.script import ProgramMissing, run_program


def test_the_program_is_main_with_its_own_arguments(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(
        "import sys, os\n"
        "print(__name__, sys.argv[1:], os.path.basename(sys.argv[0]))\n"
        "print(os.path.isabs(__file__), sys.path[0] == os.path.dirname(__file__))\n"
        "import __main__\n"
        "print(__main__.__dict__ is globals(), __spec__)\n",
        "--json",
        "--help",
        "-m",
    )
    assert ran.out.splitlines() == [
        "__main__ ['--json', '--help', '-m'] program.py",
        "True True",
        "True None",
    ]
    assert ran.report["outcome"] == "finished"
    assert ran.value("environment/arguments") == ["--json", "--help", "-m"]


@pytest.mark.parametrize(
    ("ending", "exit_code", "outcome"),
    [
        ("pass", 0, "finished"),
        ("raise SystemExit", 0, "finished"),
        ("import sys; sys.exit(None)", 0, "finished"),
        ("import sys; sys.exit(3)", 3, "exit 3"),
        ("import sys; sys.exit(-1)", 255, "exit 255"),
        ("import sys; sys.exit('words')", 1, "exit 1"),
        ("raise ValueError('no')", 1, "ValueError: no"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
    ],
)
def test_every_ending_is_the_programs_own_and_leaves_a_report(
    run_watched: Callable[..., Any], ending: str, exit_code: int, outcome: str
) -> None:
    ran = run_watched(f"rate = 0.5\n{ending}\n")
    plain = subprocess.run(
        [sys.executable, "-c", f"rate = 0.5\n{ending}\n"], capture_output=True, check=False
    )
    assert ran.exit_code == exit_code
    # A shell shows death by Ctrl-C's signal as 130; the process itself shows the signal.
    assert plain.returncode in (exit_code, exit_code - 128 - 4)
    assert ran.report["outcome"] == outcome
    assert ran.value("script/rate") == 0.5
    assert "parametry" not in ran.err
    if "words" in ending:
        assert ran.err == "words\n"


def test_the_traceback_begins_in_the_program(run_watched: Callable[..., Any]) -> None:
    ran = run_watched("def f():\n    raise LookupError('here')\nf()\n")
    lines = ran.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "program.py" in lines[1]
    assert lines[-1] == "LookupError: here"
    assert "script.py" not in ran.err


def test_a_syntax_error_ends_as_pythons_own(run_watched: Callable[..., Any]) -> None:
    ran = run_watched("rate = 1\ndef (:\n")
    assert ran.exit_code == 1
    assert ran.report["outcome"].startswith("SyntaxError")
    assert ran.err.splitlines()[-1] == "SyntaxError: invalid syntax"
    assert "program.py" in ran.err
    assert "Traceback" not in ran.err


def test_an_exception_hook_of_the_program_is_used(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(
        "import sys\n"
        "sys.excepthook = lambda kind, error, trace: print('hook', kind.__name__)\n"
        "raise OSError\n"
    )
    assert (ran.out, ran.exit_code) == ("hook OSError\n", 1)


def test_a_module_runs_as_with_dash_m(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "from . import sub\nimport sys\nprint(__name__, __package__, sub.word, sys.argv[1:])\n"
    )
    (package / "sub.py").write_text("word = 'relative'\n")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from parametry.capture.script import run_program\n"
            "print(run_program('pack', ['a'], as_module=True).exit_code)",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout == "__main__ pack relative ['a']\n0\n", done.stderr


@pytest.mark.parametrize(
    ("target", "as_module", "words"),
    [
        ("nowhere.py", False, "no script 'nowhere.py'"),
        ("no.such.module", True, "no module 'no.such.module'"),
        ("book.ipynb", False, "is a notebook"),
    ],
)
def test_what_cannot_run_says_so_before_anything_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, as_module: bool, words: str
) -> None:
    (tmp_path / "book.ipynb").write_text("{}")
    (tmp_path / "nowhere_else.py").write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgramMissing) as caught:
        run_program(target, [], as_module=as_module)
    assert words in str(caught.value)
    assert caught.value.hint
    if target == "nowhere.py":
        assert "nowhere_else.py" in str(caught.value)


CHILDREN = """
import multiprocessing, os, sys, threading

LIMIT = 4

def work(number):
    return number * LIMIT

if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(work, range(3)))
    child = os.fork()
    if child == 0:
        sys.exit(7)
    print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    late = threading.Thread(target=lambda: print("thread"))
    late.start()
"""


def test_children_and_threads_do_no_harm(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(CHILDREN)
    assert ran.out.splitlines() == [
        "fork [0, 4, 8]",
        "spawn [0, 4, 8]",
        "child 7",
        "thread",
    ]
    assert ran.exit_code == 0
    assert ran.value("script/LIMIT") == 4


def test_secrets_are_withheld_and_numbers_are_not(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(
        "api_key = 'sk-1'\nmax_tokens = 5\nkey_dim = 8\ntokenizer = 'bert'\n"
        "config = {'password': 'x', 'units': 3}\nurl = 'mysql://me:hunter2@host/db'\n",
        "--token",
        "tok-9",
        "--api-key=abc",
        "--lr",
        "1",
    )
    text = str(ran.report)
    for secret in ("sk-1", "hunter2", "tok-9", "abc"):
        assert secret not in text
    assert ran.value("script/api_key") == {"$withheld": "secret"}
    assert ran.value("script/max_tokens") == 5
    assert ran.value("script/key_dim") == 8
    assert ran.value("script/tokenizer") == "bert"
    assert ran.value("script/config") == {"password": {"$withheld": "secret"}, "units": 3}
    assert ran.value("environment/arguments")[-2:] == ["--lr", "1"]


def test_no_librarys_names_and_no_arrays_content(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(
        "import json, numpy\nfrom json import dumps\nx = numpy.arange(5)\nrate = 0.1\n"
        "class Config:\n    units = 8\n"
        "values = list(range(5000))\n"
    )
    script = {a: e["value"] for a, e in ran.values.items() if a.startswith("script/")}
    assert script == {
        "script/rate": 0.1,
        "script/Config/units": 8,
        "script/values": {"$long": 5000, "class": "list"},
    }
