"""Counts, extremes and moments of values: what one pass over them gives, and how parts merge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, TypeAlias

from parametry.core.value import to_json_value

__all__ = ["Moments", "Number", "merge", "two_sum"]

Number: TypeAlias = int | float


@dataclass(frozen=True, slots=True)
class Moments:
    """Counts, extremes and moments of an array's values, as one pass gives them.

    NaN and the infinities are counted, and left out of everything else. Counts and extremes are
    exact; an extreme that is zero is ``0.0``, whatever its sign. A complex number counts as two
    values, its real and its imaginary part.

    The mean is kept in two parts, so that values far from zero and close to each other merge
    without loss. The last four fields hold values divided by ``2**exponent``, which is other than
    0 only where squares would overflow or vanish in float64.

    Attributes:
        count: How many values there are, those that are not finite included.
        nan: How many are NaN.
        positive_infinity: How many are +∞.
        negative_infinity: How many are −∞.
        zeros: How many are zero, −0.0 included.
        min: The smallest finite value, None where there is none; an int for integers and bool.
        max: The largest, likewise.
        centre: The mean of the finite values, rounded.
        residue: What rounding took from the mean.
        squares: The sum of the squared deviations from the mean.
        magnitudes: The sum of the absolute values.
        exponent: The power of two that the four before are divided by (squares twice).

    Example:
        >>> left = Moments(count=2, min=1.0, max=3.0, centre=2.0, squares=2.0, magnitudes=4.0)
        >>> both = left.merge(Moments(count=1, min=5.0, max=5.0, centre=5.0, magnitudes=5.0))
        >>> both.count, both.max, both.mean
        (3, 5.0, 3.0)
    """

    count: int = 0
    nan: int = 0
    positive_infinity: int = 0
    negative_infinity: int = 0
    zeros: int = 0
    min: Number | None = None
    max: Number | None = None
    centre: float = 0.0
    residue: float = 0.0
    squares: float = 0.0
    magnitudes: float = 0.0
    exponent: int = 0

    @property
    def nonfinite(self) -> int:
        """How many values are NaN or infinite."""
        return self.nan + self.positive_infinity + self.negative_infinity

    @property
    def finite(self) -> int:
        """How many values are neither NaN nor infinite."""
        return self.count - self.nonfinite

    @property
    def mean(self) -> float | None:
        """The mean of the finite values; None where there is none."""
        return _scaled(self.centre, self.exponent) if self.finite else None

    @property
    def std(self) -> float | None:
        """The standard deviation of the finite values, as of a whole population (``ddof=0``)."""
        if not self.finite:
            return None
        return _scaled(math.sqrt(self.squares / self.finite), self.exponent)

    @property
    def l1(self) -> float:
        """The sum of the absolute finite values; infinite where float64 cannot hold it."""
        return _scaled(self.magnitudes, self.exponent)

    @property
    def l2(self) -> float:
        """The square root of the sum of the squared finite values."""
        of_mean = math.sqrt(self.finite) * abs(self.centre)
        return _scaled(math.hypot(math.sqrt(self.squares), of_mean), self.exponent)

    def merge(self, other: Moments) -> Moments:
        """The moments of both arrays together.

        Counts and extremes are exact. The mean and the squares are merged as in Chan, Golub and
        LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
        """
        if not other.finite or not self.finite:
            held = self if self.finite else other
            centre, residue, squares = held.centre, held.residue, held.squares
            magnitudes, exponent = held.magnitudes, held.exponent
        else:
            exponent = _common(self, other)
            a, b = _at(self, exponent), _at(other, exponent)
            count = self.finite + other.finite
            delta = (b[0] - a[0]) + (b[1] - a[1])
            share = other.finite / count
            centre, residue = two_sum(a[0], a[1] + delta * share)
            squares = a[2] + b[2] + delta * delta * (self.finite * share)
            magnitudes = a[3] + b[3]
        return Moments(
            count=self.count + other.count,
            nan=self.nan + other.nan,
            positive_infinity=self.positive_infinity + other.positive_infinity,
            negative_infinity=self.negative_infinity + other.negative_infinity,
            zeros=self.zeros + other.zeros,
            min=_extreme(min, self.min, other.min),
            max=_extreme(max, self.max, other.max),
            centre=centre,
            residue=residue,
            squares=squares,
            magnitudes=magnitudes,
            exponent=exponent,
        )

    def to_dict(self) -> dict[str, Any]:
        """What it tells, as JSON-ready data."""
        told = {name: getattr(self, name) for name in _TOLD}
        return {name: to_json_value(value) for name, value in told.items()}


_TOLD: Final = (
    *("count", "nan", "positive_infinity", "negative_infinity", "zeros"),
    *("min", "max", "mean", "std", "l1", "l2"),
)

# Values of up to this power of two, or its inverse, keep their squares, and those of what parts
# them in their last bits, well within float64.
_SQUARED_SAFELY: Final = 400


def merge(parts: Iterable[Moments]) -> Moments:
    """The moments of all parts together; of none, those of an empty array."""
    return reduce(Moments.merge, parts, Moments())


def two_sum(a: float, b: float) -> tuple[float, float]:
    """A sum and what rounding took from it, exactly (Knuth, TAOCP 2, 4.2.2).

    Example:
        >>> two_sum(1e16, 1.0)
        (1e+16, 1.0)
    """
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _scaled(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


def _common(a: Moments, b: Moments) -> int:
    """The exponent at which squares of both neither overflow nor vanish, the larger one if it does.

    What is nothing but zeros has no exponent of its own.
    """
    held = [part for part in (a, b) if part.magnitudes]
    if not held:
        return 0
    exponent = max(part.exponent for part in held)
    scale = max(
        math.frexp(part.magnitudes / part.finite)[1] + part.exponent - exponent for part in held
    )
    return exponent if abs(scale) <= _SQUARED_SAFELY else exponent + scale


def _at(moments: Moments, exponent: int) -> tuple[float, float, float, float]:
    """Centre, residue, squares and magnitudes divided by another power of two."""
    by = moments.exponent - exponent
    if by == 0 or not moments.magnitudes:
        return moments.centre, moments.residue, moments.squares, moments.magnitudes
    return (
        math.ldexp(moments.centre, by),
        math.ldexp(moments.residue, by),
        math.ldexp(moments.squares, 2 * by),
        math.ldexp(moments.magnitudes, by),
    )


def _extreme(
    pick: Callable[[Number, Number], Number], a: Number | None, b: Number | None
) -> Number | None:
    if a is None or b is None:
        return b if a is None else a
    return pick(a, b)
