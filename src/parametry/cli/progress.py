"""A bar that says how far long work has come, if somebody is looking and it takes long."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from parametry.core.progress import Progress, unwatched
from parametry.show.printable import cut, printable

__all__ = ["progress"]

_PATIENCE = 1.0  # seconds
_TICK = 0.2  # seconds
_WIDTH = 24
_LONGEST = 40
_CLEARED = "\r\x1b[K"


@contextmanager
def progress(what: str, stream: IO[str] | None) -> Iterator[Progress]:
    """Show a bar, if the work takes more than a second and the stream is a terminal.

    The bar is gone when the work is done.

    Args:
        what: What is being done.
        stream: Where to.

    Returns:
        What is to be told how far the work has come; nobody need tell it anything.
    """
    if stream is None or stream.closed or not stream.isatty():
        yield unwatched
        return
    bar = _Bar(what, stream)
    watching = threading.Thread(target=bar.run, daemon=True)
    watching.start()
    try:
        yield bar.tell
    finally:
        bar.over.set()
        watching.join()


class _Bar:
    """What is drawn by a thread of its own, so that the work never waits for it."""

    def __init__(self, what: str, stream: IO[str]) -> None:
        self._what = cut(printable(what), _LONGEST)
        self._stream = stream
        self._done = self._whole = 0
        self.over = threading.Event()

    def tell(self, done: int, whole: int) -> None:
        """How far the work has come."""
        self._done, self._whole = done, whole

    def run(self) -> None:
        """Draw, once it takes long, until it is over."""
        if self.over.wait(_PATIENCE):
            return
        # The terminal may go away meanwhile; that is no fault of the work.
        with contextlib.suppress(OSError, ValueError):
            while True:
                self._draw(f"{_CLEARED}parametry: {self._what} {self._state()}")
                if self.over.wait(_TICK):
                    break
            self._draw(_CLEARED)

    def _draw(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _state(self) -> str:
        if not self._whole:
            return "…"
        share = min(self._done / self._whole, 1.0)
        full = int(share * _WIDTH)
        return f"{'█' * full}{'░' * (_WIDTH - full)} {share:4.0%}"
