"""Resetting: every layer class of Keras's gets fresh values, distributed as it declares them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from test_every_keras_layer import CLASSES, needed

import parametry as pm
from parametry.errors import NothingMatched, RuleError

# What a layer is made with, where the least that it needs has few values to tell a distribution.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Attention": {"use_scale": True, "score_mode": "concat"},
    "BatchNormalization": {"renorm": True},
    "Dense": {"units": 48},
    "DepthwiseConv1D": {"depth_multiplier": 12},
    "DepthwiseConv2D": {"depth_multiplier": 12},
    "EinsumDense": {"equation": "abc,cde->abde", "output_shape": (None, 6, 8), "bias_axes": "de"},
    "Embedding": {"input_dim": 60, "output_dim": 24},
    "GRU": {"units": 24},
    "GRUCell": {"units": 24},
    "GroupNormalization": {"groups": 3},
    "LSTM": {"units": 24},
    "LSTMCell": {"units": 24},
    "MultiHeadAttention": {"num_heads": 4, "key_dim": 8},
    "RMSNormalization": {},
    "ReversibleEmbedding": {"input_dim": 60, "output_dim": 24, "tie_weights": False},
    "SimpleRNN": {"units": 24},
    "SimpleRNNCell": {"units": 24},
    "Bidirectional": {"layer": lambda: layers.LSTM(24)},
    "RNN": {"cell": lambda: layers.LSTMCell(24)},
    "SpectralNormalization": {"layer": lambda: layers.Dense(48)},
    "StackedRNNCells": {"cells": lambda: [layers.LSTMCell(24), layers.GRUCell(24)]},
    "TimeDistributed": {"layer": lambda: layers.Dense(48)},
    **{
        name: {"filters": 16, "kernel_size": 3}
        for name in CLASSES
        if "Conv" in name and not name.startswith(("Depthwise", "ConvLSTM"))
    },
}
# What a layer is built on, where its class's name does not tell it.
SEQUENCE, SEVERAL = (None, 4, 12), [(None, 4, 12), (None, 4, 12)]
SHAPES: dict[str, Any] = {
    "AdditiveAttention": [(None, 4, 600), (None, 4, 600)],
    "Attention": SEVERAL,
    "Bidirectional": SEQUENCE,
    "ConvLSTM1D": (None, 4, 8, 6),
    "ConvLSTM2D": (None, 4, 8, 8, 6),
    "ConvLSTM3D": (None, 4, 5, 5, 5, 6),
    "EinsumDense": SEQUENCE,
    "Embedding": (None, 4),
    "GRU": SEQUENCE,
    "GroupQueryAttention": [(None, 4, 12)] * 3,
    "LSTM": SEQUENCE,
    "MultiHeadAttention": SEVERAL,
    "RNN": SEQUENCE,
    "ReversibleEmbedding": (None, 4),
    "STFTSpectrogram": (None, 600, 1),
    "SimpleRNN": SEQUENCE,
    "TimeDistributed": SEQUENCE,
}
# Layers with variables that declare no initial values, and why.
UNDECLARED = {
    "Normalization": "its mean and variance are adapted to data",
}
# Layers that cannot be built from a shape; none of them has variables but random generators' state.
MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
# The deviation of n normal numbers is off by 1 / sqrt(2 n) or so; four times that is allowed.
FEWEST = 400


def shape_for(name: str) -> Any:
    if name in SHAPES:
        return SHAPES[name]
    for axes in (1, 2, 3):
        if f"{axes}D" in name:
            return (None, *[6] * axes, 12)
    return (None, 12)


def is_seed(parameter: pm.Parameter) -> bool:
    return parameter.address.endswith("seed_generator_state")


@contextmanager
def noting_initializers() -> Iterator[dict[int, Any]]:
    """The initializer that each variable is really made with, by the variable's identity."""
    found: dict[int, Any] = {}
    base = next(
        cls
        for cls in keras.Variable.__mro__
        if cls.__name__ == "Variable" and "common" in cls.__module__
    )
    original = base.__init__

    def noting(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        found[id(self)] = initializer
        original(self, initializer, *args, **kwargs)

    base.__init__ = noting
    try:
        yield found
    finally:
        base.__init__ = original


def made(name: str) -> tuple[Any, dict[int, Any]]:
    """A built layer, and the initializers that its variables were made with."""
    keras.utils.set_random_seed(7)
    given = {
        **needed(name),
        **{
            key: value() if callable(value) else value
            for key, value in ARGUMENTS.get(name, {}).items()
        },
    }
    with noting_initializers() as initializers:
        layer = CLASSES[name](**given)
        if name not in MERGING:
            shape = shape_for(name)
            layer.build(*shape) if name in ("MultiHeadAttention", "GroupQueryAttention") else (
                layer.build(shape)
            )
    return layer, initializers


def describe(values: np.ndarray) -> tuple[float, float, float, float]:
    values = values.astype("float64")
    sizes = np.abs(values)
    return float(values.mean()), float(values.std()), float(np.quantile(sizes, 0.9)), sizes.max()


def check_distribution(values: np.ndarray, initializer: Any, parameter: pm.Parameter) -> None:
    """That values are distributed as those that Keras's own initializer gives."""
    if isinstance(initializer, str):
        initializer = keras.initializers.get(initializer)
    drawn = keras.ops.convert_to_numpy(initializer(parameter.shape, dtype=parameter.dtype))
    where = f"{parameter.address}: {parameter.provenance}"
    if np.ptp(drawn) == 0 or parameter.provenance.seed is None:
        np.testing.assert_allclose(values, drawn, rtol=1e-5, atol=1e-6, err_msg=where)
        return
    if values.size < FEWEST:
        assert np.abs(values).max() <= 3 * np.abs(drawn).max(), where
        return
    mean, deviation, large, largest = describe(values)
    _, expected, expected_large, expected_largest = describe(drawn)
    near = 4 / np.sqrt(2 * values.size)
    assert abs(mean) <= 4 * expected / np.sqrt(values.size), where
    assert deviation == pytest.approx(expected, rel=2 * near), where
    assert large == pytest.approx(expected_large, rel=2 * near), where
    assert largest <= 1.4 * expected_largest, where


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_layer_gets_fresh_values_as_it_declares(name: str) -> None:
    layer, initializers = made(name)
    weights = {a: p for a, p in pm.inspect(layer).parameters.items() if not is_seed(p)}
    if not weights:
        return
    if name in UNDECLARED:
        with pytest.raises(RuleError, match="its layer declares no initializer"):
            pm.reset(layer, seed=1)
        return
    for parameter in weights.values():
        parameter.assign(np.full(parameter.shape, 0.25, parameter.dtype))
    report = pm.reset(layer, seed=1)
    assert set(report.touched) == set(weights)
    for address, parameter in weights.items():
        values = parameter.numpy()
        assert values.size == 0 or not (values == 0.25).all(), address
        check_distribution(values, initializers[id(parameter.native)], parameter)


def test_every_layer_class_with_weights_was_tried() -> None:
    with_weights = {
        name
        for name in CLASSES
        if any(not is_seed(p) for p in pm.inspect(made(name)[0]).parameters.values())
    }
    assert {"Dense", "LSTM", "MultiHeadAttention", "BatchNormalization", "PReLU"} <= with_weights
    assert len(with_weights) >= 38


# ------------------------------------------------ what is selected, and what is left


def small() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, kernel_initializer=keras.initializers.HeNormal(seed=3)),
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=1),
            layers.Dense(2, name="head"),
        ],
        name="small",
    )


def all_values(model: Any) -> dict[str, np.ndarray]:
    view = pm.inspect(model)
    return {a: p.numpy() for a, p in {**view.parameters, **view.optimizer_parameters}.items()}


def differing(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    return {a for a in first if first[a].tobytes() != second[a].tobytes()}


def test_a_selection_is_reset_and_the_rest_is_not() -> None:
    model = small()
    before = all_values(model)
    pm.reset(model, seed=1, select="head/**")
    assert differing(before, all_values(model)) == {"head/kernel"}
    pm.reset(model, seed=1, select=["dense/kernel", "head/bias"])
    assert differing(before, all_values(model)) == {"head/kernel", "dense/kernel"}
    with pytest.raises(NothingMatched, match="'heads' matches no parameter"):
        pm.reset(model, seed=1, select="heads")


def test_a_reset_depends_on_the_seed_though_the_layer_has_one_of_its_own() -> None:
    found = []
    for seed in (1, 1, 2):
        model = small()
        pm.reset(model, seed=seed)
        found.append(all_values(model)["dense/kernel"])
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_moving_statistics_start_again_and_a_generators_state_stays() -> None:
    model = small()
    x = np.random.default_rng(0).normal(3.0, 2.0, (64, 6)).astype("float32")
    model.compile("sgd", "mse")
    model.fit(x, x[:, :2], verbose=0)
    before = all_values(model)
    report = pm.reset(model, seed=0)
    after = all_values(model)
    assert (after["batch_normalization/moving_mean"] == 0).all()
    assert (after["batch_normalization/moving_variance"] == 1).all()
    seed = "dropout/seed_generator/seed_generator_state"
    assert (after[seed] == before[seed]).all()
    assert list(report.untouched) == [seed]
    assert report[seed].note == "its layer declares no initializer"
    with pytest.raises(RuleError, match=r"none of dropout.* can be reset"):
        pm.reset(model, seed=0, select="dropout/**")


def test_a_reset_needs_a_seed_and_a_dry_one_writes_nothing() -> None:
    model = small()
    before = all_values(model)
    with pytest.raises(RuleError, match="reset needs a seed"):
        pm.reset(model, seed=None)  # type: ignore[arg-type]
    assert len(pm.reset(model, seed=0, dry_run=True).touched) == 8
    assert differing(before, all_values(model)) == set()


# ------------------------------------------------ the optimizer

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9
    ),
    "adam": lambda: keras.optimizers.Adam(amsgrad=True, use_ema=True),
    "adagrad": lambda: keras.optimizers.Adagrad(initial_accumulator_value=0.3),
    "nadam": keras.optimizers.Nadam,
    "ftrl": keras.optimizers.Ftrl,
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(), initial_scale=8.0
    ),
    "accumulating": lambda: keras.optimizers.RMSprop(gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_starts_again_as_a_new_one(name: str) -> None:
    x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
    model = small()
    model.compile(OPTIMIZERS[name](), "mse")
    model.optimizer.build(model.trainable_variables)
    fresh = all_values(model)
    model.fit(x, x[:, :2], verbose=0, batch_size=8, epochs=3)
    trained = all_values(model)
    report = pm.reset(model, seed=0, optimizer=True)
    after = all_values(model)
    slots = [a for a in fresh if a.startswith("optimizer/")]
    assert differing({a: fresh[a] for a in slots}, trained)
    assert not differing({a: fresh[a] for a in slots}, after)
    assert {a for a in report.touched if a.startswith("optimizer/")} == {
        a for a in slots if not a.endswith("learning_rate")
    }
    model.fit(x, x[:, :2], verbose=0, batch_size=8)


def test_a_rate_that_was_set_stays_and_a_model_without_optimizer_says_so() -> None:
    model = small()
    with pytest.raises(RuleError, match="small has no optimizer with slots"):
        pm.reset(model, seed=0, optimizer=True)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.learning_rate = 0.5
    pm.reset(model, seed=0, optimizer=True)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == 0.5


def test_a_reset_model_trains_as_a_new_one_with_equal_values_does() -> None:
    x = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")

    def make() -> Any:
        model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(2)])
        model.compile(keras.optimizers.Adam(0.01), "mse")
        return model

    used, new = make(), make()
    used.fit(x, x[:, :2], verbose=0, shuffle=False)
    new.optimizer.build(new.trainable_variables)
    for model in (used, new):
        pm.reset(model, seed=9, optimizer=True)
        model.fit(x, x[:, :2], verbose=0, shuffle=False)
    assert not differing(all_values(used), all_values(new))


# ------------------------------------------------ quantized layers and LoRA


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("kind", ["Dense", "EinsumDense", "Embedding"])
def test_a_quantized_layer_gets_what_its_initializer_gives_quantized(mode: str, kind: str) -> None:
    def make() -> Any:
        if kind == "Dense":
            layer = layers.Dense(10, kernel_initializer="he_normal")
        elif kind == "EinsumDense":
            layer = layers.EinsumDense("abc,cd->abd", (4, 10))
        else:
            layer = layers.Embedding(12, 10)
        model = keras.Sequential([keras.Input((4,) if kind == "Embedding" else (4, 6)), layer])
        return model

    floating, quantized = make(), make()
    quantized.layers[0].quantize(mode)
    before = all_values(quantized)
    pm.reset(floating, seed=3)
    pm.reset(quantized, seed=3)
    floating.layers[0].quantize(mode)
    expected, found = (
        {address.partition("/")[2]: v for address, v in all_values(model).items()}
        for model in (floating, quantized)
    )
    assert differing(expected, found) == set()
    assert differing(before, all_values(quantized))


def test_lora_starts_as_if_it_were_not_there() -> None:
    layer = layers.Dense(10)
    layer.build((None, 6))
    layer.enable_lora(2)
    for variable in layer.variables:
        variable.assign(np.full(variable.shape, 0.5, "float32"))
    report = pm.reset(layer, seed=0)
    assert set(report.touched) == {"kernel", "bias", "lora_kernel_a", "lora_kernel_b"}
    found = all_values(layer)
    assert (found["lora_kernel_b"] == 0).all()
    assert found["lora_kernel_a"].std() > 0.1


def test_float8_histories_start_again() -> None:
    layer = layers.Dense(10)
    layer.build((None, 6))
    layer.quantize("float8")
    fresh = all_values(layer)
    for variable in layer.variables:
        variable.assign(np.full(variable.shape, 0.5, "float32"))
    pm.reset(layer, seed=0)
    assert differing(fresh, all_values(layer)) == {"kernel"}


# ------------------------------------------------ what users write


class Inline(layers.Layer):
    """Names its initializers in `add_weight` alone, as Keras's guide does."""

    def __init__(self, units: int = 30, spread: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.spread = units, spread
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def build(self, shape: Any) -> None:
        normal = keras.initializers.RandomNormal(stddev=self.spread)
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer=normal, name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")
        self.free = self.add_weight(shape=(40, self.units), name="free")
        self.inner = layers.Dense(3)
        self.inner.build((None, self.units))

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs @ self.w + self.b)


def test_a_users_layer_is_asked_through_a_copy_that_disturbs_nothing() -> None:
    model = keras.Sequential([keras.Input((20,)), Inline(spread=2.0), layers.Dense(2)])
    keras.utils.set_random_seed(1)
    expected = float(keras.random.uniform(())), layers.Dense(1).name
    keras.utils.set_random_seed(1)
    for parameter in pm.inspect(model).parameters.values():
        parameter.assign(np.full(parameter.shape, 0.25, "float32"))
    report = pm.reset(model, seed=0)
    drawn, name = float(keras.random.uniform(())), layers.Dense(1).name
    assert drawn == expected[0]
    assert int(name.rpartition("_")[2]) == int(expected[1].rpartition("_")[2]) + 1
    assert len(report.untouched) == 0
    found = all_values(model)
    assert found["inline/w"].std() == pytest.approx(2.0, rel=0.1)
    assert (found["inline/scale"] == 1).all() and (found["inline/b"] == 0).all()
    assert report["inline/free"].initializer["distribution"] == "uniform"  # Keras's default
    assert keras.Sequential([keras.Input((2,)), layers.Dense(1)]).variables  # no scope left open


class Untold(layers.Layer):
    """Its configuration tells too little to make it again."""

    def __init__(self, table: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.w = self.add_weight(shape=table.shape, initializer="ones", name="w")

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}

    def call(self, inputs: Any) -> Any:
        return inputs * self.w


class OwnWeight(keras.Model):
    """A model with a weight of its own, whose constructor takes what Keras does not keep."""

    def __init__(self, spread: float = 1.0) -> None:
        super().__init__()
        normal = keras.initializers.RandomNormal(stddev=spread)
        self.w = self.add_weight(shape=(4,), initializer=normal, name="w")
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs * self.w)


def test_what_cannot_be_known_is_left_and_said() -> None:
    model = OwnWeight(5.0)
    model(np.zeros((1, 4), "float32"))
    report = pm.reset(model, seed=0)
    assert list(report.untouched) == ["w"]
    untold = Untold(np.zeros((3,)), name="untold")
    holder = keras.Sequential([keras.Input((3,)), untold, layers.Dense(3)])
    report = pm.reset(holder, seed=0)
    assert list(report.untouched) == ["untold/w"]
    assert report["untold/w"].note == "its layer declares no initializer"


def test_adapted_statistics_are_left() -> None:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(5.0, 2.0, (50, 3)).astype("float32"))
    model = keras.Sequential([keras.Input((3,)), normalization, layers.Dense(2)])
    before = all_values(model)
    report = pm.reset(model, seed=0)
    assert all(address.startswith("normalization/") for address in report.untouched)
    assert all(a.startswith("dense") for a in differing(before, all_values(model)))
