"""What follows the script belongs to the script, and it runs as Python would run it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TELL = "import json, sys\nprint(json.dumps([sys.argv[1:], __name__, sys.path[0]]))\n"


ARGUMENTS = [
    ["--help", "-m", "module"],
    ["--", "-m", "--"],
    [],
    ["-h"],
    ["--version"],
    ["--json", "--output", "x.json"],
    ["--show", "a["],
    ["--quiet", "--all"],
    ["-"],
    ["", " ", "a b", "--x=ä"],
    ["run", "train.py"],
]
WAYS = {
    "script": ["train.py"],
    "dashes": ["--", "train.py"],
    "module": ["-m", "train"],
    "joined": ["-mtrain"],
    "options": ["--show", "script/**", "--plain", "--output=r.json", "train.py"],
}


@pytest.mark.parametrize(
    ("way", "own"),
    [("script", own) for own in ARGUMENTS]
    + [(way, own) for way in list(WAYS)[1:] for own in ARGUMENTS[:2]],
)
def test_arguments_reach_the_script_untouched(parametry, script, way, own) -> None:
    path = script(TELL)
    done = parametry("run", *WAYS[way], *own)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [own, "__main__", str(path.parent)]


def test_an_option_before_a_module_may_have_a_value_that_looks_like_one(parametry, script) -> None:
    script(TELL)
    done = parametry("run", "--show", "-m", "--output", "r.json", "train.py", "-m", "x")
    assert json.loads(done.stdout)[0] == ["-m", "x"]


def test_a_module_in_a_package_runs_as_python_runs_it(parametry, script, tmp_path) -> None:
    script("", "package/__init__.py")
    script(TELL + "from . import other\nprint(__package__)", "package/train.py")
    script("print('other')", "package/other.py")
    plain = subprocess.run(
        [sys.executable, "-m", "package.train", "--x"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert parametry("run", "-m", "package.train", "--x").stdout == plain.stdout


def test_a_folder_with_a_main_runs(parametry, script) -> None:
    script(TELL, "program/__main__.py")
    assert json.loads(parametry("run", "program", "a").stdout)[0] == ["a"]


def test_standard_input_is_the_scripts(parametry, script) -> None:
    script("print(input()[::-1])")
    assert parametry("run", "train.py", input="abc\n").stdout == "cba\n"


def test_a_script_that_is_not_valid_python_is_not_run(parametry, script) -> None:
    script("print('ran')\ndef f(:\n")
    done = parametry("run", "train.py")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "line 2" in done.stderr
    assert "parametry/" not in done.stderr
