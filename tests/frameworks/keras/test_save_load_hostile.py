"""A ``.keras`` file is a stranger's: nothing that it names is imported, run or opened."""

from __future__ import annotations

import base64
import copy
import json
import marshal
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import parametry as pm

Config = dict[str, Any]


def net() -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, name="first"), layers.Dense(2)])


def config_in(path: Path) -> Config:
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read("config.json")))


def rewritten(path: Path, config: Config, manifest: Config | None = None) -> Path:
    """The file with another configuration."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(config).encode()
    if manifest is not None:
        members["parametry.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pm.save(net(), tmp_path / "net.keras")
    return tmp_path / "net.keras"


def entry(module: str | None, name: str, config: Any = None, registered: Any = None) -> Config:
    inner = {} if config is None else config
    return {
        "module": module,
        "class_name": name,
        "config": inner,
        "registered_name": registered,
    }


BYTECODE = base64.b64encode(marshal.dumps(compile("raise SystemExit(7)", "x", "exec"))).decode()
REFUSED = {
    "another module": entry("os", "system", {"command": "exit 7"}),
    "a builtin": entry("builtins", "eval", {}),
    "a function of another module": entry("os", "function", "system", "system"),
    "a function of Python": entry("builtins", "function", "eval", "eval"),
    "a function that fetches": entry("keras.utils", "function", "get_file", "get_file"),
    "a class that fetches": entry("keras.utils", "get_file", {"fname": "x", "origin": "http://x"}),
    "the switch of safety": entry("keras.config", "enable_unsafe_deserialization", {}),
    "the switch as a function": entry(
        "keras.config", "function", "enable_unsafe_deserialization", None
    ),
    "a loader": entry("keras.models", "load_model", {"filepath": "other.keras"}),
    "a deserializer": entry("keras.layers", "function", "deserialize", "deserialize"),
    "a module within Keras": entry("keras.src.saving.saving_lib", "H5IOStore", {}),
    "a class where it is defined": entry("keras.src.layers.core.dense", "Dense", {"units": 2}),
    "an operation's module that is none": entry("keras.src.ops.numpy", "np", {}),
    "a module that is not loaded": entry("keras.src.ops.nowhere", "Add", {}),
    "a callback": entry("keras.callbacks", "CSVLogger", {"filename": "written.csv"}),
    "code": entry("keras.layers", "Lambda", {"function": entry(None, "__lambda__", BYTECODE)}),
    "code alone": entry("builtins", "__lambda__", {"value": BYTECODE}),
    "a saved function": entry("keras.layers", "TFSMLayer", {"filepath": "/etc"}),
    "a pickle": entry("keras.layers", "TorchModuleWrapper", {"module": "gASVCg=="}),
    "functions of JAX": entry("keras.layers", "JaxLayer", {}),
    "a type of TensorFlow": {**entry("tensorflow", "__typespec__", []), "spec_name": "TensorSpec"},
    "an array of objects": entry(None, "__numpy__", {"value": [1], "dtype": "object"}),
    "an array of text": entry(None, "__numpy__", {"value": ["x"], "dtype": "float32"}),
    "no module": {"class_name": "Dense", "config": {"units": 2}},
    "no arguments": entry("keras.layers", "Dense", "units"),
    "a name that is none": entry("keras.layers", ["Dense"]),  # type: ignore[arg-type]
    "a registered name": entry("keras.layers", "Dense", {"units": 2}, "Test>Trap"),
    "a registered class": entry(None, "Trap", {}, "Test>Trap"),
    "a vocabulary elsewhere": entry("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
    "keras_hub": entry("keras_hub.models", "Backbone", {}),
}
CALLED: list[str] = []


@keras.saving.register_keras_serializable(package="Test")
class Trap(layers.Layer):
    """What the program has registered for files of its own."""

    def __init__(self, **arguments: Any) -> None:
        CALLED.append("Trap")
        super().__init__(**arguments)


@keras.saving.register_keras_serializable(package="Test")
def trap(x: Any) -> Any:
    CALLED.append("trap")
    return x


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("place", ["layer", "argument", "root", "compile"])
def test_what_is_not_allowed(
    what: str, place: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    config = config_in(file)
    bad = copy.deepcopy(REFUSED[what])
    at = {
        "layer": "config/layers/1",
        "argument": "config/layers/1/config/kernel_initializer",
        "root": "config.json",
        "compile": "compile_config/loss",
    }[place]
    if place == "layer":
        config["config"]["layers"][1] = bad
    elif place == "argument":
        config["config"]["layers"][1]["config"]["kernel_initializer"] = bad
    elif place == "compile":
        config["compile_config"] = {"optimizer": "sgd", "loss": bad}
    else:
        config = bad
    before, modules = sorted(file.parent.iterdir()), set(sys.modules)
    with pytest.raises(pm.FormatError) as caught:
        pm.load_model(rewritten(file, config))
    if place != "compile":
        assert at in str(caught.value)
    assert str(file) in str(caught.value)
    assert CALLED == []
    assert sorted(file.parent.iterdir()) == before
    loaded = set(sys.modules) - modules
    assert not any(name.startswith(("keras.src.ops.nowhere", "keras_hub")) for name in loaded)
    assert not keras.config.is_nnx_enabled()


@pytest.mark.parametrize("key", ["activation", "kernel_initializer", "kernel_regularizer"])
def test_names_that_the_program_registered(key: str, file: Path) -> None:
    config = config_in(file)
    config["config"]["layers"][1]["config"][key] = "Test>trap"
    with pytest.raises(pm.FormatError, match="'Test>trap', which the program has registered"):
        pm.load_model(rewritten(file, config))
    assert CALLED == []


def test_what_the_caller_names_is_allowed(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation=trap)])
    pm.save(model, tmp_path / "net.keras")
    with pytest.raises(pm.FormatError, match="custom_objects=") as caught:
        pm.load_model(tmp_path / "net.keras")
    assert "config/layers/1/config/activation" in str(caught.value)
    loaded = pm.load_model(tmp_path / "net.keras", custom_objects={"Test>trap": trap})
    x = np.ones((1, 4), "float32")
    assert np.array_equal(
        keras.ops.convert_to_numpy(loaded(x)), keras.ops.convert_to_numpy(model(x))
    )
    CALLED.clear()


def test_the_callers_object_goes_before_the_programs(tmp_path: Path) -> None:
    class Other(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    config = entry(None, "Trap", {"name": "t"}, "Test>Trap")
    pm.save(net(), tmp_path / "net.keras")
    whole = config_in(tmp_path / "net.keras")
    whole["config"]["layers"].insert(1, config)
    rewritten(tmp_path / "net.keras", whole)
    loaded = pm.load_model(tmp_path / "net.keras", custom_objects={"Test>Trap": Other})
    assert type(loaded.layers[0]) is Other
    assert CALLED == []


def nested(depth: int) -> Config:
    inner = entry("keras.layers", "Dense", {"units": 1})
    for _ in range(depth):
        inner = entry("keras.layers", "TimeDistributed", {"layer": inner})
    return inner


@pytest.mark.parametrize("depth", [60, 90, 240])
def test_nesting_without_end(depth: int, file: Path) -> None:
    config = config_in(file)
    config["config"]["layers"][1] = nested(depth)
    with pytest.raises(pm.FormatError):
        pm.load_model(rewritten(file, config))


@pytest.mark.parametrize("stateful", [False, True])
def test_a_model_that_the_file_cannot_fill_takes_no_memory(stateful: bool, file: Path) -> None:
    config = config_in(file)
    huge = 1 << 24
    for layer in config["config"]["layers"][1:]:
        layer["config"]["units"] = huge
        layer.pop("build_config", None)
    if stateful:
        sequences = keras.layers.LSTM(2, stateful=True, name="state")
        extra = keras.saving.serialize_keras_object(sequences)
        reshape = keras.saving.serialize_keras_object(layers.Reshape((1, huge)))
        config["config"]["layers"] += [reshape, extra]
        config["config"]["layers"][0]["config"]["batch_shape"] = [2, 4]
        config["config"].pop("build_input_shape")
    with pytest.raises(pm.FormatError, match=r"a model of [\d,]+ bytes, its arrays have"):
        pm.load_model(rewritten(file, config))
    assert pm.load_model  # what was not made is not made later either
    assert layers.Dense(2).build((None, 2)) is None


def bad_structures() -> dict[str, Any]:
    return {
        "too few": {"": {"layers": ["input_layer", "first"]}},
        "no list": {"": {"layers": "first"}},
        "no text": {"": {"layers": [1, 2, 3]}},
        "no mapping": {"": ["first"]},
    }


@pytest.mark.parametrize("what", bad_structures())
def test_a_structure_that_does_not_fit(what: str, file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("parametry.json"))
    manifest["structure"] = bad_structures()[what]
    with pytest.raises((pm.FormatError, pm.LoadError)):
        pm.load_model(rewritten(file, config_in(file), manifest))


def test_a_graph_with_a_loop(tmp_path: Path) -> None:
    shared = layers.Dense(4, name="shared")
    inner = keras.Sequential([keras.Input((4,)), shared], name="inner")
    inputs = keras.Input((4,))
    pm.save(keras.Model(inputs, shared(inner(inputs))), tmp_path / "net.keras")
    config = config_in(tmp_path / "net.keras")
    text = json.dumps(config["config"]["layers"][1]["inbound_nodes"])
    config["config"]["layers"][1]["inbound_nodes"] = json.loads(
        text.replace(config["config"]["layers"][0]["name"], "shared")
    )
    with pytest.raises(pm.FormatError, match="loop"):
        pm.load_model(rewritten(tmp_path / "net.keras", config))


def test_a_vocabulary_does_not_go_missing_in_silence(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("assets/layers/string_lookup/vocabulary.txt", "a\nb\n")
    with pytest.raises(pm.LoadError, match="vocabulary"):
        pm.load_model(file)
    assert pm.load(net(), file)


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    for suffix in (".safetensors", ".npz", ".weights.h5"):
        pm.save(net(), tmp_path / f"net{suffix}")
        with pytest.raises(pm.FormatError, match="values alone"):
            pm.load_model(tmp_path / f"net{suffix}")


# ---------------------------------------------------------------- classes of the user's


class Block(keras.Model):
    """Keras keeps what its constructor is given: plain data."""

    def __init__(self, units: int = 3, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units
        self.dense = layers.Dense(units)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return self.dense(x) * self.scale

    def get_config(self) -> Config:
        return {**super().get_config(), "units": self.units}


class Forgetful(keras.Model):
    """Its configuration knows nothing of its arguments."""

    def __init__(self, units: int = 3, rate: float = 0.1) -> None:
        super().__init__()
        self.units, self.rate = units, rate
        self.dense = layers.Dense(units)
        self.drop = layers.Dropout(rate)

    def call(self, x: Any) -> Any:
        return self.drop(self.dense(x))


def test_a_users_class_comes_back(tmp_path: Path) -> None:
    model, x = Block(5), np.ones((2, 4), "float32")
    model(x)
    model.compile("adam", "mse")
    model.fit(x, np.ones((2, 5)), verbose=0)
    pm.save(model, tmp_path / "net.keras")
    with pytest.raises(pm.FormatError, match=r"custom_objects=\{'Block'"):
        pm.load_model(tmp_path / "net.keras")
    loaded = pm.load_model(tmp_path / "net.keras", custom_objects={"Block": Block})
    assert type(loaded) is Block and loaded.units == 5
    assert np.array_equal(*[keras.ops.convert_to_numpy(each(x)) for each in (model, loaded)])
    assert loaded.optimizer.iterations == 1


@pytest.mark.parametrize("arguments", [{"units": 5}, {"rate": 0.9}])
def test_arguments_that_keras_forgets_are_no_other_model(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    model = Forgetful(**arguments)
    model(np.ones((2, 4), "float32"))
    pm.save(model, tmp_path / "net.keras")
    with pytest.raises((pm.LoadError, pm.FormatError)) as caught:
        pm.load_model(tmp_path / "net.keras", custom_objects={"Forgetful": Forgetful})
    assert "get_config" in str(caught.value) or "do not fit together" in str(caught.value)
    other = Forgetful(**arguments)
    other(np.ones((2, 4), "float32"))
    assert pm.load(other, tmp_path / "net.keras")


def test_operations_and_arrays_of_numbers_are_allowed(tmp_path: Path) -> None:
    inputs = keras.Input((4,))
    ramp = keras.initializers.Constant(np.arange(4, dtype="float32"))
    x = layers.Dense(4, bias_initializer=ramp)(inputs)
    x = keras.ops.concatenate([x, x * 2.0], axis=-1)[:, 1:]
    model = keras.Model(inputs, keras.ops.reshape(x, (-1, 7)))
    pm.save(model, tmp_path / "net.keras")
    loaded = pm.load_model(tmp_path / "net.keras")
    given = np.ones((2, 4), "float32")
    assert np.array_equal(*[keras.ops.convert_to_numpy(m(given)) for m in (model, loaded)])
