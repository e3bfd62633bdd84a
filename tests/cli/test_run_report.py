"""Where the report goes, and in which form."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import stat
import struct
import termios
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

SOURCE = "learning_rate = 0.125\nbatch_size = 32\nmomentum = 0.9\nprint('out')\n"


@pytest.fixture
def train(script) -> Path:
    return script(SOURCE)


def test_the_report_goes_to_standard_error(parametry, train) -> None:
    done = parametry("run", "train.py")
    assert done.stdout == "out\n"
    assert "train.py · finished" in done.stderr
    assert "script/learning_rate" in done.stderr
    assert "train.py:1" in done.stderr
    assert "\x1b" not in done.stderr


def test_quiet_says_nothing(parametry, train) -> None:
    done = parametry("run", "--quiet", "train.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "")


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".html", ".txt", ".JSON"])
def test_the_suffix_says_in_which_form(parametry, train, suffix: str) -> None:
    path = train.with_name(f"report{suffix}")
    done = parametry("run", "--output", path.name, "train.py")
    assert (done.returncode, done.stdout) == (0, "out\n")
    assert done.stderr == f"parametry: the report is in {path}\n"
    content = path.read_text(encoding="utf-8")
    if suffix in (".yaml", ".yml"):
        assert yaml.safe_load(content)["hyperparameters"]["script/batch_size"]["value"] == 32
    elif suffix.lower() == ".json":
        assert json.loads(content)["hyperparameters"]["script/batch_size"]["value"] == 32
    elif suffix == ".html":
        assert content.startswith("<!doctype html>")
        assert "<b>batch_size</b>" in content
    else:
        assert content.startswith("train.py · finished\n")
        assert "script/batch_size" in content
    assert sorted(p.name for p in train.parent.iterdir()) == sorted([path.name, "train.py"])


def test_json_is_what_the_schema_says(parametry, train) -> None:
    done = parametry("run", "--quiet", "--json", "--output", "report", "train.py", "--x", "ä")
    assert done.stderr == ""
    form = json.loads(train.with_name("report").read_text(encoding="utf-8"))
    schema = json.loads(files("parametry.core").joinpath("schema.json").read_text())
    jsonschema.validate(form, schema, jsonschema.Draft202012Validator)
    assert form["program"] == "train.py --x ä"


def test_the_file_is_where_it_was_named_though_the_script_moves(parametry, script) -> None:
    path = script("import os, tempfile\nos.chdir(tempfile.mkdtemp())\n")
    parametry("run", "-o", "report.json", "train.py")
    assert path.with_name("report.json").is_file()


def test_a_report_comes_also_after_an_exception(parametry, script) -> None:
    path = script("lr = 0.5\nraise ValueError('x')")
    assert parametry("run", "-o", "r.json", "train.py").returncode == 1
    form = json.loads(path.with_name("r.json").read_text())
    assert form["outcome"] == "ValueError: x"
    assert form["hyperparameters"]["script/lr"]["value"] == 0.5


def test_a_file_that_was_there_keeps_its_mode_and_its_links(parametry, train) -> None:
    real = train.with_name("real.json")
    real.write_text("old")
    real.chmod(0o640)
    train.with_name("link.json").symlink_to(real)
    parametry("run", "-o", "link.json", "train.py")
    assert train.with_name("link.json").is_symlink()
    assert json.loads(real.read_text())["kind"] == "report"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_file_that_cannot_be_written_any_more_loses_no_report(parametry, script) -> None:
    script("import shutil\nlr = 0.5\nshutil.rmtree('out')\nraise SystemExit(3)", "train.py")
    script("", "out/keep")
    done = parametry("run", "-o", "out/report.json", "train.py")
    assert done.returncode == 3
    assert "report.json cannot be written: no such file or directory" in done.stderr
    assert "script/lr" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_name_that_is_not_utf_8_can_be_written(parametry, script) -> None:
    path = script("name = b'\\xff.csv'.decode('utf-8', 'surrogateescape')\n")
    for suffix in ("json", "yaml", "html", "txt"):
        assert parametry("run", "-o", f"r.{suffix}", "train.py").returncode == 0
        assert path.with_name(f"r.{suffix}").stat().st_size > 0
    form = json.loads(path.with_name("r.json").read_text(encoding="utf-8"))
    assert form["hyperparameters"]["script/name"]["value"] == "\udcff.csv"


# ---------------------------------------------------------------- --show


def test_show_narrows_report_and_file(parametry, train) -> None:
    shown = ["--show", "script/batch_size", "--show", "**/mom*"]
    done = parametry("run", *shown, "train.py")
    assert "script/batch_size" in done.stderr
    assert "script/momentum" in done.stderr
    assert "learning_rate" not in done.stderr
    parametry("run", *shown, "-o", "r.json", "train.py")
    form = json.loads(train.with_name("r.json").read_text())
    assert list(form["hyperparameters"]) == ["script/batch_size", "script/momentum"]


def test_a_pattern_that_matches_nothing_is_said_and_the_script_counts(parametry, script) -> None:
    script(SOURCE + "raise SystemExit(3)")
    done = parametry("run", "--show", "script/bach_size", "--show", "**/momentum", "train.py")
    assert done.returncode == 3
    assert "error: --show 'script/bach_size' matches nothing" in done.stderr
    assert "hint: nearest: script/batch_size" in done.stderr
    assert "script/momentum" in done.stderr


# ---------------------------------------------------------------- the terminal


@pytest.fixture
def on_terminal(parametry, environment) -> Callable[..., str]:
    """Runs the command with a terminal as its standard error, and gives what that shows."""

    def run(*arguments: str, columns: int = 70, **changes: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        pieces: list[bytes] = []

        def read() -> None:
            with contextlib.suppress(OSError):  # Linux says so when the other end is closed
                while piece := os.read(ours, 65536):
                    pieces.append(piece)

        reader = threading.Thread(target=read)
        reader.start()
        env = environment(**{"TERM": "xterm-256color", **changes})
        done = parametry("run", *arguments, stderr=theirs, env=env)
        os.close(theirs)
        reader.join()
        os.close(ours)
        assert done.returncode == 0
        return b"".join(pieces).decode().replace("\r\n", "\n")

    return run


def test_a_terminal_gets_colour(on_terminal, train) -> None:
    shown = on_terminal("train.py")
    assert "\x1b[1m" in shown
    assert "learning_rate" in shown


@pytest.mark.parametrize(
    ("options", "changes"), [(["--plain"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})]
)
def test_nobody_gets_colour_who_does_not_want_it(on_terminal, script, options, changes) -> None:
    asks = "print('rich' in sys.modules, file=sys.stderr)"
    script(f"{SOURCE}import atexit, sys\natexit.register(lambda: {asks})\n")
    shown = on_terminal(*options, "train.py", **changes)
    assert "\x1b" not in shown
    assert "script/learning_rate" in shown
    assert shown.endswith("False\n"), "rich was imported for plain text"


@pytest.mark.parametrize("columns", [40, 70, 200])
@pytest.mark.parametrize("options", [["--plain"], []], ids=["plain", "colour"])
def test_lines_fit_the_terminal(on_terminal, script, columns: int, options) -> None:
    script("".join(f"{'name' * n} = '{'value' * n}'\n" for n in range(1, 40)))
    shown = on_terminal(*options, "train.py", columns=columns)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert len(lines) > 20
    assert max(map(len, lines)) <= columns
    assert max(map(len, lines)) > min(columns, 120) - 10


def test_columns_may_be_told(parametry, train, environment) -> None:
    done = parametry("run", "train.py", "x" * 300, env=environment(COLUMNS="44"))
    assert max(map(len, done.stderr.splitlines())) <= 44
