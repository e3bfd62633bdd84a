"""The loops of `random_numpy`, compiled: the same operations in the same order, so equal bytes.

numba compiles without ``fastmath``: it neither reorders sums nor joins a product and a sum into one
operation. A loop is compiled when it is first used, or read from numba's cache, which an earlier
process wrote. Types are given, since numba by itself would take a word below 2**63 for a signed
integer.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.kernels.numba_engine import compiled
from parametry.kernels.quantile import DOUBLE, SINGLE, Precision
from parametry.kernels.stream import FIRST_FACTOR, SECOND_FACTOR

__all__ = ["normal", "reflect", "start", "uniform", "words"]


def start() -> None:
    """Import numba, and make the loop ready that all others need.

    Raises:
        ImportError: numba is not installed, or does not work here.
    """
    _words()


def words(begin: int, gamma: int, first: int, out: NDArray[np.uint64]) -> None:
    """As `random_numpy.words`."""
    _words()(begin, gamma, first, out)


@lru_cache(maxsize=1)
def _words() -> Any:
    """`random_numpy.words`, compiled."""

    @compiled("void(uint64, uint64, uint64, uint64[::1])")
    def words(begin: Any, gamma: Any, first: Any, out: Any) -> None:
        counter = begin + (first + np.uint64(1)) * gamma
        for i in range(out.size):
            word = counter + np.uint64(i) * gamma
            word = (word ^ (word >> np.uint64(30))) * np.uint64(FIRST_FACTOR)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(SECOND_FACTOR)
            out[i] = word ^ (word >> np.uint64(31))

    return words


def _precision(dtype: str) -> tuple[Precision, str, str]:
    """A precision, with the names of its numbers and of its words."""
    precision = SINGLE if dtype == SINGLE.dtype.name else DOUBLE
    return precision, precision.dtype.name, precision.word.name


def _bits_single(number: Any) -> Any:
    return np.float32(number).view(np.int32)


def _bits_double(number: Any) -> Any:
    return np.float64(number).view(np.int64)


def _number_single(bits: Any) -> Any:
    return np.int32(bits).view(np.float32)


def _number_double(bits: Any) -> Any:
    return np.int64(bits).view(np.float64)


@lru_cache(maxsize=2)
def _uniform(dtype: str) -> Any:
    """`random_numpy.uniform` for one precision."""
    precision, real, word = _precision(dtype)
    number, integer = precision.dtype.type, precision.integer.type
    spare = precision.word.type(precision.spare_bits)
    step = number(2.0 ** (precision.spare_bits - 8 * precision.word.itemsize))

    @compiled(f"void({word}[::1], {real}, {real}, {real}, {real}[::1])")
    def uniform(bits: Any, low: Any, width: Any, high: Any, out: Any) -> None:
        for i in range(out.size):
            value = low + width * (number(integer(bits[i] >> spare)) * step)
            out[i] = value if value < high else high

    return uniform


def _polynomial(value: Any, coefficients: Any) -> Any:
    """Horner's rule."""
    result = coefficients[-1]
    for i in range(len(coefficients) - 2, -1, -1):
        result = result * value + coefficients[i]
    return result


@lru_cache(maxsize=2)
def _normal(dtype: str) -> Any:
    """`random_numpy.normal` for one precision; both branches of the quantile, and a choice."""
    from numba.extending import register_jitable

    precision, real, word = _precision(dtype)
    number, integer, one = precision.dtype.type, precision.integer.type, precision.word.type(1)
    exponent_one = integer(precision.exponent_bias << precision.mantissa_bits)
    root_half = integer(precision.root_half)
    width, bias = integer(precision.mantissa_bits), integer(precision.exponent_bias)
    mask = integer((1 << precision.mantissa_bits) - 1)
    logarithm = precision.logarithm
    log2_high, log2_low = precision.log2_high, precision.log2_low
    centre_above, centre_below = precision.centre
    tail_above, tail_below = precision.tail
    has_far = bool(precision.far_tail[0])
    far_above, far_below = precision.far_tail if has_far else precision.tail
    single = precision is SINGLE
    bits_of, number_of = (
        (_bits_single, _number_single) if single else (_bits_double, _number_double)
    )
    for function in (bits_of, number_of, _polynomial):  # called by the loop, so compiled with it
        register_jitable(function)
    half, unit, two = number(0.5), number(1), number(2)
    centre_end, square_end = number(0.425), number(0.180625)
    tail_start, far_start = number(1.6), number(5)

    @compiled(f"void({word}[::1], {real}, {real}, {real}, {real}, {real}, {real}[::1])")
    def normal(  # noqa: PLR0917
        bits: Any, floor: Any, span: Any, cut: Any, mean: Any, deviation: Any, out: Any
    ) -> None:
        for i in range(out.size):
            bit = bits[i]
            lower = floor + (number(integer(bit >> one)) + half) * span
            distance = half - lower
            # The logarithm of the lower probability.
            shifted = integer(bits_of(lower) + (exponent_one - root_half))
            scale = number(integer((shifted >> width) - bias))
            rest = number_of(integer((shifted & mask) + root_half)) - unit
            ratio = rest / (two + rest)
            square = ratio * ratio
            series = square * _polynomial(square, logarithm)
            part = half * rest * rest
            inner = ratio * (part + series) + scale * log2_low
            root = math.sqrt(-(scale * log2_high - ((part - inner) - rest)))
            # Either side of 0.425 from the median.
            beyond = root - tail_start
            above, below = _polynomial(beyond, tail_above), _polynomial(beyond, tail_below)
            if has_far:
                beyond = root - far_start
                far = root > far_start
                above = _polynomial(beyond, far_above) if far else above
                below = _polynomial(beyond, far_below) if far else below
            near = square_end - distance * distance
            central = distance <= centre_end
            above = distance * _polynomial(near, centre_above) if central else above
            below = _polynomial(near, centre_below) if central else below
            size = above / below
            size = size if size < cut else cut
            size = size * (unit - two * number(integer(bit & one)))
            out[i] = size * deviation + mean

    return normal


def uniform(bits: NDArray[Any], low: Any, width: Any, high: Any, out: NDArray[Any]) -> None:
    """As `random_numpy.uniform`."""
    _uniform(out.dtype.name)(bits, low, width, high, out)


def normal(  # noqa: PLR0917
    bits: NDArray[Any],
    floor: Any,
    span: Any,
    cut: Any,
    mean: Any,
    deviation: Any,
    out: NDArray[Any],
) -> None:
    """As `random_numpy.normal`."""
    _normal(out.dtype.name)(bits, floor, span, cut, mean, deviation, out)


def reflect(
    vectors: NDArray[np.float64],
    factors: NDArray[np.float64],
    first: int,
    panel: NDArray[np.float64],
) -> None:
    """As `random_numpy.reflect`."""
    _reflect()(vectors, factors, first, panel)


@lru_cache(maxsize=1)
def _reflect() -> Any:
    """`random_numpy.reflect`, compiled."""

    @compiled("void(float64[:, ::1], float64[::1], int64, float64[:, ::1])")
    def reflect(vectors: Any, factors: Any, first: Any, panel: Any) -> None:
        rows, columns = panel.shape
        weights = np.empty(columns)
        for j in range(min(first + columns, len(vectors)) - 1, -1, -1):
            begin = max(j - first, 0)
            for column in range(begin, columns):
                weights[column] = vectors[j, j] * panel[j, column]
            for row in range(j + 1, rows):
                value = vectors[j, row]
                for column in range(begin, columns):
                    weights[column] += value * panel[row, column]
            for column in range(begin, columns):
                weights[column] *= factors[j]
            for row in range(j, rows):
                value = vectors[j, row]
                for column in range(begin, columns):
                    panel[row, column] -= value * weights[column]

    return reflect
