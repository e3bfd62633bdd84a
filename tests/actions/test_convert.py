"""Files written in another format, dtype, or under other names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import parametry as pm
from parametry.core.mappings import Parameters

GOLDEN = Path(__file__).parents[1] / "formats" / "golden"


@pytest.fixture
def view() -> pm.Model:
    return pm.inspect(GOLDEN / "mlp.keras")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_another_format_holds_the_same(view: pm.Model, tmp_path: Path, suffix: str) -> None:
    pm.convert(view, tmp_path / f"net{suffix}")
    found = pm.inspect(tmp_path / f"net{suffix}")
    assert list(found.parameters) == list(view.parameters)
    for address, entry in view.parameters.items():
        assert found.parameters[address].numpy().tobytes() == entry.numpy().tobytes()
        assert found.parameters[address].role == entry.role
        assert found.parameters[address].layer_class == entry.layer_class
    assert not pm.diff(view, found)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_floating_parameters_are_rounded(view: pm.Model, tmp_path: Path, dtype: str) -> None:
    pm.convert(view, tmp_path / "net.safetensors", dtype=dtype)
    found = pm.inspect(tmp_path / "net.safetensors").parameters["dense/kernel"]
    array = view.parameters["dense/kernel"].numpy()
    assert found.dtype == dtype
    assert found.numpy().tobytes() == array.astype(found.numpy().dtype).tobytes()


def test_whole_numbers_keep_their_dtype(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", count=np.arange(3))
    pm.convert(pm.inspect(tmp_path / "net.npz"), tmp_path / "half.npz", dtype="float16")
    assert pm.inspect(tmp_path / "half.npz").parameters["count"].dtype == "int64"


def test_other_names(view: pm.Model, tmp_path: Path) -> None:
    rules = {"dense/*": "first/*", "head/kernel": ("out/weight", "T"), "**/moving_*": None}
    pm.convert(view, tmp_path / "net.npz", map=rules)
    found = pm.inspect(tmp_path / "net.npz")
    assert "first/kernel" in found.parameters
    assert not found.parameters.select("**/moving_*", missing_ok=True)
    transposed = found.parameters["out/weight"].numpy()
    assert np.array_equal(transposed.T, view.parameters["head/kernel"].numpy())
    assert "dense" not in found.layers
    assert found.parameters["first/kernel"].layer == "first"


def test_a_part(view: pm.Model, tmp_path: Path) -> None:
    pm.convert(view, tmp_path / "net.npz", select=["dense/**", "head/bias"])
    found = list(pm.inspect(tmp_path / "net.npz").parameters)
    assert found == ["dense/kernel", "dense/bias", "head/bias"]


def test_ties_are_kept_under_other_names(tmp_path: Path) -> None:
    tied = pm.inspect(GOLDEN / "torch" / "views.pt")
    assert tied.ties
    pm.convert(tied, tmp_path / "net.safetensors", map={"**": "a/**"})
    found = pm.inspect(tmp_path / "net.safetensors")
    assert [[*tie] for tie in found.ties] == [[f"a/{at}" for at in tie] for tie in tied.ties]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"map": {"dense/kernel": "one", "head/kernel": "one"}}, pm.LoadError),
        ({"map": {"nothing/**": "a/**"}}, pm.NothingMatched),
        ({"select": "nothing/**"}, pm.NothingMatched),
        ({"dtype": "float17"}, pm.DtypeMismatch),
    ],
)
def test_what_is_wrong_writes_nothing(
    view: pm.Model, tmp_path: Path, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        pm.convert(view, tmp_path / "net.npz", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_an_unknown_suffix(view: pm.Model, tmp_path: Path) -> None:
    with pytest.raises(pm.FormatError, match=r"\.safetensors"):
        pm.convert(view, tmp_path / "net.onnx")


# ---------------------------------------------------------------- to Keras's weights


def test_keras_weights_hold_the_same(tmp_path: Path) -> None:
    pm.convert(GOLDEN / "mlp.keras", tmp_path / "one.weights.h5")
    pm.convert(GOLDEN / "mlp.keras", tmp_path / "two.weights.h5")
    assert (tmp_path / "one.weights.h5").read_bytes() == (tmp_path / "two.weights.h5").read_bytes()
    pm.convert(tmp_path / "one.weights.h5", tmp_path / "two.weights.h5")
    assert not pm.diff(GOLDEN / "mlp.keras", tmp_path / "two.weights.h5")


def test_keras_weights_of_a_part(tmp_path: Path) -> None:
    pm.convert(GOLDEN / "mlp.keras", tmp_path / "net.weights.h5", select="head/*")
    assert list(pm.inspect(tmp_path / "net.weights.h5").parameters) == ["head/kernel", "head/bias"]


def test_where_keras_looks_is_known_or_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", **{"a.weight": np.ones((2, 3)), "a.bias": np.zeros(2)})  # type: ignore[arg-type]
    target = tmp_path / "net.weights.h5"
    with pytest.raises(pm.FormatError, match=r"(?s)net\.weights\.h5.*'a/weight'.*map={'a/weight'"):
        pm.convert(tmp_path / "net.npz", target)
    assert not target.exists()
    places = {"a/weight": ("layers/dense/vars/0", "T"), "a/bias": "layers/dense/vars/1"}
    pm.convert(tmp_path / "net.npz", target, map=places)
    assert pm.inspect(target).parameters["layers/dense/vars/0"].shape == (3, 2)
    np.savez(tmp_path / "complex.npz", a=np.ones(2, complex))
    with pytest.raises(pm.FormatError, match="hold no complex128"):
        pm.convert(tmp_path / "complex.npz", target, map={"a": "layers/a/vars/0"})


def test_kinds_that_hdf5_has_no_name_for(tmp_path: Path) -> None:
    for dtype in ("bfloat16", "float8_e4m3fn"):
        pm.convert(GOLDEN / "mlp.keras", tmp_path / "net.weights.h5", dtype=dtype)
        found = pm.inspect(tmp_path / "net.weights.h5").parameters["dense/kernel"]
        wanted = pm.inspect(GOLDEN / "mlp.keras").parameters["dense/kernel"].numpy()
        assert found.dtype == dtype
        assert found.numpy().tobytes() == wanted.astype(found.numpy().dtype).tobytes()


def test_a_tie_of_which_only_one_end_has_a_place(tmp_path: Path) -> None:
    view = pm.inspect(GOLDEN / "mlp.keras")
    entry = view.parameters["dense/bias"]
    tied = replace(entry, aliases=("again/bias",))
    view = replace(
        view,
        parameters=Parameters({tied.address: tied}),
        ties=(pm.Tie("dense/bias", ("again/bias",)),),
    )
    pm.convert(view, tmp_path / "net.weights.h5")
    found = pm.inspect(tmp_path / "net.weights.h5")
    assert [str(tie) for tie in found.ties] == ["dense/bias = again/bias"]


def test_what_is_no_model() -> None:
    with pytest.raises(pm.NotAModel, match="int is no model"):
        pm.convert(3, "net.npz")


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    pm.convert(
        GOLDEN / "mlp.keras", tmp_path / "net.npz",
        progress=lambda done, whole: told.append((done, whole)),
    )  # fmt: skip
    whole = pm.inspect(GOLDEN / "mlp.keras").totals.nbytes
    assert told == sorted(told)
    assert told[-1] == (whole, whole)
