"""Statistics of arrays: what they are, and how those of parts become those of the whole.

Whoever looks at the values (NumPy, numba, a device) fills in `Moments`, and a `Distribution` where
one is wanted. Both are plain numbers, so that parts may be worked out anywhere and merged here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, TypeAlias

from parametry.core.coverage import Gap
from parametry.core.mapping import AddressMapping
from parametry.core.value import to_json_value

__all__ = [
    "BINS",
    "LEVELS",
    "ArrayStatistics",
    "Distribution",
    "Moments",
    "Number",
    "Sketch",
    "Statistics",
    "merge",
    "two_sum",
]

Number: TypeAlias = int | float

LEVELS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The levels at which quantiles are given."""

BINS: Final = 64
"""How many bins a sketch has."""


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
    """The larger exponent; what is nothing but zeros has none of its own."""
    if not a.magnitudes or not b.magnitudes:
        return b.exponent if not a.magnitudes else a.exponent
    return max(a.exponent, b.exponent)


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


@dataclass(frozen=True, slots=True)
class Sketch:
    """How values are spread: 64 bins of one width around the median.

    The width is a power of two, and every edge a multiple of it, so that all edges are exact. The
    bins reach at least twice the interquartile range to both sides of the median; the first and
    the last hold what lies beyond, too.

    Attributes:
        low: The lower edge of the first bin.
        width: The width of each bin.
        counts: How many values are in each; a value on an edge belongs to the bin above it.

    Example:
        >>> sketch = Sketch(low=-1.0, width=0.03125, counts=(1,) * 64)
        >>> sketch.edges[0], sketch.edges[-1]
        (-1.0, 1.0)
    """

    low: float
    width: float
    counts: tuple[int, ...]

    @property
    def edges(self) -> tuple[float, ...]:
        """The 65 edges of the bins."""
        return tuple(self.low + self.width * index for index in range(len(self.counts) + 1))

    def merge(self, other: Sketch) -> Sketch:
        """The sketch of both together.

        Raises:
            ValueError: Their bins are not the same.
        """
        if (self.low, self.width) != (other.low, other.width):
            raise ValueError(
                f"a sketch from {self.low} by {self.width} and one from {other.low} by "
                f"{other.width} have no bins in common"
            )
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Sketch(self.low, self.width, counts)

    def to_dict(self) -> dict[str, Any]:
        """The sketch as JSON-ready data."""
        return {"low": self.low, "width": self.width, "counts": list(self.counts)}


@dataclass(frozen=True, slots=True)
class Distribution:
    """Quantiles of the finite values and a sketch of how they are spread.

    Quantiles do not merge: those of a whole need its values.

    Attributes:
        values: The quantiles at `LEVELS`, between two values on the line that joins them.
        sketch: How many values lie where.
        size: How many finite values both were worked out from.
        exact: Whether these were all there are; otherwise they are a sample.
    """

    values: tuple[float, ...]
    sketch: Sketch
    size: int
    exact: bool

    @property
    def quantiles(self) -> dict[float, float]:
        """The quantiles by level."""
        return dict(zip(LEVELS, self.values, strict=True))

    @property
    def median(self) -> float:
        """The quantile at 0.5."""
        return self.values[LEVELS.index(0.5)]

    def to_dict(self) -> dict[str, Any]:
        """The distribution as JSON-ready data."""
        return {
            "quantiles": {str(level): value for level, value in self.quantiles.items()},
            "sketch": self.sketch.to_dict(),
            "size": self.size,
            "exact": self.exact,
        }


@dataclass(frozen=True, slots=True)
class ArrayStatistics:
    """The statistics of one array.

    Attributes:
        address: Its address.
        shape: Its shape.
        dtype: Its dtype's name.
        moments: Counts, extremes and moments.
        distribution: Quantiles and sketch; None where no value is finite.

    Example:
        >>> moments = Moments(count=1, min=2.0, max=2.0, centre=2.0, magnitudes=2.0)
        >>> ArrayStatistics("scale", (), "float32", moments, None).mean
        2.0
    """

    address: str
    shape: tuple[int, ...]
    dtype: str
    moments: Moments
    distribution: Distribution | None

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.moments.count

    @property
    def nan(self) -> int:
        """How many are NaN."""
        return self.moments.nan

    @property
    def positive_infinity(self) -> int:
        """How many are +∞."""
        return self.moments.positive_infinity

    @property
    def negative_infinity(self) -> int:
        """How many are −∞."""
        return self.moments.negative_infinity

    @property
    def nonfinite(self) -> int:
        """How many are NaN or infinite."""
        return self.moments.nonfinite

    @property
    def zeros(self) -> int:
        """How many are zero."""
        return self.moments.zeros

    @property
    def min(self) -> Number | None:
        """The smallest finite value; None where there is none."""
        return self.moments.min

    @property
    def max(self) -> Number | None:
        """The largest finite value; None where there is none."""
        return self.moments.max

    @property
    def mean(self) -> float | None:
        """The mean of the finite values; None where there is none."""
        return self.moments.mean

    @property
    def std(self) -> float | None:
        """Their standard deviation, as of a whole population."""
        return self.moments.std

    @property
    def l1(self) -> float:
        """The sum of their absolute values."""
        return self.moments.l1

    @property
    def l2(self) -> float:
        """The square root of the sum of their squares."""
        return self.moments.l2

    @property
    def quantiles(self) -> dict[float, float]:
        """Their quantiles by level; empty where no value is finite."""
        return {} if self.distribution is None else self.distribution.quantiles

    @property
    def median(self) -> float | None:
        """The quantile at 0.5; None where no value is finite."""
        return None if self.distribution is None else self.distribution.median

    @property
    def sketch(self) -> Sketch | None:
        """How many values lie where; None where no value is finite."""
        return None if self.distribution is None else self.distribution.sketch

    @property
    def exact(self) -> bool:
        """Whether quantiles and sketch are of all values rather than of a sample."""
        return self.distribution is None or self.distribution.exact

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready data."""
        spread = {} if self.distribution is None else self.distribution.to_dict()
        shape = {"shape": list(self.shape), "dtype": self.dtype}
        return {**shape, **self.moments.to_dict(), "distribution": spread or None}


class Statistics(AddressMapping[ArrayStatistics]):
    """The statistics of arrays by address, as `parametry.stats` gives them.

    Attributes:
        gaps: Parameters that have none, and why: what holds text, say.
    """

    noun = "array"
    plural = "arrays"
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def of(
        cls,
        entries: Mapping[str, ArrayStatistics],
        *,
        source: str = "",
        aliases: Mapping[str, str] | None = None,
        gaps: Iterable[Gap] = (),
    ) -> Statistics:
        """The statistics of these entries, with what has none.

        Args:
            entries: The statistics by address.
            source: What they are of, for messages: ``model 'net'``.
            aliases: Another address to the one under which an array stands.
            gaps: What has no statistics, and why.
        """
        made = cls(entries, source=source, aliases=aliases)
        made.gaps = tuple(gaps)
        return made

    @property
    def total(self) -> Moments:
        """Counts, extremes and moments of all arrays together."""
        return merge(entry.moments for entry in self.values())

    def nonfinite(self) -> Statistics:
        """Those that hold a NaN or an infinity; empty, and so false, where there are none."""
        return self.select(where=lambda entry: entry.nonfinite > 0, missing_ok=True)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with a row for each array, its quantiles as columns ``q0.01`` ….

        Raises:
            FrameworkMissing: pandas is not installed.
        """
        frame = super().to_pandas().drop(columns="distribution", errors="ignore")
        for level in LEVELS:
            frame[f"q{level}"] = [entry.quantiles.get(level) for entry in self.values()]
        return frame
