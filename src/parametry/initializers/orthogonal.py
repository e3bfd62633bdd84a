"""Random orthonormal matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.initializers.limits import check_random, finite, matrix
from parametry.kernels.orthonormal import orthonormal
from parametry.kernels.stream import stream

__all__ = ["Orthogonal", "orthogonal"]


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """A random matrix with orthonormal columns, or rows where it has fewer of them.

    Attributes:
        gain: What all values are multiplied by.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "gain", finite("gain", self.gain))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The matrix, of all axes but the last by the last; worked out in float64, then rounded.

        Raises:
            RuleError: There are fewer than two axes, or the dtype is not a floating-point one.
        """
        check_random(site, abs(self.gain))
        rows, columns = matrix(site)
        key = stream(seed, site.address)
        return orthonormal(key, rows, columns, self.gain, site.dtype).reshape(site.shape)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Orthogonal", "gain": …}``."""
        return {"class": "Orthogonal", "gain": self.gain}


def orthogonal(gain: float = 1.0) -> Orthogonal:
    """``gain`` times a random matrix with orthonormal columns, or rows where it has fewer.

    Evenly distributed over all such matrices: the Q, with a positive diagonal in R, of a matrix of
    normal numbers. Kernels of more than two axes count as matrices of all axes but the last by the
    last, as in Keras. Bit-identical on any machine, which LAPACK's QR is not; the cost is that of a
    QR decomposition without BLAS (see `parametry.kernels.orthonormal`).

    Args:
        gain: What all values are multiplied by: sqrt(2) before rectified linear units.

    Raises:
        RuleError: It is no finite number.

    Example:
        >>> import numpy as np
        >>> from parametry.core.initializer import Site
        >>> site = Site("rnn/recurrent_kernel", (4, 4), "float32", "SimpleRNN", "x", 4, 4)
        >>> q = orthogonal().values(site, seed=0)
        >>> bool(abs(q.T @ q - np.eye(4)).max() < 1e-6)
        True

    Source: Andrew M. Saxe, James L. McClelland, Surya Ganguli, "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks", ICLR 2014.
    """
    return Orthogonal(gain)
