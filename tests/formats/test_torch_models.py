"""What a torch file is taken for: addresses, roles, layers, ties and hyperparameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parametry.core.value import to_json_value
from parametry.formats.registry import open_file

GOLDEN = Path(__file__).parent / "golden" / "torch"
NET = [
    *("scale", "encoder/weight", "encoder/bias", "layers/0/weight", "layers/0/bias"),
    *("layers/1/weight", "layers/1/bias", "layers/1/running_mean", "layers/1/running_var"),
    *("layers/1/num_batches_tracked", "head/bias"),
]
TIES = ["layers/0/weight = head/weight", "encoder/weight = decoder/weightᵀ"]
KINDS = {
    "state_dict.pt": "torch",
    "state_dict_protocol_5.pt": "torch",
    "state_dict_legacy.pt": "torch legacy",
    "whole.pt": "torch",
    "whole_legacy.pt": "torch legacy",
    "scripted.pt": "torchscript",
    "lightning.ckpt": "torch",
}


@pytest.mark.parametrize("name", KINDS)
def test_the_same_network_has_the_same_addresses_in_every_file(name: str) -> None:
    contents = open_file(GOLDEN / name)
    assert contents.format == KINDS[name]
    assert list(contents.model.parameters) == NET
    assert [str(tie) for tie in contents.model.ties] == TIES
    assert contents.model.parameters["head/weight"].address == "layers/0/weight"
    assert contents.model.parameters["layers/0/weight"].native_name == "layers.0.weight"


@pytest.mark.parametrize("name", ["whole.pt", "whole_legacy.pt", "scripted.pt"])
def test_a_whole_model_tells_roles_and_layers(name: str) -> None:
    model = open_file(GOLDEN / name).model
    roles = {address: entry.role for address, entry in model.parameters.items()}
    assert roles["encoder/weight"] == "trainable"
    assert roles["encoder/bias"] == "frozen"
    assert [address for address, role in roles.items() if role == "state"] == [
        "scale",
        *(f"layers/1/{name}" for name in ("running_mean", "running_var", "num_batches_tracked")),
    ]
    classes = {address: layer.class_name for address, layer in model.layers.items()}
    assert classes == {
        "encoder": "Linear",
        "layers": "ModuleList",
        "layers/0": "Linear",
        "layers/1": "BatchNorm1d",
        "head": "Linear",
        "decoder": "Linear",
    }
    assert model.parameters["encoder/weight"].layer_class == "Linear"
    assert model.class_name.endswith("Net")
    assert model.hyperparameters["model/width"].value == 4
    assert model.coverage == ()


def test_a_whole_model_tells_its_layers_settings() -> None:
    chosen = open_file(GOLDEN / "whole.pt").model.hyperparameters
    assert chosen["model/encoder/class"].value == "torch.nn.modules.linear.Linear"
    assert chosen["model/encoder/in_features"].value == 4
    assert chosen["model/layers/1/momentum"].value == 0.1
    assert chosen["model/layers/1/affine"].value is True
    assert not [address for address in chosen if "/_" in address or "training" in address]


def test_a_state_dict_takes_roles_from_names_and_says_so() -> None:
    model = open_file(GOLDEN / "state_dict.pt").model
    state = [address for address, entry in model.parameters.items() if entry.role == "state"]
    assert state == [
        f"layers/1/{name}" for name in ("running_mean", "running_var", "num_batches_tracked")
    ]
    assert len(model.hyperparameters) == 0
    assert [gap.subject for gap in model.coverage] == ["model/"]


def test_parameters_in_a_dict_tell_whether_they_are_trained() -> None:
    parameters = open_file(GOLDEN / "special.pt").model.parameters
    assert parameters["parameter"].role == "trainable"
    assert parameters["frozen"].role == "frozen"
    assert parameters["integers"].role == "state"
    assert parameters["channels/scales"].role == "state"
    assert parameters["sparse/values"].role == "trainable"


def test_a_checkpoint_is_taken_apart_by_its_keys() -> None:
    model = open_file(GOLDEN / "checkpoint.pt").model
    assert list(model.parameters) == NET
    # The averaged weights of this file are the model's own tensors, so they are ties.
    assert "ema/shadow/head/bias" in model.parameters["head/bias"].aliases
    chosen = {address: entry.value for address, entry in model.hyperparameters.items()}
    assert chosen["optimizer/param_groups/0/lr"] == 0.01
    assert chosen["optimizer/param_groups/1/lr"] == 0.1
    assert chosen["optimizer/param_groups/1/betas"] == [0.9, 0.999]
    assert "optimizer/param_groups/0/params" not in chosen
    assert chosen["optimizer/lr_scheduler/step_size"] == 3
    assert chosen["script/args/batch_size"] == 32
    assert chosen["script/args/out"] == "runs/1"
    assert chosen["script/args/betas"] == [0.9, 0.99]
    assert chosen["fit/epoch"] == 3
    assert chosen["fit/best"] == 0.25
    assert chosen["fit/loss"] == 0.5
    assert chosen["fit/made"] == "2026-11-22T13:30:00"
    assert chosen["fit/dtype"] == "float16"
    assert chosen["fit/device"] == "cpu"
    assert chosen["fit/counts"] == {"a": 2, "b": 1}
    assert chosen["fit/seen"] == [1, 2]
    assert chosen["fit/big"] == 2**70
    assert chosen["fit/text"] == "Größe"
    history = chosen["fit/history"]
    assert isinstance(history, dict)
    assert history["shape"] == [3]
    assert history["dtype"] == "int64"
    json.dumps(to_json_value(model.to_dict()), allow_nan=False)


def test_lightning_hyperparameters_are_the_models() -> None:
    model = open_file(GOLDEN / "lightning.ckpt").model
    chosen = {address: entry.value for address, entry in model.hyperparameters.items()}
    assert chosen["model/width"] == 4
    assert chosen["model/widths"] == [1, 2]
    assert chosen["data/batch_size"] == 8
    assert chosen["optimizer/lr"] == 0.1
    assert chosen["optimizer/momentum"] == 0.9
    assert chosen["optimizer/lr_schedulers/gamma"] == 0.5
    assert chosen["callbacks/EarlyStopping{'monitor': 'loss'}"] == {"patience": 3, "best": 0.5}
    assert chosen["environment/pytorch-lightning_version"] == "2.6.0"
    assert chosen["fit/global_step"] == 7
    # torch 2.6 and later writes the names of what an optimizer trains, where it was given them.
    assert list(model.optimizer_parameters) == [
        "optimizer/weight/momentum_buffer",
        "optimizer/bias/momentum_buffer",
    ]
    assert {entry.origin for entry in model.hyperparameters.values()} == {None}


def test_ties_are_equal_views_and_no_others() -> None:
    model = open_file(GOLDEN / "views.pt").model
    assert [str(tie) for tie in model.ties] == [
        "base = whole",
        "matrix = matrix_again = turnedᵀ",
        "square = square_turnedᵀ",
    ]
    assert model.parameters["part"].numpy().tolist() == [4, 5, 6, 7, 8, 9]
    assert model.parameters["turned"].address == "matrix"


def test_a_lone_tensor_has_the_files_name() -> None:
    model = open_file(GOLDEN / "tensor.pt").model
    assert list(model.parameters) == ["tensor"]
    assert model.parameters["tensor"].numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_tar_file_gives_its_tensors_and_views() -> None:
    contents = open_file(GOLDEN / "tar.pt")
    assert contents.format == "torch tar"
    parameters = contents.model.parameters
    assert list(parameters) == ["fc/weight", "fc/bias", "part"]
    assert parameters["fc/weight"].numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert parameters["fc/bias"].dtype == "float64"
    assert parameters["part"].numpy().tolist() == [[2, 3], [4, 5]]
