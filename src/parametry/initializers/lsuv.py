"""Layer-sequential unit-variance: orthonormal values, then scaled by what a sample shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.limits import finite, whole
from parametry.initializers.orthogonal import Orthogonal

__all__ = ["LSUV", "lsuv"]


@dataclass(frozen=True, slots=True)
class LSUV:
    """Orthonormal values, to be scaled until the layer's output has a given variance.

    `values` is the start alone. Who has the model and a sample then goes through the layers in the
    order in which they are called: measures the variance of each one's output, multiplies its
    kernel by `factor` of it, and measures again, until `reached` or `iterations` are over.

    Attributes:
        variance: The variance wanted of each layer's output, over batch, space and units together.
        tolerance: How far from it is near enough.
        iterations: How often a layer is scaled at most.
    """

    variance: float = 1.0
    tolerance: float = 0.1
    iterations: int = 10

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "variance", finite("variance", self.variance, least=0))
        object.__setattr__(self, "tolerance", finite("tolerance", self.tolerance, least=0))
        if self.variance == 0:
            raise RuleError("variance is above 0", hint="lsuv() asks for a variance of 1")
        object.__setattr__(self, "iterations", whole("iterations", self.iterations))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The orthonormal start: that of `Orthogonal`, for the same seed and address.

        Raises:
            RuleError: There are fewer than two axes, or the dtype is not a floating-point one.
        """
        return Orthogonal().values(site, seed)

    def reached(self, measured: float) -> bool:
        """Whether a measured variance is near enough to the one wanted.

        Example:
            >>> lsuv().reached(1.05), lsuv().reached(0.5)
            (True, False)
        """
        return abs(measured - self.variance) <= self.tolerance

    def factor(self, measured: float, address: str) -> float:
        """What the kernel is multiplied by next: ``sqrt(variance / measured)``.

        Args:
            measured: The variance of the layer's output with the kernel as it is.
            address: The kernel's, for the message.

        Raises:
            RuleError: The measured variance is 0, infinite or NaN, so that no factor helps.

        Example:
            >>> lsuv().factor(4.0, "dense/kernel")
            0.5
        """
        if not (math.isfinite(measured) and measured > 0):
            raise RuleError(
                f"the output of {address}'s layer has the variance {measured:g} on the sample, "
                f"which no scaling makes {self.variance:g}",
                hint="give a larger sample of real data, in the scale that the model trains with",
            )
        return math.sqrt(self.variance / measured)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "LSUV", "variance": …, "tolerance": …, "iterations": …}``."""
        return {
            "class": "LSUV",
            "variance": self.variance,
            "tolerance": self.tolerance,
            "iterations": self.iterations,
        }


def lsuv(variance: float = 1.0, tolerance: float = 0.1, iterations: int = 10) -> LSUV:
    """Layer-sequential unit-variance: orthonormal kernels, scaled from a sample batch.

    Each kernel starts as `orthogonal` makes it; then, layer by layer from the input on, it is
    multiplied by ``sqrt(variance / measured variance of its layer's output)`` until the variance is
    within the tolerance. The values depend on the sample too, which must be given, and through the
    framework's own arithmetic on the machine.

    Args:
        variance: The variance wanted of each layer's output.
        tolerance: How far from it is near enough.
        iterations: How often a layer is scaled at most.

    Raises:
        RuleError: A number is out of range.

    Example:
        >>> lsuv(tolerance=0.01).iterations
        10

    Source: Dmytro Mishkin, Jiri Matas, "All you need is a good init", ICLR 2016, algorithm 1.
    """
    return LSUV(variance, tolerance, iterations)
