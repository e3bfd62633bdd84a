"""``parametry get``, ``diff`` and ``convert`` on real files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parametry as pm

GOLDEN = Path(__file__).parents[1] / "formats" / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("mlp.keras", "lstm.keras"):
        shutil.copy(GOLDEN / name, tmp_path)
    np.savez(tmp_path / "there.npz", a=np.zeros(1))
    return tmp_path


def test_get_prints_an_array(parametry: Callable[..., Any], folder: Path) -> None:
    array = pm.inspect(folder / "mlp.keras").parameters["dense/bias"].numpy()
    done = parametry("get", "mlp.keras", "dense/bias")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{array}\n"
    assert (
        json.loads(parametry("get", "--json", "mlp.keras", "dense/bias").stdout) == array.tolist()
    )


def test_get_writes_an_array(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry("get", "mlp.keras", "dense/kernel", "-o", "kernel.npy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    array = pm.inspect(folder / "mlp.keras").parameters["dense/kernel"].numpy()
    assert np.load(folder / "kernel.npy").tobytes() == array.tobytes()


def test_get_widens_what_numpy_has_no_name_for(parametry: Callable[..., Any], folder: Path) -> None:
    pm.convert(pm.inspect(folder / "mlp.keras"), folder / "half.safetensors", dtype="bfloat16")
    done = parametry("get", "half.safetensors", "dense/kernel", "-o", "kernel.npy")
    assert done.returncode == 0
    assert "bfloat16 is written as float32" in done.stderr
    assert np.load(folder / "kernel.npy").dtype == np.float32


def test_diff_of_equal_files(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry("diff", "mlp.keras", "mlp.keras")
    assert (done.returncode, done.stderr) == (0, "")


def test_diff_finds_what_differs(parametry: Callable[..., Any], folder: Path) -> None:
    pm.convert(pm.inspect(folder / "mlp.keras"), folder / "half.npz", dtype="float16")
    done = parametry("diff", "mlp.keras", "half.npz")
    assert (done.returncode, done.stderr) == (1, "")
    assert "float32 → float16" in done.stdout
    told = json.loads(parametry("diff", "--json", "mlp.keras", "half.npz").stdout)
    assert told["kind"] == "diff"
    assert parametry("diff", "--no-values", "mlp.keras", "mlp.keras").returncode == 0


def test_convert(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry(
        "convert", "--select", "dense/**", "--map", "dense/*=first/*", "mlp.keras", "part.npz"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(pm.inspect(folder / "part.npz").parameters) == ["first/kernel", "first/bias"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("get", "mlp.keras", "dense/kernal"), 4, "nearest: dense/kernel"),
        (("get", "mlp.keras", "dense/bias", "-o", "x.txt"), 2, "-o x.npy"),
        (("get", "mlp.keras", "dense/bias", "-o", "no/x.npy"), 3, "cannot be written"),
        (("diff", "mlp.keras"), 2, "missing argument"),
        (("diff", "mlp.keras", "gone.keras"), 2, "there is no file 'gone.keras'"),
        (("diff", "--select", "nothing/**", "mlp.keras", "mlp.keras"), 4, "nothing/**"),
        (("convert", "mlp.keras", "net.onnx"), 3, ".safetensors"),
        (("convert", "mlp.keras", "no/net.npz"), 3, "cannot be written"),
        (("convert", "--map", "x", "mlp.keras", "a.npz"), 2, "no OLD=NEW"),
        (("convert", "--no-overwrite", "mlp.keras", "there.npz"), 3, "there already"),
    ],
)
def test_what_is_wrong_is_said(
    parametry: Callable[..., Any], folder: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    done = parametry(*arguments)
    assert done.returncode == code
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_stats_of_a_file(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry("stats", "--plain", "mlp.keras", "**/kernel", "--sort", "size")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.index("dense/kernel") < done.stdout.index("head/kernel")
    told = json.loads(parametry("stats", "--json", "--exact", "mlp.keras").stdout)
    array = pm.inspect(folder / "mlp.keras").parameters["dense/kernel"].numpy()
    assert told["dense/kernel"]["max"] == float(array.max())


def test_stats_find_what_is_not_finite(parametry: Callable[..., Any], folder: Path) -> None:
    arrays = {"a": np.array([1.0, np.nan]), "b": np.array([1.0, 2.0])}
    np.savez(folder / "net.npz", **arrays)  # type: ignore[arg-type]
    done = parametry("stats", "--nonfinite", "--json", "net.npz")
    assert done.returncode == 1
    assert list(json.loads(done.stdout)) == ["a"]
    assert parametry("stats", "--nonfinite", "mlp.keras").returncode == 0
