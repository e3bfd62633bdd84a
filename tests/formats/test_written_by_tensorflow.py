"""SavedModels, exports and partitioned variables, written by TensorFlow now, against what they are.

One process writes them all, since importing TensorFlow and Keras takes longer than the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parametry as pm
from parametry.formats.tensorflow_slices import key_of_slice, pieces_of

PROGRAM = Path(__file__).parent / "programs" / "write_by_tensorflow.py"
KERAS_2 = ("functional", "subclassed")
# What live objects keep of themselves, and no configuration tells.
NOT_TOLD = {
    *("autocast", "backward_layer", "batch_size", "dynamic", "input_shape", "jit_compile"),
    *("layer", "optional", "rng_type", "robust_masking", "run_eagerly", "steps_per_execution"),
    *("type_spec", "activity_regularizer", "synchronized", "fused", "renorm", "adjustment"),
    "adaptive_epsilon",
    *("virtual_batch_size", "gradient_aggregator", "gradient_transformers", "implementation"),
}
# What configurations tell to build a model again.
TOLD_ALONE = {"batch_input_shape", "query_shape", "key_shape", "value_shape"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    environment = {**os.environ, "PARAMETRY": "0"}
    done = subprocess.run(
        [sys.executable, PROGRAM, folder],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def expected(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return found[name]


def arrays(folder: Path, name: str) -> dict[str, Any]:
    with np.load(folder / "expected.npz") as file:
        return {key.partition(":")[2]: file[key] for key in file if key.startswith(f"{name}:")}


def own(view: pm.Model) -> list[str]:
    """Without what is no part of the model: the state of its metrics."""
    return [address for address in view.parameters if not address.startswith("metrics/")]


# ---------------------------------------------------------------- Keras 2


@pytest.mark.parametrize("name", KERAS_2)
def test_a_saved_model_has_the_addresses_of_the_live_one(written: Path, name: str) -> None:
    view, live = pm.inspect(written / name), expected(written, name)
    assert own(view) == list(live["parameters"])
    assert {at: view.parameters[at].role for at in own(view)} == live["parameters"]
    layers = {at: layer.class_name for at, layer in view.layers.items()}
    assert {at: kind for at, kind in layers.items() if not at.startswith("metrics")} == (
        live["layers"]
    )
    # The rate is a variable; that of a schedule, the file's alone.
    rates = {"optimizer/learning_rate", "optimizer/current_learning_rate"}
    assert set(view.optimizer_parameters) - rates == set(live["optimizer"]) - rates


@pytest.mark.parametrize("name", KERAS_2)
def test_a_saved_model_has_the_values_of_the_live_one(written: Path, name: str) -> None:
    view = pm.inspect(written / name)
    for address, array in arrays(written, name).items():
        held = view.parameters if address in view.parameters else view.optimizer_parameters
        found = held[address].numpy()
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("name", KERAS_2)
def test_a_saved_model_has_the_hyperparameters_of_the_live_one(written: Path, name: str) -> None:
    found = {at: entry.value for at, entry in pm.inspect(written / name).hyperparameters.items()}
    live = expected(written, name)["hyperparameters"]
    alone = found.keys() - live.keys()
    assert {at.rpartition("/")[2] for at in alone} <= TOLD_ALONE
    assert {at: value for at, value in found.items() if at not in alone} == {
        at: live[at] for at in found.keys() & live.keys()
    }
    missing = {
        at
        for at in live.keys() - found.keys()
        if at.startswith(("model/", "optimizer", "compile/"))
        and at.rpartition("/")[2] not in NOT_TOLD
    }
    assert missing <= {
        # A graph of layers says nothing of itself, an input not that it is trained.
        *("model/dtype", "model/inner/dtype", "model/trainable", "model/inner/trainable"),
        *("model/input/trainable", "model/inner/input/trainable"),
        "optimizer/learning_rate",  # what a schedule makes of it now
    }


def test_a_layer_of_the_users_own_class_tells_what_is_in_it(written: Path) -> None:
    view = pm.inspect(written / "subclassed")
    assert (view.name, view.class_name) == ("net", "Net")
    assert view.hyperparameters["model/block/width"].value == 5
    assert view.hyperparameters["model/block/dense/activation"].value == "gelu"
    assert view.hyperparameters["model/gru/gru_cell/units"].value == 2
    assert view.hyperparameters["optimizer/momentum"].value == 0.9
    assert view.parameters["dense/kernel"].role == "frozen"


# ---------------------------------------------------------------- Keras 3


@pytest.mark.parametrize("name", ["exported", "exported_checkpoint"])
def test_what_keras_3_exports_has_the_addresses_of_the_live_model(written: Path, name: str) -> None:
    view, live = pm.inspect(written / name), arrays(written, "exported")
    # TensorFlow tells of a random generator's state without the layer that it is in.
    named = [address for address in view.parameters if "seed_generator" not in address]
    assert named == [address for address in live if "seed_generator" not in address]
    for address in named:
        assert view.parameters[address].numpy().tobytes() == live[address].tobytes()


def test_a_checkpoint_of_a_class_of_keras_3_goes_by_its_attributes(written: Path) -> None:
    """Keras names all that is built in the model's call after the model alone."""
    view = pm.inspect(written / "exported_subclassed_checkpoint")
    live = arrays(written, "exported_subclassed")
    same = {
        "encoder/gain": "encoder/gain",
        "encoder/first/kernel": "encoder/dense/kernel",
        "rnn/cell/recurrent_kernel": "lstm/lstm_cell/recurrent_kernel",
        "attention/_query_dense/kernel": "multi_head_attention/query/kernel",
        "head/bias": "dense/bias",
    }
    for address, other in same.items():
        assert view.parameters[address].numpy().tobytes() == live[other].tobytes()


def test_an_export_of_a_class_has_each_variable_once(written: Path) -> None:
    view = pm.inspect(written / "exported_subclassed")
    live = arrays(written, "exported_subclassed")
    assert sorted(entry.numpy().tobytes() for entry in view.parameters.values()) == sorted(
        array.tobytes() for array in live.values()
    )
    assert view.parameters["variables/7/moving_mean"].role == "state"


# ---------------------------------------------------------------- slices


def test_partitioned_variables_are_put_together(written: Path) -> None:
    contents = pm.inspect(written / "partitioned")
    held = arrays(written, "partitioned")
    assert set(contents.parameters) == set(held) == {"rows", "columns", "middle", "one", "whole"}
    for name, array in held.items():
        found = contents.parameters[name].numpy()
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert found.tobytes() == array.tobytes()
    assert contents.gaps() == ()


@pytest.mark.parametrize(
    "slices",
    [
        [],
        [((0, 3), (0, -1))],
        [((0, 3), (0, -1)), ((2, 2), (0, -1))],
        [((0, 1), (0, -1)), ((2, 2), (0, -1))],
        [((0, 4), (0, 1)), ((0, 2), (1, 1)), ((2, 2), (1, 1))],
        [((0, -1),)],
        [((0, 2), (0, -1)), ((2, 1 << 62), (0, -1))],
        [((0, 4), (0, 2)), ((0, -1), (0, -1))],
    ],
)
def test_slices_that_make_no_whole(slices: list[tuple[tuple[int, int], ...]]) -> None:
    assert pieces_of(b"w", (4, 2), slices) is None


@pytest.mark.parametrize("extent", [(0, -1), (63, 64), (8191, 8192), (1 << 61, (1 << 63) - 1)])
def test_keys_of_slices_sort_as_their_numbers(extent: tuple[int, int]) -> None:
    """TensorFlow's own test of ordered codes: a greater number has greater bytes."""
    start, length = extent
    keys = [key_of_slice(b"w\0\xff", [(number, length)]) for number in (start, start + 1)]
    assert keys[0] < keys[1]
