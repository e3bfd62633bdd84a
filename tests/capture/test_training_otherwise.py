"""Trainings that go on in another way than they began, or outside of Keras's own ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RECOMPILED = """
import keras

net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile(keras.optimizers.SGD(0.1), "mse")
net.optimizer.learning_rate = 0.05
net.compile(keras.optimizers.SGD(0.2), "mse")
copy = keras.models.clone_model(net)
"""

TORCH = """
import keras
import numpy as np
import torch

net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
batch_size = 8
optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
for _ in range(2):
    loss = net(np.ones((batch_size, 4), "float32")).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""

MANY = (
    "import keras\n"
    + "".join(f"name_{n} = {n}\n" for n in range(2_100))
    + """
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("sgd", "mse")
net.fit([[1.0, 2.0, 3.0, 4.0]] * 2, [[1.0]] * 2, verbose=0)
"""
)


def _reasons(report: dict[str, Any], subject: str) -> list[str]:
    return [gap["reason"] for gap in report["coverage"] if gap["subject"] == subject]


def test_recompiling_keeps_what_changed_in_the_former_optimizer(
    run_watched: Callable[..., Any],
) -> None:
    ran = run_watched(RECOMPILED, backend="jax")
    first = next(phase for phase in ran.report["phases"] if phase["kind"] == "compile")
    changes = first["hyperparameters"]["optimizer/learning_rate"]["changes"]
    assert [(change["old"], change["new"]) for change in changes] == [(0.1, 0.05)]
    assert "changes" not in ran.values["optimizer/learning_rate"]
    assert ran.value("optimizer/learning_rate") == 0.2


def test_what_a_clone_was_compiled_with_is_nobodys_choice(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(RECOMPILED, backend="jax")
    assert ran.values["compile/loss"]["origin"] == "explicit"
    assert ran.values["compile_1/loss"]["origin"] == "derived"


def test_an_optimizer_of_torchs_own_is_seen(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(TORCH, backend="torch")
    assert [phase["kind"] for phase in ran.report["phases"]] == ["train"]
    assert ran.value("script/batch_size") == 8
    reasons = _reasons(ran.report, "optimizer/")
    assert reasons == ["torch.optim.adamw.AdamW trains the model: its settings are not told"]


def test_constants_beyond_the_limit_are_missed_aloud(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(MANY, backend="jax")
    reasons = _reasons(ran.report, "script/")
    assert reasons == ["more than 2,000 constants: only the first are told"]
    assert sum(address.startswith("script/") for address in ran.values) == 2_000


def test_capture_that_is_kept_off_says_so(run_watched: Callable[..., Any]) -> None:
    ran = run_watched("batch_size = 3\n", backend="jax", PARAMETRY="0")
    reasons = _reasons(ran.report, "capture")
    assert reasons == ["PARAMETRY in the environment keeps capture off"]
