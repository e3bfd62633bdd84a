"""TensorFlow's checkpoints: equal to what TensorFlow reads; hostile ones end in a FormatError."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import parametry as pm
from parametry.formats.crc32c import Crc32c, crc32c
from parametry.formats.registry import open_file

from ..hostile.corpus.tensorflow import DATA, HEADER, entry, table, written

GOLDEN = Path(__file__).parent / "golden" / "tensorflow"
EXPECTED = np.load(GOLDEN / "expected.npz")
ADDRESSES = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
CHECKPOINTS = ("weights", "saved/variables/variables", "steps/ckpt-1", "graph")


def arrays_of(view: pm.Model) -> dict[str, Any]:
    both = {**view.parameters, **view.optimizer_parameters}
    return {entry.native_name: entry.numpy() for entry in both.values()}


# ---------------------------------------------------------------- what TensorFlow wrote


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_every_array_is_what_tensorflow_reads(name: str) -> None:
    contents = open_file(GOLDEN / name)
    contents.check()
    found = arrays_of(contents.model)
    expected = {
        key.partition(":")[2]: EXPECTED[key] for key in EXPECTED if key.startswith(name + ":")
    }
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert found[key].tobytes() == array.tobytes()
        assert found[key].shape == array.shape


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_are_those_of_the_live_model(name: str) -> None:
    view = pm.inspect(GOLDEN / name)
    own = [address for address in view.parameters if address != "save_counter"]
    slots = [at for at in view.optimizer_parameters if at != "optimizer/learning_rate"]
    assert own == ADDRESSES[name][0]
    assert sorted(slots) == sorted(ADDRESSES[name][1])


def test_a_saved_model_is_its_folder() -> None:
    view = pm.inspect(GOLDEN / "saved")
    weights = pm.inspect(GOLDEN / "weights")
    layers = [address for address in view.parameters if not address.startswith("metrics/")]
    assert sorted(layers) == sorted(weights.parameters)
    assert view.parameters["metrics/0/total"].role == "state"
    assert (view.name, view.class_name) == ("sequential", "Sequential")


@pytest.mark.parametrize(
    "path",
    ["weights.index", "weights", "weights.data-00000-of-00001", "saved/saved_model.pb", "steps"],
)
def test_every_way_to_name_a_checkpoint(path: str) -> None:
    assert "dense/kernel" in pm.inspect(GOLDEN / path).parameters


def test_a_graph_style_checkpoint() -> None:
    view = pm.inspect(GOLDEN / "graph")
    assert view.parameters["half"].dtype == "bfloat16"
    assert view.parameters["global_step"].role == "state"
    assert list(view.optimizer_parameters) == ["optimizer/dense/kernel/Momentum"]
    assert {gap.subject: gap.reason for gap in view.coverage} == {"words": "it holds text"}


# ---------------------------------------------------------------- checksums


def slow_crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 * (register & 1))
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)  # RFC 3720, appendix B.4
def test_checksums_of_the_standard(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 40_000), st.integers(0, 40_000), st.integers(0, 255))
def test_checksums_of_any_length_in_any_pieces(length: int, cut: int, seed: int) -> None:
    data = np.random.default_rng(seed).bytes(length)
    checksum = Crc32c()
    checksum.add(data[:cut])
    checksum.add(data[cut:])
    assert checksum.value == slow_crc32c(data)


# ---------------------------------------------------------------- hostile files


def test_the_writer_of_these_tests_writes_what_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, table([HEADER, (b"a/b", entry())]))
    assert pm.inspect(path).parameters["a/b"].numpy().tolist() == [0, 1, 2]


def test_names_that_disturb_are_escaped(tmp_path: Path) -> None:
    keys = [b"\x1b[31m/kernel", "\u202e/bias".encode(), b"a%b/../c", b"\xff"]
    data = DATA * len(keys)
    pairs = [(key, entry(offset=12 * place)) for place, key in enumerate(sorted(keys))]
    path = written(tmp_path, table([HEADER, *pairs]))
    (tmp_path / "net.data-00000-of-00001").write_bytes(data)
    view = pm.inspect(path)
    assert len(view.parameters) == len(keys)
    assert all(address.isprintable() for address in view.parameters)


@pytest.mark.parametrize("position", [0, 500, 5057])
def test_a_damaged_array_is_noticed(tmp_path: Path, position: int) -> None:
    for file in GOLDEN.glob("weights.*"):
        shutil.copy(file, tmp_path)
    shard = tmp_path / "weights.data-00000-of-00001"
    raw = bytearray(shard.read_bytes())
    raw[position] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(pm.FormatError, match="checksum is wrong"):
        open_file(tmp_path / "weights").check()


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_damage_to_an_index_ends_in_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    for file in GOLDEN.glob("weights.*"):
        shutil.copy(file, folder)
    raw = bytearray((GOLDEN / "weights.index").read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw = raw[:position]
    else:
        raw[position] ^= data.draw(st.integers(1, 255))
    (folder / "weights.index").write_bytes(raw)
    try:
        list(pm.inspect(folder / "weights.index").parameters)
    except pm.FormatError as error:
        assert "weights" in str(error)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_entry_ends_in_a_value_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, key: bytes, value: bytes
) -> None:
    folder = tmp_path_factory.mktemp("entry")
    path = written(folder, table([HEADER, (b"a" + key, value)]))
    with contextlib.suppress(pm.FormatError):
        list(pm.inspect(path).parameters)


# ---------------------------------------------------------------- folders


def test_the_latest_checkpoint_stays_within_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for file in GOLDEN.glob("weights.*"):
        shutil.copy(file, tmp_path)
    (inside / "checkpoint").write_text(f'model_checkpoint_path: "{tmp_path}/weights"\n')
    with pytest.raises(pm.FormatError, match="a folder that holds no model"):
        pm.inspect(inside)


def test_a_saved_model_without_variables(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(pm.FormatError, match="a SavedModel that has no variables"):
        pm.inspect(tmp_path)


@pytest.mark.parametrize("raw", [b"\x0a\xff", b"\x0a\x04\x2a\x02{]", b"\xff" * 20])
def test_damaged_metadata_of_keras(tmp_path: Path, raw: bytes) -> None:
    shutil.copytree(GOLDEN / "saved", tmp_path / "saved")
    (tmp_path / "saved" / "keras_metadata.pb").write_bytes(raw)
    with pytest.raises(pm.FormatError, match="keras_metadata"):
        pm.inspect(tmp_path / "saved")
