"""Random numbers whose spread follows from the number of inputs and outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.distributions import CUT_DEVIATION, Normal, TruncatedNormal, Uniform
from parametry.initializers.limits import finite

__all__ = [
    "VarianceScaling",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "variance_scaling",
]

Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]
Distribution: TypeAlias = Literal["truncated_normal", "untruncated_normal", "uniform"]
_MODES: Final = get_args(Mode)
_DISTRIBUTIONS: Final = get_args(Distribution)


@dataclass(frozen=True, slots=True)
class VarianceScaling:
    """Random numbers of mean 0 and variance ``scale / fan``.

    Attributes:
        scale: The factor.
        mode: Which fan: ``fan_in``, ``fan_out`` or their mean, ``fan_avg``.
        distribution: ``truncated_normal`` (at two standard deviations, and widened to keep the
            variance), ``untruncated_normal`` or ``uniform``.
    """

    scale: float = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"

    def __post_init__(self) -> None:
        """Check the arguments."""
        object.__setattr__(self, "scale", finite("scale", self.scale, least=0))
        for name, value, known in (
            ("mode", self.mode, _MODES),
            ("distribution", self.distribution, _DISTRIBUTIONS),
        ):
            if value not in known:
                raise RuleError(f"there is no {name} {value!r}", hint=f"one of {', '.join(known)}")

    def at(self, site: Site) -> Uniform | Normal | TruncatedNormal:
        """The distribution at one place, whose fans are known.

        Example:
            >>> site = Site("dense/kernel", (4, 8), "float32", "Dense", "kernel", 4, 8)
            >>> glorot_uniform().at(site).high  # the square root of 6 / (4 + 8)
            0.7071067811865476
        """
        fan = {
            "fan_in": site.fan_in,
            "fan_out": site.fan_out,
            "fan_avg": (site.fan_in + site.fan_out) / 2,
        }[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return Uniform(-limit, limit)
        deviation = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return Normal(0.0, deviation)
        return TruncatedNormal(0.0, deviation / CUT_DEVIATION)

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Random numbers, from the bits of the seed and the address.

        Raises:
            RuleError: The dtype is not a floating-point one, or does not reach as far.
        """
        return self.at(site).values(site, seed)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "VarianceScaling", "scale": …, "mode": …, "distribution": …}``."""
        return {
            "class": "VarianceScaling",
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
        }


def variance_scaling(
    scale: float = 1.0, mode: Mode = "fan_in", distribution: Distribution = "truncated_normal"
) -> VarianceScaling:
    """Random numbers of mean 0 and variance ``scale / fan``.

    A uniform distribution has the limits ``± sqrt(3 scale / fan)``. A truncated normal one ends at
    two standard deviations and is widened so that its variance is that asked for.

    Args:
        scale: The factor.
        mode: Which fan: ``fan_in``, ``fan_out`` or their mean, ``fan_avg``. What counts as one is
            told in `parametry.conventions.fans`.
        distribution: ``truncated_normal``, ``untruncated_normal`` or ``uniform``.

    Raises:
        RuleError: An argument is not one of those.

    Example:
        >>> variance_scaling(2.0, "fan_out") == he_normal()
        False

    Source: as Keras's ``VarianceScaling``; see the named initializers for the papers.
    """
    return VarianceScaling(scale, mode, distribution)


def glorot_uniform() -> VarianceScaling:
    """Xavier: uniform in ``± sqrt(6 / (fan_in + fan_out))``.

    Keeps the variance of activations and of gradients, as far as one can have both, through layers
    that are linear or tanh.

    Example:
        >>> glorot_uniform() == variance_scaling(1.0, "fan_avg", "uniform")
        True

    Source: Xavier Glorot, Yoshua Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010, equation 16.
    """
    return VarianceScaling(1.0, "fan_avg", "uniform")


def glorot_normal() -> VarianceScaling:
    """Xavier: truncated normal, of variance ``2 / (fan_in + fan_out)``.

    Example:
        >>> glorot_normal() == variance_scaling(1.0, "fan_avg", "truncated_normal")
        True

    Source: Glorot and Bengio 2010, equation 12.
    """
    return VarianceScaling(1.0, "fan_avg", "truncated_normal")


def he_uniform() -> VarianceScaling:
    """Kaiming: uniform in ``± sqrt(6 / fan_in)``.

    Keeps the variance of activations through layers of rectified linear units.

    Example:
        >>> he_uniform() == variance_scaling(2.0, "fan_in", "uniform")
        True

    Source: Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun, "Delving Deep into Rectifiers",
    ICCV 2015, equation 10.
    """
    return VarianceScaling(2.0, "fan_in", "uniform")


def he_normal() -> VarianceScaling:
    """Kaiming: truncated normal, of variance ``2 / fan_in``.

    Example:
        >>> he_normal() == variance_scaling(2.0, "fan_in", "truncated_normal")
        True

    Source: He et al. 2015, equation 10.
    """
    return VarianceScaling(2.0, "fan_in", "truncated_normal")


def lecun_uniform() -> VarianceScaling:
    """Uniform in ``± sqrt(3 / fan_in)``.

    Keeps the variance of activations through linear layers; what SELU asks for.

    Example:
        >>> lecun_uniform() == variance_scaling(1.0, "fan_in", "uniform")
        True

    Source: Yann LeCun, Léon Bottou, Genevieve B. Orr, Klaus-Robert Müller, "Efficient BackProp",
    1998, section 4.6; for SELU: Günter Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return VarianceScaling(1.0, "fan_in", "uniform")


def lecun_normal() -> VarianceScaling:
    """Truncated normal, of variance ``1 / fan_in``.

    Example:
        >>> lecun_normal() == variance_scaling()
        True

    Source: LeCun et al. 1998, section 4.6.
    """
    return VarianceScaling(1.0, "fan_in", "truncated_normal")
