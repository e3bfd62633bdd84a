"""A run with everything that trackers find hard, and sinks to tell it to."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import parametry as pm
from parametry.core.facts import Changed, Fact, Happened, Measured, Points, Snapshot, Status
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.phase import Phases
from parametry.core.place import Place
from parametry.core.report import Report
from parametry.recording.run import Run, open_run
from parametry.recording.store.writer import Writer

STARTED = 1_700_000_000.25

CHOSEN: dict[str, Any] = {
    "optimizer": "adam",
    "optimizer/learning_rate": 0.001,
    "optimizer/learning_rate/decay_steps": 1000,
    "fit/batch_size": 32,
    "fit/shuffle": True,
    "fit/class_weight": {"0": 1.0, "1": 2.5},
    "fit/validation_data": None,
    "fit/empty": "",
    "script/layers": [64, [32, None], {"units": 10}],
    "script/nan": math.nan,
    "script/infinity": -math.inf,
    "script/huge": 2**70,
    "script/beyond": 1 << 20_000,
    "script/long": "long " * 4000,
    "script/odd/a b%2Fc:d=Größe 🙂": 1,
    "script/" + "deep/" * 60 + "end": 2,
    "script/text": "line\nNUL \0, half a character \udc80",
    **{f"model/dense_{index}/units": index for index in range(150)},
}
LATE: dict[str, Any] = {"fit/steps_per_epoch": 4, "script/late": [1, 2]}
FIRST_VALUES = CHOSEN | LATE

Recorded: TypeAlias = Callable[..., Run]


def snapshot(chosen: Mapping[str, Any], when: float) -> Snapshot:
    entries = {
        address: Hyperparameter(address, value, origin="explicit", where=Place("train.py", 3))
        for address, value in chosen.items()
    }
    report = Report("train.py", "running", Hyperparameters(entries), {}, Phases({}), ())
    return Snapshot(report, when)


def measured(address: str, step: int) -> Measured:
    values = np.random.default_rng(step).standard_normal(1000).astype("float32")
    found = replace(pm.stats(values)["array"], address=address)
    return Measured("parameter", step, 0, STARTED + step, found, 0.01)


def facts_of_a_training() -> list[Fact]:
    """Two epochs of four steps."""
    facts: list[Fact] = [snapshot(CHOSEN, STARTED)]
    for step in range(8):
        values = {"loss": 1 / (step + 1), "optimizer/learning_rate": 0.001 if step < 4 else 0.0005}
        values["odd \0 \udc80"] = 1.0
        facts.append(Points("step", step, step // 4, STARTED + step, values))
        if step == 0:
            facts.append(snapshot(FIRST_VALUES, STARTED + step))
        if step % 4 == 3:
            facts.append(measured("dense/kernel", step))
            values = {"loss": 0.5, "val_loss": math.nan if step == 7 else 0.75}
            facts.append(Points("epoch", step, step // 4, STARTED + step + 0.5, values))
        if step == 3:
            halved = Change(4, 0.001, 0.0005, "callbacks/reduce_lr_on_plateau", None)
            facts.append(Changed("optimizer/learning_rate", halved, 0, STARTED + step))
            text = Change(4, [64, [32, None], {"units": 10}], "smaller", "assignment", None)
            facts.append(Changed("script/layers", text, 0, STARTED + step))
    facts.append(
        Happened("early_stop", 7, 1, STARTED + 8, "callbacks/early_stopping", "no progress")
    )
    return facts


class Warned(logging.Handler):
    """Keeps parametry's warnings, and lets others wait for the first."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._first = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self._first.set()

    def wait(self, seconds: float) -> bool:
        return self._first.wait(seconds)


@pytest.fixture
def warned() -> Iterator[Warned]:
    handler = Warned()
    log = logging.getLogger("parametry")
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Records facts as a run that has ended."""

    def record(
        facts: Iterable[Fact] | None = None, *, name: str = "run-12", status: Status = "finished"
    ) -> Run:
        path = tmp_path / "runs" / f"{name}.db"
        path.parent.mkdir(exist_ok=True)
        writer = Writer(path, name, script="train.py", command=["train.py"], started=STARTED)
        for fact in facts_of_a_training() if facts is None else facts:
            writer.put(fact)
        writer.close(status)
        return open_run(path)

    return record
