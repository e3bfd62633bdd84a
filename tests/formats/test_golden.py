"""Files of the stock packages: values, addresses and roles are those of what wrote them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parametry.formats.registry import open_file

from .conftest import EXPECTED, GOLDEN, exhausted

MODELS = [name for name in EXPECTED if name != "arrays"]


def told(entry: Any) -> dict[str, Any]:
    values = entry.numpy()
    return {
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
        "role": entry.role,
    }


def kept(name: str) -> dict[str, Any]:
    """What the live model had, without the state of its generators, which Keras does not store."""
    return {at: one for at, one in EXPECTED[name].items() if not at.endswith("generator_state")}


@pytest.mark.parametrize("name", MODELS)
def test_a_keras_archive_gives_what_the_live_model_had(name: str) -> None:
    contents = exhausted(GOLDEN / f"{name}.keras")
    found = {address: told(entry) for address, entry in contents.model.parameters.items()}
    assert found == kept(name)
    assert contents.format == "keras"
    assert contents.model.framework == "keras 3.15.1"
    assert contents.config is not None
    assert contents.manifest is None


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("attention", "half")])
def test_weights_alone_give_the_same_addresses(name: str) -> None:
    contents = exhausted(GOLDEN / f"{name}.weights.h5")
    found = {address: told(entry) for address, entry in contents.model.parameters.items()}
    for entry in [*found.values(), *kept(name).values()]:
        entry.pop("role")  # nothing in the file tells what is frozen
    assert found == kept_without_roles(name)


def kept_without_roles(name: str) -> dict[str, Any]:
    return {
        address: {key: value for key, value in entry.items() if key != "role"}
        for address, entry in kept(name).items()
    }


def test_what_weights_alone_cannot_tell_keeps_its_number() -> None:
    # Without the configuration, one vector of a normalization may be gamma or beta.
    found = open_file(GOLDEN / "attention.weights.h5").model.parameters
    assert "layer_normalization/vars/0" in found
    assert "multi_head_attention/query/kernel" in found


def test_roles_and_classes_come_from_the_configuration() -> None:
    nested = open_file(GOLDEN / "nested.keras").model
    assert nested.parameters["inner/first/kernel"].role == "frozen"
    assert nested.parameters["dense/kernel"].role == "trainable"
    assert nested.layers["inner"].class_name == "Sequential"
    assert nested.parameters["inner/first/kernel"].layer_class == "Dense"
    mlp = open_file(GOLDEN / "mlp.keras").model
    assert mlp.parameters["batch_normalization/moving_mean"].role == "state"
    assert list(mlp.layers) == ["dense", "dropout", "batch_normalization", "head"]


def test_an_optimizer_stands_apart() -> None:
    model = open_file(GOLDEN / "mlp.keras").model
    assert "optimizer/iteration" in model.optimizer_parameters
    assert model.optimizer_parameters["optimizer/iteration"].numpy() == 1
    assert model.optimizer_parameters["optimizer/learning_rate"].numpy() == np.float32(0.001)
    assert not any(at.startswith("optimizer") for at in model.parameters)
    assert all(entry.role == "optimizer" for entry in model.optimizer_parameters.values())


@pytest.mark.parametrize("file", ["arrays.safetensors", "arrays.npz", "packed.npz"])
def test_arrays_of_the_stock_packages(file: str) -> None:
    found = exhausted(GOLDEN / file).model.parameters
    for name, expected in EXPECTED["arrays"].items():
        entry = found[name.replace(".", "/")]
        assert entry.native_name == name
        assert {key: told(entry)[key] for key in expected} == expected


def test_orders_and_dtypes_that_are_not_the_machines() -> None:
    columns = open_file(GOLDEN / "arrays.npz").model.parameters["columns"]
    assert columns.numpy().tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    swapped = open_file(GOLDEN / "packed.npz").model.parameters["swapped"]
    assert (swapped.dtype, swapped.numpy().tolist()) == ("int32", [0, 1, 2])
    brain = open_file(GOLDEN / "arrays.safetensors").model.parameters["brain"]
    assert (brain.dtype, brain.numpy().astype(float).tolist()) == ("bfloat16", [1.0, 1.0, 1.0])


def test_two_values_in_a_byte(tmp_path: Path) -> None:
    entry = {"dtype": "F4", "shape": [2, 2], "data_offsets": [0, 2]}
    header = json.dumps({"small": entry}).encode()
    path = tmp_path / "small.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes([0x21, 0xF7]))
    contents = exhausted(path)
    small = contents.model.parameters["small"]
    assert (small.dtype, small.nbytes) == ("float4_e2m1fn", 2)
    assert small.numpy().astype(float).tolist() == [[0.5, 1.0], [6.0, -6.0]]
    assert contents.view("small") is None


def test_one_array_has_the_address_of_its_file() -> None:
    contents = exhausted(GOLDEN / "array.npy")
    assert contents.model.parameters["array"].numpy()[2, 3] == 11


def test_reading_imports_no_framework_and_no_h5py() -> None:
    code = (
        "import sys, json\n"
        "from parametry.formats.registry import open_file\n"
        "for path in sys.argv[1:]: open_file(path).check()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    files = [str(path) for path in sorted(GOLDEN.iterdir()) if path.suffix in SUFFIXES]
    ran = subprocess.run(
        [sys.executable, "-c", code, *files],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    loaded = set(json.loads(ran.stdout))
    assert len(files) > 10
    assert not loaded & {"h5py", "safetensors", "keras", "tensorflow", "torch", "jax", "numba"}


SUFFIXES = {".keras", ".h5", ".npz", ".npy", ".safetensors"}


def test_the_values_of_a_closed_file_can_be_seen_without_a_copy() -> None:
    contents = open_file(GOLDEN / "mlp.keras")
    view = contents.view("dense/kernel")
    assert view is not None
    assert not view.flags.writeable
    assert np.array_equal(view, contents.model.parameters["dense/kernel"].numpy())
    assert open_file(GOLDEN / "packed.npz").view("big") is None
    assert Path(contents.path).name == "mlp.keras"
