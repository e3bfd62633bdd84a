"""Global seeds that capture saw being set."""

from __future__ import annotations

from typing import NamedTuple

from parametry.core.hyperparameter import Origin
from parametry.core.place import Place
from parametry.core.value import Plain

__all__ = ["SEEDS", "Seed"]


class Seed(NamedTuple):
    """A global seed that was set.

    Attributes:
        value: What it was set to.
        origin: ``explicit``, or ``derived`` where another function set it on the way.
        where: The line that set it.
    """

    value: Plain
    origin: Origin
    where: Place | None


SEEDS: dict[str, Seed] = {}
"""The last seed set, by what it is for: ``random``, ``numpy``, ``keras``."""
