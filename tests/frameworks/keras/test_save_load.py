"""What `parametry.save` writes `parametry.load` reads back, and Keras its own files too."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import parametry as pm
from parametry.core.provenance import Provenance, recall, remember
from parametry.formats.registry import open_file

SUFFIXES = [".safetensors", ".npz", ".keras", ".weights.h5"]
MODELS: dict[str, Callable[[], Any]] = {}


def model_of(make: Callable[[], Any]) -> Callable[[], Any]:
    MODELS[make.__name__] = make
    return make


def random(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype("float32")


def outputs(model: Any) -> bytes:
    """What a model makes of fixed inputs, to the last bit."""
    given = [
        random((2, *tensor.shape[1:]))
        if "float" in tensor.dtype
        else np.arange(2 * tensor.shape[1]).reshape(2, -1) % 5
        for tensor in model.inputs
    ]
    out = model(given[0] if len(given) == 1 else given)
    return keras.ops.convert_to_numpy(keras.ops.cast(out, "float32")).tobytes()


def values(model: Any) -> dict[str, bytes]:
    return {a: e.numpy().tobytes() for a, e in pm.inspect(model).parameters.items()}


def chosen(view: pm.Model) -> dict[str, Any]:
    """What was chosen, but for names that Keras counts."""
    values = view.hyperparameters.values_by_address()
    return {address: value for address, value in values.items() if not address.endswith("/name")}


def scrambled(model: Any) -> Any:
    """Other values than an initializer gives, the same in no two parameters."""
    for number, entry in enumerate(pm.inspect(model).parameters.values()):
        if entry.dtype in ("float32", "bfloat16", "float16"):
            entry.assign(np.random.default_rng(number).uniform(0.1, 1.0, entry.shape))
    return model


@model_of
def perceptron() -> Any:
    return keras.Sequential([keras.Input((6,)), layers.Dense(5, "relu"), layers.Dense(2)])


@model_of
def convolution() -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )


@model_of
def recurrent() -> Any:
    inputs = keras.Input((3, 4))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(inputs)
    return keras.Model(inputs, layers.GRU(2)(x))


@model_of
def attention() -> Any:
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(5, 6)(inputs)
    x = layers.MultiHeadAttention(2, 3)(x, x) + x
    return keras.Model(inputs, layers.LayerNormalization()(x))


@model_of
def nested() -> Any:
    block = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)], name="block")
    inputs = keras.Input((4,))
    inner = keras.Model(inputs, block(inputs) * 2.0, name="inner")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2, name="head of it")(inner(inputs)))


@model_of
def narrow() -> Any:
    policy = "mixed_bfloat16"
    low = layers.Dense(3, dtype="bfloat16")
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, dtype=policy), low])


@model_of
def shared_layer() -> Any:
    """The text's: one Dense twice in a Sequential, which Keras cannot load back."""
    shared = layers.Dense(4, activation="relu")
    return keras.Sequential([keras.Input((4,)), layers.Flatten(), shared, shared, layers.Dense(1)])


@model_of
def siamese() -> Any:
    shared = layers.Dense(4, name="shared")
    left = keras.Sequential([keras.Input((4,)), shared], name="left")
    right = keras.Sequential([keras.Input((4,)), layers.Dense(4), shared], name="right")
    one, two = keras.Input((4,)), keras.Input((4,))
    return keras.Model([one, two], layers.subtract([left(one), right(two)]))


@model_of
def siamese_functional() -> Any:
    """A Sequential that two Functional models share, and the root calls as well."""
    shared = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="shared")
    models = []
    for name in ("left", "right"):
        inputs = keras.Input((4,))
        models.append(keras.Model(inputs, layers.Dense(4)(shared(inputs) + 1.0), name=name))
    one, two = keras.Input((4,)), keras.Input((4,))
    left, right = models[0](one), models[1](two)
    return keras.Model([one, two], layers.concatenate([left, right, shared(shared(right))]))


@model_of
def tied_transposed() -> Any:
    inputs = keras.Input((3,), dtype="int32")
    x = layers.Embedding(7, 5, name="words")(inputs)
    model = keras.Model(inputs, layers.Dense(7, use_bias=False, name="head")(x))
    pm.tie(model, "words/embeddings", "head/kernel", transpose=True)
    return model


@model_of
def tied_after_building() -> Any:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
    pm.tie(model, "dense/kernel", "dense_1/kernel")
    return model


@model_of
def frozen() -> Any:
    model = perceptron()
    pm.freeze(model, "dense/kernel")
    return model


KERAS_CANNOT = {"shared_layer", "siamese", "siamese_functional"}


@pytest.mark.parametrize("name", MODELS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    model = scrambled(MODELS[name]())
    saved = pm.inspect(model)
    expected = outputs(model)
    for suffix in SUFFIXES:
        path = tmp_path / f"net{suffix}"
        pm.save(model, path)
        other = MODELS[name]()
        before = values(other)
        assert before != values(model)
        report = pm.load(other, path)
        assert report, report
        assert outputs(other) == expected, suffix
        loaded = pm.inspect(other)
        assert loaded.ties == saved.ties
        assert {a: e.role for a, e in loaded.parameters.items()} == {
            a: e.role for a, e in saved.parameters.items()
        }
        assert loaded.totals == saved.totals
        # Keras writes no state of random generators; the other formats hold it.
        assert all("seed_generator" in address for address in report.unheld)
        seeds = any("seed_generator" in address for address in loaded.parameters)
        assert bool(report.unheld) == (seeds and suffix in SUFFIXES[2:])
        assert [path.name for path in tmp_path.iterdir()] == [path.name]
        path.unlink()


@pytest.mark.parametrize("name", MODELS)
def test_whole_model(name: str, tmp_path: Path) -> None:
    model = scrambled(MODELS[name]())
    path = tmp_path / "net.keras"
    pm.save(model, path)
    loaded = pm.load_model(path)
    assert outputs(loaded) == outputs(model)
    was, now = pm.inspect(model), pm.inspect(loaded)
    assert now.ties == was.ties
    assert now.totals == was.totals
    assert list(now.parameters) == list(was.parameters)
    assert {a: layer.uses for a, layer in now.layers.items()} == {
        a: layer.uses for a, layer in was.layers.items()
    }
    assert now.parameters.select("**", role="frozen", missing_ok=True).keys() == (
        was.parameters.select("**", role="frozen", missing_ok=True).keys()
    )
    assert chosen(now) == chosen(was)


@pytest.mark.parametrize("name", sorted(MODELS.keys() - KERAS_CANNOT))
def test_keras_loads_what_it_could_load_of_its_own(name: str, tmp_path: Path) -> None:
    model = scrambled(MODELS[name]())
    pm.save(model, tmp_path / "net.keras")
    expected = np.frombuffer(outputs(model), "float32")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    pm.save(model, tmp_path / "net.weights.h5")
    other = MODELS[name]()
    other.load_weights(tmp_path / "net.weights.h5")
    for each in (loaded, other):
        # A product with a matrix that is stored transposed may round otherwise.
        assert np.allclose(np.frombuffer(outputs(each), "float32"), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", sorted(MODELS.keys() - KERAS_CANNOT))
def test_files_of_keras_itself(name: str, tmp_path: Path) -> None:
    model = scrambled(MODELS[name]())
    model.save(tmp_path / "net.keras")
    model.save_weights(tmp_path / "net.weights.h5")
    for file in ("net.keras", "net.weights.h5"):
        other = MODELS[name]()
        report = pm.load(other, tmp_path / file)
        assert report, report
        assert outputs(other) == outputs(model)
    if not pm.inspect(model).ties:
        assert outputs(pm.load_model(tmp_path / "net.keras")) == outputs(model)


def test_keras_fails_where_we_do_not(tmp_path: Path) -> None:
    """If Keras learns to load these, `Manifest.structure` can go."""
    for name in sorted(KERAS_CANNOT):
        model = scrambled(MODELS[name]())
        model.save(tmp_path / "net.keras")
        try:
            loaded = outputs(keras.saving.load_model(tmp_path / "net.keras"))
        except Exception:
            continue
        assert loaded != outputs(model), name


def test_a_shared_layer_goes_on_being_shared(tmp_path: Path) -> None:
    pm.save(siamese(), tmp_path / "net.keras")
    model = pm.load_model(tmp_path / "net.keras")
    assert model.get_layer("left").layers[0] is model.get_layer("right").layers[1]
    model.compile("sgd", "mse")
    model.fit([random((4, 4))] * 2, random((4, 4)), verbose=0)
    assert pm.inspect(model).ties == pm.inspect(siamese()).ties
    pm.save(model, tmp_path / "again.keras")
    assert outputs(pm.load_model(tmp_path / "again.keras")) == outputs(model)


# ---------------------------------------------------------------- training goes on


def trained(make: Callable[[], Any], optimizer: Any = "adam") -> Any:
    model = make()
    model.compile(optimizer, loss=keras.losses.mean_squared_error, metrics=["mae"])
    rank = model.outputs[0].shape[1:]
    shape = model.inputs[0].shape[1:]
    integer = "int" in model.inputs[0].dtype
    x = np.ones((4, *shape), "int32") if integer else random((4, *shape))
    model.fit(x, random((4, *rank)), epochs=2, verbose=0)
    return model


def slots(model: Any) -> dict[str, bytes]:
    found = pm.inspect(model).optimizer_parameters
    return {a: e.numpy().tobytes() for a, e in found.items()}


@pytest.mark.parametrize("name", ["perceptron", "frozen", "shared_layer", "tied_transposed"])
def test_what_is_compiled_comes_back(name: str, tmp_path: Path) -> None:
    model = trained(MODELS[name])
    pm.save(model, tmp_path / "net.keras")
    loaded = pm.load_model(tmp_path / "net.keras")
    assert loaded.compiled
    assert slots(loaded) == slots(model)
    assert len(slots(model)) > 2
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    was, now = pm.inspect(model).hyperparameters, pm.inspect(loaded).hyperparameters
    for scope in ("optimizer", "compile"):
        assert now.select(f"{scope}/**") == was.select(f"{scope}/**")
    if name == "perceptron":
        assert slots(keras.saving.load_model(tmp_path / "net.keras")) == slots(loaded)
        x, y = random((4, 6)), random((4, 2))
        for each in (model, loaded):
            each.fit(x, y, verbose=0, shuffle=False)
        assert values(loaded) == values(model)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_slots_go_along_where_asked(suffix: str, tmp_path: Path) -> None:
    model = trained(perceptron)
    path = tmp_path / f"net{suffix}"
    pm.save(model, path, optimizer=True)
    other = trained(perceptron, keras.optimizers.Adam(0.5))
    untouched = slots(other)
    pm.load(other, path)
    assert slots(other) == untouched
    assert pm.load(other, path, optimizer=True)
    assert slots(other) == slots(model)
    if suffix in SUFFIXES[:2]:
        pm.save(model, path)
        with pytest.raises(pm.LoadError, match="missing: optimizer/"):
            pm.load(other, path, optimizer=True)


def test_a_loss_scale_comes_back(tmp_path: Path) -> None:
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(momentum=0.9))
    model = trained(perceptron, optimizer)
    pm.save(model, tmp_path / "net.keras")
    loaded = pm.load_model(tmp_path / "net.keras")
    assert slots(loaded) == slots(model)
    assert any("inner_optimizer" in address for address in slots(model))


# ---------------------------------------------------------------- what goes along


def test_hyperparameters_are_those_that_inspect_shows(tmp_path: Path) -> None:
    model = trained(perceptron)
    shown = pm.inspect(model).hyperparameters
    for suffix in SUFFIXES:
        pm.save(model, tmp_path / f"net{suffix}")
        manifest = open_file(tmp_path / f"net{suffix}").manifest
        assert manifest is not None
        assert manifest.hyperparameters == json.loads(shown.to_json())
        assert open_file(tmp_path / f"net{suffix}").model.hyperparameters == shown


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_provenance_goes_along(suffix: str, tmp_path: Path) -> None:
    model, path = perceptron(), tmp_path / f"net{suffix}"
    pm.initialize(model, {"dense/kernel": pm.normal(0.01)}, seed=3)
    told = pm.inspect(model).parameters["dense/kernel"].provenance
    assert told is not None and told.seed == 3
    pm.save(model, path)
    other = perceptron()
    pm.load(other, path)
    loaded = pm.inspect(other).parameters
    assert loaded["dense/kernel"].provenance == told
    assert loaded["dense/bias"].provenance == Provenance(
        "load", address="dense/bias", source=f"file {path.name!r}"
    )


def test_state_of_random_generators_is_state(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5, seed=1)])
    x = random((4, 8))
    model(x, training=True)
    pm.save(model, tmp_path / "net.npz")
    other = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5, seed=2)])
    pm.load(other, tmp_path / "net.npz")
    drawn = [keras.ops.convert_to_numpy(each(x, training=True)) for each in (model, other)]
    assert np.array_equal(*drawn)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    model = trained(convolution)
    before, text = values(model), pm.inspect(model).to_json()
    for suffix in SUFFIXES:
        pm.save(model, tmp_path / f"net{suffix}")
    assert values(model) == before
    assert pm.inspect(model).to_json() == text


def test_a_view_of_a_file_can_be_saved(tmp_path: Path) -> None:
    model = scrambled(tied_transposed())
    pm.save(model, tmp_path / "net.keras")
    pm.save(open_file(tmp_path / "net.keras").model, tmp_path / "net.safetensors")
    other = tied_transposed()
    assert pm.load(other, tmp_path / "net.safetensors")
    assert outputs(other) == outputs(model)


def test_a_live_model_is_a_source(tmp_path: Path) -> None:
    model = scrambled(perceptron())
    for source in (model, pm.inspect(model)):
        other = perceptron()
        assert pm.load(other, source)
        assert outputs(other) == outputs(model)
    scrambled(perceptron())
    assert pm.load(other, other)
    assert recall(pm.inspect(other).parameters["dense/kernel"].native) is not None


def test_a_layer_has_no_whole_model(tmp_path: Path) -> None:
    layer = layers.Dense(2)
    layer.build((None, 3))
    pm.save(layer, tmp_path / "layer.safetensors")
    other = layers.Dense(2)
    other.build((None, 3))
    assert pm.load(other, tmp_path / "layer.safetensors")
    assert values(other) == values(layer)


def test_secrets_are_not_made_by_saving(tmp_path: Path) -> None:
    """A file tells no more than inspect: neither the environment nor the program's variables."""
    pm.save(perceptron(), tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        text = archive.read("parametry.json").decode()
    assert str(tmp_path) not in text
    found = json.loads(text)["hyperparameters"]
    assert {address.partition("/")[0] for address in found} <= {"model", "environment"}


def test_provenance_of_a_failed_load_stays() -> None:
    model = perceptron()
    variable = pm.inspect(model).parameters["dense/bias"].native
    known = Provenance("reset", address="dense/bias")
    remember(variable, known)
    with pytest.raises(pm.LoadError):
        pm.load(model, keras.Sequential([keras.Input((2,)), layers.Dense(1)]))
    assert recall(variable) == known
