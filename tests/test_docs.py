"""The documentation is true: what it shows is run, and what there is it tells.

A page is Markdown. What its fences hold is tried in a folder of the page's own, which has a copy of
``examples/``:

- A fence with ``file=NAME`` after its language is written there as that file.
- A Python fence with ``>>>`` is a doctest session; all sessions of a page are one, in one process.
- A ``console`` fence holds commands after ``$ ``, which are run there, and lines that they print:
  a line that is shown is really printed, after the one that is shown before it. ``…`` stands for
  any text, and alone on a line for any lines.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The Keras backends that a page is run on. What keras.md tells must hold on each of them.
BACKENDS = {"README.md": ["tensorflow"], "keras.md": ["jax", "tensorflow", "torch"]}
# What a console fence may show without being run: it would install, or take minutes.
NOT_RUN = frozenset({"pip", "make", "git", "jupyter"})
RUN = frozenset({"parametry", "python", "echo", "cat", "ls"})
SECONDS = 300


# ---------------------------------------------------------------- pages and their fences


@dataclass(frozen=True)
class Fence:
    """One block of code: its language, the file that it is, its first line's number, its text."""

    language: str
    file: str | None
    line: int
    text: str


_FENCE = re.compile(r"^```(\w*)(?: +file=(\S+))? *\n(.*?)^``` *$", re.MULTILINE | re.DOTALL)


def fences(text: str) -> list[Fence]:
    return [
        Fence(found[1], found[2], text.count("\n", 0, found.start(3)) + 1, found[3])
        for found in _FENCE.finditer(text)
    ]


def test_fences_are_found() -> None:
    text = "a\n```python\n>>> 1\n1\n```\n\n```python file=a.py\nx\n```\n```console\n$ ls\n```\n"
    assert fences(text) == [
        Fence("python", None, 3, ">>> 1\n1\n"),
        Fence("python", "a.py", 8, "x\n"),
        Fence("console", None, 11, "$ ls\n"),
    ]


def lay_out(page: Path, folder: Path) -> None:
    """Put into a folder what the page's sessions and commands find there."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=lambda *_: {"__pycache__"})
    for fence in fences(page.read_text(encoding="utf-8")):
        if fence.file is not None:
            (folder / fence.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / fence.file).write_text(fence.text, encoding="utf-8")
    if (folder / "pyproject.toml").is_file():
        install_entry_points(folder)


def install_entry_points(folder: Path) -> None:
    """What pip would leave behind of a project that lies in the folder: its entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in project.get("entry-points", {}).items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def run(command: list[str], folder: Path, backend: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PARAMETRY", "COLUMNS", "FORCE_COLOR", "PYTEST"))
    } | {
        "KERAS_BACKEND": backend,
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # XLA compiles one small program after the other here: that it is fast is all that counts.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


# ---------------------------------------------------------------- Python sessions


def session(text: str) -> str:
    """The page with everything but its sessions blanked out, so that line numbers stay."""
    lines = [""] * text.count("\n")
    for fence in fences(text):
        if fence.language == "python" and fence.file is None:
            inner = fence.text.splitlines()
            lines[fence.line - 1 : fence.line - 1 + len(inner)] = inner
    return "\n".join(lines) + "\n"


def faults_of_session(page: Path, folder: Path, backend: str) -> str:
    """What is printed otherwise than the page says; empty if nothing is."""
    lay_out(page, folder)
    (folder / page.name).write_text(session(page.read_text(encoding="utf-8")), encoding="utf-8")
    command = [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", page.name]
    done = run(command, folder, backend)
    # The output of a session that went well is what frameworks say on standard error.
    return done.stdout if done.returncode else ""


# ---------------------------------------------------------------- commands


@dataclass(frozen=True)
class Command:
    """One command of a console fence, and the lines that it is said to print."""

    text: str
    line: int
    shown: list[str]

    @property
    def program(self) -> str:
        words = re.sub(r"^(\w+=\S* +)*", "", self.text).split()
        return words[0] if words else ""


def commands(text: str) -> list[Command]:
    found: list[Command] = []
    for fence in fences(text):
        if fence.language != "console":
            continue
        for number, line in enumerate(fence.text.splitlines(), fence.line):
            if line.startswith("$ "):
                found.append(Command(line[2:], number, []))
            else:
                assert found, f"line {number}: output before the first command"
                found[-1].shown.append(line)
    return found


_ENDED = "<<<a command ended with"


def faults_of_commands(page: Path, folder: Path, backend: str) -> list[str]:
    """What the page's commands do otherwise than it says."""
    every = commands(page.read_text(encoding="utf-8"))
    strange = [c for c in every if c.program not in RUN | NOT_RUN]
    faults = [f"line {c.line}: nobody knows how to try {c.program!r}" for c in strange]
    tried = [c for c in every if c.program in RUN]
    if not tried:
        return faults
    lay_out(page, folder)
    lines = [
        f"{command.text}\ncode=$?; echo; echo '{_ENDED}' $code; (exit $code)" for command in tried
    ]
    (folder / ".commands").write_text("\n".join(lines), encoding="utf-8")
    printed = run(["bash", ".commands"], folder, backend).stdout
    parts = re.split(rf"\n{_ENDED} (\d+)\n", printed)
    for index, command in enumerate(tried):
        output, code = parts[2 * index], int(parts[2 * index + 1])
        asked = index + 1 < len(tried) and tried[index + 1].text == "echo $?"
        if code and not asked:
            faults.append(f"line {command.line}: {command.text!r} exits with {code}\n{output}")
        missing = first_missing(command.shown, output)
        if missing is not None:
            faults.append(f"line {command.line}: {missing!r} is not printed\n{output}")
    return faults


def first_missing(shown: list[str], printed: str) -> str | None:
    """The first line shown that is not printed after those shown before it.

    The width of a table's columns depends on its other rows, so one space is as good as many.
    """
    lines = (" ".join(line.split()) for line in printed.splitlines())
    for line in shown:
        pattern = re.compile(".*".join(map(re.escape, " ".join(line.split()).split("…"))))
        if line.strip() != "…" and not any(pattern.fullmatch(found) for found in lines):
            return line
    return None


# ---------------------------------------------------------------- pages, tried

Tried = dict[tuple[str, str, str], "Future[str]"]
SESSIONS = [(p, b) for p in PAGES if ">>> " in p.read_text() for b in BACKENDS.get(p.name, ["jax"])]
CONSOLES = [
    (p, BACKENDS.get(p.name, ["jax"])[0]) for p in PAGES if commands(p.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="session")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    """All pages, two at a time: most of what a page takes is importing a framework."""

    def folder() -> Path:
        return tmp_path_factory.mktemp("page")

    def console(page: Path, backend: str, folder: Path) -> str:
        return "\n".join(faults_of_commands(page, folder, backend))

    with ThreadPoolExecutor(2) as pool:
        # The longest first.
        yield {
            **{("console", p.name, b): pool.submit(console, p, b, folder()) for p, b in CONSOLES},
            **{
                ("session", p.name, b): pool.submit(faults_of_session, p, folder(), b)
                for p, b in SESSIONS
            },
        }


def name_of(value: Path | str) -> str:
    return getattr(value, "name", value)


@pytest.mark.parametrize(("page", "backend"), SESSIONS, ids=name_of)
def test_session(page: Path, backend: str, tried: Tried) -> None:
    faults = tried["session", page.name, backend].result()
    assert faults == "", faults


@pytest.mark.parametrize(("page", "backend"), CONSOLES, ids=name_of)
def test_commands(page: Path, backend: str, tried: Tried) -> None:
    faults = tried["console", page.name, backend].result()
    assert faults == "", faults


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_example_is_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") == 2 * len(fences(text)), "a fence is indented or not closed"
    assert "+SKIP" not in text
    for fence in fences(text):
        others = [other.text for other in fences(text) if other is not fence]
        if fence.file is not None and fence.file != "pyproject.toml":
            assert any(Path(fence.file).stem in other for other in others), (
                f"{fence.file} is unused"
            )
        is_session = bool(doctest.DocTestParser().get_examples(fence.text))
        if fence.language == "python":
            assert is_session != (fence.file is not None), f"line {fence.line} is not run"
        else:
            assert not is_session, f"line {fence.line}: a session must be in a python fence"
        assert fence.language != "console" or fence.text.startswith("$ "), f"line {fence.line}"


def test_there_is_enough_to_run() -> None:
    assert {page.name for page, _ in SESSIONS} >= {"README.md", "inspect.md", "addresses.md"}
    assert {page.name for page, _ in CONSOLES} >= {"README.md", "capture.md"}


# ---------------------------------------------------------------- docstrings

DOCSTRINGS = """
import doctest, importlib, pkgutil, sys
import parametry
found = pkgutil.walk_packages(parametry.__path__, "parametry.")
modules = [importlib.import_module(name) for name in ["parametry", *(m.name for m in found)]]
frameworks = {"keras", "tf_keras", "tensorflow", "jax", "torch", "flax"} & set(sys.modules)
assert not frameworks, f"importing the modules imports {frameworks}"
results = [doctest.testmod(m, optionflags=doctest.NORMALIZE_WHITESPACE) for m in modules]
print("examples:", sum(result.attempted for result in results))
sys.exit(sum(result.failed for result in results) > 0)
"""


def test_docstrings(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", DOCSTRINGS], tmp_path, "jax")
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.rpartition("examples:")[2]) > 50


# ---------------------------------------------------------------- the tests can fail


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder / "page.md"


@pytest.mark.parametrize(
    ("example", "fault"),
    [
        (">>> 1 + 1\n3\n", "Expected:\n    3\nGot:\n    2"),
        (">>> 1 + 1\n", "Got:\n    2"),
        (">>> print('a  b')\na b\n", "Got:\n    a  b"),
        (">>> {}['x']\nTraceback (most recent call last):\nKeyError: 'y'\n", "KeyError: 'x'"),
        (">>> 1 / 0\n", "ZeroDivisionError"),
        (">>> import no_such_module\n", "ModuleNotFoundError"),
    ],
)
def test_a_wrong_session_is_found(page: Path, tmp_path: Path, example: str, fault: str) -> None:
    page.write_text(f"# Title\n\n```python\n>>> good = 1\n{example}```\n\nText.\n")
    found = faults_of_session(page, tmp_path / "tried", "jax")
    assert fault in found
    assert 'page.md", line 5' in found


def test_a_right_session_is_passed(page: Path, tmp_path: Path) -> None:
    page.write_text(
        "```python file=there.py\nvalue = 3\n```\n\n```python\n>>> import there\n```\n"
        "\n```python\n>>> there.value, list(range(50))\n(3, [0, 1, ..., 49])\n```\n"
    )
    assert faults_of_session(page, tmp_path / "tried", "jax") == ""


@pytest.mark.parametrize(
    ("console", "fault"),
    [
        ("$ echo one\ntwo\n", "line 2: 'two' is not printed"),
        ("$ echo 'one two'\none\n", "line 2: 'one' is not printed"),
        ("$ python -c 'print(1); print(2)'\n2\n1\n", "line 2: '1' is not printed"),
        ("$ echo one two three\none … four\n", "'one … four' is not printed"),
        ("$ python -c 'raise SystemExit(3)'\n", "exits with 3"),
        ("$ python -c 'raise SystemExit(3)'\n$ echo $?\n4\n", "'4' is not printed"),
        ("$ parametry run --no-such-option\n", "exits with 2"),
        ("$ frobnicate\n", "nobody knows how to try 'frobnicate'"),
    ],
)
def test_a_wrong_command_is_found(page: Path, tmp_path: Path, console: str, fault: str) -> None:
    page.write_text(f"```console\n{console}```\n")
    assert fault in "\n".join(faults_of_commands(page, tmp_path / "tried", "jax"))


def test_right_commands_are_passed(page: Path, tmp_path: Path) -> None:
    page.write_text(
        "```python file=train.py\nprint(*range(9), sep='\\n')\nraise SystemExit(3)\n```\n"
        "```console\n$ parametry run train.py\n0\n…\n8\n…\ntrain.py · exit 3\n$ echo $?\n3\n"
        '$ A=b python -c \'import os; print(os.environ["A"] + "  c")\'\nb …c\n$ make nothing\n```\n'
    )
    assert faults_of_commands(page, tmp_path / "tried", "jax") == []
