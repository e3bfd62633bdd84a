"""What is told of each layer: its class, its shapes, its size, how often it is used."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo import CASES, made
from zoo.nesting import X

import parametry as pm


def told_by_keras(shape: Any) -> Any:
    """A shape, or several, as lists."""
    if isinstance(shape, (list, tuple)):
        return [told_by_keras(size) for size in shape]
    return shape


@pytest.mark.parametrize("name", CASES)
def test_class_name_and_state_are_those_of_the_layer(name: str) -> None:
    found = pm.inspect(made(name)).layers
    for address, layer in found.items():
        native = layer.native
        assert layer.address == address
        assert layer.class_name == type(native).__name__
        assert layer.native_name == native.name
        assert layer.built == native.built
        assert layer.depth == 1 + sum(address.startswith(above + "/") for above in found)


@pytest.mark.parametrize("name", CASES)
def test_sizes_are_those_that_keras_counts(name: str) -> None:
    for layer in pm.inspect(made(name)).layers.values():
        variables = {id(variable): variable for variable in layer.native.variables}.values()
        assert layer.parameters == sum(int(np.prod(v.shape)) for v in variables)
        assert layer.nbytes == sum(keras.ops.convert_to_numpy(v).nbytes for v in variables)


@pytest.mark.parametrize("name", CASES)
def test_shapes_are_those_that_keras_tells(name: str) -> None:
    """Keras tells them of a layer that was called once in a graph."""
    for layer in pm.inspect(made(name)).layers.values():
        try:
            inputs, outputs = layer.native.input, layer.native.output
        except (AttributeError, ValueError):
            continue
        shapes = [
            told_by_keras(
                [tensor.shape for tensor in tensors]
                if isinstance(tensors, (list, tuple))
                else tensors.shape
            )
            for tensors in (inputs, outputs)
        ]
        # An input layer has no input, which Keras tells as an empty list.
        assert [layer.input_shape or [], layer.output_shape] == shapes


@pytest.mark.parametrize("name", CASES)
def test_everything_told_of_a_layer_is_plain_data(name: str) -> None:
    told = pm.inspect(made(name)).layers.to_dict()
    assert json.loads(json.dumps(told)) == told


def test_shapes_of_a_subclassed_model_are_those_it_was_built_with() -> None:
    layer = pm.inspect(made("subclassed")).layers["first"]
    assert (layer.input_shape, layer.output_shape) == ([2, 4], [2, 4])


def test_an_input_layer_has_no_input() -> None:
    layer = pm.inspect(made("sequential")).layers["input_layer"]
    assert (layer.input_shape, layer.output_shape) == (None, [None, 4])


def test_an_unbuilt_layer_has_no_shapes() -> None:
    layer = pm.inspect(made("not_built")).layers["dense"]
    assert (layer.built, layer.input_shape, layer.output_shape) == (False, None, None)


def test_a_layer_with_several_inputs_tells_each() -> None:
    found = pm.inspect(made("functional_with_two_inputs")).layers
    assert found["concatenate"].input_shape == [[None, 2], [None, 2]]
    assert found["concatenate"].output_shape == [None, 4]


def test_the_shape_of_a_users_layer_is_not_worked_out_by_running_it() -> None:
    called = []

    class Mine(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(1,), name="w")

        def call(self, inputs: Any) -> Any:
            called.append("call")
            return inputs

        def compute_output_shape(self, input_shape: Any) -> Any:
            called.append("compute_output_shape")
            return input_shape

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.mine = Mine()

        def call(self, inputs: Any) -> Any:
            return self.mine(inputs)

    model = Model()
    model(X)
    called.clear()
    layer = pm.inspect(model).layers["mine"]
    assert (layer.input_shape, layer.output_shape) == ([2, 4], None)
    assert called == []
