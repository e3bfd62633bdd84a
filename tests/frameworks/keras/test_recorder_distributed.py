"""A recorder beside a training on several devices: their one copy of the steps is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import parametry as pm

BACKEND = keras.backend.backend()
PROGRAM = Path(__file__).parent / "programs" / "distributed.py"


def expected_rates(steps: range) -> Any:
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    return np.array([float(schedule(step)) for step in steps])


if BACKEND != "torch":  # whose own wrapper for several devices needs as many processes

    def test_a_model_on_two_devices(tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        assert "parametry:" not in done.stderr
        several = BACKEND == "tensorflow"  # replicas; on JAX it is one program for all devices
        for number, told in enumerate(json.loads(done.stdout.splitlines()[-1])):
            steps = range(4) if number == 0 else range(4, 12)
            looked_at = [step for step in steps if step % 2 == 0]
            assert told["steps"] == list(steps)
            assert np.allclose(told["rates"], expected_rates(steps), rtol=1e-6, atol=1e-7)
            assert told["loss"] == told["history"]
            assert told["kernel"] == looked_at
            assert told["gradient"] == ([] if several else looked_at)
            assert told["notes"] == (["gradients"] if several else [])


class FollowsAVariable(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that depends on more than the step: compiled steps do not show it."""

    def __init__(self) -> None:
        self.factor = keras.Variable(0.5)

    def __call__(self, step: Any) -> Any:
        return 0.1 * self.factor

    def get_config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("compiled", [True, False])
def test_what_cannot_be_told_is_noted_in_every_run(compiled: bool, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.SGD(FollowsAVariable()), "mse", run_eagerly=not compiled, jit_compile=False
    )
    x = np.ones((8, 3), np.float32)
    for number in range(2):
        recorder = pm.Recorder(name=f"run-{number}", home=tmp_path)
        model.fit(x, x[:, :1], batch_size=4, epochs=2, verbose=0, callbacks=[recorder])
        run = recorder.run
        assert run is not None
        notes = [event.address for event in run.events if event.kind == "note"]
        if compiled and BACKEND == "tensorflow":
            assert notes == ["optimizer/learning_rate"]
        else:
            assert notes == []
            assert set(run.metrics("optimizer/learning_rate").values) == {np.float32(0.05)}
