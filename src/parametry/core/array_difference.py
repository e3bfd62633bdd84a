"""How far two arrays of one shape are apart: what is told of it, and how stretches make a whole.

`parametry.kernels.comparison` goes through the arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from parametry.core.value import to_json_value

__all__ = ["ArrayDifference", "Distance", "joined"]


@dataclass(frozen=True, slots=True)
class ArrayDifference:
    """How far two arrays of one shape are apart.

    Distances, norms and the cosine are over the pairs of elements that are finite on both sides;
    they are None where there is no such pair, and for what is not a number (text).

    Attributes:
        size: How many elements each has.
        changed: How many elements differ.
        max_abs: The largest absolute difference.
        mean_abs: The mean absolute difference.
        relative: The L2 norm of the difference, divided by that of the first array; None also where
            that is zero.
        cosine: The cosine of the angle between the two as vectors; None also where either is zero.
        nonfinite: How many NaN and infinities the first and the second hold.

    Example:
        >>> found = ArrayDifference(2, 1, 0.5, 0.25, 0.1, 0.9988, (0, 0))
        >>> found.changed, found.share, found.max_abs
        (1, 0.5, 0.5)
    """

    size: int
    changed: int
    max_abs: float | None
    mean_abs: float | None
    relative: float | None
    cosine: float | None
    nonfinite: tuple[int, int]

    @property
    def share(self) -> float:
        """The share of elements that differ, from 0 to 1."""
        return self.changed / self.size

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data."""
        return {
            "size": self.size,
            "changed": self.changed,
            "share": self.share,
            "max_abs": to_json_value(self.max_abs),
            "mean_abs": to_json_value(self.mean_abs),
            "relative": to_json_value(self.relative),
            "cosine": to_json_value(self.cosine),
            "nonfinite": list(self.nonfinite),
        }


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two stretches are apart. Figures are over the pairs that are finite on both sides.

    Attributes:
        changed: How many elements differ.
        nonfinite: How many NaN and infinities the first and the second hold.
        pairs: How many pairs are finite on both sides.
        largest: The largest absolute difference; 0 where there is no pair.
        total: The sum of the absolute differences.
        first: The L2 norm of the first.
        second: The L2 norm of the second.
        apart: The L2 norm of the difference.
        cosine: The cosine of the angle between both; 0 where either is zero.
    """

    changed: int = 0
    nonfinite: tuple[int, int] = (0, 0)
    pairs: int = 0
    largest: float = 0.0
    total: float = 0.0
    first: float = 0.0
    second: float = 0.0
    apart: float = 0.0
    cosine: float = 0.0


def joined(stretches: Iterable[Distance], size: int) -> ArrayDifference:
    """The difference of two arrays that have these stretches. No square overflows or vanishes.

    Args:
        stretches: What is known of each, in any order.
        size: How many elements each array has.

    Example:
        >>> found = joined([Distance(1, pairs=2, largest=0.5, total=0.5, first=5.0)], 2)
        >>> found.changed, found.max_abs, found.mean_abs
        (1, 0.5, 0.25)
    """
    every = list(stretches)
    changed = sum(each.changed for each in every)
    nonfinite = (sum(each.nonfinite[0] for each in every), sum(each.nonfinite[1] for each in every))
    pairs = sum(each.pairs for each in every)
    if not pairs:
        return ArrayDifference(size, changed, None, None, None, None, nonfinite)
    one = math.hypot(*(each.first for each in every))
    two = math.hypot(*(each.second for each in every))
    cosine = None
    if 0 < one < math.inf and 0 < two < math.inf:
        total = math.fsum(each.cosine * (each.first / one) * (each.second / two) for each in every)
        cosine = max(-1.0, min(1.0, total))
    return ArrayDifference(
        size,
        changed,
        max(each.largest for each in every),
        sum(each.total for each in every) / pairs,
        math.hypot(*(each.apart for each in every)) / one if 0 < one < math.inf else None,
        cosine,
        nonfinite,
    )
