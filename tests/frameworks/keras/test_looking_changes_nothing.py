"""Inspection leaves the model, its random state and the framework as they were."""

from __future__ import annotations

import gc
import importlib
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo import CASES, made
from zoo.nesting import X

import parametry as pm


def look(model: Any) -> None:
    """Everything that can be asked of a model without writing to it."""
    view = pm.inspect(model)
    view.to_dict()
    view.to_json()
    repr(view)
    view._repr_html_()
    for mapping in (view.parameters, view.layers, view.hyperparameters, view.optimizer_parameters):
        repr(mapping)
        mapping.to_pandas()
    for entry in view.parameters.values():
        entry.numpy()
        _ = entry.initializer, entry.regularizer, entry.constraint
    assert view.totals.parameters >= 0
    assert view.coverage is not None
    view.parameters.get("no/such/address")
    view.hyperparameters.get("model/no/such/address")
    assert view == pm.inspect(model)


def everything_of(thing: Any) -> dict[str, Any]:
    """The attributes of a layer as they are, containers by what they hold."""
    out = {}
    for name, value in thing.__dict__.items():
        if isinstance(value, dict):
            out[name] = [(key, id(item)) for key, item in value.items()]
        elif isinstance(value, (list, tuple, set)):
            out[name] = [id(item) for item in value]
        else:
            out[name] = id(value)
    return out


def snapshot(model: Any) -> dict[str, Any]:
    """A model as it is: every attribute of every layer, every variable and its value."""
    parts = list(model._flatten_layers())
    return {
        "layers": [(id(layer), everything_of(layer)) for layer in parts],
        "trainable": [layer.trainable for layer in parts],
        "built": [layer.built for layer in parts],
        "names": [layer.name for layer in parts],
        "variables": [(id(v), id(v._value), v.path, v.trainable) for v in model.variables],
        "values": [keras.ops.convert_to_numpy(v).tobytes() for v in model.variables],
        "classes": [sorted(type(layer).__dict__) for layer in parts],
    }


@pytest.mark.parametrize("name", CASES)
def test_the_model_is_as_it_was(name: str) -> None:
    model = made(name)
    before = snapshot(model)
    look(model)
    assert snapshot(model) == before


def test_a_trained_model_is_as_it_was_and_trains_on_as_it_would_have() -> None:
    def trained(looking: bool) -> list[Any]:
        keras.utils.set_random_seed(3)
        model = keras.Sequential(
            [keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)]
        )
        model.compile("adam", "mse", metrics=["mae"])
        for _ in range(3):
            if looking:
                look(model)
            model.fit(X, np.ones((2, 1)), verbose=0)
        return [keras.ops.convert_to_numpy(v).tolist() for v in model.variables] + [
            keras.ops.convert_to_numpy(v).tolist() for v in model.optimizer.variables
        ]

    assert trained(looking=True) == trained(looking=False)


def _torch_state() -> Any:
    import torch

    return torch.get_rng_state().tolist()


def _tensorflow_state() -> Any:
    from tensorflow.python.eager import context

    inner = context.context()
    return (inner._seed, inner._rng.getstate() if inner._rng else None)


RANDOM_STATES: dict[str, Callable[[], Any]] = {
    "python": random.getstate,
    "numpy": lambda: [str(part) for part in np.random.get_state()],
    "torch": lambda: _torch_state() if "torch" in sys.modules else None,
    "tensorflow": lambda: _tensorflow_state() if "tensorflow" in sys.modules else None,
    "keras": lambda: keras.ops.convert_to_numpy(
        importlib.import_module("keras.src.random.seed_generator").global_seed_generator().state
    ).tolist(),
}


def test_random_state_is_as_it_was() -> None:
    keras.utils.set_random_seed(5)
    models = [made("generators_of_random_numbers"), made("augmentation"), made("stacked_cells")]
    RANDOM_STATES["keras"]()  # makes Keras's global generator, for which it draws from Python's
    before = {name: state() for name, state in RANDOM_STATES.items()}
    for model in models:
        look(model)
    assert {name: state() for name, state in RANDOM_STATES.items()} == before


def test_the_counters_of_automatic_names_are_as_they_were() -> None:
    state = importlib.import_module("keras.src.backend.common.global_state")
    model = CASES["nested_without_names"].make()
    before = dict(state.get_global_attribute("object_name_uids"))
    look(model)
    assert dict(state.get_global_attribute("object_name_uids")) == before
    assert before["dense"] > 0


def test_settings_of_keras_are_as_they_were() -> None:
    def settings() -> Any:
        config = keras.config
        return (
            config.floatx(),
            config.epsilon(),
            config.dtype_policy().name,
            config.image_data_format(),
            config.is_traceback_filtering_enabled(),
            keras.saving.get_custom_objects().copy(),
        )

    before = settings()
    look(made("attention_with_dropout"))
    assert settings() == before


def test_nothing_of_keras_is_left_behind() -> None:
    """Looking makes no object of Keras that stays."""

    def objects() -> Counter[str]:
        gc.collect()
        return Counter(
            type(thing).__qualname__
            for thing in gc.get_objects()
            if str(type(thing).__module__).startswith(("keras.", "tensorflow.", "jax", "torch"))
        )

    model = made("every_recurrent_layer")
    look(model)  # the first look may fill caches by class
    before = objects()
    for _ in range(3):
        look(model)
    assert objects() == before


def test_a_view_keeps_no_model_alive_that_nobody_else_holds() -> None:
    import weakref

    model = CASES["subclassed"].make()
    reference = weakref.ref(model)
    look(model)
    del model
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("training", [True, False])
def test_torch_modules_stay_in_their_mode(backend: str, training: bool) -> None:
    model = CASES["batch_normalization"].make()
    if backend != "torch":
        assert not hasattr(model, "modules")
        return
    model.train(training)
    before = [(id(module), module.training) for module in model.modules()]
    hooks = [len(module._forward_hooks) for module in model.modules()]
    look(model)
    assert [(id(module), module.training) for module in model.modules()] == before
    assert [len(module._forward_hooks) for module in model.modules()] == hooks


def test_a_compiled_function_is_not_compiled_again(backend: str) -> None:
    model = made("sequential")
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 2)), verbose=0)
    before = model.train_function
    look(model)
    model.fit(X, np.ones((2, 2)), verbose=0)
    assert model.train_function is before
