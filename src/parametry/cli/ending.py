"""Ending as a script did: with its exit code, or by the signal that ended it."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys

__all__ = ["Ending"]


class Ending:
    """Ends this process by a signal at its very end, if it is told to.

    To be made before the script runs: functions that the script registers with `atexit` are then
    called first, as they are when Python ends by Ctrl-C on its own.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._signal: int | None = None
        atexit.register(self._die)

    def by(self, number: int) -> None:
        """End this process by a signal, once it ends."""
        self._signal = number

    def _die(self) -> None:
        # A process that the script forked inherits this, and ends in its own way.
        if self._signal is None or os.getpid() != self._process:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        signal.signal(self._signal, signal.SIG_DFL)
        os.kill(os.getpid(), self._signal)
