"""Recording a program that knows nothing of it, as `parametry run` does, once it trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.core.facts import Status
from parametry.core.watch import watch
from parametry.recording.rates import Rates
from parametry.recording.recording import Recording
from parametry.recording.sinks.registry import resolve

if TYPE_CHECKING:
    from parametry.recording.recorder import Recorder

__all__ = ["Following"]


class Following:
    """Records the program of this process, from the moment when it first trains.

    A program that trains nothing leaves no run. Each ``fit`` of it is a phase of one run; where a
    script has a `parametry.Recorder` of its own, that one records, into a run of its own.

    Args:
        name: The run's name; None for one made of the date, the script and a short word.
        home: The folder of runs; None for ``PARAMETRY_HOME``, or ``.parametry`` here.
        sinks: Where the run is to be told besides, as ``"tensorboard"``.

    Attributes:
        recording: What records; None while the program has not trained.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        home: str | Path | None = None,
        sinks: Sequence[Any] = (),
    ) -> None:
        self.recording: Recording | None = None
        self._recorder: Recorder | None = None
        self._rates: Rates | None = None
        self._name = name
        self._home = home
        self._sinks = resolve(sinks)

    def begin(self) -> None:
        """Watch for the program's training, from now on."""
        watch.fit_begins = self._fit_begins
        watch.loop_begins = self._loop_begins

    def finish(self, outcome: str) -> Path | None:
        """Record how the program ended.

        Args:
            outcome: As `Report.outcome` has it: ``finished``, ``interrupted``, ``ValueError: …``.

        Returns:
            The run's file; None where nothing was recorded.
        """
        watch.fit_begins = watch.loop_begins = None
        if self.recording is None:
            return None
        if self._rates is not None:
            with watch.guard("telling the last rates of a recording"):
                self._rates.catch_up()
                self._rates.leave()
        self.recording.finish(_status(outcome), outcome)
        return self.recording.path

    def _opened(self) -> Recording:
        if self.recording is None:
            self.recording = Recording(name=self._name, home=self._home, sinks=self._sinks)
        return self.recording

    def _fit_begins(self, model: Any, callbacks: Sequence[Any]) -> Any:
        from parametry.recording.recorder import Recorder

        if any(isinstance(callback, Recorder) for callback in callbacks):
            return None
        if self._recorder is None:
            self._recorder = Recorder.joining(self._opened())
        return self._recorder

    def _loop_begins(self, optimizer: Any) -> None:
        recording = self._opened()
        if self._rates is None:
            self._rates = Rates(recording.put)
            recording.snapshot()
        self._rates.add(optimizer)


def _status(outcome: str) -> Status:
    if outcome in ("finished", "interrupted"):
        return outcome  # type: ignore[return-value]
    return "failed"
