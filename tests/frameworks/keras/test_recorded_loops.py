"""Hand-written loops that are recorded: every rate as it was applied, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from parametry.capture.switch import hold, release
from parametry.core.watch import watch
from parametry.recording.following import Following
from parametry.recording.run import Run, open_run
from parametry.recording.starting import record

BACKEND = keras.backend.backend()
STEPS = 120
COMPILED = {"tensorflow": ["eager", "compiled", "xla"], "jax": ["eager", "compiled"]}
WAYS = COMPILED.get(BACKEND, ["eager"])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARAMETRY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


class Telling(keras.optimizers.SGD):
    """Keeps the rate of each step in a variable, from within the step: the oracle."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.applied = self.add_variable((STEPS + 8,), initializer="zeros", name="applied")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        here = keras.ops.arange(STEPS + 8) == keras.ops.cast(self.iterations, "int32")
        rate = keras.ops.cast(learning_rate, "float32")
        kept = keras.ops.convert_to_tensor(self.applied)
        self.applied.assign(keras.ops.where(here, rate, kept))


class Training:
    """A model, its optimizer, and a function that takes a step, as each backend has it."""

    def __init__(self, rate: Any, way: str) -> None:
        self.net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
        self.optimizer = Telling(rate)
        self.optimizer.build(self.net.trainable_variables)
        generator = np.random.default_rng(0)
        self.x = generator.normal(size=(8, 4)).astype("float32")
        self.y = generator.normal(size=(8, 1)).astype("float32")
        self.step: Callable[[], Any] = getattr(self, "_" + BACKEND)(way)
        self.state: Any = None

    def _tensorflow(self, way: str) -> Callable[[], Any]:
        import tensorflow as tf

        def step() -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self.net(self.x) - self.y) ** 2)
            variables = self.net.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        return step if way == "eager" else tf.function(step, jit_compile=way == "xla")

    def _torch(self, way: str) -> Callable[[], Any]:
        import torch

        target = keras.ops.convert_to_tensor(self.y)

        def step() -> Any:
            self.net.zero_grad()
            loss = ((self.net(self.x) - target) ** 2).mean()
            loss.backward()
            gradients = [variable.value.grad for variable in self.net.trainable_variables]
            with torch.no_grad():
                self.optimizer.apply(gradients, self.net.trainable_variables)
            return loss

        return step

    def _jax(self, way: str) -> Callable[[], Any]:
        import jax

        def loss_of(weights: Any) -> Any:
            out, _ = self.net.stateless_call(weights, [], self.x)
            return ((out - self.y) ** 2).mean()

        def whole(weights: Any, slots: Any) -> Any:
            loss, gradients = jax.value_and_grad(loss_of)(weights)
            return loss, *self.optimizer.stateless_apply(slots, gradients, weights)

        taken = jax.jit(whole) if way == "compiled" else whole

        def step() -> Any:
            if self.state is None:
                held = self.net.trainable_variables, self.optimizer.variables
                self.state = tuple([variable.value for variable in each] for each in held)
            loss, *self.state = taken(*self.state)
            return loss

        return step

    @property
    def applied(self) -> np.ndarray:
        """The rates as the steps themselves kept them."""
        if self.state is None:
            return np.asarray(keras.ops.convert_to_numpy(self.optimizer.applied))
        names = [variable.name for variable in self.optimizer.variables]
        return np.asarray(self.state[1][names.index("applied")])


def rates_of(run: Run | None) -> tuple[np.ndarray, np.ndarray]:
    assert run is not None
    told = run.metrics("optimizer/learning_rate")
    return told.steps, told.values.astype("float32")


SCHEDULES = {
    "cosine": lambda: keras.optimizers.schedules.CosineDecay(
        0.1, STEPS - 9, warmup_target=0.3, warmup_steps=5
    ),
    "exponential": lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.93),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_a_schedules_rates_are_those_applied(schedule: str, way: str) -> None:
    training = Training(SCHEDULES[schedule](), way)
    with record(training.net, optimizer=training.optimizer) as run:
        for _ in range(STEPS):
            run.log(loss=training.step())
            run.step()
    steps, rates = rates_of(run.run)
    assert steps.tolist() == list(range(STEPS))
    assert rates.tobytes() == training.applied[:STEPS].tobytes()
    assert run.run is not None
    (told,) = run.run.history("optimizer/learning_rate")
    assert told.change.cause == "schedule"
    assert len(run.run.metrics("loss")) == STEPS


@pytest.mark.parametrize("way", WAYS)
def test_assigned_rates_are_those_applied_each_with_its_cause(way: str) -> None:
    training = Training(0.1, way)
    with record(training.net, optimizer=training.optimizer) as run:
        for number in range(30):
            if number in (10, 20):
                training.optimizer.learning_rate = 0.1 / (number + 3)
            training.step()
            run.step()
    assert run.run is not None
    told = run.run.history("optimizer/learning_rate")
    assert [change.change.cause for change in told] == ["assignment", "assignment"]
    assert all(change.change.where is not None for change in told)
    if (BACKEND, way) == ("jax", "compiled"):
        # The loop's own state holds the rate: what was assigned to the optimizer is not applied.
        assert any("not told" in event.text for event in run.run.events)
        return
    steps, rates = rates_of(run.run)
    assert steps.tolist() == list(range(30))
    assert rates.tobytes() == training.applied[:30].tobytes()


def test_an_optimizer_that_nobody_named_is_followed_from_its_first_step() -> None:
    training = Training(0.25, "eager")
    with record() as run:
        for _ in range(3):
            training.step()
            run.step()
    steps, rates = rates_of(run.run)
    assert steps.tolist() == [0, 1, 2]
    assert rates.tobytes() == training.applied[:3].tobytes()


def test_a_training_that_goes_on_counts_on() -> None:
    training = Training(0.25, WAYS[-1])
    if BACKEND == "jax":
        training.optimizer.iterations.assign(7)
    else:
        for _ in range(7):
            training.step()
    with record(training.net, optimizer=training.optimizer) as run:
        training.step()
        run.log(loss=1.0)
        run.step()
    assert run.run is not None
    assert run.run.metrics("loss").steps.tolist() == [7]
    assert [(event.kind, event.step) for event in run.run.events][:1] == [("resume", 7)]


@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_looked_at_where_the_loop_changes_them(way: str) -> None:
    training = Training(0.1, way)
    weights = []
    with record(training.net, optimizer=training.optimizer, statistics_every=4) as run:
        for _ in range(9):
            weights.append(training.net.layers[0].kernel.numpy().copy())
            training.step()
            run.step()
    assert run.run is not None
    if BACKEND == "jax":
        assert run.run.measured == ()
        assert any("holds the values itself" in event.text for event in run.run.events)
        return
    weights.append(training.net.layers[0].kernel.numpy())
    told = run.run.statistics("dense/kernel")
    assert [fact.step for fact in told] == [0, 4, 8]
    for fact in told:
        before, after = weights[fact.step], weights[fact.step + 1]
        assert fact.statistics.moments.max == pytest.approx(float(after.max()), rel=1e-6)
        moved = np.linalg.norm(after - before) / np.linalg.norm(before)
        assert fact.update_ratio == pytest.approx(float(moved), rel=1e-4)


@pytest.mark.parametrize("every", [0, -3, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused_at_once(every: Any) -> None:
    with pytest.raises(ValueError, match="statistics_every"):
        record(statistics_every=every)


@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_knows_nothing_is_recorded(way: str) -> None:
    following = Following(name="followed")
    assert hold()
    try:
        following.begin()
        training = Training(SCHEDULES["cosine"](), way)
        for _ in range(20):
            training.step()
    finally:
        path = following.finish("finished")
        release()
    assert path is not None
    assert watch.loop_begins is None and watch.fit_begins is None
    run = open_run(path)
    assert run.status == "finished"
    assert run.phases["train"].where is not None
    if BACKEND == "jax":
        return  # a stateless loop holds the count of its steps itself
    steps, rates = rates_of(run)
    assert steps.tolist() == list(range(20))
    assert rates.tobytes() == training.applied[:20].tobytes()


def test_a_program_that_trains_nothing_leaves_no_run(home: Path) -> None:
    following = Following()
    following.begin()
    assert following.finish("finished") is None
    assert not home.exists()
