"""Capture's switch, and its promise: a fault of ours stays ours, an exception of theirs theirs."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest

from parametry.core.coverage import Gap
from parametry.core.watch import Watch


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_it_is_off_until_it_is_turned_on(watch: Watch) -> None:
    assert not watch.on
    watch.start()
    assert watch.on
    watch.stop()
    assert not watch.on


@pytest.mark.parametrize("kind", [ValueError, RecursionError, MemoryError, AssertionError, OSError])
def test_an_error_is_swallowed_and_reported(watch: Watch, kind: Any, caplog: Any) -> None:
    with watch.guard("looking"):
        raise kind("broken")
    reason = f"capture failed while looking: {kind.__name__}: broken"
    assert watch.gaps == [Gap("capture", reason)]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert reason in caplog.text
    assert "training goes on" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, BaseException])
def test_what_is_the_users_passes(watch: Watch, kind: Any) -> None:
    with pytest.raises(kind), watch.guard("looking"):
        raise kind
    assert watch.gaps == []


def test_nothing_happens_where_nothing_is_wrong(watch: Watch, caplog: Any) -> None:
    with watch.guard("looking"):
        done = True
    assert done
    assert watch.gaps == []
    assert caplog.records == []


def test_a_guard_does_not_hide_an_error_that_is_handled_inside(watch: Watch) -> None:
    with watch.guard("looking"):
        try:
            raise ValueError
        except ValueError:
            pass
    assert watch.gaps == []


def test_each_kind_of_fault_is_reported_once(watch: Watch, caplog: Any) -> None:
    for doing in ("looking", "listening"):
        for kind in (ValueError, TypeError):
            for number in range(5):
                with watch.guard(doing):
                    raise kind(number)
    assert len(watch.gaps) == len(caplog.records) == 4


def test_guards_within_guards(watch: Watch) -> None:
    after = []
    with watch.guard("outer"):
        with watch.guard("inner"):
            raise ValueError
        after.append("inner")
        raise TypeError
    after.append("outer")
    assert after == ["inner", "outer"]
    assert [gap.reason.partition(":")[0] for gap in watch.gaps] == [
        "capture failed while inner",
        "capture failed while outer",
    ]


def test_an_error_that_cannot_say_what_it_is_does_not_escape(watch: Watch) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    with watch.guard("looking"):
        raise Mute
    assert watch.gaps == [
        Gap("capture", "capture failed while looking: Mute: (its message cannot be read)")
    ]


def test_a_log_handler_that_raises_does_not_matter(watch: Watch) -> None:
    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError

    handler = Broken()
    logger = logging.getLogger("parametry")
    logger.addHandler(handler)
    try:
        with watch.guard("looking"):
            raise ValueError
    finally:
        logger.removeHandler(handler)
    assert len(watch.gaps) == 1


def test_depth_is_counted_for_each_thread(watch: Watch) -> None:
    seen: list[int] = []
    with watch.inside(), watch.inside():
        assert watch.depth == 2
        worker = threading.Thread(target=lambda: seen.append(watch.depth))
        worker.start()
        worker.join()
    assert watch.depth == 0
    assert seen == [0]


def test_depth_is_restored_after_an_exception(watch: Watch) -> None:
    with pytest.raises(ValueError, match="x"), watch.inside():
        raise ValueError("x")
    assert watch.depth == 0


def test_a_fork_is_another_process(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.start()
    assert watch.own_process
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert not watch.own_process
    watch.start()
    assert watch.own_process
