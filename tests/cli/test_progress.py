"""The bar that is drawn while work takes long, on a terminal alone."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from parametry.cli import progress as module
from parametry.cli.progress import progress


class Screen(io.StringIO):
    """A terminal that tells when something was drawn, and when a share was."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn, self.half = threading.Event(), threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        self.drawn.set()
        if "50%" in text:
            self.half.set()
        return written


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_TICK", 0.001)


def test_a_bar_follows_the_work_and_is_gone_at_its_end(at_once: None) -> None:
    screen = Screen()
    with progress("reading \x1b[2Jnet.keras", screen) as told:
        assert screen.drawn.wait(30)
        told(5, 10)
        assert screen.half.wait(30)
    shown = screen.getvalue()
    assert "\x1b[2J" not in shown
    assert "parametry: reading" in shown
    assert " …" in shown
    assert "████████████░░░░░░░░░░░░  50%" in shown
    assert shown.endswith("\r\x1b[K")


def test_work_that_fails_leaves_no_bar(at_once: None) -> None:
    screen = Screen()
    with pytest.raises(KeyError), progress("reading", screen):
        assert screen.drawn.wait(30)
        raise KeyError
    assert screen.getvalue().endswith("\r\x1b[K")


def test_short_work_shows_nothing() -> None:
    screen = Screen()
    with progress("reading", screen) as told:
        told(1, 1)
    assert screen.getvalue() == ""


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_off_a_terminal_there_is_none(at_once: None, stream: Any) -> None:
    with progress("reading", stream) as told:
        told(1, 2)
    assert stream is None or stream.getvalue() == ""


def test_a_terminal_that_goes_away_is_no_fault(at_once: None) -> None:
    class Gone(Screen):
        def write(self, text: str) -> int:
            self.drawn.set()
            raise OSError("gone")

    screen = Gone()
    with progress("reading", screen):
        assert screen.drawn.wait(30)
