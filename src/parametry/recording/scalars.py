"""Metrics as they were at a moment, without waiting for the device that works them out."""

from __future__ import annotations

from typing import Any, SupportsFloat

import numpy as np

__all__ = ["NotANumber", "held"]

# Arrays of these packages never change: they may be read later, on another thread.
_NEVER_CHANGE = {"jaxlib", "jax", "tensorflow"}


class NotANumber(TypeError):
    """A value given as a metric is no single number."""


def held(value: Any) -> SupportsFloat:
    """A number that stays what it is now.

    A scalar on a device that nothing can change is kept unread, so that nobody waits for it; one
    that may change in place is copied on its device; all else becomes a float at once.

    Args:
        value: A number, or an array of one element of any framework.

    Raises:
        NotANumber: It is no number, or an array of more than one.

    Example:
        >>> held(np.float32(0.5)), held(3)
        (0.5, 3.0)
    """
    if type(value) is float:
        return value
    root = type(value).__module__.partition(".")[0]
    if root in _NEVER_CHANGE and not hasattr(value, "assign") and getattr(value, "shape", 0) == ():
        return value  # type: ignore[no-any-return]
    try:
        if root == "torch" and value.numel() == 1:
            detached = value.detach()
            return detached.clone() if detached.device.type != "cpu" else float(detached)
        if isinstance(value, (bool, int, float, np.generic)):
            return float(value)
        return float(np.asarray(value).reshape(()))
    except (TypeError, ValueError, OverflowError):
        raise NotANumber(f"{type(value).__name__} is no single number") from None
