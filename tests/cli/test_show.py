"""``parametry show``: a file on standard output, and what is wrong on standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FRAMEWORKS = ("keras", "tensorflow", "torch", "jax")
KERAS_FILE = Path(__file__).parents[1] / "formats" / "golden" / "mlp.keras"
# What a process that shows a file of dense layers has no use for.
NOT_NEEDED = (
    *FRAMEWORKS,
    *("h5py", "numba", "pandas", "rich", "yaml", "wrapt", "ml_dtypes", "scipy"),
    *("argparse", "difflib", "importlib.metadata", "logging", "secrets", "sqlite3", "zipfile"),
    "parametry.actions.diff",
    "parametry.capture",
    "parametry.core.difference",
    "parametry.core.statistics",
    "parametry.formats.hdf5_chunked",
    "parametry.formats.keras_legacy",
    "parametry.formats.npz_writer",
    "parametry.formats.torch_file",
    "parametry.kernels",
    "parametry.recording",
    "parametry.show.difference",
    "parametry.show.terminal",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.npz"
    arrays = {"dense/kernel": np.ones((3, 4), "float32"), "dense/bias": np.zeros(4, "float32")}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_the_tree_is_printed(parametry: Callable[..., Any], file: Path) -> None:
    done = parametry("show", "net.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "net.npz\n"
        "16 parameters (trainable), 64 B\n"
        "\n"
        "LAYER     TYPE     SHAPE   PARAMETERS\n"
        "dense                              16\n"
        "  kernel  float32  (3, 4)          12\n"
        "  bias    float32  (4,)             4\n"
    )


def test_a_pattern_narrows(parametry: Callable[..., Any], file: Path) -> None:
    done = parametry("show", "net.npz", "**/bias")
    assert done.returncode == 0
    assert "bias" in done.stdout
    assert "kernel" not in done.stdout


def test_json_has_everything(parametry: Callable[..., Any], file: Path) -> None:
    shown = json.loads(parametry("show", "--json", "net.npz").stdout)
    assert shown["kind"] == "model"
    assert shown["parameters"]["dense/kernel"]["shape"] == [3, 4]
    rows = json.loads(parametry("show", "--json", "--parameters", "net.npz", "**/bias").stdout)
    assert list(rows) == ["dense/bias"]


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (("show",), 2, "missing argument 'FILE'", "parametry show --help"),
        (("show", "gone.npz"), 2, "there is no file 'gone.npz'", "the path of a model's file"),
        (("show", "net.npz", "**/kernal"), 4, "matches nothing in net.npz", "dense/kernel"),
        (("show", "net.npz", "a["), 2, "the pattern 'a['", "a literal '['"),
        (("show", "page.keras"), 3, "page.keras: it is an HTML page", ""),
        (("show", "--jsno", "net.npz"), 2, "there is no option --jsno", "--json"),
        (("net.npz",), 2, "there is no command 'net.npz'", "parametry show net.npz"),
    ],
)
def test_what_is_wrong_is_said(
    *,
    parametry: Callable[..., Any],
    file: Path,
    arguments: tuple[str, ...],
    code: int,
    error: str,
    hint: str,
) -> None:
    (file.parent / "page.keras").write_text("<!DOCTYPE html><html></html>", encoding="utf-8")
    done = parametry(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert error in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(
    parametry: Callable[..., Any], tmp_path: Path
) -> None:
    arrays = {f"layer_{number}/kernel": np.ones(1, "float32") for number in range(5_000)}
    np.savez(tmp_path / "many.npz", **arrays)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "parametry", "show", "--all", "many.npz"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_no_framework_is_imported(parametry: Callable[..., Any], file: Path) -> None:
    program = (
        "import sys\n"
        "from parametry.cli.commands import invoke\n"
        "invoke(['show', 'net.npz'])\n"
        f"loaded = [name for name in {(*FRAMEWORKS, 'rich', 'h5py')!r} if name in sys.modules]\n"
        "sys.exit(', '.join(loaded) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=file.parent, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_showing_a_keras_file_loads_only_what_it_needs(environment: Callable[..., Any]) -> None:
    program = (
        "import sys\n"
        "from parametry.cli.commands import invoke\n"
        f"invoke(['show', {str(KERAS_FILE)!r}])\n"
        f"sys.stderr.write(' '.join(name for name in {NOT_NEEDED!r} if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert "dense" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
