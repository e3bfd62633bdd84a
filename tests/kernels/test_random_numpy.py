"""The definition in NumPy against other definitions: decimals, Python's own quantile, by hand."""

from __future__ import annotations

import hashlib
import math
import statistics
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parametry.kernels import draw, random_numpy
from parametry.kernels.quantile import DOUBLE, SINGLE, Precision
from parametry.kernels.stream import stream

BOTH = pytest.mark.parametrize("precision", [SINGLE, DOUBLE], ids=["single", "double"])
# What is asked of each, relative to the size of the result.
CLOSE = {"float32": 6e-7, "float64": 1e-15}
UNIT = {"float32": 2.0**-23, "float64": 2.0**-52}


@BOTH
def test_quantile(precision: Precision) -> None:
    bits = 8 * precision.word.itemsize
    lower = np.geomspace(2.0 ** -(bits + 1), 0.5, 5_001).astype(precision.dtype)
    lower = np.append(lower, precision.dtype.type([0.075, 0.0750001, 0.0227501]))
    wanted = [-statistics.NormalDist().inv_cdf(float(p)) for p in lower]
    found = random_numpy._quantile(lower, precision)
    assert found.dtype == precision.dtype
    error = abs(found - np.array(wanted)) / np.maximum(wanted, 0.1)
    assert error.max() < CLOSE[precision.dtype.name]


@BOTH
def test_logarithm(precision: Precision) -> None:
    bits = 8 * precision.word.itemsize
    values = np.append(
        np.geomspace(2.0 ** -(bits + 1), 1.0, 2_001).astype(precision.dtype),
        np.sqrt(precision.dtype.type(0.5)) * precision.dtype.type([1 - 2e-7, 1, 1 + 2e-7]),
    )
    found = random_numpy._logarithm(values, precision)
    for value, result in zip(values.tolist(), found.tolist(), strict=True):
        wanted = Decimal(value).ln()
        unit = Decimal(UNIT[precision.dtype.name]) * max(abs(wanted), Decimal(2) ** -bits)
        assert abs(Decimal(result) - wanted) <= unit, value


@BOTH
def test_normal_at_the_ends(precision: Precision) -> None:
    width = 8 * precision.word.itemsize
    number = precision.dtype.type
    bits = np.array([0, 1, 2**width - 2, 2**width - 1], precision.word)
    out = np.empty(4, precision.dtype)
    arguments = [number(value) for value in (0, 2.0**-width, math.inf, 0, 1)]
    random_numpy.normal(bits, *arguments, out)
    furthest = -statistics.NormalDist().inv_cdf(2.0 ** -(width + 1))
    assert out.tolist() == pytest.approx([furthest, -furthest, 0, 0], rel=1e-6)
    assert furthest < {32: 6.4, 64: 9.2}[width]
    random_numpy.normal(bits, *arguments[:3], number(10), number(0), out)
    assert out.tolist() == [10] * 4


@BOTH
def test_uniform_at_the_ends(precision: Precision) -> None:
    width = 8 * precision.word.itemsize
    number = precision.dtype.type
    bits = np.array([0, 2**width - 1, 2 ** (width - 1)], precision.word)
    out = np.empty(3, precision.dtype)
    random_numpy.uniform(bits, number(0), number(1), number(1), out)
    below_one = np.nextafter(number(1), number(0))
    assert out.tolist() == [0, below_one, 0.5]
    # 3 + 0.1 is rounded upwards.
    random_numpy.uniform(bits, number(3), number(0.1), number(3.1), out)
    assert out.min() == 3
    assert out.max() <= number(3.1)


def by_hand(seed: int, address: str, count: int) -> list[float]:
    """The first numbers of uniform(0, 1) in float32, from the description alone."""
    text = f"{seed:x}\0\0{address}".encode()
    digest = hashlib.blake2b(text, digest_size=16, person=b"parametry.stream").digest()
    start, gamma = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
    if (gamma ^ (gamma >> 1)).bit_count() < 24:
        gamma ^= 0xAAAAAAAAAAAAAAAA
    out = []
    for i in range(count):
        word = (start + (i // 2 + 1) * gamma) % 2**64
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        word ^= word >> 31
        half = word >> 32 if i % 2 else word % 2**32
        out.append((half >> 8) / 2**24)
    return out


@given(st.integers(-(2**70), 2**70), st.sampled_from(["a", "dense/kernel", "é/0"]))
def test_uniform_by_hand(seed: int, address: str) -> None:
    found = draw.uniform(stream(seed, address), (5,), "float32", 0, 1)
    assert found.tolist() == by_hand(seed, address, 5)


def test_reflections() -> None:
    rng = np.random.default_rng(0)
    vectors, factors = rng.normal(size=(4, 6)), np.zeros(4)
    whole = np.eye(6)
    for j in reversed(range(4)):
        vector = np.where(np.arange(6) >= j, vectors[j], 0)
        factors[j] = 2 / (vector @ vector)
        whole = whole - factors[j] * np.outer(vector, vector @ whole)
    for first, count in [(0, 4), (0, 1), (2, 2), (3, 1), (1, 5)]:
        panel = np.eye(6, count, -first)
        random_numpy.reflect(vectors, factors, first, panel)
        assert panel == pytest.approx(whole[:, first : first + count], abs=1e-14)
