"""Delivery: beside the recording, tried again after failures, never in the training's way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import parametry as pm
from parametry.core.facts import Ended, Fact, Points
from parametry.recording.run import Run, open_run
from parametry.recording.sinks import delivery
from parametry.recording.sinks.delivery import Delivery, tell
from parametry.recording.store.writer import Writer

SECONDS = 30.0
"""A deadline that only a fault reaches."""


class Listener:
    """A sink that keeps what it is told; each call may be made to fail."""

    name = "listener"
    location = "a list"

    def __init__(self, fail: Callable[[str, int], bool] = lambda call, number: False) -> None:
        self.heard: list[Fact] = []
        self.calls: list[str] = []
        self.threads: set[threading.Thread] = set()
        self.finished = threading.Event()
        self.tried = threading.Semaphore(0)
        self._fail = fail

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.threads.add(threading.current_thread())
        self.tried.release()
        if self._fail(call, self.calls.count(call)):
            raise ConnectionError(f"{call} failed\nat length")

    def start(self, run: Run) -> Any:
        self._called("start")
        return None

    def deliver(self, facts: Sequence[Fact], cursor: Any) -> None:
        self._called("deliver")
        self.heard += facts

    def finish(self) -> None:
        self._called("finish")
        self.finished.set()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into the file as often as can be."""
    monkeypatch.setattr(delivery, "INTERVAL", 0.001)
    monkeypatch.setattr(delivery, "LONGEST_WAIT", 0.001)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "run.db", "run", script=None, command=[], started=1.0)


def point(step: int) -> Points:
    return Points("step", step, None, float(step), {"loss": float(step)})


def put(writer: Writer, steps: range) -> None:
    for step in steps:
        writer.put(point(step))
    assert writer.flush(SECONDS)


def steps_of(sink: Listener) -> list[int]:
    return [fact.step for fact in sink.heard if isinstance(fact, Points)]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.usefixtures("quick")
def test_facts_arrive_while_recording_goes_on(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Listener()
    delivering = Delivery(writer.path, [sink])
    put(writer, range(3))
    for _ in range(2):
        assert sink.tried.acquire(timeout=SECONDS)  # start, and the first portion
    put(writer, range(3, 2500))
    writer.close("finished")
    delivering.finish(SECONDS)
    assert steps_of(sink) == list(range(2500))
    assert isinstance(sink.heard[-1], Ended)
    assert sink.calls[0] == "start" and sink.calls[-1] == "finish"
    assert sink.calls.count("start") == sink.calls.count("finish") == 1
    assert len(sink.threads) == 1 and threading.current_thread() not in sink.threads
    assert warnings_of(caplog) == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("failing", ["start", "deliver", "finish"])
def test_what_failed_is_tried_again_and_nothing_comes_twice(
    writer: Writer, failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Listener(lambda call, number: call == failing and number <= 2)
    delivering = Delivery(writer.path, [sink], first_wait=0.0)
    put(writer, range(1500))
    writer.close("finished")
    delivering.finish(SECONDS)
    assert steps_of(sink) == list(range(1500))
    assert sink.finished.is_set()
    assert sink.calls.count(failing) >= 3
    assert warnings_of(caplog) == []  # two failures are no trouble yet


@pytest.mark.usefixtures("quick")
def test_sink_that_keeps_failing_is_given_up_with_one_warning(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = Listener(lambda *_: True), Listener()
    delivering = Delivery(writer.path, [broken, sound], first_wait=0.0)
    for step in range(10):  # the recording goes on, and the sink is tried again all the time
        put(writer, range(step, step + 1))
        assert broken.tried.acquire(timeout=SECONDS)
    writer.close("finished")
    assert writer.failed is None
    delivering.finish(SECONDS)
    assert steps_of(sound) == list(range(10)) and sound.finished.is_set()
    assert not broken.heard and len(broken.calls) >= delivery.TROUBLE
    (warning,) = warnings_of(caplog)
    assert "run run could not be told to a list (ConnectionError: start failed)" in warning
    assert "parametry export run --to listener" in warning
    assert len(open_run(writer.path).metrics("loss")) == 10


@pytest.mark.usefixtures("quick")
def test_sink_that_hangs_holds_up_no_other_and_not_the_end(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    released = threading.Event()

    def hang(call: str, number: int) -> bool:
        return call == "deliver" and not released.wait(SECONDS)

    stuck, sound = Listener(hang), Listener()
    delivering = Delivery(writer.path, [stuck, sound])
    put(writer, range(5))
    for _ in range(2):
        assert stuck.tried.acquire(timeout=SECONDS)
    writer.close("finished")
    assert sound.finished.wait(SECONDS)
    delivering.finish(timeout=0.0)
    (warning,) = warnings_of(caplog)
    assert "a list (there was no time left to deliver all)" in warning
    released.set()
    for thread in stuck.threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert not stuck.finished.is_set()


def test_sinks_are_checked_before_anything_starts(writer: Writer) -> None:
    before = threading.active_count()
    with pytest.raises(pm.UnknownSink):
        Delivery(writer.path, [Listener(), "nowhere"])
    assert threading.active_count() == before
    writer.close("finished")


class Remembering(Listener):
    """A sink that knows how far it has been told, over the ends of processes."""

    def __init__(self, heard: list[Fact], cursor: Any) -> None:
        super().__init__()
        self.heard, self.cursor = heard, cursor

    def start(self, run: Run) -> Any:
        return self.cursor

    def deliver(self, facts: Sequence[Fact], cursor: Any) -> None:
        super().deliver(facts, cursor)
        self.cursor = cursor


def test_sink_that_knows_how_far_it_was_told_gets_the_rest_alone(writer: Writer) -> None:
    put(writer, range(7))
    first = Remembering([], None)
    tell(open_run(writer.path), first)
    assert steps_of(first) == list(range(7))
    put(writer, range(7, 2000))
    writer.close("finished")
    second = Remembering(first.heard, first.cursor)
    tell(open_run(writer.path), second)
    assert steps_of(second) == list(range(2000))
    tell(open_run(writer.path), Remembering(second.heard, second.cursor))
    assert steps_of(second) == list(range(2000))
