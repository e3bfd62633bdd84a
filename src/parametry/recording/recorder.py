"""`parametry.Recorder`: a callback that makes a run of Keras's ``fit``."""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parametry.capture.switch import hold, release
from parametry.core.facts import Status
from parametry.core.looking import Every, Looking, checked_every
from parametry.core.watch import watch
from parametry.recording.processes import is_first_process
from parametry.recording.recording import Recording
from parametry.recording.scoping import of_model
from parametry.recording.sinks.registry import resolve

if TYPE_CHECKING:
    from parametry.recording.run import Run

__all__ = ["Recorder"]

_log = logging.getLogger("parametry")

_GRADIENTS_EVERY = 50
# How many seconds the disk may hold up the program after a fit. Some milliseconds are enough, and
# then nothing is written any more where a test, say, removes its folder.
_PATIENCE_AT_THE_END = 1.0


class Recorder:
    """Records a ``fit`` of Keras's as a run: what was chosen, what changed, what came of it.

    A run holds all hyperparameters at the start (those of ``fit`` itself, of callbacks and data
    among them), each change of the learning rate with its cause, metrics and the rate applied at
    every step, metrics of every epoch, and events: a NaN, an early stop, an exception, a resume.

    A metric of a step is as Keras gives it: the mean since the epoch began.

    Nothing that a recorder does changes the training: its weights are the same to the last bit.
    What fails in it is told on the log once, and the training goes on. While ``fit`` runs, capture
    is on (see `parametry.auto`); ``PARAMETRY=0`` makes a recorder do nothing. It may be used for
    several ``fit``s of a model, which become phases of one run; the run is over when the recorder
    is gone or the program ends. Those of a further model stand below its name: ``model_1/loss``,
    ``optimizer_1/learning_rate``. In a training of several processes only the first one records.

    Args:
        name: The run's name; None for one made of the date, the script and a short word.
        home: The folder of runs; None for ``PARAMETRY_HOME``, or ``.parametry`` here.
        statistics_every: At which steps to look at the parameters: an ``int`` for every so many,
            ``"epoch"`` for the end of each epoch, None for never.
        gradients: Whether to record the norms of gradients, too, at the same steps (every 50 unless
            ``statistics_every`` tells). The step is compiled once more for it.
        select: Patterns of the parameters to look at; of all unless given.
        sinks: Where the run is to be told besides: names, as ``"tensorboard"``, or objects.

    Example:
        >>> import parametry as pm
        >>> recorder = pm.Recorder(statistics_every=50)
        >>> net.fit(x, y, epochs=3, callbacks=[recorder])                # doctest: +SKIP
        >>> recorder.run.metrics("optimizer/learning_rate").values      # doctest: +SKIP
        array([0.001, 0.001, 0.001])
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        home: str | Path | None = None,
        statistics_every: Every = None,
        gradients: bool = False,
        select: Sequence[str] | str = (),
        sinks: Sequence[Any] = (),
    ) -> None:
        resolve(sinks)  # a name that is none is said before the training begins
        self.name = name
        self.home = home
        self.statistics_every: Every = checked_every(statistics_every, epochs=True)
        self.gradients = gradients
        self.select = select
        self.sinks = sinks
        self._held = _Held()

    @classmethod
    def joining(cls, recording: Recording) -> Recorder:
        """A recorder that tells its part to a recording of somebody else's, who ends it.

        Args:
            recording: What records the whole program.
        """
        recorder = cls()
        recorder._held.recording = recording
        recorder._held.joins = True
        return recorder

    @property
    def run(self) -> Run | None:
        """The run as its file tells it by now; None before training began, or if none is made.

        After a ``fit`` that raised it is the one that ended so, until a further ``fit`` begins.
        """
        recording = self._held.recording or self._held.failed
        return None if recording is None else recording.run

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is a new recorder with the same settings: two never share a run."""
        settings = (self.name, self.home, self.statistics_every, self.gradients, self.select)
        return _again, (*settings, self.sinks)

    def __repr__(self) -> str:
        """Which run it records."""
        recording = self._held.recording or self._held.failed
        path = None if recording is None else recording.path
        return f"Recorder({path.stem!r})" if path else "Recorder()"

    # What Keras asks of a callback. The hooks for batches and for tests are marked as untouched, so
    # that Keras need not wait for the device at each step.

    def set_params(self, params: Any) -> None:
        """Keras tells the number of epochs and steps; a recorder reads more than that."""

    def set_model(self, model: Any) -> None:
        """Keras tells which model is to be trained."""
        self._held.model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Training begins: open the run, unless there is one, and note what ``fit`` was given."""
        with watch.guard("beginning a recording"):
            self._held.begin(self, sys._getframe(1))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """An epoch begins."""
        with watch.guard("recording an epoch"):
            if self._held.fits:
                self._held.fits[-1].watched.epoch_begins(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """An epoch is over."""
        with watch.guard("recording an epoch"):
            if self._held.fits:
                self._held.fits[-1].watched.epoch_ends(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Training is over."""
        with watch.guard("ending a recording"):
            if self._held.fits:
                self._held.fits[-1].end()

    def _untouched(self, *_: Any, **__: Any) -> None:
        """A hook that does nothing."""

    _untouched._is_default = True  # type: ignore[attr-defined]
    on_batch_begin = on_batch_end = on_train_batch_begin = on_train_batch_end = _untouched
    on_test_begin = on_test_end = on_test_batch_begin = on_test_batch_end = _untouched
    on_predict_begin = on_predict_end = _untouched
    on_predict_batch_begin = on_predict_batch_end = _untouched

    # The same in Keras 2's words.

    _supports_tf_logs = True

    def _implements_no_batch_hooks(self) -> bool:
        """Whether there are hooks for batches that do something."""
        return False

    _implements_train_batch_hooks = _implements_no_batch_hooks
    _implements_test_batch_hooks = _implements_predict_batch_hooks = _implements_no_batch_hooks


class _Held:
    """What a recorder holds while it records; no setting of anybody's."""

    def __init__(self) -> None:
        self.model: Any = None
        self.recording: Recording | None = None
        self.failed: Recording | None = None
        self.fits: list[_Fit] = []
        self.told: dict[int, set[str]] = {}
        self.refused = False
        self.joins = False

    def begin(self, recorder: Recorder, frame: Any) -> None:
        model, self.model = _undistributed(self.model), None
        if self.refused or not is_first_process():
            return
        if not hold():
            self.refused = True
            _log.warning("parametry: PARAMETRY=0 is set: this training is not recorded")
            return
        try:
            if self.recording is None:
                self._open(recorder, model)
            self.fits.append(_Fit(self, recorder, model, frame))
        except BaseException:
            release()
            raise

    def _open(self, recorder: Recorder, model: Any) -> None:
        self.told = {}
        recording = Recording(
            name=recorder.name, home=recorder.home, models=[model], sinks=recorder.sinks
        )
        self.recording = recording
        # Also when the program ends, should the recorder live as long.
        # Each fit that ended was described then.
        weakref.finalize(self, recording.leave, "finished", patience=_PATIENCE_AT_THE_END)


class _Fit:
    """One ``fit`` that is recorded."""

    def __init__(self, held: _Held, recorder: Recorder, model: Any, frame: Any) -> None:
        from parametry.frameworks.keras.recording.watching import FitWatch

        assert held.recording is not None
        self._held = held
        recording = self._recording = held.recording
        number = self._recording.add_model(model)
        every = recorder.statistics_every
        looking = Looking(
            every=_GRADIENTS_EVERY if every is None and recorder.gradients else every,
            parameters=every is not None,
            gradients=recorder.gradients,
            select=(recorder.select,) if isinstance(recorder.select, str) else recorder.select,
        )
        self.watched = FitWatch(
            model,
            lambda fact: recording.put(of_model(fact, number)),
            frame,
            told=held.told.setdefault(number, set()),
            looking=looking,
            failed=self._fail,
        )
        self._left = False
        self._recording.snapshot()
        callbacks = self.watched.callbacks
        # A fit that raises tells no callback of it: but then Keras's list of them goes.
        self._gone = None if callbacks is None else weakref.finalize(callbacks, self._vanished)

    def end(self) -> None:
        """Keras says that training is over."""
        self.watched.ends()
        self._leave()
        self._recording.snapshot("finished")

    def _fail(self, error: BaseException | None) -> None:
        """The ``fit`` raised: so the run is over, and a further fit begins another."""
        if self._left:
            return
        self.watched.failed(error)
        self._leave()
        if self._held.joins:
            return
        status: Status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        text = "unknown" if error is None else f"{type(error).__name__}: {error}"
        self._recording.finish(status, text)
        if self._held.recording is self._recording:
            self._held.recording, self._held.failed = None, self._recording

    def _vanished(self) -> None:
        if not self._left:
            with watch.guard("ending a recording"):
                self._fail(sys.exc_info()[1])

    def _leave(self) -> None:
        self._left = True
        if self._gone is not None:
            self._gone.detach()
        if self in self._held.fits:
            self._held.fits.remove(self)
        # Who watched knew whom to tell of a failure: without this circle a recorder that nobody
        # else holds goes at once, and its run is over.
        del self.watched
        release()


def _again(*settings: Any) -> Recorder:
    name, home, every, gradients, select, sinks = settings
    return Recorder(
        name, home=home, statistics_every=every, gradients=gradients, select=select, sinks=sinks
    )


def _undistributed(model: Any) -> Any:
    """The Keras model within torch's wrapper for several devices."""
    return model.module if type(model).__name__ == "DistributedDataParallel" else model
