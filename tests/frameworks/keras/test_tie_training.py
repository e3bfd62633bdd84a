"""A tied model trains as the model that has one variable from the start."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from zoo.tied import TIED, Tied, copy_state

import parametry as pm

CLOSE = 2e-6


def compiled(model: Any, case: Tied, **options: Any) -> Any:
    """Compile without XLA, which takes most of a test's time where it is not the point."""
    options = {"jit_compile": False} | options
    model.compile(keras.optimizers.Adam(0.01), case.loss, **options)
    return model


def tie_all(model: Any, case: Tied) -> None:
    for first, *others in case.ends:
        pm.tie(model, first, *others, transpose=case.transpose)


def train(model: Any, case: Tied, epochs: int = 2) -> list[float]:
    inputs, targets = case.data
    fitted = model.fit(inputs, targets, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return [float(loss) for loss in fitted.history["loss"]]


def assert_equal(model: Any, reference: Any, case: Tied, within: float = CLOSE) -> None:
    ours, theirs = pm.inspect(model).parameters, pm.inspect(reference).parameters
    for address, other in case.same.items():
        np.testing.assert_allclose(ours[address].numpy(), theirs[other].numpy(), atol=within)


@pytest.mark.parametrize("name", ["dense", "siamese", "transposed"])
def test_a_model_tied_in_use_trains_on_as_one_with_one_variable(name: str) -> None:
    case = TIED[name]
    keras.utils.set_random_seed(3)
    jit: dict[str, Any] = {"jit_compile": "auto" if name == "transposed" else False}
    model, reference = compiled(case.make(), case, **jit), compiled(case.reference(), case, **jit)
    train(model, case)
    tie_all(model, case)
    copy_state(model, reference, case.same)
    inputs = case.data[0]
    np.testing.assert_allclose(
        model.predict(inputs, verbose=0), reference.predict(inputs, verbose=0), atol=CLOSE
    )
    losses = train(model, case, epochs=3)
    assert train(reference, case, epochs=3) == pytest.approx(losses, abs=CLOSE)
    assert losses[-1] < losses[0]
    assert_equal(model, reference, case)
    assert model.count_params() == reference.count_params()
    assert len(model.trainable_variables) == len(reference.trainable_variables)


@pytest.mark.parametrize("name", ["recurrent", "attention"])
def test_layers_of_several_weights_train_as_one_layer(name: str) -> None:
    case = TIED[name]
    keras.utils.set_random_seed(3)
    jit = {"jit_compile": "auto"}
    model, reference = compiled(case.make(), case, **jit), compiled(case.reference(), case, **jit)
    tie_all(model, case)
    copy_state(model, reference, case.same)
    losses = [
        [float(each.train_on_batch(*case.data)) for _ in range(3)] for each in (model, reference)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=CLOSE)
    assert losses[0][-1] < losses[0][0]
    assert_equal(model, reference, case)
    assert model.count_params() == reference.count_params()


@pytest.mark.parametrize(
    ("name", "how"), [("dense", "eager"), ("transposed", "eager"), ("transposed", "jit")]
)
def test_a_tie_holds_however_a_model_is_run(name: str, how: str, backend: str) -> None:
    # torch.compile takes minutes for a model of this size.
    jit = how == "jit" and backend != "torch"
    options: dict[str, Any] = {"jit_compile": True} if jit else {"run_eagerly": True}
    case = TIED[name]
    keras.utils.set_random_seed(4)
    model = compiled(case.make(), case, **options)
    reference = compiled(case.reference(), case, **options)
    model.train_on_batch(*case.data)
    tie_all(model, case)
    copy_state(model, reference, case.same)
    for each in (model, reference):
        for _ in range(3):
            each.train_on_batch(*case.data)
    assert_equal(model, reference, case)
    assert model.test_on_batch(*case.data) == pytest.approx(
        reference.test_on_batch(*case.data), abs=1e-5
    )


@pytest.mark.parametrize("name", ["dense", "transposed"])
def test_a_tie_holds_in_mixed_precision(name: str) -> None:
    case = TIED[name]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        keras.utils.set_random_seed(4)
        model, reference = compiled(case.make(), case), compiled(case.reference(), case)
    finally:
        keras.config.set_dtype_policy("float32")
    train(model, case, epochs=1)
    tie_all(model, case)
    copy_state(model, reference, case.same)
    assert train(model, case) == pytest.approx(train(reference, case), rel=0.02)
    assert {entry.dtype for entry in pm.inspect(model).parameters.values()} == {"float32"}


def test_a_loop_of_ones_own_fetches_the_variables_anew(backend: str) -> None:
    case = TIED["transposed"]
    model, reference = case.make(), case.reference()
    optimizer = keras.optimizers.SGD(0.5)
    tie_all(model, case)
    ours, theirs = pm.inspect(model).parameters, pm.inspect(reference).parameters
    for address, other in case.same.items():
        theirs[other].assign(ours[address].numpy())
    for each, rate in ((model, optimizer), (reference, keras.optimizers.SGD(0.5))):
        for _ in range(2):
            found = gradients(each, case, backend)
            rate.apply_gradients(zip(found, each.trainable_variables, strict=True))
    assert_equal(model, reference, case)


def gradients(model: Any, case: Tied, backend: str) -> list[Any]:
    inputs, targets = case.data
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = case.loss(targets, model(inputs))
        found = tape.gradient(loss, model.trainable_variables)
        return [tf.convert_to_tensor(each) for each in found]
    if backend == "torch":
        model.zero_grad()
        case.loss(targets, model(inputs)).backward()
        return [variable.value.grad for variable in model.trainable_variables]
    import jax

    def loss_of(values: Any) -> Any:
        fixed = [variable.value for variable in model.non_trainable_variables]
        return case.loss(targets, model.stateless_call(values, fixed, inputs)[0])

    return list(jax.grad(loss_of)([variable.value for variable in model.trainable_variables]))


def test_an_untied_model_trains_its_arrays_apart() -> None:
    case = TIED["transposed"]
    model = compiled(case.make(), case)
    train(model, case, epochs=1)
    tie_all(model, case)
    train(model, case, epochs=1)
    before = model.predict(case.data[0], verbose=0)
    optimizer, steps = model.optimizer, int(model.optimizer.iterations)
    kept = {
        address: slot.numpy()
        for address, slot in pm.inspect(model).optimizer_parameters.items()
        if address.startswith("optimizer/embedding/")
    }
    pm.untie(model, "head/kernel")
    np.testing.assert_allclose(model.predict(case.data[0], verbose=0), before, atol=CLOSE)
    slots = pm.inspect(model).optimizer_parameters
    assert all(np.array_equal(slots[address].numpy(), values) for address, values in kept.items())
    assert not slots["optimizer/head/kernel/momentum"].numpy().any()
    train(model, case, epochs=1)
    assert model.optimizer is optimizer and int(optimizer.iterations) == steps + 3
    found = pm.inspect(model).parameters
    assert not np.allclose(found["embedding/embeddings"].numpy().T, found["head/kernel"].numpy())


def test_a_model_can_be_tied_and_untied_between_epochs_of_fit() -> None:
    case = TIED["dense"]
    model = compiled(case.make(), case)
    seen = []

    class Ties(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                tie_all(model, case)
            if epoch == 2:
                pm.untie(model, "two/kernel")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            found = pm.inspect(model).parameters
            seen.append(np.array_equal(found["one/kernel"].numpy(), found["two/kernel"].numpy()))

    inputs, targets = case.data
    model.fit(inputs, targets, batch_size=4, epochs=3, verbose=0, callbacks=[Ties()])
    assert seen == [False, True, False]
