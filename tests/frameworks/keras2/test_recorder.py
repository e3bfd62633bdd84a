"""A recorder beside a ``fit`` of Keras 2: metrics and the rate of every step, parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

import parametry as pm

X = np.random.default_rng(1).normal(size=(32, 3)).astype("float32")


def recorded(home: Path, optimizer: Any, *callbacks: Any, **options: Any) -> tuple[Any, Any]:
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    recorder = pm.Recorder(home=home, **options)
    history = model.fit(
        X, X[:, :1], batch_size=8, epochs=3, verbose=0, callbacks=[*callbacks, recorder]
    )
    return recorder.run, history.history


def notes(run: Any) -> list[str]:
    return [event.address for event in run.events if event.kind == "note"]


def test_a_fit_with_a_schedule(tmp_path: Path) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.9)
    run, history = recorded(tmp_path, keras.optimizers.Adam(schedule), statistics_every=4)
    rates = run.metrics("optimizer/learning_rate")
    assert rates.steps.tolist() == list(range(12))
    assert np.allclose(rates.values, 0.1 * 0.9 ** np.arange(12), rtol=1e-6)
    assert run.metrics("mae", per="epoch").values.tolist() == history["mae"]
    assert [entry.step for entry in run.statistics("dense/kernel")] == [0, 4, 8]
    assert run.hyperparameters["fit/batch_size"].value == 8
    assert notes(run) == []


def test_a_rate_that_a_callback_assigns_is_the_applied_one(tmp_path: Path) -> None:
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    run, _ = recorded(tmp_path, keras.optimizers.SGD(0.5), halve)
    expected = np.repeat(np.float32([0.25, 0.125, 0.0625]), 4)
    assert run.metrics("optimizer/learning_rate").values.tolist() == expected.tolist()
    assert notes(run) == []


def test_what_keras_2_does_not_show_is_noted(tmp_path: Path) -> None:
    run, _ = recorded(tmp_path, keras.optimizers.legacy.SGD(0.5), gradients=True)
    assert notes(run) == ["optimizer/learning_rate", "gradients"]
    assert run.keys == ("loss", "mae")


def test_the_training_stays_the_same(tmp_path: Path) -> None:
    losses = []
    for home in (None, tmp_path):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Dense(1, input_shape=(3,))])
        model.compile("adam", "mse")
        callbacks = [pm.Recorder(home=home, statistics_every=2)] if home else []
        model.fit(X, X[:, :1], batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
        losses.append([array.tobytes() for array in model.get_weights()])
    assert losses[0] == losses[1]
