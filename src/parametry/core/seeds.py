"""Global seeds that capture saw being set."""

from __future__ import annotations

from parametry.core.place import Place
from parametry.core.value import Plain

__all__ = ["SEEDS"]

SEEDS: dict[str, tuple[Plain, Place | None]] = {}
"""By what they are for (``random``, ``numpy``, ``keras``): the last value, and who set it."""
