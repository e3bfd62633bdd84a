"""Models of Keras 2 of every kind: their addresses, ties, layers and look-ups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

import parametry as pm

X = np.ones((2, 4), "float32")
CELL = "kernel recurrent_kernel bias"
STATISTICS = "gamma beta moving_mean moving_variance"


def of(layer: str, variables: str = "kernel bias") -> list[str]:
    return [f"{layer}/{name}" for name in variables.split()]


def sequential() -> Any:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2, name="head")])


def sequential_without_input() -> Any:
    return keras.Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2)])


def functional() -> Any:
    inputs = keras.Input((4,))
    hidden = layers.BatchNormalization()(layers.Dense(3)(inputs))
    return keras.Model(inputs, layers.Dense(1, name="head")(hidden))


class Tower(keras.Model):
    """Layers in attributes, a list and a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.last = layers.Dense(2)
        self.first = layers.Dense(4, name="first")
        self.blocks = [layers.Dense(4), layers.Dense(4)]
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(2, name="named")}

    def call(self, inputs: Any) -> Any:
        hidden = self.first(inputs)
        for block in self.blocks:
            hidden = block(hidden)
        return self.last(hidden) + self.heads["a"](hidden) + self.heads["b"](hidden)


def subclassed() -> Any:
    model = Tower()
    model(X)
    return model


def nested() -> Any:
    encoder = keras.Sequential([layers.Dense(3), layers.Dense(2)], name="encoder")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(1)(encoder(inputs)))


def used_twice() -> Any:
    inputs, shared = keras.Input((4,)), layers.Dense(4)
    return keras.Model(inputs, shared(shared(inputs)))


def shared_between_submodels() -> Any:
    shared = layers.Dense(4)
    a = keras.Sequential([keras.Input((4,)), shared], name="a")
    b = keras.Sequential([keras.Input((4,)), layers.Dense(4), shared], name="b")
    inputs = keras.Input((4,))
    return keras.Model(inputs, b(a(inputs)))


def recurrent() -> Any:
    return keras.Sequential(
        [
            keras.Input((5, 4)),
            layers.LSTM(3, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.RNN([layers.LSTMCell(3), layers.LSTMCell(2)]),
        ]
    )


def attention() -> Any:
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3)(inputs, inputs))


def convolutions() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.SeparableConv2D(3, 3),
            layers.DepthwiseConv2D(2),
            layers.PReLU(),
        ]
    )


def adapted() -> Any:
    normalization = layers.Normalization()
    normalization.adapt(np.arange(24, dtype="float32").reshape(8, 3))
    return keras.Sequential([keras.Input((3,)), normalization])


class Root(keras.Model):
    """Variables of its own, by `add_weight` and as TensorFlow's."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = self.add_weight(shape=(2,), name="offset")
        self.temperature = tf.Variable(1.0, name="temperature")
        self.several = [tf.Variable([1.0], name="x"), tf.Variable([1.0, 2.0], name="x")]
        self.steps = tf.Variable(0, trainable=False, name="steps")
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs) * self.temperature + self.offset


def variables_on_the_root() -> Any:
    model = Root()
    model(X)
    return model


class SameName(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.a = layers.Dense(4, name="same")
        self.b = layers.Dense(4, name="same")
        self.more = [layers.Dense(4, name="same")]

    def call(self, inputs: Any) -> Any:
        return self.more[0](self.b(self.a(inputs)))


def layers_of_one_name() -> Any:
    model = SameName()
    model(X)
    return model


CASES: dict[Callable[[], Any], list[str]] = {
    sequential: of("dense") + of("head"),
    sequential_without_input: of("dense") + of("dense_1"),
    functional: of("dense") + of("batch_normalization", STATISTICS) + of("head"),
    subclassed: of("dense")
    + of("first")
    + of("dense_1")
    + of("dense_2")
    + of("dense_3")
    + of("named"),
    nested: of("encoder/dense") + of("encoder/dense_1") + of("dense"),
    used_twice: of("dense"),
    shared_between_submodels: of("a/dense") + of("b/dense_1"),
    recurrent: of("lstm/lstm_cell", CELL)
    + of("bidirectional/forward_gru/gru_cell", CELL)
    + of("bidirectional/backward_gru/gru_cell", CELL)
    + of("time_distributed/dense")
    + of("rnn/stacked_rnn_cells/lstm_cell", CELL)
    + of("rnn/stacked_rnn_cells/lstm_cell_1", CELL),
    attention: of("multi_head_attention/query")
    + of("multi_head_attention/key")
    + of("multi_head_attention/value")
    + of("multi_head_attention/attention_output"),
    convolutions: of("separable_conv2d", "depthwise_kernel pointwise_kernel bias")
    + of("depthwise_conv2d", "depthwise_kernel bias")
    + of("p_re_lu", "alpha"),
    adapted: of("normalization", "mean variance count"),
    variables_on_the_root: [
        "offset",
        "temperature",
        "several/0",
        "several/1",
        "steps",
        *of("dense"),
    ],
    layers_of_one_name: of("a") + of("b") + of("more/0"),
}
every_case = pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)


@every_case
def test_addresses_are_as_told(make: Callable[[], Any]) -> None:
    assert list(pm.inspect(make()).parameters) == CASES[make]


def test_addresses_are_the_same_after_other_models() -> None:
    before = {make: list(pm.inspect(make()).layers) for make in CASES}
    for _ in range(20):
        keras.Sequential([layers.LSTM(1, input_shape=(1, 1)), layers.Dense(1)])
        layers.Bidirectional(layers.GRU(1))
    for make, addresses in CASES.items():
        view = pm.inspect(make())
        assert list(view.parameters) == addresses
        assert list(view.layers) == before[make]


@every_case
def test_every_variable_is_there_once_with_its_value(make: Callable[[], Any]) -> None:
    model = make()
    entries = pm.inspect(model).parameters.values()
    assert sorted(id(entry.native) for entry in entries) == sorted({id(v) for v in model.variables})
    trained = {id(variable) for variable in model.trainable_variables}
    for entry in entries:
        expected = entry.native.numpy()
        assert entry.trainable == (id(entry.native) in trained)
        assert entry.numpy().tobytes() == expected.tobytes()
        assert (entry.shape, entry.dtype) == (expected.shape, expected.dtype.name)
    assert pm.inspect(model).totals.parameters == model.count_params()


@every_case
def test_layers_tell_what_keras_tells(make: Callable[[], Any]) -> None:
    model = make()
    found = pm.inspect(model).layers
    expected = {id(layer) for layer in model._flatten_layers(include_self=False)}
    assert sorted(id(layer.native) for layer in found.values()) == sorted(expected)
    for layer in found.values():
        assert layer.class_name == type(layer.native).__name__
        assert layer.built == layer.native.built
        assert layer.parameters == sum(int(np.prod(v.shape)) for v in layer.native.variables)
        if layer.native._inbound_nodes and layer.class_name != "InputLayer":
            shape = layer.native.output_shape
            assert layer.output_shape == list(shape)


def test_uses_and_ties() -> None:
    assert pm.inspect(used_twice()).layers["dense"].uses == 2
    view = pm.inspect(shared_between_submodels())
    assert {tie.address: tie.aliases for tie in view.ties} == {
        "a/dense/kernel": ("b/dense/kernel",),
        "a/dense/bias": ("b/dense/bias",),
    }
    assert view.parameters["b/dense/kernel"] is view.parameters["a/dense/kernel"]


def test_the_input_of_a_sequential_is_called_alike_in_every_process() -> None:
    """Keras names it after the layer that it feeds: ``dense_7_input``."""
    assert list(pm.inspect(sequential_without_input()).layers) == ["input", "dense", "dense_1"]
    assert "encoder/input" in pm.inspect(nested()).layers


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("last/kernel", "dense/kernel"),
        ("blocks/1/bias", "dense_2/bias"),
        ("blocks.1.bias", "dense_2/bias"),
        ("heads/b/kernel", "named/kernel"),
    ],
)
def test_a_parameter_is_found_by_its_attributes(path: str, address: str) -> None:
    parameters = pm.inspect(subclassed()).parameters
    assert parameters[path] is parameters[address]


def test_native_names_lead_to_the_same_parameters() -> None:
    model = nested()
    native = pm.inspect(model).parameters.native
    for variable in model.variables:
        assert native[variable.name].native is variable


def test_an_unbuilt_model_is_listed_and_built_on_request() -> None:
    view = pm.inspect(Tower())
    assert len(view.parameters) == 0
    assert [layer.built for layer in view.layers.values()] == [False] * 6
    for how in ({"sample": X}, {"input_shape": (None, 4)}):
        assert list(pm.inspect(Tower(), **how).parameters) == CASES[subclassed]


def test_a_layer_that_holds_its_parent_ends_the_walk() -> None:
    model = Tower()
    model.last.parent = model
    model.first.build((None, 4))
    view = pm.inspect(model)
    assert list(view.parameters) == of("first")
    assert len(view.hyperparameters) > 0
    repr(view)


class ForgetsSuper(layers.Layer):
    def __init__(self, units: int) -> None:
        self.__dict__["units"] = units


def test_a_layer_that_forgot_keras_own_constructor_is_told_as_far_as_it_is_one() -> None:
    view = pm.inspect(ForgetsSuper(3))
    assert view.hyperparameters["model/units"].value == 3
    assert (view.name, list(view.parameters)) == ("forgets_super", [])
    repr(view)


def test_what_is_no_model_is_a_clear_error() -> None:
    for thing in (keras.Model, keras.optimizers.Adam(), keras.losses.MeanSquaredError()):
        with pytest.raises(pm.NotAModel):
            pm.inspect(thing)
