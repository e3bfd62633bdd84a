"""Which callback stopped a training."""

from __future__ import annotations

from typing import Any

from parametry.frameworks.keras.describe import label_of

__all__ = ["who_stopped"]


def who_stopped(callbacks: Any, epoch: int | None) -> str | None:
    """The address of the callback that set ``stop_training``; None where it cannot be told.

    Args:
        callbacks: Keras's list of callbacks.
        epoch: The epoch that was the last.
    """
    given = list(getattr(callbacks, "callbacks", None) or ())
    able = [callback for callback in given if _may_stop(type(callback))]
    stopped = [each for each in able if epoch and getattr(each, "stopped_epoch", None) == epoch]
    found = stopped or [each for each in able if not hasattr(each, "stopped_epoch")]
    return f"callbacks/{label_of(type(found[0]).__name__)}" if len(found) == 1 else None


def _may_stop(cls: type) -> bool:
    """Whether a method of the class names what stops a training."""
    return any(
        "stop_training" in getattr(getattr(value, "__code__", None), "co_names", ())
        for ancestor in cls.__mro__
        for value in vars(ancestor).values()
    )
