"""Values, roles and optimizers of Keras 2, and that looking changes nothing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.eager import context
from tf_keras import layers, optimizers

import parametry as pm

X = np.ones((2, 4), "float32")


def model_of(*stack: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), *stack])


def trained(optimizer: Any) -> Any:
    model = model_of(layers.Dense(3, name="same"), layers.Dense(2))
    model.compile(optimizer, "mse")
    model.fit(X, np.ones((2, 2)), verbose=0)
    return model


# ---------------------------------------------------------------- values


def test_assigned_values_land_and_training_goes_on_from_them() -> None:
    model = model_of(layers.Dense(3, use_bias=False))
    model.compile(optimizers.SGD(0.5), "mse")
    kernel = pm.inspect(model).parameters["dense/kernel"]
    start = np.arange(12.0).reshape(4, 3)
    kernel.assign(start)
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), start)
    model.fit(X, np.zeros((2, 3)), verbose=0)
    expected = start - 0.5 * 2 / 3 * np.ones((4, 1)) @ X[:1] @ start
    np.testing.assert_allclose(kernel.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (np.zeros((3, 4)), pm.ShapeMismatch),
        (np.zeros((4, 3), "int32"), pm.DtypeMismatch),
        (np.full((4, 3), 1e300), pm.DtypeMismatch),
    ],
)
def test_what_does_not_fit_changes_nothing(values: Any, error: type[Exception]) -> None:
    model = model_of(layers.Dense(3))
    before = model.layers[-1].kernel.numpy()
    with pytest.raises(error, match="dense/kernel"):
        pm.inspect(model).parameters["dense/kernel"].assign(values)
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), before)


def test_what_is_read_is_a_copy() -> None:
    model = model_of(layers.Dense(3))
    entry = pm.inspect(model).parameters["dense/kernel"]
    entry.numpy()[:] = 7
    np.asarray(entry)[:] = 7
    assert not (model.layers[-1].kernel.numpy() == 7).any()


def test_bfloat16_is_read_and_written() -> None:
    model = model_of(layers.Dense(3, dtype="bfloat16"))
    entry = pm.inspect(model).parameters["dense/kernel"]
    assert (entry.dtype, entry.nbytes) == ("bfloat16", 24)
    entry.assign(np.full((4, 3), 1.5))
    assert entry.numpy().astype("float32").tolist() == [[1.5] * 3] * 4


def test_a_value_inside_a_compiled_function_is_unavailable() -> None:
    entry = pm.inspect(model_of(layers.Dense(3))).parameters["dense/kernel"]
    seen = []

    @tf.function
    def step(inputs: Any) -> Any:
        try:
            seen.append(entry.numpy())
        except pm.ValueUnavailable as error:
            seen.append(str(error))
        return inputs

    step(X)
    assert len(seen) == 1
    assert "cannot be read at this moment" in seen[0]


# ---------------------------------------------------------------- roles


def roles(model: Any) -> dict[str, str]:
    return {address: entry.role for address, entry in pm.inspect(model).parameters.items()}


def test_frozen_layers_and_state() -> None:
    model = model_of(layers.Dense(3), layers.BatchNormalization())
    model.layers[0].trainable = False
    assert roles(model) == {
        "dense/kernel": "frozen",
        "dense/bias": "frozen",
        "batch_normalization/gamma": "trainable",
        "batch_normalization/beta": "trainable",
        "batch_normalization/moving_mean": "state",
        "batch_normalization/moving_variance": "state",
    }


@pytest.mark.parametrize("frozen", ["outer", "encoder"])
def test_a_frozen_layer_freezes_what_was_thawed_below_it(frozen: str) -> None:
    encoder = keras.Sequential([layers.Dense(4)], name="encoder")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="head")(encoder(inputs)))
    (model if frozen == "outer" else encoder).trainable = False
    encoder.layers[-1].trainable = True
    trained_by_keras = {id(variable) for variable in model.trainable_variables}
    for entry in pm.inspect(model).parameters.values():
        assert entry.trainable == (id(entry.native) in trained_by_keras)
    assert roles(model)["encoder/dense/kernel"] == "frozen"


def test_what_one_of_two_ways_leaves_thawed_is_trained() -> None:
    shared = layers.Dense(4)
    a = keras.Sequential([keras.Input((4,)), shared], name="a")
    b = keras.Sequential([keras.Input((4,)), shared], name="b")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, b(a(inputs)))
    a.trainable = False
    shared.trainable = True
    assert len(model.trainable_variables) == 2
    assert roles(model) == {"a/dense/kernel": "trainable", "a/dense/bias": "trainable"}


# ---------------------------------------------------------------- what layers declare


def test_initializers_regularizers_and_constraints() -> None:
    layer = layers.Dense(
        2,
        kernel_initializer=keras.initializers.HeNormal(seed=3),
        kernel_regularizer=keras.regularizers.L2(0.5),
        bias_constraint=keras.constraints.MaxNorm(3),
    )
    parameters = pm.inspect(model_of(layer)).parameters
    assert parameters["dense/kernel"].initializer == {"class": "HeNormal", "seed": 3}
    assert parameters["dense/kernel"].regularizer == {"class": "L2", "l2": 0.5}
    assert parameters["dense/kernel"].constraint is None
    assert parameters["dense/bias"].constraint == {"class": "MaxNorm", "max_value": 3, "axis": 0}
    assert parameters["dense/bias"].regularizer is None


# ---------------------------------------------------------------- optimizers


TRAINED = ["same/kernel", "same/bias", "dense/kernel", "dense/bias"]


def slots(model: Any, below: str = "optimizer") -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for address in pm.inspect(model).optimizer_parameters:
        parameter, _, slot = address.removeprefix(below + "/").rpartition("/")
        out.setdefault(parameter, set()).add(slot)
    return out


@pytest.mark.parametrize(
    ("optimizer", "of_each", "others"),
    [
        (optimizers.SGD(0.1, momentum=0.9), {"m"}, {"iteration"}),
        (optimizers.Adam(amsgrad=True), {"m", "v", "vhat"}, {"iteration"}),
        (optimizers.AdamW(), {"m", "v"}, {"iteration"}),
        (optimizers.Lion(), {"m"}, {"iteration"}),
        (optimizers.Adam(use_ema=True), {"m", "v", "average"}, {"iteration"}),
        (optimizers.legacy.Adam(), {"m", "v"}, {"iter"}),
        (optimizers.legacy.SGD(0.1, momentum=0.9), {"momentum"}, {"iter"}),
    ],
    ids=lambda value: f"{type(value).__module__.rpartition('.')[2]}",
)
def test_each_slot_lies_below_its_parameter(
    optimizer: Any, of_each: set[str], others: set[str]
) -> None:
    model = trained(optimizer)
    assert slots(model) == {address: of_each for address in TRAINED if of_each} | {"": others}
    assert list(pm.inspect(model).parameters) == TRAINED


def test_a_slot_is_the_one_that_the_optimizer_uses() -> None:
    model = trained(optimizers.Adam())
    found = pm.inspect(model).optimizer_parameters
    for index, address in enumerate(TRAINED):
        assert found[f"optimizer/{address}/m"].native is model.optimizer._momentums[index]
        assert found[f"optimizer/{address}/v"].native is model.optimizer._velocities[index]


def test_the_inner_optimizer_of_a_loss_scale_has_slots_of_its_own() -> None:
    model = trained(keras.mixed_precision.LossScaleOptimizer(optimizers.Adam(0.01)))
    assert slots(model, "optimizer/inner_optimizer") == {
        "": {"iteration"},
        **{address: {"m", "v"} for address in TRAINED},
    }
    found = pm.inspect(model).hyperparameters
    assert found["optimizer/inner_optimizer/learning_rate"].value == 0.01


@pytest.mark.parametrize("optimizer", [optimizers.Adam(0.003), optimizers.legacy.Adam(0.003)])
def test_the_rate_is_told_as_it_is_now_in_its_shortest_form(optimizer: Any) -> None:
    model = trained(optimizer)
    assert pm.inspect(model).hyperparameters["optimizer/learning_rate"].value == 0.003
    model.optimizer.learning_rate = 0.3
    assert pm.inspect(model).hyperparameters["optimizer/learning_rate"].value == 0.3


# ---------------------------------------------------------------- looking changes nothing


def test_looking_changes_nothing() -> None:
    model = trained(optimizers.Adam())
    counters = dict(keras.backend.get_uid.__globals__["PER_GRAPH_OBJECT_NAME_UIDS"])

    def state() -> Any:
        inner = context.context()
        return (
            [(id(layer), sorted(layer.__dict__)) for layer in model._flatten_layers()],
            [(id(v), v.numpy().tobytes()) for v in model.variables + model.optimizer.variables],
            [layer.trainable for layer in model._flatten_layers()],
            {str(graph): dict(names) for graph, names in counters.items()},
            random.getstate(),
            str(np.random.get_state()),
            (inner._seed, getattr(inner, "_rng", None) and inner._rng.getstate()),
            id(model.train_function),
        )

    before = state()
    view = pm.inspect(model)
    view.to_json()
    view.to_yaml()
    repr(view)
    view._repr_html_()
    for entry in [*view.parameters.values(), *view.optimizer_parameters.values()]:
        entry.numpy()
        entry.to_dict()
    assert state() == before
