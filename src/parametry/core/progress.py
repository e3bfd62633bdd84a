"""How work that takes long tells how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "unwatched"]

Progress: TypeAlias = "Callable[[int, int], object]"
"""Called with how much is done and how much there is in all, of one unit: bytes, say."""


def unwatched(done: int, whole: int) -> None:
    """The progress that nobody looks at.

    Args:
        done: How much is done.
        whole: How much there is in all.
    """
