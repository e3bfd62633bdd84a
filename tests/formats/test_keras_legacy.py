"""Files as Keras 1 and 2 write them: what the live models had, what damage and malice lead to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.registry import open_file

from ..hostile.corpus.hdf5 import hdf5
from ..hostile.corpus.keras_legacy import weights
from .conftest import GOLDEN, exhausted

Refused = Callable[..., FormatError]
LEGACY = GOLDEN / "legacy"
EXPECTED = json.loads((LEGACY / "expected.json").read_text())
MODELS = sorted(EXPECTED)
KERAS2 = [name for name in MODELS if name != "modern"]


def told(entry: Any) -> dict[str, Any]:
    return {
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "sha256": hashlib.sha256(entry.numpy().tobytes()).hexdigest(),
        "role": entry.role,
    }


def kept(name: str) -> dict[str, Any]:
    """What the live model had, without the state of its generators, which the file has not."""
    found = EXPECTED[name]["parameters"]
    return {at: one for at, one in found.items() if not at.endswith("generator_state")}


@pytest.mark.parametrize("name", MODELS)
def test_a_whole_model_gives_what_the_live_one_had(name: str) -> None:
    contents = exhausted(LEGACY / f"{name}.h5")
    model, expected = contents.model, EXPECTED[name]
    assert {at: told(entry) for at, entry in model.parameters.items()} == kept(name)
    assert {at: told(entry) for at, entry in model.optimizer_parameters.items()} == expected[
        "optimizer"
    ]
    assert {at: list(entry.aliases) for at, entry in model.parameters.items()} == {
        at: expected["aliases"][at] for at in kept(name)
    }
    assert contents.format == "keras_legacy"
    assert contents.manifest is None
    assert model.gaps() == ()
    assert model.framework == ("keras 3.15.1" if name == "modern" else "keras 2.21.0")


@pytest.mark.parametrize("name", MODELS)
def test_every_array_is_what_h5py_reads(name: str) -> None:
    contents = open_file(LEGACY / f"{name}.h5")
    with h5py.File(LEGACY / f"{name}.h5") as file:
        stored = [
            group[weight][()]
            for group in [*file["model_weights"].values(), file.get("optimizer_weights")]
            if group is not None
            for weight in group.attrs["weight_names"]
        ]
    read = [*contents.model.parameters.values(), *contents.model.optimizer_parameters.values()]
    tied = sum(len(entry.aliases) for entry in read)
    assert len(read) + tied == len(stored)
    known = {(one.shape, one.dtype.name, one.tobytes()) for one in stored}
    assert {(e.shape, e.dtype, e.numpy().tobytes()) for e in read} == known


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_weights_alone_give_the_same_addresses(name: str) -> None:
    found = exhausted(LEGACY / f"{name}_weights.h5").model.parameters
    assert {at: told(entry) for at, entry in found.items()} == kept(name)


def test_weights_alone_cannot_tell_what_a_nested_model_is_made_of() -> None:
    found = exhausted(LEGACY / "nested_weights.h5").model.parameters
    assert "inner/dense/kernel" in found  # in truth below inner/sequential
    assert found["inner/first/kernel"].role == "trainable"  # in truth frozen


def test_a_shared_layer_without_its_configuration_is_two() -> None:
    found = exhausted(LEGACY / "shared_weights.h5").model.parameters
    assert sorted(found) == [
        "common/bias", "common/kernel", "tower/common/bias", "tower/common/kernel"
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*KERAS2, "modern"])
def test_layers_have_their_classes(name: str) -> None:
    layers = open_file(LEGACY / f"{name}.h5").model.layers
    expected = EXPECTED[name]["classes"]
    assert {at: layer.class_name for at, layer in layers.items()} == {
        # Attention makes these for itself, and no file tells of them.
        at: found
        for at, found in expected.items()
        if at.rpartition("/")[2] not in ("softmax", "dropout") or "/" not in at
    }


# What live objects keep of themselves, and no configuration tells.
NOT_TOLD = {
    *("dynamic", "autocast", "type_spec", "input_shape", "batch_size", "rng_type", "fused"),
    *("renorm", "adjustment", "virtual_batch_size", "synchronized", "adaptive_epsilon", "layer"),
    *(
        "gradient_aggregator",
        "gradient_transformers",
        "jit_compile",
        "run_eagerly",
        "implementation",
    ),
    *("steps_per_execution", "activity_regularizer", "lora_alpha", "lora_rank", "use_cudnn"),
    *("auto_scale_loss", "backward_layer"),
}
# What configurations tell to build a model again.
TOLD_ALONE = {"batch_input_shape", "query_shape", "key_shape", "value_shape"}


@pytest.mark.parametrize("name", MODELS)
def test_hyperparameters_are_those_of_the_live_model(name: str) -> None:
    model = open_file(LEGACY / f"{name}.h5").model
    found = {at: entry.value for at, entry in model.hyperparameters.items()}
    live = EXPECTED[name]["hyperparameters"]
    assert {at: value for at, value in found.items() if at not in live}.keys() <= {
        at for at in found if at.rpartition("/")[2] in TOLD_ALONE
    }
    differing = {at for at in found.keys() & live.keys() if found[at] != live[at]}
    assert not differing
    made_inside = ("lstm_cell", "gru_cell", "multi_head_attention")
    missing = {
        at
        for at in live.keys() - found.keys()
        if at.startswith(("model/", "optimizer", "compile/"))
        and at.rpartition("/")[2] not in NOT_TOLD
        and not any(f"/{layer}/" in at for layer in made_inside)
    }
    assert missing <= UNTOLD


# A Sequential says nothing of itself, an input not that it is trained, and the rate is computed.
UNTOLD = {
    *(
        "model/dtype",
        "model/trainable",
        "model/inner/trainable",
        "model/inner/sequential/trainable",
    ),
    *("model/tower/trainable", "model/input/trainable", "model/input_1/trainable"),
    *("model/inner/first_input/trainable", "model/inner/sequential/input/trainable"),
    *("model/tower/common_input/trainable", "model/input_layer/trainable"),
    *("model/sequential/input_layer/trainable", "optimizer/learning_rate"),
}


def test_what_was_chosen_is_told_with_the_classes_of_today() -> None:
    found = open_file(LEGACY / "mlp.h5").model.hyperparameters
    assert found["model/dense/class"].value == "tf_keras.layers.Dense"
    assert found["model/head/kernel_regularizer/l2"].value == 0.01
    assert found["optimizer"].value == "adam"
    assert found["optimizer/learning_rate/class"].value == (
        "tf_keras.optimizers.schedules.ExponentialDecay"
    )
    assert found["compile/metrics"].value == ["mae"]
    legacy = open_file(LEGACY / "lstm.h5").model.hyperparameters
    assert legacy["optimizer/class"].value == "tf_keras.optimizers.legacy.SGD"
    assert legacy["optimizer/learning_rate"].value == 0.1
    assert legacy["model/bidirectional/backward_lstm/go_backwards"].value is True


# ---------------------------------------------------------------- damage and malice


@pytest.mark.parametrize("name", ["mlp.h5", "shared.h5", "lstm_weights.h5"])
def test_a_file_cut_short_anywhere(name: str, tmp_path: Path) -> None:
    content = (LEGACY / name).read_bytes()
    path = tmp_path / "cut.h5"
    for length in [*range(8), *range(8, len(content), len(content) // 150)]:
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            exhausted(path)


damage = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.sampled_from([0, 1, 0x22, 0x7B, 0x7F, 0x80, 0xFF])),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("name", ["mlp.h5", "lstm.h5", "shared.h5", "nested_weights.h5"])
@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=damage)
def test_damaged_bytes_end_in_values_or_a_format_error(
    name: str, changes: list[tuple[int, int]], tmp_path: Path
) -> None:
    content = bytearray((LEGACY / name).read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path = tmp_path / "damaged.h5"
    path.write_bytes(content)
    try:
        exhausted(path)
    except FormatError as error:
        assert str(path) in str(error)


def test_one_long_text_that_many_references_lead_to(refused: Refused) -> None:
    def make(root: Any) -> None:
        weights(root, "dense/kernel:0")
        root.attrs["keras_version"] = "v" * 10_000
        root["dense"].attrs["weight_names"] = np.array(["n"] * 2000, dtype=object)

    content = bytearray(hdf5(make))
    long = content.index((10_000).to_bytes(4, "little"), content.index(b"keras_version"))
    short = re.search(rb"(?:\x01\0\0\0.{12}){2000}", content, re.DOTALL)
    assert short is not None
    content[short.start() : short.end()] = bytes(content[long : long + 16]) * 2000
    assert "longer together than the file" in str(refused(bytes(content), ".h5"))


def test_a_list_that_is_longer_than_an_attribute_may_be(tmp_path: Path) -> None:
    names = [f"a_rather_long_name_of_a_layer_{number}" for number in range(3000)]

    def make(root: Any) -> None:
        for piece in range(3):
            found = names[1000 * piece : 1000 * (piece + 1)]
            root.attrs[f"layer_names{piece}"] = np.array([name.encode() for name in found])
        for name in names:
            group = root.create_group(name)
            group.attrs["weight_names"] = np.array([f"{name}/scale:0".encode()])
            group[f"{name}/scale:0"] = np.float32(1)

    path = tmp_path / "many.h5"
    path.write_bytes(hdf5(make))
    found = open_file(path).model.parameters
    assert list(found) == [f"{name}/scale" for name in names]


def test_an_array_that_no_list_names_is_a_gap(tmp_path: Path) -> None:
    def make(root: Any) -> None:
        weights(root, "dense/kernel:0")
        root["dense/hidden"] = np.zeros(3)

    path = tmp_path / "more.h5"
    path.write_bytes(hdf5(make))
    contents = exhausted(path)
    assert list(contents.model.parameters) == ["dense/kernel"]
    assert [gap.subject for gap in contents.model.gaps()] == ["dense/hidden"]


def test_names_of_keras_1_and_a_configuration_that_is_a_list(tmp_path: Path) -> None:
    def make(root: Any) -> None:
        layers = [{"class_name": "Dense", "config": {"name": "dense_1", "output_dim": 3}}]
        root.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers})
        root.attrs["keras_version"] = "1.2.2"
        held = root.create_group("model_weights")
        held.attrs["layer_names"] = np.array([b"dense_1"])
        group = held.create_group("dense_1")
        group.attrs["weight_names"] = np.array([b"dense_1_W", b"dense_1_b"])
        group["dense_1_W"], group["dense_1_b"] = np.zeros((2, 3)), np.zeros(3)

    path = tmp_path / "old.h5"
    path.write_bytes(hdf5(make))
    contents = exhausted(path)
    assert list(contents.model.parameters) == ["dense/W", "dense/b"]
    assert contents.model.framework == "keras 1.2.2"
    assert contents.model.hyperparameters["model/dense/output_dim"].value == 3


def test_a_cell_whose_variables_keras_2_names_after_the_layer_around_it(tmp_path: Path) -> None:
    def make(root: Any) -> None:
        config = {"class_name": "ConvLSTM2D", "config": {"name": "conv_lstm2d_3"}}
        layers = {"name": "net", "layers": [config]}
        root.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": layers})
        root.attrs["keras_version"] = "2.15.0"
        held = root.create_group("model_weights")
        held.attrs["layer_names"] = np.array([b"conv_lstm2d_3"])
        group = held.create_group("conv_lstm2d_3")
        group.attrs["weight_names"] = np.array([b"conv_lstm2d_3/kernel:0"])
        group["conv_lstm2d_3/kernel:0"] = np.zeros((2, 2, 1, 8), "float32")

    path = tmp_path / "cell.h5"
    path.write_bytes(hdf5(make))
    found = exhausted(path).model.parameters
    assert list(found) == ["conv_lstm2d/conv_lstm_cell/kernel"]
    assert found["conv_lstm2d/conv_lstm_cell/kernel"].layer_class == "ConvLSTMCell"
