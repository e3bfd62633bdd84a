"""Every argument of every layer of Keras 2 is told as the layer's own `get_config` tells it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import tf_keras as keras
from tf_keras import layers

import parametry as pm
from parametry.core.value import to_plain

REQUIRED: dict[str, Any] = {
    "activation": "relu",
    "axes": 1,
    "cropping": 1,
    "dims": (2, 1),
    "equation": "ab,bc->ac",
    "factor": 0.1,
    "filters": 3,
    "function": abs,
    "height": 4,
    "height_factor": 0.1,
    "input_dim": 5,
    "kernel_size": 2,
    "key_dim": 3,
    "n": 2,
    "num_bins": 4,
    "num_heads": 2,
    "output_dim": 2,
    "output_shape": 4,
    "rate": 0.1,
    "scale": 0.5,
    "stddev": 0.1,
    "target_shape": (2, 2),
    "units": 3,
    "width": 4,
    "width_factor": 0.1,
}
OF_ONE: dict[str, dict[str, Any]] = {
    "Bidirectional": {"layer": lambda: layers.LSTM(3, return_sequences=True)},
    "CategoryEncoding": {"num_tokens": 5},
    "Discretization": {"bin_boundaries": [0.1, 0.5]},
    "RNN": {"cell": lambda: layers.LSTMCell(3)},
    "SpectralNormalization": {"layer": lambda: layers.Dense(3)},
    "StackedRNNCells": {"cells": lambda: [layers.LSTMCell(2)]},
    "TimeDistributed": {"layer": lambda: layers.Dense(3)},
    "Wrapper": {"layer": lambda: layers.Dense(3)},
}
# What `get_config` tells beside the arguments: shapes it was built with, how it serialises.
NOT_PASSED = {
    "batch_input_shape",
    "function_type",
    "key_shape",
    "module",
    "output_shape_module",
    "output_shape_type",
    "query_shape",
    "value_shape",
    "vocabulary_size",
}
# Columns of features are TensorFlow's own.
NOT_MADE = {"DenseFeatures"}
CLASSES = {
    name: getattr(layers, name)
    for name in sorted(dir(layers))
    if isinstance(getattr(layers, name), type)
    and issubclass(getattr(layers, name), layers.Layer)
    and name not in NOT_MADE
}


def needed(name: str) -> dict[str, Any]:
    """The arguments without which a layer cannot be made."""
    out = {
        key: value() if callable(value) else value for key, value in OF_ONE.get(name, {}).items()
    }
    for parameter in list(inspect.signature(CLASSES[name].__init__).parameters.values())[1:]:
        required = parameter.default is parameter.empty and parameter.name not in out
        if required and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            out[parameter.name] = REQUIRED[parameter.name]
    return out


def agrees(told: Any, view: pm.Model, address: str) -> bool:
    """Whether the view says at an address what a config says."""
    entry = view.hyperparameters.get(address)
    kind = told.get("class_name") if isinstance(told, dict) else None
    if kind is not None and "Policy" not in kind:
        referred = None if entry is None else view.layers.get(str(entry.value))
        if referred is not None:
            return bool(referred.class_name == kind)
        class_name = view.hyperparameters.get(f"{address}/class")
        return class_name is not None and str(class_name.value).rpartition(".")[2] == kind
    if isinstance(told, list) and told and isinstance(told[0], dict):
        return entry is not None and len(entry.value) == len(told)
    if callable(told):
        return entry is not None and entry.value == told.__name__
    told = to_plain(np.float32(told)) if isinstance(told, float) else to_plain(told)
    value = None if entry is None else entry.value
    return entry is not None and (
        to_plain(np.float32(value)) if isinstance(value, float) else value
    ) == (told)


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_are_those_of_the_config(name: str) -> None:
    layer = CLASSES[name](**needed(name))
    view = pm.inspect(layer)
    wrong = {
        key: (told, view.hyperparameters.get(f"model/{key}"))
        for key, told in layer.get_config().items()
        if key not in NOT_PASSED
        and not agrees(told, view, f"model/{key}")
        # Worked out where None was passed: what is in effect is told.
        and not (told is None and getattr(layer, key, None) is not None)
    }
    assert wrong == {}


def test_the_layers_of_keras_2_were_found() -> None:
    assert len(CLASSES) > 110


def test_a_users_class_is_told_by_what_it_keeps() -> None:
    class Mine(keras.Model):
        def __init__(self, units: int, rate: float = 0.1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

    view = pm.inspect(Mine(7, name="mine"))
    assert view.hyperparameters["model/units"].value == 7
    assert view.hyperparameters["model/dense/units"].value == 7
    assert view.hyperparameters["model/name"].value == "mine"
    assert "model/rate" not in view.hyperparameters
    assert "rate" in "\n".join(map(str, view.coverage))


def test_a_subclass_without_a_constructor_has_its_bases_arguments() -> None:
    class Mine(layers.Dense):
        pass

    assert pm.inspect(Mine(5, activation="relu")).hyperparameters["model/units"].value == 5


def test_loss_metrics_and_flags_of_compile() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0, epochs=2)
    found = pm.inspect(model).hyperparameters
    assert found["optimizer/class"].value == "tf_keras.optimizers.Adam"
    assert found["compile/loss"].value == "mse"
    assert found["compile/metrics"].value == ["mae"]
    assert found["fit/epochs"].value == 2
    assert found["environment/backend"].value == "tensorflow"
