"""The definition, in plain NumPy: integer operations and ``+ - * / sqrt``, nothing else.

IEEE 754 fixes the result of each of these to the last bit, and NumPy does them one by one, so the
bytes are the same on every processor. Nothing here sums with ``sum`` or ``dot``, whose order is up
to NumPy and BLAS, and nothing calls ``log`` or ``sin``, whose last bits are up to the processor.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.kernels.quantile import DOUBLE, SINGLE, Precision
from parametry.kernels.stream import FIRST_FACTOR, SECOND_FACTOR

__all__ = ["normal", "reflect", "uniform", "words"]


def words(start: int, gamma: int, first: int, out: NDArray[np.uint64]) -> None:
    """Write a stream's elements ``first``, ``first + 1``, … to an array, little end first.

    Args:
        start: The stream's start.
        gamma: The stream's step.
        first: The index of the first element.
        out: Overwritten; contiguous.
    """
    out[:] = np.arange(1, len(out) + 1, dtype=np.uint64)
    out += np.uint64(first)
    out *= np.uint64(gamma)
    out += np.uint64(start)
    out ^= out >> np.uint64(30)
    out *= np.uint64(FIRST_FACTOR)
    out ^= out >> np.uint64(27)
    out *= np.uint64(SECOND_FACTOR)
    out ^= out >> np.uint64(31)
    if sys.byteorder == "big":  # 32-bit words are the halves of these, the low one first
        out.byteswap(inplace=True)


def uniform(bits: NDArray[Any], low: Any, width: Any, high: Any, out: NDArray[Any]) -> None:
    """Turn words of random bits into numbers between two bounds.

    ``low + width * u``, and ``high`` where rounding would go beyond it; ``u`` is a multiple of
    2**-24 (float32) or 2**-53 (float64) in [0, 1).

    Args:
        bits: One word for each number: uint32 for float32, uint64 for float64.
        low: The lower bound, of the numbers' dtype, as the others are.
        width: How far the upper bound is above it.
        high: The upper bound.
        out: Overwritten.
    """
    precision = SINGLE if out.dtype == SINGLE.dtype else DOUBLE
    kept = bits >> precision.word.type(precision.spare_bits)
    unit = kept.view(precision.integer).astype(precision.dtype)
    unit *= precision.dtype.type(2.0 ** (precision.spare_bits - 8 * precision.word.itemsize))
    np.minimum(low + width * unit, high, out=out)


def normal(  # noqa: PLR0917
    bits: NDArray[Any],
    floor: Any,
    span: Any,
    cut: Any,
    mean: Any,
    deviation: Any,
    out: NDArray[Any],
) -> None:
    """Turn words of random bits into normal numbers, by the quantile function.

    The lowest bit is the sign; the others, ``k``, are the probability ``p = floor + (k + ½) span``
    of the lower half, whose quantile is the number's size.

    Args:
        bits: One word for each number: uint32 for float32, uint64 for float64.
        floor: The probability that lies below what is cut off; 0 for the whole distribution. It
            and what follows are of the numbers' dtype.
        span: The probability that each ``k`` stands for.
        cut: The largest size, in standard deviations; infinity for the whole distribution.
        mean: The mean.
        deviation: The standard deviation.
        out: Overwritten.
    """
    precision = SINGLE if out.dtype == SINGLE.dtype else DOUBLE
    number = precision.dtype.type
    one = precision.word.type(1)
    steps = (bits >> one).view(precision.integer).astype(precision.dtype)
    lower = floor + (steps + number(0.5)) * span
    size = np.minimum(_quantile(lower, precision), cut)
    negative = (bits & one).view(precision.integer).astype(precision.dtype)
    size *= number(1) - number(2) * negative
    np.add(size * deviation, mean, out=out)


def _quantile(lower: NDArray[Any], precision: Precision) -> NDArray[Any]:
    """How far below the mean the probabilities (0, ½] of the lower half lie."""
    number = precision.dtype.type
    distance = number(0.5) - lower
    square = number(0.180625) - distance * distance
    above, below = (_polynomial(square, part) for part in precision.centre)
    result: NDArray[Any] = distance * above / below
    outer = np.flatnonzero(distance > number(0.425))
    root = np.sqrt(-_logarithm(lower[outer], precision))
    above, below = (_polynomial(root - number(1.6), part) for part in precision.tail)
    result[outer] = above / below
    if precision.far_tail[0]:
        far = np.flatnonzero(root > number(5))
        above, below = (_polynomial(root[far] - number(5), part) for part in precision.far_tail)
        result[outer[far]] = above / below
    return result


def _logarithm(values: NDArray[Any], precision: Precision) -> NDArray[Any]:
    """The natural logarithm of positive normal numbers, to within one unit in the last place."""
    number, integer = precision.dtype.type, precision.integer.type
    one = integer(precision.exponent_bias << precision.mantissa_bits)
    root_half = integer(precision.root_half)
    shifted = values.view(precision.integer) + (one - root_half)
    exponent = (shifted >> integer(precision.mantissa_bits)) - integer(precision.exponent_bias)
    mantissa = (shifted & integer((1 << precision.mantissa_bits) - 1)) + root_half
    scale = exponent.astype(precision.dtype)
    rest = mantissa.view(precision.dtype) - number(1)
    ratio = rest / (number(2) + rest)
    square = ratio * ratio
    series = square * _polynomial(square, precision.logarithm)
    half = number(0.5) * rest * rest
    inner = ratio * (half + series) + scale * precision.log2_low
    result: NDArray[Any] = scale * precision.log2_high - ((half - inner) - rest)
    return result


def _polynomial(values: NDArray[Any], coefficients: tuple[Any, ...]) -> NDArray[Any]:
    """Horner's rule."""
    result = np.full_like(values, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= values
        result += coefficient
    return result


def reflect(
    vectors: NDArray[np.float64],
    factors: NDArray[np.float64],
    first: int,
    panel: NDArray[np.float64],
) -> None:
    """Multiply some columns by Householder reflections, the last reflection first.

    ``H_0 H_1 … H_last panel`` with ``H_j = I - factor_j v_j v_jᵀ``. Each sum goes from the first
    row to the last.

    Args:
        vectors: (k, n): row ``j`` holds ``v_j`` from column ``j`` on; what is before is not read.
        factors: (k,).
        first: Which column of the n by n identity the panel's first one is.
        panel: (n, columns) of the identity; overwritten.
    """
    columns = panel.shape[1]
    for j in range(min(first + columns, len(vectors)) - 1, -1, -1):
        # Columns of the identity that begin before the reflection does are left as they are.
        part = panel[j:, max(j - first, 0) :]
        vector = vectors[j, j:, np.newaxis]
        products = vector * part
        # An accumulation goes in order; the order of a sum is up to NumPy.
        weights = np.add.accumulate(products, axis=0, out=products)[-1] * factors[j]
        part -= vector * weights
