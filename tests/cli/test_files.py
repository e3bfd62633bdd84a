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


def test_get_of_what_is_not_there(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry("get", "mlp.keras", "optimizer/learning_rat")
    assert done.returncode == 4
    assert "nearest: optimizer/learning_rate" in done.stderr
    done = parametry("get", "mlp.keras", "model/head/units", "-o", "units.npy")
    assert done.returncode == 4
    assert "is a hyperparameter" in done.stderr


def test_diff_under_other_names_and_layouts(parametry: Callable[..., Any], folder: Path) -> None:
    view = pm.inspect(folder / "mlp.keras")
    arrays = {
        address.replace("kernel", "weight"): entry.numpy().T if entry.rank == 2 else entry.numpy()
        for address, entry in view.parameters.items()
    }
    np.savez(folder / "other.npz", **arrays)
    narrow = ("--ignore", "*/*/**", "--ignore", "model/*", "--ignore", "compile/*")
    wide = ("--ignore", "optimizer/*", "--ignore", "environment/*")
    both = ("mlp.keras", "other.npz", *narrow, *wide)
    assert parametry("diff", *both).returncode == 1
    done = parametry("diff", "--map", "**/kernel=**/weight", "--json", *both)
    told = json.loads(done.stdout)
    assert all("shape" not in each["differs"] for each in told["parameters"].values())
    assert all("values" not in each["differs"] for each in told["parameters"].values())
    done = parametry("diff", "--map", "**/kernel=**/wieght", *both)
    assert done.returncode == 4
    assert "which the second model has not" in done.stderr
    assert parametry("diff", "--map", "nonsense", *both).returncode == 2


def test_the_exit_codes_of_diff(parametry: Callable[..., Any], folder: Path) -> None:
    (folder / "cut.keras").write_bytes((folder / "mlp.keras").read_bytes()[:500])
    (folder / "page.keras").write_text("<!DOCTYPE html><html></html>")
    for second, code in {
        "mlp.keras": 0, "lstm.keras": 1, "gone.keras": 2, "cut.keras": 3, "page.keras": 3,
    }.items():  # fmt: skip
        assert parametry("diff", "mlp.keras", second).returncode == code, second
    assert parametry("diff", "--tolerance", "-1", "mlp.keras", "mlp.keras").returncode == 2
    assert parametry("diff", "--select", "gone/**", "mlp.keras", "mlp.keras").returncode == 4


def test_convert_to_what_keras_loads(parametry: Callable[..., Any], folder: Path) -> None:
    done = parametry("convert", "mlp.keras", "net.weights.h5", "--dtype", "float16", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["parameters"]["dense/kernel"]["dtype"] == "float16"
    done = parametry("convert", "there.npz", "other.weights.h5")
    assert done.returncode == 3
    assert "where Keras looks for it" in done.stderr
    assert not (folder / "other.weights.h5").exists()


def test_repeated_blocks_fold_unless_asked(parametry: Callable[..., Any], folder: Path) -> None:
    arrays = {f"layers.{n}.weight": np.ones((2, 3), "float32") for n in range(32)}
    np.savez(folder / "blocks.npz", **arrays)  # type: ignore[arg-type]
    folded = parametry("show", "--parameters", "blocks.npz").stdout
    row = next(line for line in folded.splitlines() if line.startswith("layers/"))
    assert row.split() == ["layers/{0..31}/weight", "×32", "float32", "(2,", "3)", "192"]
    whole = parametry("show", "--parameters", "--all", "blocks.npz").stdout
    assert whole.count("layers/") == 32
    np.savez(folder / "other.npz", **{name: array + 1 for name, array in arrays.items()})  # type: ignore[arg-type]
    assert "layers/{0..31}/weight" in parametry("diff", "blocks.npz", "other.npz").stdout
    whole = parametry("diff", "--all", "blocks.npz", "other.npz").stdout
    assert whole.count("layers/") == 32
