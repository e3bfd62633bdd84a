"""What `pm.convert` writes to ``.weights.h5`` is what Keras's own `load_weights` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import parametry as pm


def recurrent() -> Any:
    return keras.Sequential([
        keras.Input((5, 3)),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.Dropout(0.5),
        layers.GRU(3),
        layers.Dense(2, name="head"),
    ])  # fmt: skip


def attention() -> Any:
    inputs = keras.Input((6, 8))
    shared = layers.Dense(8, name="shared")
    hidden = shared(inputs)
    hidden = layers.MultiHeadAttention(2, 4)(hidden, hidden)
    hidden = layers.BatchNormalization()(shared(hidden))
    inner = keras.Sequential([keras.Input((6, 8)), layers.Dense(4), layers.Dense(2)])
    return keras.Model(inputs, inner(hidden))


def images() -> Any:
    return keras.Sequential([
        keras.Input((8, 8, 3)),
        layers.SeparableConv2D(4, 3),
        layers.Conv2DTranspose(2, 3),
        layers.Conv2D(2, 3, use_bias=False),
    ])  # fmt: skip


MODELS: list[Callable[[], Any]] = [recurrent, attention, images]


def outputs(model: Any) -> Any:
    shape = (2, *model.inputs[0].shape[1:])
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
    return keras.ops.convert_to_numpy(model(values))


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_keras_loads_what_was_converted(
    make: Callable[[], Any], suffix: str, tmp_path: Path
) -> None:
    model, other = make(), make()
    if suffix == ".keras":
        model.save(tmp_path / "net.keras")
    else:
        model.save_weights(tmp_path / "net.weights.h5")
    pm.convert(tmp_path / f"net{suffix}", tmp_path / "new.weights.h5")
    assert not np.array_equal(outputs(model), outputs(other))
    other.load_weights(tmp_path / "new.weights.h5")
    assert np.array_equal(outputs(model), outputs(other))
    ours = pm.inspect(tmp_path / "new.weights.h5")
    assert list(ours.parameters) == list(pm.inspect(tmp_path / f"net{suffix}").parameters)


def test_a_rounded_copy(tmp_path: Path) -> None:
    model, other = recurrent(), recurrent()
    model.save(tmp_path / "net.keras")
    for dtype in ("float16", "bfloat16"):
        pm.convert(tmp_path / "net.keras", tmp_path / "new.weights.h5", dtype=dtype)
        other.load_weights(tmp_path / "new.weights.h5")
        wanted = pm.inspect(model).parameters["head/kernel"].numpy()
        found = pm.inspect(other).parameters["head/kernel"].numpy()
        half = pm.inspect(tmp_path / "new.weights.h5").parameters["head/kernel"].numpy()
        assert half.dtype.name == dtype
        assert np.array_equal(found, half.astype("float32"))
        assert np.array_equal(half, wanted.astype(half.dtype))


def test_the_optimizers_slots_go_along_where_asked_for(tmp_path: Path) -> None:
    model, other = images(), images()
    for each in (model, other):
        each.compile("adam", "mse")
    goal = np.ones((2, *model.output_shape[1:]), "float32")
    model.fit(np.ones((2, 8, 8, 3), "float32"), goal, verbose=0)
    model.save(tmp_path / "net.keras")
    pm.convert(tmp_path / "net.keras", tmp_path / "new.weights.h5", optimizer=True)
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "new.weights.h5")
    for one, two in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        assert np.array_equal(*map(keras.ops.convert_to_numpy, (one, two)))


def test_both_ends_of_a_tie_are_there_for_keras(tmp_path: Path) -> None:
    def make() -> Any:
        return keras.Sequential([
            keras.Input((4,), dtype="int32"),
            layers.Embedding(9, 5, name="embedding"),
            layers.Dense(9, name="head"),
        ])  # fmt: skip

    model, plain = make(), make()
    pm.tie(model, "embedding/embeddings", "head/kernel", transpose=True)
    pm.save(model, tmp_path / "net.keras")
    pm.convert(tmp_path / "net.keras", tmp_path / "new.weights.h5")
    plain.load_weights(tmp_path / "new.weights.h5")
    table = keras.ops.convert_to_numpy(plain.get_layer("embedding").embeddings)
    assert np.array_equal(keras.ops.convert_to_numpy(plain.get_layer("head").kernel), table.T)
    assert np.array_equal(table, pm.inspect(model).parameters["embedding/embeddings"].numpy())
    found = pm.inspect(tmp_path / "new.weights.h5")
    assert [str(tie) for tie in found.ties] == [str(tie) for tie in pm.inspect(model).ties]
    tied = make()
    assert pm.load(tied, tmp_path / "new.weights.h5")
    assert pm.inspect(tied).ties


def test_other_names_are_ours_and_the_places_stay(tmp_path: Path) -> None:
    model, other = recurrent(), recurrent()
    model.save(tmp_path / "net.keras")
    rules = {"head/*": "classifier/*"}
    pm.convert(tmp_path / "net.keras", tmp_path / "new.weights.h5", map=rules)
    assert "classifier/kernel" in pm.inspect(tmp_path / "new.weights.h5").parameters
    other.load_weights(tmp_path / "new.weights.h5")
    assert np.array_equal(outputs(model), outputs(other))


def test_a_live_model_is_saved_by_keras(tmp_path: Path) -> None:
    with pytest.raises(pm.FormatError, match="where Keras looks"):
        pm.convert(images(), tmp_path / "new.weights.h5")
    assert not list(tmp_path.iterdir())
