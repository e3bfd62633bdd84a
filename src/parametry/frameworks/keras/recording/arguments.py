"""What the ``fit`` that runs was given, found from within it.

``net.fit(callbacks=[Recorder()])`` looks ``fit`` up before the recorder exists, so that a wrapper
comes too late for this very call. Keras's own wrapper around every ``fit`` holds the arguments just
as they were passed.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TypeAlias

from parametry.core.caller import frames_above, owner_of
from parametry.core.signature import passed_in_frame, signature_of
from parametry.core.watch import watch
from parametry.frameworks.keras.hooks import Fitting, fitting
from parametry.frameworks.keras.observe import saw_fit, snapshot

__all__ = ["Failed", "RunningFit", "running_fit"]

Failed: TypeAlias = Callable[[BaseException], None]
# By the frame of a running fit: who is to hear of the exception that ends it.
_failures: dict[int, Failed] = {}


class RunningFit:
    """A ``fit`` that runs, from the moment at which its callbacks hear of it.

    Attributes:
        callbacks: Keras's list of the callbacks, its own among them; None if there is none.
    """

    def __init__(self, model: Any, frame: FrameType | None, failed: Failed) -> None:
        self.callbacks = None if frame is None else frame.f_locals.get("callbacks")
        self._frame = id(frame)
        self._model = model
        self._thread = threading.get_ident()
        self._fitting: Fitting | None = None
        self._inside: Any = None
        if frame is not None:
            _see_failure(frame, failed)
            if not _is_noted(frame):
                self._note(frame)

    def _note(self, frame: FrameType) -> None:
        """Tell capture of a call that went past its wrapper."""
        handler = frame.f_back
        if handler is not None and handler.f_code.co_name == "error_handler":
            local = handler.f_locals
            caller, args, kwargs = handler.f_back, tuple(local["args"])[1:], local["kwargs"]
        else:
            caller, args = handler, ()
            signature = signature_of(_function(self._model))
            kwargs = {} if signature is None else passed_in_frame(frame, signature)
        if caller is not None and _is_own(caller):
            caller = caller.f_back
        event = saw_fit(
            self._model, signature_of(_function(self._model)), args, dict(kwargs), caller
        )
        # What Keras does from here to the end of ``fit`` is its own, as inside capture's wrapper.
        self._inside = watch.inside()
        self._inside.__enter__()
        self._fitting = fitting(self._model, event)
        local = frame.f_locals
        iterator = local.get("epoch_iterator", local.get("data_handler"))
        if event is not None and iterator is not None:
            adapter = getattr(iterator, "data_adapter", None)
            event.data(adapter or getattr(iterator, "_adapter", None))

    def leave(self) -> None:
        """The ``fit`` is over."""
        self.callbacks = None
        _failures.pop(self._frame, None)
        if self._fitting is not None and self._thread == threading.get_ident():
            self._inside.__exit__()
            self._fitting.leave()
            snapshot(self._model)
        self._fitting = None


def running_fit(model: Any, frame: FrameType | None, failed: Failed) -> RunningFit:
    """The ``fit`` of a model that runs above a frame; capture is told of it if it does not know.

    Args:
        model: The model.
        frame: The frame of one of the callbacks.
        failed: Is told of an exception that ends the ``fit``.
    """
    for found in frames_above(frame):
        code = found.f_code
        if code.co_name == "fit" and owner_of(code.co_filename) == "framework":
            local = found.f_locals
            if local.get("self") is model and "callbacks" in local:
                return RunningFit(model, found, failed)
    return RunningFit(model, None, failed)


def _see_failure(frame: FrameType, failed: Failed) -> None:
    """Hear of an exception that ends a ``fit``, which tells no callback of it.

    Keras's own wrapper hands the traceback of each to a function of its module, which is wrapped
    once and for all; it passes straight through while no ``fit`` waits for it.
    """
    handler = frame.f_back
    module = {} if handler is None else handler.f_globals
    original = module.get("_process_traceback_frames")
    if original is None:
        return
    _failures[id(frame)] = failed
    if getattr(original, "tells_failures", False):
        return

    @functools.wraps(original)
    def process(traceback: TracebackType | None, *args: Any, **kwargs: Any) -> Any:
        if _failures:
            with watch.guard("recording a fit that failed"):
                _tell(traceback, sys.exc_info()[1])
        return original(traceback, *args, **kwargs)

    process.tells_failures = True  # type: ignore[attr-defined]
    module["_process_traceback_frames"] = process


def _tell(traceback: TracebackType | None, error: BaseException | None) -> None:
    while traceback is not None:
        failed = _failures.pop(id(traceback.tb_frame), None)
        traceback = traceback.tb_next
        if failed is not None and error is not None:
            failed(error)


def _function(model: Any) -> Any:
    """Keras's own ``fit``."""
    for cls in type(model).__mro__:
        own = cls.__dict__.get("fit")
        if own is not None:
            function = inspect.unwrap(own)
            if owner_of(function.__code__.co_filename) == "framework":
                return function
    return type(model).fit


def _is_own(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name == "fit" and owner_of(code.co_filename) == "parametry"


def _is_noted(frame: FrameType) -> bool:
    """Whether capture's wrapper around ``fit`` saw this call."""
    for found in frames_above(frame.f_back, most=3):
        if _is_own(found):
            return found.f_locals.get("event") is not None
    return False
