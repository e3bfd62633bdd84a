"""Keras's own files are read to the live model's addresses and bytes; Keras loads them marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo import CASES, made

import parametry as pm
from parametry.core.manifest import Manifest
from parametry.formats import hdf5, keras_archive
from parametry.formats.registry import open_file


def live(model: Any) -> dict[str, Any]:
    """The parameters that Keras stores: it keeps no state of generators of random numbers."""
    found = pm.inspect(model).parameters
    return {at: entry for at, entry in found.items() if not at.endswith("seed_generator_state")}


# What a file of Keras cannot tell: the classes within a subclassed model, and their variables'
# names; the variables of quantized layers; an array that two layers hold is there twice.
NOT_TOLD = frozenset(
    {
        "dense_in_float8",
        "dense_in_int4",
        "dense_in_int8",
        "embedding_in_int4",
        "embedding_in_int8",
        "layers_in_layers",
        "layers_of_one_name",
        "low_rank_additions",
        "nested_without_names",
        "normalizations_that_are_trained",
        "paths_that_clash",
        "sixty_levels_deep",
        "subclassed",
        "variable_in_two_layers",
        "variables_of_one_name",
        "variables_on_the_root",
    }
)
# Of these Keras says that they cannot be saved: their classes have arguments and no get_config.
NOT_SAVED = frozenset({"one_generator_for_two_layers", "several_generators"})


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_SAVED])
def test_addresses_and_bytes_are_those_of_the_live_model(name: str, tmp_path: Path) -> None:
    model, path = made(name), tmp_path / "model.keras"
    try:
        model.save(path)
    except NotImplementedError:
        assert name in NOT_TOLD
        return
    want = live(model)
    contents = open_file(path)
    contents.check()
    found = contents.model.parameters
    assert (sorted(found) == sorted(want)) == (name not in NOT_TOLD)
    for address in set(found) & set(want):
        kept, read = want[address], found[address]
        assert (read.shape, read.dtype) == (kept.shape, kept.dtype)
        assert read.numpy().tobytes() == kept.numpy().tobytes()
        if name not in NOT_TOLD:
            assert (address, read.role) == (address, kept.role)
            assert read.layer_class == kept.layer_class


def network() -> Any:
    given = keras.Input((5, 3))
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(given)
    x = layers.BatchNormalization()(layers.MultiHeadAttention(2, 2)(x, x))
    model = keras.Model(given, layers.Dense(1)(layers.Flatten()(x)))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 5, 3), "float32"), np.ones((4, 1), "float32"), verbose=0)
    return model


def equal(model: Any, other: Any) -> bool:
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    return np.array_equal(np.asarray(model.predict(x, verbose=0)), other.predict(x, verbose=0))


MANIFEST = Manifest(name="ours", roles={"dense/bias": "frozen"})


def test_stock_keras_loads_an_archive_with_our_manifest(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "model.keras"
    model.save(path)
    keras_archive.add_manifest(path, MANIFEST)
    contents = open_file(path)
    contents.check()
    assert contents.manifest == MANIFEST
    assert contents.model.parameters["dense/bias"].role == "frozen"
    again = keras.models.load_model(path)
    assert equal(model, again)
    assert [v.numpy().tobytes() for v in again.optimizer.variables] == [
        v.numpy().tobytes() for v in model.optimizer.variables
    ]
    again.load_weights(path)
    assert equal(model, again)


def test_stock_keras_loads_weights_with_our_manifest(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "model.weights.h5"
    model.save_weights(path)
    hdf5.add_manifest(path, Manifest(name="first"))
    hdf5.add_manifest(path, MANIFEST)  # takes the place of the first
    contents = open_file(path)
    contents.check()
    assert contents.manifest == MANIFEST
    assert contents.model.parameters["dense/bias"].role == "frozen"
    again = network()
    again.load_weights(path)
    assert equal(model, again)


def test_the_names_of_a_manifest_go_before_the_layout(tmp_path: Path) -> None:
    class Scale(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.by = self.add_weight(shape=(shape[-1],), initializer="ones", name="by")

        def call(self, x: Any) -> Any:
            return x * self.by

    model = keras.Sequential([keras.Input((3,)), Scale(), layers.Dense(2)])
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    assert "scale/vars/0" in open_file(path).model.parameters
    hdf5.add_manifest(path, Manifest(names={"scale/by": "layers/scale/vars/0"}))
    found = open_file(path).model.parameters
    assert set(found) == set(live(model))
    assert found["scale/by"].native_name == "layers/scale/vars/0"
