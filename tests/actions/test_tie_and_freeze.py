"""Calls that are refused before any framework is asked, and what a record tells of the others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import parametry as pm
from parametry import errors


@pytest.mark.parametrize(
    "act",
    [
        lambda thing: pm.tie(thing, "a", "b"),
        lambda thing: pm.untie(thing, "a"),
        lambda thing: pm.freeze(thing, "**"),
        lambda thing: pm.unfreeze(thing, layers="**"),
    ],
    ids=["tie", "untie", "freeze", "unfreeze"],
)
@pytest.mark.parametrize("thing", [None, "net.keras", int, 3.5], ids=str)
def test_what_is_no_live_model(act: Callable[[Any], Any], thing: Any) -> None:
    with pytest.raises(errors.NotAModel, match="works on a live model"):
        act(thing)


def test_a_tie_needs_two_ends() -> None:
    with pytest.raises(errors.TieError, match=r"hint: tie\(model, address, other\)"):
        pm.tie(None, "dense/kernel")


@pytest.mark.parametrize("act", [pm.freeze, pm.unfreeze])
def test_freezing_needs_to_know_what(act: Callable[..., Any]) -> None:
    with pytest.raises(errors.NothingMatched, match=r"'\*\*'\) means every weight"):
        act(None)


PROGRAM = """
import parametry.auto
import keras, parametry as pm
net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(1)])
net.compile("sgd", "mse")
pm.freeze(net, "dense/kernel", layers="dense_1")
pm.unfreeze(net, "dense_1/bias")
(phase,) = (each for each in pm.inspect(net).phases.values() if each.kind == "freeze")
for address, entry in phase.hyperparameters.items():
    print(address, entry.value, entry.origin, entry.where.line)
parametry.auto.disable()
pm.freeze(net, "dense_1/bias")
print(list(pm.inspect(net).phases))
"""


def test_what_is_frozen_is_a_phase_of_the_record(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.splitlines() == [
        "model/dense_1/trainable False explicit 6",
        "model/dense/kernel/trainable False explicit 6",
        "model/dense_1/bias/trainable True explicit 7",
        "['compile', 'freeze']",
    ], done.stderr
