"""A load or a save that fails has changed nothing, and says what is wrong."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

import parametry as pm
from parametry.actions.writing import Writer
from parametry.formats.registry import open_file

SUFFIXES = [".safetensors", ".npz", ".keras", ".weights.h5"]


def net(units: int = 3, name: str = "first") -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(units, name=name), layers.Dense(2)])


def state(model: Any) -> tuple[Any, ...]:
    view = pm.inspect(model)
    return (
        {a: e.numpy().tobytes() for a, e in view.parameters.items()},
        {a: e.numpy().tobytes() for a, e in view.optimizer_parameters.items()},
        {a: (e.role, e.provenance) for a, e in view.parameters.items()},
        view.ties,
        [id(variable) for variable in model.variables],
    )


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    before = state(model)
    yield
    assert state(model) == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_fault_is_listed(suffix: str, tmp_path: Path) -> None:
    pm.save(net(3, "encoder"), tmp_path / f"net{suffix}")
    model = net(5, "encodr")
    with unchanged(model), pytest.raises(pm.LoadError) as caught:
        pm.load(model, tmp_path / f"net{suffix}")
    told = str(caught.value)
    assert "missing: encodr/kernel (nearest: encoder/kernel" in told
    assert "extra: encoder/kernel" in told
    assert "shape differs: dense/kernel is (5, 2), the source has (3, 2)" in told


def test_not_strict_loads_what_fits(tmp_path: Path) -> None:
    source, model = net(3, "encoder"), net(5, "encoder")
    pm.save(source, tmp_path / "net.npz")
    report = pm.load(model, tmp_path / "net.npz", strict=False)
    assert not report
    assert [entry.address for entry in report.loaded] == ["dense/bias"]
    assert {e.address for e in report.shape_differs} == {
        "encoder/kernel",
        "encoder/bias",
        "dense/kernel",
    }
    assert "shape differs  encoder/kernel  (4, 5) expected, (4, 3) at encoder/kernel" in repr(
        report
    )


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    source, model = net(), net()
    pm.freeze(source, "first/kernel")
    pm.save(source, tmp_path / "net.keras")
    with unchanged(model):
        report = pm.load(model, tmp_path / "net.keras", dry_run=True)
    assert report and report.dry_run
    assert report.trainable == {"first/kernel": False}
    assert pm.load(model, tmp_path / "net.keras").loaded == report.loaded


def test_select_takes_a_part(tmp_path: Path) -> None:
    source, model = net(), net(3, "other")
    pm.save(source, tmp_path / "net.npz")
    report = pm.load(model, tmp_path / "net.npz", select="dense/*")
    assert report
    assert [entry.address for entry in report.loaded] == ["dense/kernel", "dense/bias"]
    with unchanged(model), pytest.raises(pm.LoadError, match="missing: other/bias"):
        pm.load(model, tmp_path / "net.npz", select=["other/bias", "dense/bias"])
    with unchanged(model), pytest.raises(pm.NothingMatched):
        pm.load(model, tmp_path / "net.npz", select="nothing/*")


def test_a_map_with_captures_and_transposition() -> None:
    source = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="old_a", use_bias=False)])
    wide = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="new_a", use_bias=False)])
    report = pm.load(wide, source, map={"old_*/kernel": ("new_*/kernel", "T")})
    assert report.transposed == report.loaded
    kernels = [pm.inspect(each).parameters.select("**/kernel") for each in (source, wide)]
    first, second = (next(iter(each.values())).numpy() for each in kernels)
    assert np.array_equal(first.T, second)
    model = net(3, "old_a")
    report = pm.load(model, net(3, "new_a"), map=lambda at: at.replace("new", "old"))
    assert report and report.loaded[0].source == "new_a/kernel"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"first/*": "dense/*"}, "two arrays of the source go to dense/"),
        ({"first/kernel": "frist/kernel"}, "no parameter of"),
        ({"nothing/*": "first/*"}, "matches nothing in the source"),
        ({"first/*": "**/first"}, ""),
        ({"first/*/x": "first"}, "wildcards"),
        ({"first/[": "first"}, "never closes it"),
        ({"first/kernel": 3}, "an address is expected"),
        ({"first/kernel": ("first/kernel", "R")}, "an address is expected"),
        ({"first/kernel": ("first/kernel", "T")}, "shape differs: first/kernel"),
        (lambda address: "first/kernel", "two arrays of the source"),
        (lambda address: 1 / 0, "division"),
    ],
)
def test_maps_that_cannot_be(rules: Any, told: str) -> None:
    model = net()
    with unchanged(model), pytest.raises(Exception, match=None) as caught:
        pm.load(model, net(), map=rules)
    assert isinstance(caught.value, (pm.ParametryError, ZeroDivisionError))
    assert told in str(caught.value)


def test_values_that_do_not_go_in() -> None:
    class Store:
        native = None

        def __init__(self, array: NDArray[Any]) -> None:
            self.array = array

        def read(self) -> NDArray[Any]:
            return self.array

        def declared(self) -> dict[str, Any]:
            return {}

        def provenance(self) -> None:
            return None

    from dataclasses import replace

    from parametry.core.mappings import Parameters

    model, view = net(), pm.inspect(net())

    def given(array: NDArray[Any]) -> Any:
        entries = dict(view.parameters)
        old = entries["dense/bias"]
        store: Any = Store(array)
        entries["dense/bias"] = replace(old, dtype=array.dtype.name, store=store)
        return replace(view, parameters=Parameters(entries, source="a view"))

    for array in (np.array([1, 2]), np.array([1e300, 0])):
        with (
            unchanged(model),
            pytest.raises(pm.DtypeMismatch, match="a view: dense/bias is float32"),
        ):
            pm.load(model, given(array))
    report = pm.load(model, given(np.array([1.5, 2.5])))
    assert [(entry.address, entry.source_dtype) for entry in report.cast] == [
        ("dense/bias", "float64")
    ]
    assert np.array_equal(pm.inspect(model).parameters["dense/bias"].numpy(), [1.5, 2.5])


def test_a_tie_that_the_file_does_not_have() -> None:
    def square() -> Any:
        return keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])

    model, source = square(), square()
    pm.tie(model, "dense/kernel", "dense_1/kernel")
    with unchanged(model), pytest.raises(pm.LoadError, match="dense/kernel and dense_1/kernel"):
        pm.load(model, source)
    kernel = pm.inspect(source).parameters["dense/kernel"].numpy()
    pm.inspect(source).parameters["dense_1/kernel"].assign(kernel)
    assert pm.load(model, source)


def test_a_tie_that_cannot_be_is_told(tmp_path: Path) -> None:
    source = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
    pm.tie(source, "dense/kernel", "dense_1/kernel")
    pm.save(source, tmp_path / "net.safetensors")
    mixed = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4), layers.Dense(4, dtype="bfloat16")]
    )
    report = pm.load(mixed, tmp_path / "net.safetensors")
    assert not report
    assert [str(tie) for tie, _ in report.not_tied] == ["dense/kernel = dense_1/kernel"]
    assert "another dtype" in repr(report)
    assert pm.inspect(mixed).ties == ()


def compiled(model: Any) -> Any:
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, model.output_shape[-1])), verbose=0)
    return model


@pytest.mark.parametrize("when", ["write", "ties", "flags"])
def test_a_failure_part_way_puts_everything_back(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at the worst moment."""

    def square() -> Any:
        return keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])

    source = square()
    pm.tie(source, "dense/kernel", "dense_1/kernel")
    pm.freeze(source, "dense/bias")
    pm.save(source, tmp_path / "net.npz")
    model = compiled(square())
    before = state(model)
    if when == "write":
        write, count = Writer.write, iter(range(10))

        def interrupted(self: Writer, *args: Any, **kwargs: Any) -> None:
            if next(count) == 2:
                raise KeyboardInterrupt
            write(self, *args, **kwargs)

        monkeypatch.setattr(Writer, "write", interrupted)
    else:
        from parametry.frameworks import keras as framework

        name = "tie" if when == "ties" else "set_trainable"

        def failing(*args: Any, **kwargs: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(framework, name, failing)
    with pytest.raises(KeyboardInterrupt):
        pm.load(model, tmp_path / "net.npz")
    monkeypatch.undo()
    after = state(model)
    assert after[0] == before[0]
    assert after[2:4] == before[2:4]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_cut_short(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    pm.save(net(), path)
    whole = path.read_bytes()
    model = net()
    for length in (0, 7, len(whole) // 3, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        with unchanged(model), pytest.raises(pm.FormatError):
            pm.load(model, path)
    with unchanged(model), pytest.raises(FileNotFoundError):
        pm.load(model, tmp_path / "nowhere.npz")


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    pm.save(net(), path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = keras.Sequential([keras.Input((300,)), layers.Dense(300)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises((OSError, pm.ParametryError)):
            pm.save(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert pm.load(net(), path)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    for path, error in [
        (tmp_path / "net.pt", pm.FormatError),
        (tmp_path / "net", pm.FormatError),
        (tmp_path / "net.h5", pm.FormatError),
        (tmp_path / "nowhere" / "net.npz", FileNotFoundError),
        (tmp_path / "folder.npz", IsADirectoryError),
    ]:
        with pytest.raises(error, match=path.name):
            pm.save(net(), path)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.npz"]


def test_a_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    pm.save(net(), path, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"net\.npz is there already"):
        pm.save(net(), path, overwrite=False)
    assert path.read_bytes() == before
    pm.save(net(), path)
    assert path.read_bytes() != before


def test_what_is_no_model(tmp_path: Path) -> None:
    unbuilt = keras.Sequential([layers.Dense(2)])
    for suffix in SUFFIXES:
        with pytest.raises(pm.NotBuilt):
            pm.save(unbuilt, tmp_path / f"net{suffix}")
        with pytest.raises(pm.NotAModel):
            pm.save({"a": np.ones(2)}, tmp_path / f"net{suffix}")
    with pytest.raises(pm.NotBuilt):
        pm.load(unbuilt, net())
    with pytest.raises(pm.NotAModel):
        pm.load(net(), {"a": np.ones(2)})
    with pytest.raises(pm.NotAModel):
        pm.load("net.npz", net())
    assert list(tmp_path.iterdir()) == []


def test_slots_that_keras_always_writes(tmp_path: Path) -> None:
    for suffix in SUFFIXES[2:]:
        with pytest.raises(pm.FormatError, match="always writes the optimizer's slots"):
            pm.save(net(), tmp_path / f"net{suffix}", optimizer=False)


# ---------------------------------------------------------------- another backend

READ = """
import sys, keras, parametry as pm
from parametry.formats.registry import open_file
net = pm.load_model(sys.argv[1] + "/net.keras")
for suffix in ("safetensors", "npz", "weights.h5"):
    other = keras.models.clone_model(net)
    assert pm.load(other, f"{sys.argv[1]}/net.{suffix}")
    saved = pm.inspect(net).parameters
    for address, entry in pm.inspect(other).parameters.items():
        if "seed" not in address:
            assert entry.numpy().tobytes() == saved[address].numpy().tobytes(), address
pm.save(net, sys.argv[1] + "/back.safetensors")
"""


def test_files_go_from_one_backend_to_another(tmp_path: Path, backend: str) -> None:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, dtype="bfloat16"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )
    for suffix in SUFFIXES:
        pm.save(model, tmp_path / f"net{suffix}")
    other = {"jax": "torch", "torch": "jax", "tensorflow": "jax"}[backend]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os; os.environ['KERAS_BACKEND'] = {other!r}\n{READ}",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    back = open_file(tmp_path / "back.safetensors").model
    assert back.framework == f"keras ({other})"
    for address, entry in pm.inspect(model).parameters.items():
        if "seed" not in address:
            assert back.parameters[address].numpy().tobytes() == entry.numpy().tobytes()
