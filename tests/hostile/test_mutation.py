"""Small real files, damaged at random: reading ends in values or a FormatError."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import parametry as pm

from .conftest import GOLDEN
from .corpus.hdf5_seeds import LAYOUTS
from .corpus.packing import zipped
from .reading import inspect, values

SEEDS = [
    "arrays.safetensors",
    "array.npy",
    "arrays.npz",
    "packed.npz",
    "nested.keras",
    "nested.weights.h5",
    "legacy/mlp.h5",
    "legacy/lstm_weights.h5",
    "legacy/sharded.weights.json",
    "tensorflow/weights.index",
    "tensorflow/saved/keras_metadata.pb",
    "torch/special.pt",
    "torch/lightning.ckpt",
    "torch/scripted.pt",
    "torch/views_legacy.pt",
    "torch/tar.pt",
]

flips = st.tuples(st.just("flip"), st.integers(0, 1 << 20), st.integers(0, 255))
cuts = st.tuples(st.just("cut"), st.integers(0, 1 << 20), st.integers(0, 64))
doubles = st.tuples(st.just("double"), st.integers(0, 1 << 20), st.integers(1, 64))
ends = st.tuples(st.just("end"), st.integers(0, 1 << 20), st.just(0))


def damaged(content: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    """The bytes with some changed, left out, there twice, or missing at the end."""
    for kind, place, number in changes:
        at = place % (len(content) or 1)
        if kind == "flip":
            content = content[:at] + bytes([number]) + content[at + 1 :]
        elif kind == "cut":
            content = content[:at] + content[at + number :]
        elif kind == "double":
            content = content[: at + number] + content[at:]
        else:
            content = content[:at]
    return content


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the golden files."""
    return Path(shutil.copytree(GOLDEN, tmp_path_factory.mktemp("damaged") / "golden"))


changes_of_bytes = st.lists(st.one_of(flips, cuts, doubles, ends), min_size=1, max_size=3)
examples = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", SEEDS)
@examples
@given(changes=changes_of_bytes)
def test_a_damaged_file(name: str, changes: list[tuple[str, int, int]], golden: Path) -> None:
    path = golden / name
    whole = (GOLDEN / name).read_bytes()
    read = path.parent if path.suffix == ".pb" else path
    path.write_bytes(damaged(whole, changes))
    try:
        with contextlib.suppress(pm.FormatError):
            inspect(str(read))
            values(str(read))
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "name, member",
    [
        ("nested.keras", "config.json"),
        ("nested.keras", "model.weights.h5"),
        ("arrays.npz", "half.npy"),
        ("torch/special.pt", "data.pkl"),
        ("torch/lightning.ckpt", "data.pkl"),
        ("torch/scripted.pt", "data.pkl"),
        ("torch/scripted.pt", ".py"),
    ],
)
@examples
@given(changes=changes_of_bytes)
def test_a_damaged_member_with_a_checksum_that_is_right(
    name: str, member: str, changes: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    with zipfile.ZipFile(GOLDEN / name) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    hit = next(each for each in members if each.endswith(member))
    members[hit] = damaged(members[hit], changes)
    path = tmp_path / Path(name).name
    path.write_bytes(zipped(members))
    with contextlib.suppress(pm.FormatError):
        inspect(str(path))
        values(str(path))


@pytest.mark.parametrize("name", LAYOUTS)
@examples
@given(changes=changes_of_bytes)
def test_damaged_hdf5_of_any_layout(
    name: str, changes: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    path = tmp_path / "file.weights.h5"
    path.write_bytes(damaged(LAYOUTS[name], changes))
    with contextlib.suppress(pm.FormatError):
        inspect(str(path))
        values(str(path))
