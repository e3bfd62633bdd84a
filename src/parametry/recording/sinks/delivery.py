"""Delivery: a run's facts go from its file to sinks, beside the training and never in its way.

Each sink has a thread of its own, so that one that hangs holds up no other. A thread reads the
run's file from a cursor on; where that cursor stands is known by the sink (`Sink.start`), because
only what is kept together with the facts can never disagree with them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parametry.core.facts import Ended
from parametry.recording.sinks.registry import Sink, resolve

if TYPE_CHECKING:
    from parametry.recording.run import Cursor, Run

__all__ = ["Delivery", "tell"]

_log = logging.getLogger("parametry")

PORTION: Final = 1_000
"""How many facts a sink is given at a time."""

INTERVAL: Final = 2.0
"""How many seconds pass between two looks into the run's file."""

FIRST_WAIT: Final = 1.0
"""How many seconds pass after a first failure; twice as many after each further one."""

LONGEST_WAIT: Final = 60.0
"""How many at most."""

PATIENCE: Final = 30.0
"""How many seconds a program that ends waits for its sinks."""

TROUBLE: Final = 3
"""After how many failures in a row a warning is given, and a program that ends waits no more."""


class Delivery:
    """Tells a run to sinks while it is being recorded.

    A sink that fails is tried again, with longer and longer waits, for as long as the recording
    goes on. There is one warning for each sink that keeps failing or does not get to the end.

    Args:
        path: The run's file.
        sinks: Names, names with targets, and sinks, as `resolve` takes them.
        first_wait: How many seconds pass after a sink's first failure.

    Raises:
        UnknownSink: No sink has that name.
        FrameworkMissing: A tracker's package is not installed.
    """

    def __init__(
        self, path: Path, sinks: Iterable[str | Sink], *, first_wait: float = FIRST_WAIT
    ) -> None:
        from parametry.recording.run import open_run

        self._couriers = [
            _Courier(lambda: open_run(path), path.stem, sink, first_wait) for sink in resolve(sinks)
        ]
        for courier in self._couriers:
            courier.start()

    def finish(self, timeout: float = PATIENCE) -> None:
        """Deliver what is left; the run's file is complete.

        Args:
            timeout: After how many seconds what is not delivered stays so.
        """
        deadline = time.monotonic() + timeout
        for courier in self._couriers:
            courier.ending.set()
        for courier in self._couriers:
            courier.join(max(0.0, deadline - time.monotonic()))
            courier.give_up()


class _Courier(threading.Thread):
    """Brings one run to one sink; opening the run is tried again, too, if it fails."""

    def __init__(
        self, open_run: Callable[[], Run], run_name: str, sink: Sink, first_wait: float
    ) -> None:
        super().__init__(name=f"parametry delivers to {sink.name}", daemon=True)
        self.ending = threading.Event()
        self._given_up = threading.Event()
        self._open_run = open_run
        self._run_name = run_name
        self._sink = sink
        self._first_wait = first_wait
        self._round: _Round | None = None
        self._trouble: str | None = None
        self._warned = False

    def run(self) -> None:
        failures = 0
        while not self._given_up.is_set():
            # Asked before looking: what is found afterwards may be all there is.
            ending = self.ending.is_set()
            try:
                if self._round is None:
                    self._round = _Round(self._open_run(), self._sink)
                ended = self._round.advance(self._given_up.is_set)
                if self._given_up.is_set():
                    return
                if ended or ending:
                    self._round.close()
                    self._trouble = None
                    return
                failures, self._trouble, wait = 0, None, INTERVAL
            except Exception as error:
                failures += 1
                self._trouble = _in_short(error)
                _log.debug("parametry: %s: %s", self._sink.name, self._trouble)
                if failures == TROUBLE:
                    self._warn("It is tried again while the recording goes on; what is missing")
                if failures >= TROUBLE and ending:
                    return
                wait = min(self._first_wait * 2 ** (failures - 1), LONGEST_WAIT)
            if ending:
                self._given_up.wait(wait)
            else:
                self.ending.wait(wait)

    def give_up(self) -> None:
        """End at the next chance, if it has not ended yet."""
        self._given_up.set()
        if self.is_alive() and self._trouble is None:
            self._trouble = "there was no time left to deliver all"
        if self._trouble is not None:
            self._warn("What is missing")

    def _warn(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "parametry: run %s could not be told to %s (%s). It is recorded all the same. "
                "%s can be delivered later: parametry export %s --to %s",
                self._run_name,
                self._sink.location,
                self._trouble,
                what,
                self._run_name,
                self._sink.name,
            )


def _in_short(error: Exception) -> str:
    """The first line of what an error says, no longer than a few lines of a terminal."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


class _Round:
    """One sink's way through one run."""

    def __init__(self, run: Run, sink: Sink) -> None:
        self._run = run
        self._sink = sink
        self._cursor: Cursor | None = sink.start(run)

    def advance(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Deliver all that is there; whether the run's end was among it."""
        while not stop():
            facts, cursor = self._run.facts(self._cursor, limit=PORTION)
            if not facts:
                return False
            self._sink.deliver(facts, cursor)
            self._cursor = cursor
            if any(isinstance(fact, Ended) for fact in facts):
                return True
        return False

    def close(self) -> None:
        """Nothing more will be delivered."""
        self._sink.finish()


def tell(run: Run, sink: Sink) -> None:
    """Tell all of a run to a sink, here and now.

    Args:
        run: A run, most often one that has ended.
        sink: Where to; what it holds already is not told again.
    """
    whole = _Round(run, sink)
    whole.advance()
    whole.close()
