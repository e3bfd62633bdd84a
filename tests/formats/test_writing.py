"""What is written is read back to the byte, the same each time, and by the stock packages too."""

from __future__ import annotations

import io
import json
import tempfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.address import part
from parametry.core.manifest import KEY, MEMBER, Manifest
from parametry.core.provenance import Provenance
from parametry.core.tie import Tie
from parametry.errors import AssignmentError, FormatError
from parametry.formats.npz_writer import write_npz
from parametry.formats.registry import open_file, writer_for
from parametry.formats.safetensors_writer import write_safetensors

from .conftest import DTYPES, Given, array, exhausted, parameters, same

SUFFIXES = [".safetensors", ".npz"]
MANIFEST = Manifest(
    name="net",
    class_name="keras.Model",
    framework="keras (jax)",
    roles={"layer_0/bool": "state", "layer_1/int8": "frozen"},
    layers={"layer_0": "Dense", "layer_1": "Dense"},
    ties=(Tie("layer_0/bool", ("head/kernel", "copy"), frozenset({"head/kernel"})),),
    provenance={"layer_1/int8": Provenance("initialize", {"class": "Zeros"}, rule="**")},
    hyperparameters={"fit/epochs": {"value": 3, "origin": "explicit", "where": "train.py:3"}},
)


def written(path: Path, given: Any, manifest: Manifest = MANIFEST) -> Path:
    writer_for(path)(path, given, manifest)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_dtype_comes_back_to_the_byte(suffix: str, tmp_path: Path) -> None:
    given = parameters()
    contents = exhausted(written(tmp_path / f"net{suffix}", given))
    found = contents.model.parameters
    assert list(found) == list(given)
    for address, entry in given.items():
        assert same(found[address].numpy(), entry.array), address
        view = contents.view(address)
        assert view is not None
        assert view.ctypes.data % max(1, view.itemsize if view.size else 1) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_manifest_comes_back(suffix: str, tmp_path: Path) -> None:
    contents = open_file(written(tmp_path / f"net{suffix}", parameters()))
    model = contents.model
    assert contents.manifest is not None
    assert contents.manifest.to_dict() | {"dtypes": {}} == MANIFEST.to_dict()
    assert (model.name, model.class_name, model.framework) == ("net", "keras.Model", "keras (jax)")
    assert model.ties == MANIFEST.ties
    tied = model.parameters["head/kernel"]
    assert (tied.address, tied.role) == ("layer_0/bool", "state")
    assert tied.aliases == ("head/kernel", "copy")
    assert tied.transposed == {"head/kernel"}
    assert model.parameters["layer_1/int8"].role == "frozen"
    assert model.parameters["layer_1/int8"].layer_class == "Dense"
    assert model.parameters["layer_1/int8"].provenance == MANIFEST.provenance["layer_1/int8"]
    assert str(model.hyperparameters["fit/epochs"].where) == "train.py:3"
    assert model.layers["layer_0"].class_name == "Dense"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_input_gives_equal_bytes(suffix: str, tmp_path: Path) -> None:
    one = written(tmp_path / f"one{suffix}", parameters()).read_bytes()
    assert one == written(tmp_path / f"two{suffix}", parameters()).read_bytes()
    stream = io.BytesIO()
    writer_for(f"x{suffix}")(stream, parameters(), MANIFEST)
    assert stream.getvalue() == one


def test_safetensors_itself_reads_it(tmp_path: Path) -> None:
    given = {
        address: entry
        for address, entry in parameters().items()
        if not entry.dtype.startswith("float8") and entry.dtype != "float4_e2m1fn"
    }
    path = written(tmp_path / "net.safetensors", given)
    found = safetensors.numpy.load_file(path)
    assert set(found) == set(given)
    for address, entry in given.items():
        raw = entry.array.view("uint8") if entry.dtype in ("int4", "uint4") else entry.array
        assert same(found[address], raw)
    with safetensors.safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()[KEY])["name"] == "net"
    raw = path.read_bytes()
    assert int.from_bytes(raw[:8], "little") % 8 == 0


def test_numpy_itself_reads_it(tmp_path: Path) -> None:
    given = {at: one for at, one in parameters().items() if np.dtype(one.array.dtype).isbuiltin}
    path = written(tmp_path / "net.npz", given)
    with np.load(path, allow_pickle=False) as found:
        assert set(found.files) == {*given, MEMBER}
        for address, entry in given.items():
            raw = found[address]
            assert raw.shape == entry.shape
            assert raw.tobytes() == entry.array.tobytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_is_needed_for_one_parameter_at_a_time(suffix: str, tmp_path: Path) -> None:
    class Made:
        shape, dtype = (1 << 20,), "float32"

        def numpy(self) -> Any:
            return np.ones(self.shape, self.dtype)

    tracemalloc.start()
    written(tmp_path / f"net{suffix}", {f"layer_{i}/kernel": Made() for i in range(20)}, Manifest())
    _, peak = tracemalloc.get_traced_memory()
    contents = open_file(tmp_path / f"net{suffix}")
    tracemalloc.reset_peak()
    contents.check()
    _, checked = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * (4 << 20)
    assert checked < 4 << 20


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(DTYPES), max_size=4), st.text(max_size=8), st.data())
def test_any_names_and_shapes(dtypes: list[str], name: str, data: st.DataObject) -> None:
    shapes = st.lists(st.integers(0, 3), max_size=3)
    given_ = {
        f"{part(name)}/{number}": Given(array(dtype, *data.draw(shapes)))
        for number, dtype in enumerate(dtypes)
    }
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path, stream = Path(folder) / f"net{suffix}", io.BytesIO()
            writer_for(path)(stream, given_, Manifest())
            path.write_bytes(stream.getvalue())
            found = exhausted(path)
            assert list(found.model.parameters) == list(given_)
            for address, entry in given_.items():
                assert same(found.model.parameters[address].numpy(), entry.array)


def test_what_safetensors_cannot_hold_is_said_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(FormatError, match=r"holds no complex128(.|\n)*\.npz"):
        written(path, {"a": Given(np.zeros(2, "float32")), "b": Given(np.zeros(2, "complex128"))})
    assert not list(tmp_path.iterdir())
    written(tmp_path / "net.npz", {"b": Given(np.full(2, 1j, "complex128"))}, Manifest())
    assert open_file(tmp_path / "net.npz").model.parameters["b"].numpy()[0] == 1j


@pytest.mark.parametrize("write", [write_safetensors, write_npz])
def test_values_that_are_not_as_they_were_told_leave_no_file(write: Any, tmp_path: Path) -> None:
    class Liar(Given):
        def numpy(self) -> Any:
            return np.zeros(3, "float64")

    with pytest.raises(FormatError, match="it told float32"):
        write(tmp_path / "net", {"a": Liar(np.zeros(2, "float32"))}, Manifest())
    assert not list(tmp_path.iterdir())


def test_a_suffix_that_nobody_writes(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"suffix '\.bin'(.|\n)*\.safetensors, \.npz"):
        writer_for(tmp_path / "net.bin")


def test_values_in_a_file_are_not_assigned(tmp_path: Path) -> None:
    path = written(tmp_path / "net.npz", {"a": Given(np.zeros(2, "float32"))}, Manifest())
    with pytest.raises(AssignmentError, match="only read"):
        open_file(path).model.parameters["a"].assign(np.ones(2, "float32"))
