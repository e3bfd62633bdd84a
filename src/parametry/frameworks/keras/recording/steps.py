"""The steps of a running ``fit``, seen where every trainer looks for them: ``train_function``.

Keras's hooks for batches are left alone: a callback that has one makes Keras turn every metric into
a Python number at every step, which waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from parametry.core.watch import watch
from parametry.frameworks.keras.recording.alike import NOT_TAKEN, Takes

__all__ = ["StepWatcher", "Steps"]


class StepWatcher(Protocol):
    """Is told of each call of a ``train_function``; may raise."""

    takes: Takes | None
    """Takes steps in place of what follows, for as long as it is there."""

    def before_step(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """A step begins; on JAX the first argument is the state.

        Returns:
            What is to take this step: what was given, or another function that does the same.
        """
        ...

    def after_step(self, result: Any) -> None:
        """It is done; on JAX the result is the logs and the state."""
        ...

    def step_failed(self, error: BaseException) -> None:
        """It raised; the error passes on."""
        ...


class Steps:
    """Puts a watcher around a model's ``train_function``, for as long as a ``fit`` runs."""

    def __init__(self, model: Any, watcher: StepWatcher) -> None:
        self._model = model
        self._watcher = watcher
        self._open = True

    def wrap(self) -> None:
        """Put it there if it is not there, as after a recompile; no call is changed by it."""
        step = self._model.train_function
        if step is not None and not any(
            getattr(found, "watched_by", None) is self for found in _layers_of(step)
        ):
            self._model.train_function = self._around(step)

    def unwrap(self) -> None:
        """Take it away; other watchers around or within it stay."""
        self._open = False
        step = self._model.train_function
        while step is not None and getattr(step, "watched_by", None) is not None:
            if step.watched_by._open:
                return  # another's lies around this one, which is inert from now on
            step = step.watched_step
            self._model.train_function = step

    def _around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        watcher = self._watcher

        def train_function(*arguments: Any) -> Any:
            if not self._open:
                return step(*arguments)
            try:
                if (takes := watcher.takes) is not None:
                    result = takes(step, arguments)
                    if result is not NOT_TAKEN:
                        return result
                taken = step
                try:
                    taken = watcher.before_step(step, arguments)
                except Exception as error:
                    watch.fault("recording a step", error)
                result = taken(*arguments)
            except StopIteration:  # the data are at their end: Keras's own way to say so
                raise
            except BaseException as error:
                with watch.guard("recording a step that failed"):
                    watcher.step_failed(error)
                raise
            try:
                watcher.after_step(result)
            except Exception as error:
                watch.fault("recording a step", error)
            return result

        train_function.watched_by = self  # type: ignore[attr-defined]
        train_function.watched_step = step  # type: ignore[attr-defined]
        return train_function


def _layers_of(step: Any) -> list[Any]:
    found = [step]
    while (step := getattr(step, "watched_step", None)) is not None:
        found.append(step)
    return found
