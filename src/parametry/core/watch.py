"""The one switch of capture, and the promise that a fault of ours stays ours.

Every patch asks `watch.on` first and is an inert pass-through when it is False. What capture does
for itself runs inside `watch.guard()`: an error there is reported once on the log, goes into the
coverage, and never reaches the program that is being watched.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

from parametry.core.coverage import Gap

__all__ = ["Watch", "watch"]


class Watch:
    """Whether capture is on, in this process and this thread, and what went wrong in it.

    Attributes:
        on: Whether capture is on.
        gaps: What capture could not see because it failed itself.
        constants: Gives the hyperparameters in the user's code above a frame; set by capture.
        fit_begins: Given the model and the callbacks of a ``fit`` that begins, gives one more
            callback or None; set by what records a program.
        loop_begins: Told the optimizer when a hand-written loop takes its first step; likewise.
    """

    def __init__(self) -> None:
        self.on = False
        self.gaps: list[Gap] = []
        self.constants: Callable[[FrameType | None], dict[str, Any]] | None = None
        self.fit_begins: Callable[[Any, Sequence[Any]], Any] | None = None
        self.loop_begins: Callable[[Any], None] | None = None
        self._process = os.getpid()
        self._local = threading.local()
        self._reported: set[str] = set()

    def start(self) -> None:
        """Turn capture on in this process."""
        self._process = os.getpid()
        self.on = True

    def stop(self) -> None:
        """Turn capture off: every patch passes through from now on."""
        self.on = False

    @property
    def own_process(self) -> bool:
        """Whether this is the process that capture was turned on in, not a fork of it."""
        return os.getpid() == self._process

    @property
    def depth(self) -> int:
        """How many watched calls (``fit``, …) this thread is inside of."""
        return getattr(self._local, "depth", 0)

    def inside(self) -> _Inside:
        """A context in which the framework's own inner calls are not watched as the user's."""
        return _Inside(self._local)

    def guard(self, doing: str) -> _Guard:
        """A context from which no error escapes; the first of its kind is reported.

        Args:
            doing: What is being done, for the report.
        """
        return _Guard(self, doing)

    def missed(self, subject: str, reason: str) -> None:
        """Note what capture leaves out on purpose, such as all beyond a limit; once for each."""
        gap = Gap(subject, reason)
        if gap not in self.gaps:
            self.gaps.append(gap)

    def fault(self, doing: str, error: BaseException) -> None:
        """Report a fault of capture's own, once for each kind."""
        kind = f"{doing}:{type(error).__name__}"
        if kind in self._reported:
            return
        self._reported.add(kind)
        try:
            text = str(error)
        except Exception:  # the error is the user's own, and cannot say what it is
            text = "(its message cannot be read)"
        reason = f"capture failed while {doing}: {type(error).__name__}: {text}"
        self.gaps.append(Gap("capture", reason))
        import logging  # what looks at files does without it

        with contextlib.suppress(Exception):  # a log handler of the user's may raise
            log = logging.getLogger("parametry")
            log.warning("parametry: %s (training goes on; this is reported once)", reason)


class _Inside:
    def __init__(self, local: threading.local) -> None:
        self._local = local

    def __enter__(self) -> None:
        self._local.depth = getattr(self._local, "depth", 0) + 1

    def __exit__(self, *_: object) -> None:
        self._local.depth -= 1


class _Guard:
    def __init__(self, owner: Watch, doing: str) -> None:
        self._owner = owner
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        # KeyboardInterrupt and SystemExit are the user's, whenever they come.
        if error is None or not isinstance(error, Exception):
            return False
        self._owner.fault(self._doing, error)
        return True


watch = Watch()
"""Capture's switch in this process."""
