"""The optimizer's variables: each slot under the parameter that it belongs to, apart from them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, optimizers
from zoo.nesting import X

import parametry as pm

TRAINED = ["same/kernel", "same/bias", "dense/kernel", "dense/bias"]


def trained(optimizer: Any, **compiled: Any) -> Any:
    """A model that was trained for one step."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="same"), layers.Dense(2)])
    model.compile(optimizer, "mse", **compiled)
    model.fit(X, np.ones((2, 2)), verbose=0)
    return model


def slots(model: Any, below: str = "optimizer") -> dict[str, set[str]]:
    """The slots' names by the parameter that they belong to; the others' under an empty address."""
    out: dict[str, set[str]] = {}
    for address in pm.inspect(model).optimizer_parameters:
        assert address.startswith(below + "/")
        parameter, _, slot = address.removeprefix(below + "/").rpartition("/")
        out.setdefault(parameter, set()).add(slot)
    return out


@pytest.mark.parametrize(
    ("optimizer", "of_each", "others"),
    [
        (optimizers.SGD(0.1), set(), set()),
        (optimizers.SGD(0.1, momentum=0.9), {"momentum"}, set()),
        (optimizers.Adam(amsgrad=True), {"momentum", "velocity", "velocity_hat"}, set()),
        (optimizers.AdamW(), {"momentum", "velocity"}, set()),
        (
            optimizers.RMSprop(centered=True, momentum=0.1),
            {"velocity", "momentum", "average_gradient"},
            set(),
        ),
        (optimizers.Lion(), {"momentum"}, set()),
        (optimizers.Adafactor(), {"r", "c", "velocity"}, set()),
        (optimizers.Nadam(), {"momentum", "velocity"}, {"u_product"}),
        (optimizers.Ftrl(), {"accumulator", "linear"}, set()),
        (optimizers.Adam(use_ema=True), {"momentum", "velocity", "average"}, set()),
        (
            optimizers.Adam(gradient_accumulation_steps=2),
            {"momentum", "velocity", "gradient_accumulator"},
            set(),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, optimizers.Optimizer) else "",
)
def test_each_slot_lies_below_its_parameter(
    optimizer: Any, of_each: set[str], others: set[str]
) -> None:
    expected = {address: of_each for address in TRAINED if of_each}
    assert slots(trained(optimizer)) == expected | {"": {"iteration", "learning_rate"} | others}


def test_every_variable_of_the_optimizer_is_there_once_and_apart() -> None:
    model = trained(optimizers.Adam())
    view = pm.inspect(model)
    natives = [id(entry.native) for entry in view.optimizer_parameters.values()]
    assert sorted(natives) == sorted(id(variable) for variable in model.optimizer.variables)
    assert list(view.parameters) == TRAINED
    assert set(view.parameters.select("**/kernel")) == {"same/kernel", "dense/kernel"}
    assert {entry.role for entry in view.optimizer_parameters.values()} == {"optimizer"}
    assert view.totals.parameters == model.count_params()
    assert view.totals.optimizer == 2 * model.count_params() + 2


def test_a_slot_is_the_one_that_the_optimizer_uses() -> None:
    model = trained(optimizers.Adam())
    view = pm.inspect(model)
    optimizer = model.optimizer
    for variable, momentum, velocity in zip(
        optimizer._trainable_variables, optimizer._momentums, optimizer._velocities, strict=True
    ):
        address = next(a for a, entry in view.parameters.items() if entry.native is variable)
        found = view.optimizer_parameters
        assert found[f"optimizer/{address}/momentum"].native is momentum
        assert found[f"optimizer/{address}/velocity"].native is velocity
        np.testing.assert_array_equal(
            found[f"optimizer/{address}/momentum"].numpy(), keras.ops.convert_to_numpy(momentum)
        )
    assert view.optimizer_parameters["optimizer/iteration"].numpy() == 1


def test_an_optimizer_with_as_many_variables_as_it_trains_has_no_slots_all_the_same() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(X, np.ones((2, 3)), verbose=0)
    assert len(model.optimizer.variables) == len(model.trainable_variables) == 2
    assert slots(model) == {"": {"iteration", "learning_rate"}}


def test_slots_of_layers_of_one_name_are_told_apart() -> None:
    """The optimizer's own names are equal there."""

    class SameName(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a = layers.Dense(4, name="same")
            self.b = layers.Dense(4, name="same")

        def call(self, inputs: Any) -> Any:
            return self.b(self.a(inputs))

    model = SameName()
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(X, np.ones((2, 4)), verbose=0)
    assert slots(model) == {
        "": {"iteration", "learning_rate"},
        "a/kernel": {"momentum"},
        "a/bias": {"momentum"},
        "b/kernel": {"momentum"},
        "b/bias": {"momentum"},
    }


def test_the_inner_optimizer_of_a_loss_scale_has_slots_of_its_own() -> None:
    model = trained(optimizers.LossScaleOptimizer(optimizers.SGD(0.1, momentum=0.9)))
    found = pm.inspect(model).optimizer_parameters
    inner = {address for address in found if address.startswith("optimizer/inner_optimizer/")}
    assert {f"optimizer/inner_optimizer/{address}/momentum" for address in TRAINED} < inner
    assert {"optimizer/dynamic_scale", "optimizer/step_counter"} <= set(found) - inner
    assert sorted(id(entry.native) for entry in found.values()) == sorted(
        {id(variable) for variable in model.optimizer.variables}
    )


def test_an_optimizer_that_has_not_stepped_has_what_it_has() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    assert len(pm.inspect(model).optimizer_parameters) == 0
    model.compile("adam", "mse")
    assert slots(model) == {"": {"iteration", "learning_rate"}}


def test_slots_can_be_assigned() -> None:
    model = trained(optimizers.SGD(0.1, momentum=0.9))
    slot = pm.inspect(model).optimizer_parameters["optimizer/dense/bias/momentum"]
    slot.assign(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.optimizer.momentums[3]), [1.0, 2.0]
    )
    with pytest.raises(pm.ShapeMismatch, match="optimizer/dense/bias/momentum"):
        slot.assign(np.zeros(3))


def test_the_rate_is_told_as_it_is_now_in_its_shortest_form() -> None:
    model = trained(optimizers.Adam(0.001))
    assert pm.inspect(model).hyperparameters["optimizer/learning_rate"].value == 0.001
    model.optimizer.learning_rate = 0.3
    assert pm.inspect(model).hyperparameters["optimizer/learning_rate"].value == 0.3
