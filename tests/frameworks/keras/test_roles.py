"""What training changes, what it leaves alone, what is state; and the totals of each."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from zoo import CASES, made
from zoo.nesting import X

import parametry as pm


def roles(model: Any) -> dict[str, str]:
    return {address: entry.role for address, entry in pm.inspect(model).parameters.items()}


@pytest.mark.parametrize("name", CASES)
def test_trainable_is_what_keras_trains(name: str) -> None:
    model = made(name)
    trained = {id(variable) for variable in model.trainable_variables}
    for entry in pm.inspect(model).parameters.values():
        assert entry.trainable == (id(entry.native) in trained)


@pytest.mark.parametrize("name", CASES)
def test_totals_are_those_of_keras(name: str) -> None:
    model = made(name)
    totals = pm.inspect(model).totals
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    everything = sum(int(np.prod(v.shape)) for v in model.variables)
    assert totals.trainable == trainable
    assert totals.frozen + totals.state == everything - trainable
    assert totals.parameters == everything
    assert totals.nbytes == sum(keras.ops.convert_to_numpy(v).nbytes for v in model.variables)
    if model.built and model.variables:
        # Keras counts weights alone, without the state of generators of random numbers.
        seeds = sum(
            entry.size
            for entry in pm.inspect(model).parameters.values()
            if entry.layer_class == "SeedGenerator"
        )
        assert model.count_params() == everything - seeds


def test_statistics_are_state() -> None:
    assert roles(CASES["batch_normalization"].make()) == {
        "dense/kernel": "trainable",
        "dense/bias": "trainable",
        "batch_normalization/gamma": "trainable",
        "batch_normalization/beta": "trainable",
        "batch_normalization/moving_mean": "state",
        "batch_normalization/moving_variance": "state",
        "batch_normalization_1/gamma": "trainable",
        "batch_normalization_1/beta": "trainable",
        "batch_normalization_1/moving_mean": "state",
        "batch_normalization_1/moving_variance": "state",
    }


def test_a_frozen_layer_is_frozen_and_its_state_is_state() -> None:
    model = CASES["batch_normalization"].make()
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    found = roles(model)
    assert found["dense/kernel"] == found["batch_normalization/gamma"] == "frozen"
    assert found["batch_normalization/moving_mean"] == "state"
    assert found["batch_normalization_1/gamma"] == "trainable"
    view = pm.inspect(model)
    assert (view.totals.trainable, view.totals.frozen, view.totals.state) == (6, 21, 12)
    assert view.hyperparameters["model/dense/trainable"].value is False


def test_freezing_the_model_freezes_everything_below() -> None:
    model = CASES["nested"].make()
    model.trainable = False
    assert set(roles(model).values()) == {"frozen"}
    model.get_layer("encoder").trainable = True
    found = roles(model)
    trained = {id(variable) for variable in model.trainable_variables}
    view = pm.inspect(model)
    assert {a for a, role in found.items() if role == "trainable"} == {
        address for address, entry in view.parameters.items() if id(entry.native) in trained
    }


def test_one_variable_may_be_frozen_alone() -> None:
    model = CASES["sequential"].make()
    model.layers[0].kernel.trainable = False
    found = roles(model)
    assert found["dense/kernel"] == "frozen"
    assert found["dense/bias"] == "trainable"


def test_low_rank_additions_freeze_the_kernel() -> None:
    found = roles(CASES["low_rank_additions"].make())
    assert found["dense/kernel"] == found["embedding/embeddings"] == "frozen"
    assert found["dense/lora_kernel_a"] == "trainable"


def test_quantized_kernels_are_not_trained() -> None:
    found = roles(CASES["dense_in_int8"].make())
    assert found["dense/kernel"] == found["dense/kernel_scale"] == "state"
    assert found["dense/bias"] == "trainable"


def test_training_changes_what_is_trainable_and_nothing_that_is_frozen() -> None:
    model = CASES["sequential"].make()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    view = pm.inspect(model)
    before = {address: entry.numpy() for address, entry in view.parameters.items()}
    model.fit(X, np.full((2, 2), 9.0), verbose=0)
    changed = {a for a, e in view.parameters.items() if not np.array_equal(e.numpy(), before[a])}
    assert changed == {a for a, entry in view.parameters.items() if entry.trainable}


def test_shared_parameters_count_once() -> None:
    view = pm.inspect(CASES["shared_between_submodels"].make())
    assert view.totals.parameters == 2 * (4 * 4 + 4)
    assert view.layers["a"].parameters == 20
    assert view.layers["b"].parameters == 40
