"""What is frozen stays as it is, what is thawed is trained, and all else goes on as before."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from zoo.tied import numbers

import parametry as pm
from parametry import errors

X, Y = numbers(8, 3), numbers(8, 1)


def net(optimizer: Any = None, *, jit: bool = False) -> Any:
    """A small model; XLA, where it is not the point, takes most of a test's time."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(1, name="last"),
        ]
    )
    model.compile(
        optimizer or keras.optimizers.Adam(0.1), "mse", jit_compile="auto" if jit else False
    )
    return model


def train(model: Any, epochs: int = 1) -> None:
    model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)


def values(model: Any) -> dict[str, Any]:
    return {address: entry.numpy() for address, entry in pm.inspect(model).parameters.items()}


def slots(model: Any) -> dict[str, Any]:
    return {a: entry.numpy() for a, entry in pm.inspect(model).optimizer_parameters.items()}


def changed(model: Any, epochs: int = 1) -> set[str]:
    before = values(model)
    train(model, epochs)
    return {a for a, after in values(model).items() if not np.array_equal(before[a], after)}


WEIGHTS = {"first/kernel", "first/bias", "norm/gamma", "norm/beta", "last/kernel", "last/bias"}
STATE = {"norm/moving_mean", "norm/moving_variance"}


def test_both_directions_hold_after_compiling() -> None:
    model = net(jit=True)
    assert changed(model) == WEIGHTS | STATE
    optimizer, before = model.optimizer, slots(model)
    assert pm.freeze(model, "first/**") == ["first/kernel", "first/bias"]
    assert {a: e.role for a, e in pm.inspect(model).parameters.select("first/**").items()} == {
        "first/kernel": "frozen",
        "first/bias": "frozen",
    }
    after = slots(model)
    assert set(after) == {address for address in before if "/first/" not in address}
    assert all(np.array_equal(after[address], before[address]) for address in after)
    assert changed(model) == (WEIGHTS | STATE) - {"first/kernel", "first/bias"}
    before = slots(model)
    assert pm.unfreeze(model, "first/kernel") == ["first/kernel"]
    after = slots(model)
    assert all(np.array_equal(after[address], before[address]) for address in before)
    assert not after["optimizer/first/kernel/momentum"].any()
    assert changed(model) == (WEIGHTS | STATE) - {"first/bias"}
    assert model.optimizer is optimizer and int(optimizer.iterations) == 6


def test_a_frozen_model_trains_as_one_that_was_compiled_so() -> None:
    ours, theirs = net(keras.optimizers.SGD(0.1)), net(keras.optimizers.SGD(0.1))
    theirs.get_layer("first").kernel.trainable = False
    theirs.compile(keras.optimizers.SGD(0.1), "mse")
    ours.predict(X, verbose=0)
    pm.freeze(ours, "first/kernel")
    train(ours, 2)
    train(theirs, 2)
    for address, expected in values(theirs).items():
        np.testing.assert_allclose(values(ours)[address], expected, atol=2e-6)


def test_variables_alone_leave_batch_normalization_as_it_is() -> None:
    model = net()
    train(model)
    assert pm.freeze(model, "**") == [a for a in values(model) if a in WEIGHTS]
    assert model.trainable_variables == []
    pm.unfreeze(model, "last/**")
    assert changed(model) == STATE | {"last/kernel", "last/bias"}


def test_layers_freezes_in_kerass_own_sense_and_lifts_it() -> None:
    model = net()
    train(model)
    assert pm.freeze(model, layers="norm*") == ["norm/gamma", "norm/beta"]
    assert model.get_layer("norm").trainable is False
    with np.testing.suppress_warnings():
        assert changed(model) == WEIGHTS - {"norm/gamma", "norm/beta"}
    # A single variable below is trained, and the layer's inference mode stays.
    assert pm.unfreeze(model, "norm/beta") == ["norm/beta"]
    assert changed(model) == WEIGHTS - {"norm/gamma"}
    assert pm.unfreeze(model, layers=["norm"]) == ["norm/gamma"]
    assert changed(model) == WEIGHTS | STATE


@pytest.mark.filterwarnings("error")
def test_keras_does_not_warn_of_what_was_followed_up() -> None:
    model = net()
    model.evaluate(X, Y, verbose=0)
    pm.freeze(model, layers="first")
    model.evaluate(X, Y, verbose=0)


def test_a_variable_in_a_model_that_is_frozen_whole() -> None:
    model = net()
    model.trainable = False
    model.get_layer("last").trainable = True  # to no effect, as long as the model is frozen
    assert set(pm.inspect(model).parameters.select(role="trainable", missing_ok=True)) == set()
    assert pm.unfreeze(model, "first/kernel") == ["first/kernel"]
    assert changed(model) == {"first/kernel"}


def test_one_address_of_a_tied_array_freezes_it_all() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(3)])
    pm.tie(model, "dense/kernel", "dense_1/kernel", transpose=True)
    assert pm.freeze(model, "dense_1/kernel") == ["dense/kernel"]
    assert len(model.trainable_variables) == 2
    assert pm.unfreeze(model, "*/kernel") == ["dense/kernel"]


def test_what_is_so_already_is_left_alone() -> None:
    model = net()
    train(model)
    optimizer_variables = [id(variable) for variable in model.optimizer.variables]
    assert pm.unfreeze(model, "**") == []
    assert [id(variable) for variable in model.optimizer.variables] == optimizer_variables


def test_patterns_that_match_no_weight() -> None:
    model = net()
    for patterns, options, said in (
        (("second/*",), {}, "matches no parameter"),
        (("first/kernel", "second/*"), {}, "matches no parameter"),
        (("**/moving_mean",), {}, "is state"),
        ((), {"layers": "second"}, "matches no layer"),
        ((), {}, "neither a pattern nor layers="),
    ):
        with pytest.raises(errors.NothingMatched, match=said):
            pm.freeze(model, *patterns, **options)
    assert all(entry.role != "frozen" for entry in pm.inspect(model).parameters.values())


def test_a_model_that_is_not_built() -> None:
    with pytest.raises(errors.NotBuilt, match="not built"):
        pm.freeze(keras.Sequential([layers.Dense(3)]), "**")


def test_gradual_thawing_in_a_callback_of_fit() -> None:
    model = net()
    pm.freeze(model, "first/**")
    seen: list[Any] = []

    class Thaw(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(values(model)["first/kernel"])
            if epoch == 1:
                pm.unfreeze(model, "first/kernel")

    model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[Thaw()])
    assert np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True, momentum=0.5),
    "adam": lambda: keras.optimizers.Adam(0.01, amsgrad=True, gradient_accumulation_steps=2),
    "adamw": lambda: keras.optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=2),
    "adamax": lambda: keras.optimizers.Adamax(0.01),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "adagrad": lambda: keras.optimizers.Adagrad(0.01),
    "adadelta": lambda: keras.optimizers.Adadelta(0.01),
    "adafactor": lambda: keras.optimizers.Adafactor(0.01),
    "ftrl": lambda: keras.optimizers.Ftrl(0.01),
    "lion": lambda: keras.optimizers.Lion(0.01),
    "lamb": lambda: keras.optimizers.Lamb(0.01),
    "muon": lambda: keras.optimizers.Muon(0.01),
    "schedule free": lambda: keras.optimizers.ScheduleFreeAdamW(0.01),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
    "scheduled": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.5
    ),
    "several": lambda: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            keras.optimizers.Lion(0.1), {"a": keras.optimizers.Adam(0.01)}
        )
    ),
}


def step(optimizer: Any, gradients: list[Any], weights: list[Any], backend: str) -> None:
    """One step as the backend's own training takes it."""
    if backend != "jax":
        optimizer.apply(gradients, weights)
        return
    if not optimizer.built:
        optimizer.build(weights)
    found = optimizer.stateless_apply(
        [variable.value for variable in optimizer.variables],
        gradients,
        [variable.value for variable in weights],
    )
    for variables, fresh in zip((weights, optimizer.variables), found, strict=True):
        for variable, value in zip(variables, fresh, strict=True):
            variable.assign(value)


def held(optimizer: Any) -> dict[int, Any]:
    """The values of an optimizer's variables, by the variables' identity."""
    return {id(each): keras.ops.convert_to_numpy(each) for each in optimizer.variables}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on_with_what_it_knew(name: str, backend: str) -> None:
    optimizer = OPTIMIZERS[name]()
    a, b = weights = [
        keras.Variable(numbers(3, 2), name="a"),
        keras.Variable(numbers(4, 3), name="b"),
    ]
    model = Holder(weights)
    model.optimizer = optimizer
    gradients = [keras.ops.convert_to_tensor(numbers(*each.shape)) for each in weights]
    step(optimizer, gradients, weights, backend)
    before = held(optimizer)
    slots_of_b = {id(each) for each in optimizer.variables if each.name.startswith("b_")}
    pm.freeze(model, "a")
    kept = held(optimizer)
    assert slots_of_b <= set(kept) < set(before)
    assert all(np.array_equal(before[each], values) for each, values in kept.items())
    step(optimizer, gradients[1:], [b], backend)
    trained = held(optimizer)
    pm.unfreeze(model, "a")
    after = held(optimizer)
    assert len(after) == len(before)
    assert all(np.array_equal(after[each], values) for each, values in trained.items())
    for _ in range(2):  # one of them gathers gradients, where that is asked for
        step(optimizer, gradients, weights, backend)
    assert all(np.isfinite(keras.ops.convert_to_numpy(each)).all() for each in weights)
    assert not np.array_equal(keras.ops.convert_to_numpy(a), numbers(3, 2))


def test_the_average_of_a_thawed_variable_begins_at_its_value() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, use_bias=False), layers.Dense(3)])
    optimizer = keras.optimizers.SGD(0.0, use_ema=True)
    model.compile(optimizer, "mse")
    pm.freeze(model, "dense/kernel")
    optimizer.build(model.trainable_variables)
    pm.unfreeze(model, "dense/kernel")
    average = slots(model)["optimizer/dense/kernel/average"]
    assert np.array_equal(average, values(model)["dense/kernel"]) and average.any()


def test_exclusions_from_weight_decay_stay_and_follow_a_copy() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(3)])
    optimizer = keras.optimizers.AdamW(0.1)
    first, second = (layer.kernel for layer in model.layers)
    optimizer.exclude_from_weight_decay(var_list=[first])
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)
    pm.freeze(model, "dense/kernel")
    pm.unfreeze(model, "dense/kernel")
    assert (optimizer._use_weight_decay(first), optimizer._use_weight_decay(second)) == (
        False,
        True,
    )
    pm.tie(model, "dense/kernel", "dense_1/kernel")
    pm.untie(model, "dense_1/kernel")
    assert not optimizer._use_weight_decay(first)
    assert not optimizer._use_weight_decay(model.layers[1].kernel)


class Holder(keras.Model):
    """A model of two bare variables."""

    def __init__(self, weights: Any) -> None:
        super().__init__()
        self.a, self.b = weights
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs
