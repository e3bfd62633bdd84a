"""``parametry run`` leaves a run of a script that trains, and nothing of one that does not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., "subprocess.CompletedProcess[str]"]

TRAINS = """
import keras, numpy as np
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
net.compile(keras.optimizers.SGD(rate), "mse")
data = np.ones((12, 4)), np.ones((12, 1))
net.fit(*data, batch_size=4, epochs=2, verbose=0, class_weight=None)
net.fit(*data, batch_size=6, verbose=0)
"""


def test_a_script_that_trains_leaves_a_run(
    parametry: Command, script: Any, environment: Any, tmp_path: Path
) -> None:
    script(TRAINS)
    jax = environment(KERAS_BACKEND="jax")
    done = parametry("run", "--name", "first", "train.py", env=jax)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "parametry: recorded as first (parametry show first)"
    assert (tmp_path / ".parametry" / "runs" / "first.sqlite").is_file()

    told = json.loads(parametry("show", "--json", "first").stdout)
    assert (told["kind"], told["status"], told["program"]) == ("run", "finished", "train.py")
    assert told["hyperparameters"]["fit/batch_size"]["value"] == 6
    assert told["phases"][1]["hyperparameters"]["fit/batch_size"]["value"] == 4
    assert told["hyperparameters"]["optimizer/learning_rate/decay_rate"]["value"] == 0.5
    changes = told["hyperparameters"]["optimizer/learning_rate"]["changes"]
    assert [change["cause"] for change in changes] == ["schedule"]
    assert {"loss", "optimizer/learning_rate"} <= told["metrics"].keys()

    course = json.loads(parametry("log", "first", "optimizer/learning_rate", "--json").stdout)
    assert course["points"]["steps"] == list(range(8))
    parametry("run", "--name", "second", "train.py", env=jax)
    compared = parametry("diff", "first", "second", "--select", "fit/**")
    assert compared.returncode == 0, compared.stdout
    listed = parametry("runs", "--json")
    assert list(json.loads(listed.stdout)) == ["first", "second"]


def test_a_script_that_trains_nothing_leaves_nothing(
    parametry: Command, script: Any, tmp_path: Path
) -> None:
    script("print('hello')")
    done = parametry("run", "train.py")
    assert done.stdout == "hello\n"
    assert "recorded" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_nothing_is_recorded_where_nobody_wants_it(
    parametry: Command, script: Any, environment: Any, tmp_path: Path
) -> None:
    script(TRAINS)
    done = parametry("run", "--no-record", "train.py", env=environment(KERAS_BACKEND="jax"))
    assert done.returncode == 0
    assert "recorded" not in done.stderr
    assert not (tmp_path / ".parametry").exists()
