"""Every argument of every layer of Keras's is told as the layer's own `get_config` tells it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import parametry as pm
from parametry.core.value import to_plain

# What a layer needs at least; by the argument's name, where every layer means the same by it.
REQUIRED: dict[str, Any] = {
    "activation": "relu",
    "axes": 1,
    "cropping": 1,
    "dims": (2, 1),
    "equation": "ab,bc->ac",
    "factor": 0.1,
    "filters": 3,
    "function": abs,
    "head_dim": 3,
    "height": 4,
    "height_factor": 0.1,
    "input_dim": 5,
    "kernel_size": 2,
    "key_dim": 3,
    "l1": 0.1,
    "max_number": 3,
    "n": 2,
    "num_bins": 4,
    "num_heads": 2,
    "num_key_value_heads": 2,
    "num_query_heads": 4,
    "output_dim": 2,
    "output_shape": 4,
    "output_size": 2,
    "pool_size": 2,
    "rate": 0.1,
    "scale": 0.5,
    "stddev": 0.1,
    "target_shape": (2, 2),
    "units": 3,
    "value_range": (0, 1),
    "width": 4,
    "width_factor": 0.1,
}
# What one layer needs that is not like that.
OF_ONE: dict[str, dict[str, Any]] = {
    "Bidirectional": {"layer": lambda: layers.LSTM(3, return_sequences=True)},
    "CategoryEncoding": {"num_tokens": 5},
    "Discretization": {"bin_boundaries": [0.1, 0.5]},
    "InputLayer": {"shape": (3,)},
    "Pipeline": {"layers": lambda: [layers.Rescaling(0.5), layers.RandomFlip()]},
    "RandomPosterization": {"factor": 4},
    "RNN": {"cell": lambda: layers.LSTMCell(3)},
    "SpectralNormalization": {"layer": lambda: layers.Dense(3)},
    "StackedRNNCells": {"cells": lambda: [layers.LSTMCell(2), layers.LSTMCell(2)]},
    "TimeDistributed": {"layer": lambda: layers.Dense(3)},
    "Wrapper": {"layer": lambda: layers.Dense(3)},
}
# Layers that wrap what another framework made, a file or a function of JAX's.
NOT_MADE = {"FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"}
# What `get_config` tells that nobody passed: a lookup's state.
NOT_PASSED = {"vocabulary_size"}
CLASSES = {
    name: cls
    for name, cls in sorted(vars(layers).items())
    if isinstance(cls, type) and issubclass(cls, layers.Layer) and name not in NOT_MADE
}


def needed(name: str) -> dict[str, Any]:
    """The arguments without which a layer cannot be made."""
    out = {
        key: value() if callable(value) else value for key, value in OF_ONE.get(name, {}).items()
    }
    for parameter in list(inspect.signature(CLASSES[name].__init__).parameters.values())[1:]:
        required = parameter.default is parameter.empty
        if (
            required
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            and parameter.name not in out
        ):
            out[parameter.name] = REQUIRED[parameter.name]
    return out


def others(name: str) -> Iterator[dict[str, Any]]:
    """Each optional argument with another value than its default, one at a time."""
    for ancestor in CLASSES[name].__mro__:
        constructor = ancestor.__dict__.get("__init__")
        if constructor is None or not ancestor.__module__.startswith("keras."):
            continue
        for parameter in list(inspect.signature(constructor).parameters.values())[1:]:
            for value in _other_values(parameter.name, parameter.default):
                yield {parameter.name: value}
    yield {"dtype": "mixed_bfloat16"}
    yield {"trainable": False}
    yield {"name": "given"}


def _other_values(name: str, default: Any) -> list[Any]:
    kind = name.rpartition("_")[2]
    if kind in ("initializer", "regularizer", "constraint"):
        package = getattr(keras, f"{kind}s")
        made = {
            "initializer": lambda: package.RandomNormal(0.1, 0.2, seed=3),
            "regularizer": lambda: package.L1L2(0.1, 0.2),
            "constraint": lambda: package.MaxNorm(3, axis=1),
        }
        return [made[kind]()]
    if kind == "activation":
        return ["relu", keras.activations.gelu]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [default + 1]
    if isinstance(default, float):
        return [0.25, float(np.float32(0.3))]
    if isinstance(default, tuple) and all(isinstance(item, int) for item in default):
        return [tuple(item + 1 for item in default)]
    return [7, 0.5] if default is None else []


def agrees(told: Any, view: pm.Model, address: str) -> bool:
    """Whether the view says at an address what a config says."""
    entry = view.hyperparameters.get(address)
    if isinstance(told, dict) and "class_name" in told:
        if "DTypePolicy" in told["class_name"]:
            return entry is not None and entry.value == told["config"]["name"]
        kind = told["class_name"]
        if kind in ("function", "builtin_function_or_method"):
            return entry is not None and entry.value == told["config"]
        referred = None if entry is None else view.layers.get(str(entry.value))
        if referred is not None:  # a layer that is told below its own address
            return bool(referred.class_name == kind)
        class_name = view.hyperparameters.get(f"{address}/class")
        return (
            class_name is not None
            and str(class_name.value).rpartition(".")[2] == kind
            and all(
                agrees(item, view, f"{address}/{name}") for name, item in told["config"].items()
            )
        )
    if isinstance(told, list) and told and isinstance(told[0], dict) and "class_name" in told[0]:
        referred = [] if entry is None else [view.layers[str(name)] for name in entry.value]
        return [layer.class_name for layer in referred] == [item["class_name"] for item in told]
    return entry is not None and entry.value == to_plain(told)


def differences(layer: Any) -> dict[str, Any]:
    """The arguments that the view tells otherwise than the layer's config: both answers."""
    view = pm.inspect(layer)
    out = {}
    config = layer.get_config()
    if isinstance(config.get("dtype"), str):
        # Some tell the dtype of the policy's variables alone.
        config["dtype"] = layer.dtype_policy.name
    for name, told in config.items():
        # Worked out where None was passed: what is in effect is told.
        worked_out = told is None and getattr(layer, name, None) is not None
        if worked_out or name in NOT_PASSED or agrees(told, view, f"model/{name}"):
            continue
        out[name] = (told, view.hyperparameters.get(f"model/{name}"))
    return out


def mentions(told: Any, value: Any) -> bool:
    """Whether a value is told, or stands in the list that Keras makes of it: -0.1 to 0.1 of 0.1."""
    if isinstance(told, list):
        return any(mentions(item, value) for item in told)
    return type(told) is type(value) and told == value


def public_name(cls: type) -> str:
    """The first of the names under which Keras exports a class."""
    path = cls.__dict__["_api_export_path"]
    return path if isinstance(path, str) else path[0]


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_are_those_of_the_config(name: str) -> None:
    layer = CLASSES[name](**needed(name))
    assert differences(layer) == {}
    hyperparameters = pm.inspect(layer).hyperparameters
    assert hyperparameters["model/class"].value == public_name(CLASSES[name])
    for key, value in needed(name).items():
        if isinstance(value, (int, float, str)):
            assert mentions(hyperparameters[f"model/{key}"].value, value), key


@pytest.mark.parametrize("name", CLASSES)
def test_every_other_value_is_told_too(name: str) -> None:
    made = 0
    for other in others(name):
        try:
            layer = CLASSES[name](**{**needed(name), **other})
            config = layer.get_config()
        except Exception:  # a value that this layer refuses, or cannot tell, proves nothing
            continue
        made += 1
        assert differences(layer) == {}, other
        hyperparameters = pm.inspect(layer).hyperparameters
        for key, value in other.items():
            # Some layers ignore some arguments, as a lookup does `trainable`.
            if isinstance(value, (bool, float)) and config.get(key) == value:
                assert mentions(hyperparameters[f"model/{key}"].value, value), other
    assert made >= 1


def test_the_layers_of_keras_were_found() -> None:
    assert len(CLASSES) > 130
