"""The learning rate that a recorder tells of a step is the one applied, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from zoo.oracle import Oracle, applied

import parametry as pm

schedules = keras.optimizers.schedules
RATE = "optimizer/learning_rate"
X = np.random.default_rng(1).normal(size=(120, 3)).astype("float32")
Y = X[:, :1]


def net(optimizer: Any, **options: Any) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", **options)
    return model


def told(run: Any, address: str = RATE) -> dict[int, float]:
    series = run.metrics(address, per="step")
    return dict(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def fitted(
    home: Path, optimizer: Any, *callbacks: Any, epochs: int = 3, **options: Any
) -> tuple[Any, Any]:
    if keras.backend.backend() == "tensorflow":  # XLA takes seconds for each model
        options = {"jit_compile": False} | options
    recorder = pm.Recorder(home=home)
    model = net(optimizer, **options)
    model.fit(X, Y, batch_size=3, epochs=epochs, verbose=0, callbacks=[recorder, *callbacks])
    return model, recorder.run


class Own(schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return 0.1 / (1.0 + keras.ops.sqrt(keras.ops.cast(step, "float32")))


SCHEDULES: dict[str, Callable[[], Any]] = {
    "cosine": lambda: schedules.CosineDecay(0.01, 90, warmup_target=0.1, warmup_steps=20),
    "exponential": lambda: schedules.ExponentialDecay(0.1, 17, 0.9),
    "restarts": lambda: schedules.CosineDecayRestarts(0.1, 23),
    "piecewise": lambda: schedules.PiecewiseConstantDecay([10, 50], [0.1, 0.01, 0.003]),
    "own": Own,
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule(name: str, tmp_path: Path) -> None:
    compiled: dict[str, Any] = {"jit_compile": "auto"} if name in ("cosine", "restarts") else {}
    model, run = fitted(tmp_path, Oracle(SCHEDULES[name]()), **compiled)
    assert told(run) == applied(model.optimizer)
    assert len(told(run)) == 120
    (change,) = run.history(RATE)
    assert (change.change.step, change.change.cause) == (0, "schedule")


def test_steps_run_eagerly(tmp_path: Path) -> None:
    model, run = fitted(tmp_path, Oracle(SCHEDULES["cosine"]()), run_eagerly=True, epochs=1)
    assert told(run) == applied(model.optimizer)
    assert len(told(run)) == 40


def test_a_plateau_and_a_scheduler_are_causes(tmp_path: Path) -> None:
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    model, run = fitted(tmp_path / "a", Oracle(0.1), plateau, epochs=3)
    assert told(run) == applied(model.optimizer)
    changes = run.history(RATE)
    assert [c.change.cause for c in changes][:1] == ["callbacks/reduce_lr_on_plateau"]
    assert (changes[0].change.step, changes[0].epoch, changes[0].change.new) == (80, 1, 0.05)

    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    model, run = fitted(tmp_path / "b", Oracle(0.1), scheduler, epochs=3)
    assert told(run) == applied(model.optimizer)
    changes = run.history(RATE)
    assert [c.change.step for c in changes] == [0, 40, 80]
    assert [c.epoch for c in changes] == [0, 1, 2]
    assert {c.change.cause for c in changes} == {"callbacks/learning_rate_scheduler"}


class InTheMiddle(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch % 7 == 3:
            self.model.optimizer.learning_rate = 0.1 / (batch + 1)


def test_a_rate_assigned_by_the_users_own_callback_within_an_epoch(tmp_path: Path) -> None:
    model, run = fitted(tmp_path, Oracle(0.1), InTheMiddle())
    assert told(run) == applied(model.optimizer)
    first = run.history(RATE)[0].change
    assert (first.step, first.old, first.new) == (4, 0.1, 0.025)
    assert first.cause == "callbacks/in_the_middle"
    assert first.where is not None and first.where.file == __file__


class Heard(keras.callbacks.Callback):
    """Changes the rate seldom, and hears of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(logs["loss"])
        if batch in (170, 171, 330):
            self.model.optimizer.learning_rate = 0.1 / batch


def test_hundreds_of_steps_alike_in_one_epoch(tmp_path: Path) -> None:
    options = {"jit_compile": False} if keras.backend.backend() == "tensorflow" else {}
    recorder, heard, model = pm.Recorder(home=tmp_path), Heard(), net(Oracle(0.1), **options)
    inputs, targets = np.tile(X, (10, 1)), np.tile(Y, (10, 1))
    model.fit(inputs, targets, batch_size=3, verbose=0, callbacks=[recorder, heard])
    assert told(recorder.run) == applied(model.optimizer)
    losses = recorder.run.metrics("loss", per="step")
    assert losses.steps.tolist() == list(range(400))
    assert losses.values.tolist() == heard.losses
    changes = [change.change.step for change in recorder.run.history(RATE)]
    assert changes == [171, 172, 331]


class Unseen(keras.callbacks.Callback):
    """Writes where the rate lies, past everything that hears of assignments."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch not in (13, 17):
            return
        variable, rate = self.model.optimizer.learning_rate, 0.5 / batch
        if keras.backend.backend() == "torch":
            variable.value.data.fill_(rate)
        elif keras.backend.backend() == "tensorflow":
            variable.value.assign(rate)
        else:  # an array never changes: another one takes its place
            variable._value = keras.ops.convert_to_tensor(rate)


def test_a_rate_that_is_written_in_place_is_seen_or_said(tmp_path: Path, backend: str) -> None:
    model, run = fitted(tmp_path, Oracle(0.1), Unseen(), epochs=1)
    notes = [event.text for event in run.events if event.kind == "note"]
    if backend == "tensorflow":  # to read it costs more than a step may take longer
        assert notes == ["it was changed unseen within the epoch that ends"]
        assert any(gap.subject == RATE for gap in run.coverage)
        return
    rates = told(run)
    assert rates == applied(model.optimizer)
    assert len(set(rates.values())) == 3
    assert not notes


def test_a_function_gives_the_rate_that_the_steps_were_compiled_with(tmp_path: Path) -> None:
    model, run = fitted(tmp_path, Oracle(lambda: 0.037))
    rates = told(run)
    assert {step: float(np.float32(rate)) for step, rate in rates.items()} == applied(
        model.optimizer
    )
    assert len(rates) == 120


def test_gradients_that_are_summed_up_are_applied_at_some_steps_only(tmp_path: Path) -> None:
    optimizer = keras.optimizers.SGD(SCHEDULES["exponential"](), gradient_accumulation_steps=4)
    _, run = fitted(tmp_path, optimizer)
    rates = told(run)
    assert list(rates) == list(range(3, 120, 4))
    exact = [0.1 * 0.9 ** (step / 17) for step in rates]
    np.testing.assert_allclose(list(rates.values()), exact, rtol=1e-6)


def test_an_optimizer_that_scales_the_loss_holds_another(tmp_path: Path) -> None:
    inner = Oracle(SCHEDULES["exponential"]())
    _, run = fitted(tmp_path, keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0))
    assert told(run, "optimizer/inner_optimizer/learning_rate") == applied(inner)


def test_several_steps_in_one_execution_have_a_rate_each(tmp_path: Path) -> None:
    if keras.backend.backend() == "torch":
        with pytest.raises(ValueError, match="steps_per_execution"):  # it takes one at a time
            fitted(tmp_path, Oracle(SCHEDULES["cosine"]()), steps_per_execution=7)
        return
    model, run = fitted(tmp_path, Oracle(SCHEDULES["cosine"]()), steps_per_execution=7)
    assert told(run) == applied(model.optimizer)
    assert len(told(run)) == 120
    losses = run.metrics("loss", per="step")
    assert losses.steps.tolist()[:7] == [6, 13, 20, 27, 34, 39, 46]


class Untellable(schedules.LearningRateSchedule):
    def __init__(self) -> None:
        self.factor = keras.Variable(0.5)

    def __call__(self, step: Any) -> Any:
        return 0.1 * self.factor


def test_what_cannot_be_known_is_left_out_and_said(tmp_path: Path, backend: str) -> None:
    _, run = fitted(tmp_path, keras.optimizers.SGD(Untellable()))
    if backend == "torch":
        assert set(told(run).values()) == {float(np.float32(0.1) * np.float32(0.5))}
        return
    assert RATE not in run.keys
    (note,) = [event for event in run.events if event.kind == "note"]
    assert note.address == RATE and "variables" in note.text
    assert any(gap.subject == RATE for gap in run.coverage)
