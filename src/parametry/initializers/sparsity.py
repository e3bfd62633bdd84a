"""Normal numbers, most of them set to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.distributions import Normal
from parametry.initializers.limits import finite, matrix
from parametry.kernels import draw
from parametry.kernels.stream import stream

__all__ = ["Sparse", "sparse"]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Normal numbers, of which each output has a fixed share of zeros among its inputs.

    Attributes:
        sparsity: The share of zeros, rounded up to whole inputs.
        stddev: The standard deviation of the others.
    """

    sparsity: float
    stddev: float = 0.01

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "sparsity", finite("sparsity", self.sparsity, least=0))
        object.__setattr__(self, "stddev", finite("stddev", self.stddev, least=0))
        if self.sparsity > 1:
            raise RuleError(
                f"sparsity is a share of all inputs, not {self.sparsity:g}",
                hint="sparsity=0.9 sets nine of ten to zero",
            )

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The numbers of `Normal`, with zeros where a second stream of the same address says.

        Raises:
            RuleError: There are fewer than two axes, or the dtype is not a floating-point one.
        """
        rows, columns = matrix(site)
        out = Normal(0.0, self.stddev).values(site, seed)
        flat = out.reshape(rows, columns)
        key = stream(seed, site.address, "sparse")
        zeros = math.ceil(self.sparsity * rows)
        for column in range(columns if zeros else 0):
            order = np.argsort(draw.keys(key, column * rows, rows), kind="stable")
            flat[order[:zeros], column] = 0
        return out

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Sparse", "sparsity": …, "stddev": …}``."""
        return {"class": "Sparse", "sparsity": self.sparsity, "stddev": self.stddev}


def sparse(sparsity: float, stddev: float = 0.01) -> Sparse:
    """Normal numbers, most of them zero: each output hears only some of the inputs.

    Of the inputs of each output (all axes but the last, for each entry of the last),
    ``ceil(sparsity * inputs)`` are 0, chosen evenly; the others are ``stddev Φ⁻¹(u)``.

    Args:
        sparsity: The share of zeros, 0 to 1.
        stddev: The standard deviation of the others.

    Raises:
        RuleError: A number is out of range.

    Example:
        >>> from parametry.core.initializer import Site
        >>> site = Site("dense/kernel", (10, 3), "float32", "Dense", "kernel", 10, 3)
        >>> (sparse(0.75).values(site, seed=0) == 0).sum(axis=0)
        array([8, 8, 8])

    Source: James Martens, "Deep learning via Hessian-free optimization", ICML 2010, section 5.
    """
    return Sparse(sparsity, stddev)
