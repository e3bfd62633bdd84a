"""Statistics of arrays: what they are, and how those of parts become those of the whole.

Whoever looks at the values (NumPy, numba, a device) fills in `Moments`, and a `Distribution` where
one is wanted. Both are plain numbers, so that parts may be worked out anywhere and merged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parametry.core.coverage import Gap
from parametry.core.mapping import AddressMapping
from parametry.core.moments import Moments, Number, merge

__all__ = [
    "BINS",
    "LEVELS",
    "ArrayStatistics",
    "Distribution",
    "Sketch",
    "Statistics",
]

LEVELS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The levels at which quantiles are given."""

BINS: Final = 64
"""How many bins a sketch has."""


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
