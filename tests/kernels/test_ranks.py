"""Quantiles of values in any order are those of the values in ascending order, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parametry.core.statistics import LEVELS
from parametry.kernels.ranks import quantiles_of, quantiles_of_sorted

RNG = np.random.default_rng(8)
SIZES = (1, 2, 8191, 8192, 8193, 65_536)


def special(size: int, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    limits = np.finfo(dtype)
    values = [0.0, -0.0, limits.max, limits.min, limits.tiny, -limits.tiny]
    return RNG.choice(np.array([*values, limits.smallest_subnormal, 1.0], dtype), size)


MAKERS: dict[str, Callable[[int, Any], NDArray[Any]]] = {
    "normal": lambda size, dtype: RNG.normal(size=size).astype(dtype),
    "around one": lambda size, dtype: RNG.normal(1.0, 1e-3, size).astype(dtype),
    "negative": lambda size, dtype: -RNG.exponential(size=size).astype(dtype),
    "heavy tails": lambda size, dtype: RNG.standard_cauchy(size).astype(dtype),
    "constant": lambda size, dtype: np.full(size, -2.5, dtype),
    "few": lambda size, dtype: RNG.choice(np.array([-1.0, 0.0, -0.0, 3.0], dtype), size),
    "special": special,
    "any bits": lambda size, dtype: _finite(RNG.bytes(size * dtype().itemsize), dtype),
}


def _finite(data: bytes, dtype: Any) -> NDArray[Any]:
    values = np.frombuffer(data, dtype)
    return np.where(np.isfinite(values), values, dtype(1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MAKERS)
def test_quantiles_of_values_in_any_order(name: str, dtype: Any, size: int) -> None:
    values = MAKERS[name](size, dtype)
    before = values.copy()
    assert quantiles_of(values) == quantiles_of_sorted(np.sort(values))
    assert values.tobytes() == before.tobytes()


@given(st.integers(8192, 9000), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_quantiles_are_numpys(size: int, dtype: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = (random.normal(size=size) * 10.0 ** random.integers(-30, 30)).astype(dtype)
    expected = np.quantile(values.astype(np.float64), LEVELS)
    np.testing.assert_allclose(quantiles_of(values), expected, rtol=1e-14)
