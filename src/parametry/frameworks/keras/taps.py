"""Who wants to know the learning rates that optimizers read, by the optimizer's identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["rate_taps"]

rate_taps: dict[int, Callable[[Any], None]] = {}
"""Is given each rate that an optimizer reads: a number, an array, or what stands for one."""
