"""Independent random numbers: uniform, normal, truncated normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.limits import check_random, finite
from parametry.kernels import draw
from parametry.kernels.stream import stream

__all__ = [
    "CUT",
    "CUT_DEVIATION",
    "Normal",
    "TruncatedNormal",
    "Uniform",
    "normal",
    "truncated_normal",
    "uniform",
]

# Where a truncated normal distribution ends, how much of the whole lies below, and what is left of
# its standard deviation.
CUT: Final = 2.0
BELOW_CUT: Final = 0.022750131948179195
CUT_DEVIATION: Final = 0.87962566103423978
# No number of the whole distribution is further away, in standard deviations, in any dtype.
_FURTHEST: Final = 9.2


@dataclass(frozen=True, slots=True)
class Uniform:
    """Numbers spread evenly between two bounds.

    Attributes:
        low: The lower bound.
        high: The upper bound, reached by rounding alone.
    """

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        """Check the bounds."""
        object.__setattr__(self, "low", finite("low", self.low))
        object.__setattr__(self, "high", finite("high", self.high))
        if self.high < self.low:
            raise RuleError(
                f"high ({self.high:g}) is below low ({self.low:g})",
                hint=f"uniform({self.high:g}, {self.low:g})",
            )

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Numbers in [low, high], from the bits of the seed and the address.

        Raises:
            RuleError: The dtype is not a floating-point one, or does not reach as far.
        """
        check_random(site, max(-self.low, self.high, self.high - self.low))
        key = stream(seed, site.address)
        return draw.uniform(key, site.shape, site.dtype, self.low, self.high)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Uniform", "low": …, "high": …}``."""
        return {"class": "Uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal numbers.

    Attributes:
        mean: The mean.
        stddev: The standard deviation.
    """

    mean: float = 0.0
    stddev: float = 0.05

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "stddev", finite("stddev", self.stddev, least=0))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Normal numbers, from the bits of the seed and the address.

        Raises:
            RuleError: The dtype is not a floating-point one, or does not reach as far.
        """
        check_random(site, abs(self.mean) + _FURTHEST * self.stddev)
        key = stream(seed, site.address)
        return draw.normal(key, site.shape, site.dtype, self.mean, self.stddev)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Normal", "mean": …, "stddev": …}``."""
        return {"class": "Normal", "mean": self.mean, "stddev": self.stddev}


@dataclass(frozen=True, slots=True)
class TruncatedNormal:
    """Normal numbers of which those beyond two standard deviations are not taken.

    Attributes:
        mean: The mean.
        stddev: The standard deviation of the whole distribution; what is left has 0.87963 of it.
    """

    mean: float = 0.0
    stddev: float = 0.05

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "mean", finite("mean", self.mean))
        object.__setattr__(self, "stddev", finite("stddev", self.stddev, least=0))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Numbers in mean ± 2 stddev, from the bits of the seed and the address.

        Raises:
            RuleError: The dtype is not a floating-point one, or does not reach as far.
        """
        check_random(site, abs(self.mean) + CUT * self.stddev)
        key = stream(seed, site.address)
        return draw.normal(
            key, site.shape, site.dtype, self.mean, self.stddev, below=BELOW_CUT, cut=CUT
        )

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "TruncatedNormal", "mean": …, "stddev": …}``."""
        return {"class": "TruncatedNormal", "mean": self.mean, "stddev": self.stddev}


def uniform(low: float = -0.05, high: float = 0.05) -> Uniform:
    """Numbers spread evenly between two bounds: ``low + (high - low) u``, ``u`` in [0, 1).

    Args:
        low: The lower bound.
        high: The upper bound; reached where the sum is rounded to it, and never exceeded.

    Raises:
        RuleError: A bound is not finite, or ``high`` is below ``low``.

    Example:
        >>> from parametry.core.initializer import Site
        >>> uniform(0, 1).values(Site("a/b", (2,), "float32", "X", "b", 2, 2), seed=0)
        array([0.30669028, 0.7733219 ], dtype=float32)
    """
    return Uniform(low, high)


def normal(mean: float = 0.0, stddev: float = 0.05) -> Normal:
    """Normal numbers: ``mean + stddev Φ⁻¹(u)``, ``u`` even in (0, 1).

    Args:
        mean: The mean.
        stddev: The standard deviation.

    Raises:
        RuleError: A number is not finite, or ``stddev`` is negative.

    Example:
        >>> from parametry.core.initializer import Site
        >>> normal().values(Site("a/b", (2,), "float32", "X", "b", 2, 2), seed=0)
        array([ 0.05110956, -0.01440162], dtype=float32)

    Source: the inversion method; Wichura's AS 241 for Φ⁻¹ (see `parametry.kernels`).
    """
    return Normal(mean, stddev)


def truncated_normal(mean: float = 0.0, stddev: float = 0.05) -> TruncatedNormal:
    """Normal numbers of which none is further than ``2 stddev`` from the mean.

    ``mean + stddev Φ⁻¹(Φ(-2) + (1 - 2 Φ(-2)) u)``, ``u`` even in (0, 1). As in Keras, ``stddev`` is
    that of the whole distribution; what is left has 0.87963 of it.

    Args:
        mean: The mean.
        stddev: The standard deviation before truncation.

    Raises:
        RuleError: A number is not finite, or ``stddev`` is negative.

    Example:
        >>> from parametry.core.initializer import Site
        >>> site = Site("a/b", (1000,), "float32", "X", "b", 1000, 1000)
        >>> bool((abs(truncated_normal(0, 1).values(site, seed=0)) <= 2).all())
        True
    """
    return TruncatedNormal(mean, stddev)
