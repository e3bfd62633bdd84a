"""How the command is called, and what it says when it is called wrongly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import parametry as pm


def test_version(parametry) -> None:
    done = parametry("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"parametry {pm.__version__}\n", "")


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_teaches_by_example(parametry, arguments: tuple[str, ...]) -> None:
    done = parametry(*arguments)
    assert done.returncode == 0
    assert "parametry run train.py --epochs 3" in done.stdout
    assert "_PARAMETRY_COMPLETE=bash_source" in done.stdout
    assert done.stderr == ""


def test_help_of_run_names_every_option(parametry) -> None:
    done = parametry("run", "--help")
    assert done.returncode == 0
    for option in ("--show", "--all", "--output", "--json", "--quiet", "--plain", "-m MODULE"):
        assert option in done.stdout
    assert "(SCRIPT | -m MODULE) [ARGS]..." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("rnu",), "there is no command 'rnu'", "did you mean: parametry run"),
        (("train.py",), "there is no command 'train.py'", "did you mean: parametry run train.py"),
        (("zzz",), "there is no command 'zzz'", "commands: run"),
        (("--verison",), "there is no option --verison", "did you mean: --version"),
        (("run", "--outptu", "x", "a.py"), "there is no option --outptu", "did you mean: --output"),
        (("run",), "there is nothing to run", "parametry run SCRIPT [ARGS]"),
        (("run", "--"), "there is nothing to run", "parametry run SCRIPT [ARGS]"),
        (("run", "--show"), "option '--show' requires an argument", "parametry run --help"),
        (("run", "-m"), "option '-m' requires an argument", "parametry run --help"),
        (("run", "--json", "train.py"), "--json needs --output FILE", "--output report.json"),
        (("run", "trian.py"), "there is no script 'trian.py'", "train.py"),
        (("run", "gone/train.py"), "there is no script 'gone/train.py'", ""),
        (("run", "-m", "no_such_module"), "there is no module 'no_such_module'", ""),
        (("run", "--show", "a[", "train.py"), "the pattern 'a['", "a literal '['"),
        (("run", "-o", "r.xml", "train.py"), "suffix .xml names no form", ".json, .yaml"),
        (("run", "-o", "report", "train.py"), "suffix (none) names no form", "--json"),
        (("run", "-o", "no/r.json", "train.py"), "there is no folder", "mkdir -p"),
        (("run", "-o", "folder.json", "train.py"), "this is a folder", "name a file in it"),
        (("run", "-o", "/proc/r.json", "train.py"), "nothing can be written in /proc", "another"),
    ],
)
def test_a_wrong_call_is_explained_and_runs_nothing(
    parametry, script, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    tmp_path = script("import pathlib; pathlib.Path('ran').touch()").parent
    (tmp_path / "folder.json").mkdir()
    done = parametry(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert any(line.startswith("hint: ") and hint in line for line in rest) or not hint
    assert not (tmp_path / "ran").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json", "train.py"]


def test_what_a_user_typed_cannot_steer_the_terminal(parametry) -> None:
    done = parametry("run", "\x1b[2Jno\nsuch.py")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def imported_by(arguments: list[str], folder: Path, env: dict[str, str]) -> set[str]:
    program = (
        "import sys\n"
        f"sys.argv = ['parametry', *{arguments!r}]\n"
        "from parametry.cli.main import main\n"
        "main()\n"
        "sys.stderr.write('imported ' + ' '.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=env,
    )
    return {name.partition(".")[0] for name in done.stderr.rpartition("imported ")[2].split()}


def test_the_version_is_told_without_importing_anything(tmp_path: Path, environment) -> None:
    assert not imported_by(["--version"], tmp_path, environment()) & {
        "click",
        "numpy",
        "rich",
        "inspect",
    }


def test_help_imports_click_alone(tmp_path: Path, environment) -> None:
    imported = imported_by(["--help"], tmp_path, environment())
    assert "click" in imported
    assert not imported & {"numpy", "rich", "wrapt", "yaml"}


def test_the_installed_command_is_this_one() -> None:
    from importlib.metadata import entry_points

    from parametry.cli.main import main

    found = [entry for entry in entry_points(group="console_scripts") if entry.name == "parametry"]
    if not found:
        pytest.fail("parametry is not installed: pip install -e .")
    assert found[0].load() is main
