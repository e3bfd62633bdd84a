"""Random matrices with orthonormal columns, the same to the last bit on any machine.

LAPACK's QR differs in its last bits with the library, the processor and the number of threads, so
the matrix is made without it: the Q of a Gaussian matrix is a product of Householder reflections,
each of a Gaussian vector of its own, one shorter than the last. Cost for an n by k matrix: about
``2 n k² - 2 k³ / 3`` additions and as many products, in float64; and ``8 n k`` bytes beside the
result, for the vectors.

Sources: G. W. Stewart, "The Efficient Generation of Random Orthogonal Matrices with an Application
to Condition Estimators", SIAM Journal on Numerical Analysis 17 (1980), for the reflections;
Francesco Mezzadri, "How to generate random matrices from the classical compact groups", Notices of
the AMS 54 (2007), for the signs without which the matrix is not evenly distributed.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import numpy_dtype
from parametry.kernels.draw import engine_for, normal
from parametry.kernels.shares import in_shares
from parametry.kernels.stream import Stream

__all__ = ["orthonormal"]

# So many columns of some thousand rows fit in the processor's own cache.
PANEL: Final = 32


def orthonormal(stream: Stream, rows: int, columns: int, gain: float, dtype: str) -> NDArray[Any]:
    """A random matrix with orthonormal columns, or rows where it has fewer of them.

    Args:
        stream: The random bits.
        rows: How many rows.
        columns: How many columns.
        gain: What all values are multiplied by.
        dtype: The dtype's name, of a floating-point kind; values are worked out in float64.

    Returns:
        A new C-contiguous array.

    Example:
        >>> from parametry.kernels.stream import stream
        >>> q = orthonormal(stream(0, "rnn/recurrent_kernel"), 4, 3, 1.0, "float64")
        >>> bool(abs(q.T @ q - np.eye(3)).max() < 1e-15)
        True
    """
    result = np.empty((rows, columns), numpy_dtype(dtype))
    long, short = max(rows, columns), min(rows, columns)
    vectors = normal(stream, (short, long), "float64", 0.0, 1.0)
    factors, signs = np.empty(short), np.empty(short)
    for j in range(short):
        factors[j], signs[j] = _householder(vectors[j, j:])
    signs *= gain
    engine = engine_for(long * short * short)
    tall = result if rows >= columns else result.T

    def share(first: int) -> None:
        count = min(PANEL, short - first)
        panel = np.eye(long, count, -first)
        engine.reflect(vectors, factors, first, panel)
        panel *= signs[first : first + count]
        tall[:, first : first + count] = panel

    in_shares(share, range(0, short, PANEL))
    return result


def _householder(vector: NDArray[np.float64]) -> tuple[float, float]:
    """Turn a Gaussian x into v, in place, so that ``I - factor v vᵀ`` maps it to ``± |x| e_0``.

    Returns:
        The factor, and the sign of the result, with which R's diagonal becomes positive.
    """
    # An accumulation goes in order; the order of a sum is up to NumPy.
    length = math.sqrt(np.add.accumulate(vector * vector)[-1])
    start = float(vector[0])
    if length == 0.0:
        return 0.0, 1.0
    vector[0] = start + math.copysign(length, start)
    return 1.0 / (length * (length + abs(start))), -math.copysign(1.0, start)
