"""When a recording looks at parameters, and at which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Every", "Looking", "checked_every"]

Every: TypeAlias = int | Literal["epoch"] | None
"""How often parameters are looked at: at every so many steps, at the end of epochs, or never."""


@dataclass(frozen=True, slots=True)
class Looking:
    """When to look at parameters and gradients, and at which.

    Attributes:
        every: At every so many steps, at the end of each ``epoch``, or never.
        parameters: Whether to look at parameters.
        gradients: Whether to look at gradients.
        select: Patterns of addresses; all unless given.
    """

    every: Every = None
    parameters: bool = True
    gradients: bool = False
    select: Sequence[str] = ()

    def due(self, first: int, count: int) -> bool:
        """Whether one of some steps in a row is one to look at: a multiple of ``every``.

        Example:
            >>> Looking(every=50).due(first=98, count=3), Looking(every=50).due(first=98, count=2)
            (True, False)
        """
        return isinstance(self.every, int) and -first % self.every < count


def checked_every(every: Any, *, epochs: bool) -> Any:
    """What was given as ``statistics_every``, before a training begins with it.

    Args:
        every: What was given.
        epochs: Whether ``"epoch"`` may be.

    Raises:
        ValueError: It is no number of steps.
    """
    whole = isinstance(every, int) and not isinstance(every, bool) and every > 0
    if every is None or whole or (epochs and every == "epoch"):
        return every
    words = "a number of steps, 'epoch', or None" if epochs else "a number of steps, or None"
    raise ValueError(f"statistics_every is {every!r}\nhint: give {words}")
