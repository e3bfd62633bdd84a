"""What a recorder tells of parameters and gradients equals what NumPy says of the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import parametry as pm
from parametry.core.parameter import Parameter
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.device import DevicePass
from parametry.kernels.sampling import SAMPLE
from parametry.kernels.statistics import statistics_of

RNG = np.random.default_rng(2)
X = RNG.normal(size=(48, 5)).astype("float32")
Y = RNG.normal(size=(48, 1)).astype("float32")


def net(optimizer: Any = "adam", **options: Any) -> Any:
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Dense(4),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential([keras.Input((5,)), *layers])
    if keras.backend.backend() == "tensorflow":  # XLA takes seconds for each model
        options = {"jit_compile": False} | options
    model.compile(optimizer, "mse", **options)
    return model


class Keeping(keras.callbacks.Callback):
    """Keeps all values after each step, and the statistics of some."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[dict[str, Any]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.keep()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.keep()

    def keep(self) -> None:
        parameters = pm.inspect(self.model).parameters
        self.values.append({address: entry.numpy() for address, entry in parameters.items()})


def fitted(home: Path, model: Any, *callbacks: Any, **settings: Any) -> Any:
    recorder = pm.Recorder(home=home, **settings)
    model.fit(X, Y, batch_size=6, epochs=2, verbose=0, callbacks=[recorder, *callbacks])
    return recorder.run


def test_parameters_at_chosen_steps(tmp_path: Path) -> None:
    keeping, model = Keeping(), net()
    run = fitted(tmp_path, model, keeping, statistics_every=5)
    real = [address for address in keeping.values[0] if "seed" not in address]
    assert set(run.measured) == set(real)
    for address in real:
        found = run.statistics(address)
        assert [entry.step for entry in found] == [0, 5, 10, 15]
        assert [entry.epoch for entry in found] == [0, 0, 1, 1]
        for entry in found:
            before = keeping.values[entry.step][address].astype("float64")
            after = keeping.values[entry.step + 1][address]
            moments, distribution = statistics_of(after)
            assert (entry.statistics.moments, entry.statistics.distribution) == (
                moments,
                distribution,
            )
            held = np.linalg.norm(before)
            assert (entry.update_ratio is None) == (not held)
            if held:
                ratio = np.linalg.norm(after - before) / held
                assert entry.update_ratio == pytest.approx(ratio, rel=1e-6)


def test_the_end_of_each_epoch_and_a_selection(tmp_path: Path) -> None:
    model = net()
    run = fitted(tmp_path, model, statistics_every="epoch", select="**/kernel")
    assert set(run.measured) == {"dense/kernel", "dense_1/kernel"}
    found = run.statistics("dense/kernel")
    assert [(entry.step, entry.epoch) for entry in found] == [(7, 0), (15, 1)]
    assert found[-1].statistics.moments == pm.stats(model)["dense/kernel"].moments


def test_norms_of_gradients(tmp_path: Path) -> None:
    keeping = Keeping()
    run = fitted(
        tmp_path, net(keras.optimizers.SGD(0.05)), keeping, statistics_every=4, gradients=True
    )
    for address in ("dense/kernel", "dense_1/kernel", "dense_1/bias"):
        found = run.statistics(address, of="gradient")
        assert [entry.step for entry in found] == [0, 4, 8, 12]
        for entry in found:
            step = keeping.values[entry.step][address] - keeping.values[entry.step + 1][address]
            gradient = step.astype("float64") / 0.05
            assert entry.statistics.l2 == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
            assert entry.statistics.count == gradient.size
    with pytest.raises(pm.UnknownAddress):
        run.statistics("batch_normalization/moving_mean", of="gradient")


def test_gradients_of_a_scaled_loss_are_told_unscaled(tmp_path: Path) -> None:
    plain = fitted(tmp_path / "a", net("sgd"), statistics_every=8, gradients=True)
    scaling = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=64.0)
    scaled = fitted(tmp_path / "b", net(scaling), statistics_every=8, gradients=True)
    for address in ("dense/kernel", "dense_1/bias"):
        one, other = (run.statistics(address, of="gradient") for run in (plain, scaled))
        assert [entry.statistics.l2 for entry in one] == pytest.approx(
            [entry.statistics.l2 for entry in other], rel=1e-4
        )


def test_gradients_alone(tmp_path: Path) -> None:
    run = fitted(tmp_path, net(), gradients=True)
    assert len(run.statistics("dense/kernel", of="gradient")) == 1
    with pytest.raises(pm.UnknownAddress):
        run.statistics("dense/kernel")


def test_several_steps_in_one_execution(tmp_path: Path) -> None:
    if keras.backend.backend() == "torch":
        with pytest.raises(ValueError, match="steps_per_execution"):  # it takes one at a time
            fitted(tmp_path, net(steps_per_execution=3), statistics_every=6, gradients=True)
        return
    run = fitted(tmp_path, net(steps_per_execution=3), statistics_every=6, gradients=True)
    assert [entry.step for entry in run.statistics("dense/kernel")] == [2, 7, 13]
    assert len(run.statistics("dense/kernel", of="gradient")) == 3


def test_one_pass_on_a_device_gives_the_same() -> None:
    """The pass for accelerators, compiled here for the processor."""
    hostile = RNG.normal(size=(37,)).astype("float32")
    hostile[[1, 5, 6, 9, 11]] = [np.nan, np.inf, -np.inf, 0.0, -0.0]
    arrays = {
        "small": RNG.normal(3.0, 0.1, size=(7, 5)).astype("float32"),
        "hostile": hostile,
        "nothing": np.full(3, np.nan, "float32"),
        "large": RNG.normal(size=(SAMPLE + 4321,)).astype("float32"),
    }
    before = {name: array + np.float32(0.01) for name, array in arrays.items()}
    entries = [
        Parameter(name, name, array.shape, "float32", "trainable", "", "", store=None)  # type: ignore[arg-type]
        for name, array in arrays.items()
    ]
    backend = Backend(net())
    device = DevicePass(backend, [entry.shape for entry in entries])
    values, former = (
        [ops.convert_to_tensor(array) for array in held.values()] for held in (arrays, before)
    )
    for entry, (found, ratio) in zip(entries, device.look(entries, values, former), strict=True):
        array = arrays[entry.address]
        moments, distribution = statistics_of(array)
        for exact in ("count", "nan", "positive_infinity", "negative_infinity", "zeros"):
            assert getattr(found, exact) == getattr(moments, exact), entry.address
        assert (found.min, found.max) == (moments.min, moments.max)
        assert found.distribution == distribution
        for close in ("mean", "std", "l1", "l2"):
            ours, theirs = getattr(found, close), getattr(moments, close)
            assert ours == (None if theirs is None else pytest.approx(theirs, rel=1e-4, abs=1e-5))
        finite = bool(np.isfinite(array).all())
        assert (ratio is not None) == finite
        if finite:
            held = np.linalg.norm(before[entry.address])
            expected = np.linalg.norm(array - before[entry.address]) / held
            assert ratio == pytest.approx(expected, rel=1e-4)
