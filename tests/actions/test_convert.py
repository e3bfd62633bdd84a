"""Files written in another format, dtype, or under other names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import parametry as pm

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
