"""Weights that Keras 3 writes in shards: what the live model had, what a hostile index leads to."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.registry import open_file

from .conftest import GOLDEN, exhausted

LEGACY = GOLDEN / "legacy"
INDEX = "sharded.weights.json"
SHARDS = [f"sharded_0000{number}.weights.h5" for number in range(3)]
KERNEL = "/layers/dense/vars"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the index and its shards, to be changed."""
    for name in [INDEX, *SHARDS]:
        shutil.copy(LEGACY / name, tmp_path / name)
    return tmp_path


def test_shards_give_what_the_live_model_had() -> None:
    contents = exhausted(LEGACY / INDEX)
    expected = json.loads((LEGACY / "sharded.json").read_text())
    assert {
        address: {
            "shape": list(entry.shape),
            "dtype": entry.dtype,
            "sha256": hashlib.sha256(entry.numpy().tobytes()).hexdigest(),
            "role": entry.role,
        }
        for address, entry in contents.model.parameters.items()
    } == expected
    assert contents.format == "keras_sharded"
    assert contents.model.gaps() == ()


def test_one_shard_alone_gives_what_it_holds() -> None:
    found = exhausted(LEGACY / SHARDS[2]).model.parameters
    assert {entry.shape for entry in found.values()} == {(8, 4), (4,)}


def rewritten(folder: Path, **changes: Any) -> Path:
    """The index with other shards for some groups."""
    path = folder / INDEX
    said = json.loads(path.read_text())
    for group, shards in changes.items():
        said["weight_map"][group] = shards
    path.write_text(json.dumps(said))
    return path


def refused(path: Path, what: str) -> None:
    with pytest.raises(FormatError, match=what) as caught:
        exhausted(path)
    assert str(path.parent) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../x.weights.h5", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "c:x", "a\0b", 3, None, {}],
)
def test_a_name_that_leaves_the_folder(name: Any, folder: Path) -> None:
    refused(rewritten(folder, **{KERNEL: name}), "no name of a file")
    refused(rewritten(folder, **{KERNEL: [SHARDS[0], name]}), "no name of a file")


@pytest.mark.parametrize("name", ["none.weights.h5", "n" * 5000])
def test_a_shard_that_is_not_there(name: str, folder: Path) -> None:
    refused(rewritten(folder, **{KERNEL: [name]}), "cannot be read")


def test_a_link_that_leaves_the_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / SHARDS[0]
    (folder / SHARDS[0]).rename(elsewhere)
    (folder / SHARDS[0]).symlink_to(elsewhere)
    refused(folder / INDEX, "leaves the folder")


def test_a_link_that_leads_to_itself(folder: Path) -> None:
    (folder / SHARDS[0]).unlink()
    (folder / SHARDS[0]).symlink_to(folder / SHARDS[0])
    refused(folder / INDEX, "cannot be read")


def test_a_group_that_a_shard_does_not_hold(folder: Path) -> None:
    refused(rewritten(folder, **{KERNEL: [SHARDS[0], SHARDS[1]]}), "does not hold it")


def test_an_array_that_two_shards_hold(folder: Path) -> None:
    shutil.copy(folder / SHARDS[0], folder / "more.weights.h5")
    refused(rewritten(folder, **{KERNEL: [SHARDS[0], "more.weights.h5"]}), "one before it too")


def test_a_shard_that_is_no_hdf5(folder: Path) -> None:
    (folder / SHARDS[1]).write_text("hello")
    refused(folder / INDEX, SHARDS[1])


def test_an_array_that_the_index_does_not_name_is_a_gap(folder: Path) -> None:
    path = folder / INDEX
    said = json.loads(path.read_text())
    del said["weight_map"]["/layers/batch_normalization/vars"]
    path.write_text(json.dumps(said))
    contents = exhausted(path)
    assert "batch_normalization/gamma" not in contents.model.parameters
    assert len(contents.model.gaps()) == 4


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    file=st.sampled_from([INDEX, *SHARDS]),
    changes=st.lists(
        st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=3
    ),
    length=st.none() | st.integers(0, 1 << 14),
)
def test_damaged_bytes_end_in_values_or_a_format_error(
    file: str, changes: list[tuple[int, int]], length: int | None, folder: Path
) -> None:
    content = bytearray((LEGACY / file).read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    (folder / file).write_bytes(content[:length])
    try:
        exhausted(folder / INDEX)
    except FormatError as error:
        assert str(folder) in str(error)
    finally:
        shutil.copy(LEGACY / file, folder / file)


def test_it_is_told_from_other_json(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"weight_map": {}}')
    with pytest.raises(FormatError):
        open_file(path)
