"""Folders of Hugging Face: shards, configurations, and indices that lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from parametry.errors import FormatError
from parametry.formats.hugging_face import file_of_folder, read, recognises
from parametry.formats.peek import Peek
from parametry.formats.registry import open_file

INDEX = "model.safetensors.index.json"


def folder(path: Path, **changes: Any) -> Path:
    """Two shards with an index and a configuration."""
    path.mkdir(parents=True, exist_ok=True)
    first = {"embed.weight": np.ones((4, 2)), "layers.0.weight": np.arange(6.0).reshape(2, 3)}
    save_file(first, path / "a.safetensors")
    save_file({"layers.0.bias": np.ones(2, "f2")}, path / "b.safetensors")
    places = {
        "embed.weight": "a.safetensors",
        "layers.0.bias": "b.safetensors",
        "layers.0.weight": "a.safetensors",
    }
    index = {"metadata": {"total_size": 84}, "weight_map": places | changes.pop("places", {})}
    (path / INDEX).write_text(json.dumps(index | changes))
    (path / "config.json").write_text(
        json.dumps({"architectures": ["Net"], "hidden_size": 2, "transformers_version": "5.0"})
    )
    (path / "generation_config.json").write_text('{"temperature": 0.5}')
    return path / INDEX


def test_shards_are_one_model_with_its_configuration(tmp_path: Path) -> None:
    index = folder(tmp_path / "net")
    assert file_of_folder(tmp_path / "net") == index
    assert recognises(Peek.at(index))
    contents = read(index)
    contents.check()
    model = contents.model
    assert (contents.format, model.name, model.class_name) == ("hugging face", "net", "Net")
    assert list(model.parameters) == ["embed/weight", "layers/0/bias", "layers/0/weight"]
    assert model.parameters["layers/0/weight"].numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert contents.view("layers/0/bias") is not None
    assert {address: layer.parameters for address, layer in model.layers.items()} == {
        "embed": 8,
        "layers": 8,
        "layers/0": 8,
    }
    assert {address: entry.value for address, entry in model.hyperparameters.items()} == {
        "model/architectures": ["Net"],
        "model/hidden_size": 2,
        "environment/transformers_version": "5.0",
        "model/generation/temperature": 0.5,
    }
    assert model.totals.parameters == 16


def test_one_file_with_a_configuration_beside_it(tmp_path: Path) -> None:
    save_file({"lora.weight": np.ones((2, 2), "f4")}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text('{"r": 8}')
    found = file_of_folder(tmp_path)
    assert found == tmp_path / "adapter_config.json"
    contents = read(found)
    contents.check()
    assert list(contents.model.parameters) == ["lora/weight"]
    assert contents.model.hyperparameters["model/adapter/r"].value == 8


def test_torch_shards(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "torch" / "state_dict.pt"
    (tmp_path / "shard.bin").write_bytes(golden.read_bytes())
    names = [
        *("scale", "encoder.weight", "encoder.bias", "layers.0.weight", "layers.0.bias"),
        *(f"layers.1.{name}" for name in ("weight", "bias", "running_mean", "running_var")),
        *("layers.1.num_batches_tracked", "head.weight", "head.bias", "decoder.weight"),
    ]
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(names, "shard.bin")}))
    model = read(index).model
    assert len(model.parameters) == len(names) - 2
    assert model.parameters["head/weight"].address == "layers/0/weight"


@pytest.mark.parametrize(
    "changes",
    [
        {"places": {"embed.weight": "../net/a.safetensors"}},
        {"places": {"embed.weight": "/etc/passwd"}},
        {"places": {"embed.weight": "a.safetensors\0"}},
        {"places": {"embed.weight": ""}},
        {"places": {"embed.weight": "missing.safetensors"}},
        {"places": {"embed.weight": "config.json"}},
        {"places": {"embed.weight": "b.safetensors"}},
        {"places": {"embed.weight": 3}},
        {"places": {"more": "a.safetensors"}},
        {"weight_map": {"embed.weight": "a.safetensors"}},
        {"weight_map": {}},
        {"weight_map": []},
    ],
)
def test_an_index_that_lies_is_a_format_error(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        read(folder(tmp_path / "net", **changes))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "[" * 5000, '{"a": NaN}'])
def test_a_configuration_that_is_none_is_a_format_error(tmp_path: Path, text: str) -> None:
    index = folder(tmp_path / "net")
    (tmp_path / "net" / "config.json").write_text(text)
    with pytest.raises(FormatError):
        read(index)


def test_links_stay_within_the_folder_or_the_cache(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    (tmp_path / "secret").write_bytes((tmp_path / "net" / "b.safetensors").read_bytes())
    (tmp_path / "net" / "b.safetensors").unlink()
    (tmp_path / "net" / "b.safetensors").symlink_to(tmp_path / "secret")
    with pytest.raises(FormatError, match="link"):
        read(tmp_path / "net" / INDEX)
    cached = tmp_path / "models--net" / "snapshots" / "1f"
    index = folder(cached)
    blobs = tmp_path / "models--net" / "blobs"
    blobs.mkdir()
    (cached / "b.safetensors").rename(blobs / "77")
    (cached / "b.safetensors").symlink_to("../../blobs/77")
    read(index).check()


def test_a_folder_is_opened_by_its_path(tmp_path: Path) -> None:
    folder(tmp_path / "net")
    assert open_file(tmp_path / "net").format == "hugging face"
    assert open_file(tmp_path / "net" / INDEX).model == read(tmp_path / "net" / INDEX).model
    # A lone file of a folder stays what it is.
    assert open_file(tmp_path / "net" / "a.safetensors").format == "safetensors"


def test_many_shards_are_listed_in_the_order_of_the_index(tmp_path: Path) -> None:
    places = {}
    for shard in range(30):
        arrays = {f"layers.{shard}.{n}.weight": np.ones(1, "f4") for n in range(20)}
        save_file(arrays, tmp_path / f"{shard}.safetensors")
        places.update(dict.fromkeys(arrays, f"{shard}.safetensors"))
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": places}))
    model = open_file(tmp_path).model
    assert [entry.native_name for entry in model.parameters.values()] == list(places)
    assert len(model.layers) == 1 + 30 + 600
