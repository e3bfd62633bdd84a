"""Random initial values follow the distribution that they are said to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import parametry as pm
from parametry.core.initializer import Initializer, Site

COUNT = 200_000
# The distance between two distribution functions, times the root of the count, that chance exceeds
# once in 10,000 times (Kolmogorov).
FURTHEST = 2.23


def site(
    shape: tuple[int, ...] = (COUNT,),
    dtype: str = "float32",
    *,
    address: str = "dense/kernel",
    fans: tuple[float, float] = (100.0, 300.0),
) -> Site:
    return Site(address, shape, dtype, "Dense", "kernel", *fans)


def distance(values: NDArray[Any], below: Callable[[float], float]) -> float:
    """Kolmogorov's and Smirnov's statistic, times the root of the count."""
    ordered = np.sort(values.astype(np.float64).ravel())
    wanted = np.array([below(value) for value in ordered.tolist()])
    steps = np.arange(ordered.size + 1) / ordered.size
    apart = max(abs(steps[1:] - wanted).max(), abs(steps[:-1] - wanted).max())
    return float(apart * math.sqrt(ordered.size))


def normal(deviation: float, mean: float = 0.0) -> Callable[[float], float]:
    return statistics.NormalDist(mean, deviation).cdf


def truncated(deviation: float) -> Callable[[float], float]:
    whole = statistics.NormalDist(0, deviation)
    low = whole.cdf(-2 * deviation)
    return lambda value: (whole.cdf(value) - low) / (1 - 2 * low)


def uniform(low: float, high: float) -> Callable[[float], float]:
    return lambda value: (value - low) / (high - low)


LEFT = 0.87962566103423978  # of a standard deviation, after truncation at two
CASES: list[tuple[Initializer, Callable[[float], float]]] = [
    (pm.normal(0.5, 0.1), normal(0.1, 0.5)),
    (pm.truncated_normal(0, 2), truncated(2)),
    (pm.uniform(-3, 1), uniform(-3, 1)),
    (pm.glorot_uniform(), uniform(-math.sqrt(6 / 400), math.sqrt(6 / 400))),
    (pm.glorot_normal(), truncated(math.sqrt(2 / 400) / LEFT)),
    (pm.he_uniform(), uniform(-math.sqrt(6 / 100), math.sqrt(6 / 100))),
    (pm.he_normal(), truncated(math.sqrt(2 / 100) / LEFT)),
    (pm.lecun_uniform(), uniform(-math.sqrt(3 / 100), math.sqrt(3 / 100))),
    (pm.lecun_normal(), truncated(math.sqrt(1 / 100) / LEFT)),
    (
        pm.variance_scaling(3, "fan_out", "untruncated_normal"),
        normal(math.sqrt(3 / 300)),
    ),
]
NAMES = [str(initializer) for initializer, _ in CASES]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("initializer", "below"), CASES, ids=NAMES)
def test_distribution(
    initializer: Initializer, below: Callable[[float], float], dtype: str
) -> None:
    assert distance(initializer.values(site(dtype=dtype), 0), below) < FURTHEST


def test_the_test_of_distributions_can_fail() -> None:
    values = pm.normal(0, 1).values(site(), 0)
    assert distance(values, normal(1.02)) > FURTHEST
    assert distance(values + 0.01, normal(1)) > FURTHEST
    assert distance(pm.truncated_normal(0, 1).values(site(), 0), normal(LEFT)) > FURTHEST


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (pm.glorot_uniform(), 2 / 400),
        (pm.glorot_normal(), 2 / 400),
        (pm.he_uniform(), 2 / 100),
        (pm.he_normal(), 2 / 100),
        (pm.lecun_uniform(), 1 / 100),
        (pm.lecun_normal(), 1 / 100),
        (pm.variance_scaling(0.5, "fan_out", "uniform"), 0.5 / 300),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_variance(initializer: Initializer, variance: float, dtype: str) -> None:
    values = initializer.values(site(dtype=dtype), 1).astype(np.float64)
    assert values.var() == pytest.approx(variance, rel=0.01)
    assert abs(values.mean()) < 5 * math.sqrt(variance / COUNT)


def test_tails() -> None:
    values = pm.normal(0, 1).values(site((1 << 22,)), 0).astype(np.float64)
    for size, share in [(3, 2.6998e-3), (4, 6.3342e-5)]:
        for tail in (values > size, values < -size):
            expected = values.size * share / 2
            assert abs(tail.sum() - expected) < 5 * math.sqrt(expected)
    assert 4.6 < abs(values).max() < 6.4
    assert values.var() == pytest.approx(1, rel=0.004)
    assert (values**4).mean() == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2"])
def test_bounds_hold_in_every_dtype(dtype: str) -> None:
    # One tenth is no number of any of these: the bound is what it is rounded to.
    values = pm.uniform(-0.1, 0.1).values(site(dtype=dtype), 0)
    bound = abs(np.array(0.1).astype(values.dtype).astype(np.float64))
    assert abs(values.astype(np.float64)).max() <= bound
    values = pm.truncated_normal(0, 1).values(site(dtype=dtype), 0)
    assert 1.7 < abs(values.astype(np.float64)).max() <= 2


def test_narrow_dtypes_are_the_rounded_float32() -> None:
    for initializer in (pm.normal(), pm.uniform(), pm.glorot_normal()):
        wide = initializer.values(site(), 0)
        for dtype in ("float16", "bfloat16", "float8_e4m3fn"):
            narrow = initializer.values(site(dtype=dtype), 0)
            assert narrow.dtype.name == dtype
            assert narrow.tobytes() == wide.astype(narrow.dtype).tobytes()


def correlation(left: NDArray[Any], right: NDArray[Any]) -> float:
    """In standard deviations of what chance makes of it."""
    both = np.corrcoef(left.astype(np.float64), right.astype(np.float64))
    return abs(float(both[0, 1])) * math.sqrt(left.size)


def test_streams_are_independent() -> None:
    one = pm.normal(0, 1).values(site(), 0)
    for other in (
        pm.normal(0, 1).values(site(), 1),
        pm.normal(0, 1).values(site(), -1),
        pm.normal(0, 1).values(site(address="dense_1/kernel"), 0),
        pm.normal(0, 1).values(site(address="dense/kerneL"), 0),
        np.roll(one, 1),
        np.roll(one, 2),
    ):
        assert correlation(one, other) < 5
        assert correlation(abs(one), abs(other)) < 5


def test_values_depend_on_nothing_but_seed_address_shape_dtype() -> None:
    first = pm.he_normal().values(site((30, 40)), 7)
    pm.normal().values(site((99,), address="other"), 7)
    again = pm.he_normal().values(site((30, 40)), 7)
    assert first.tobytes() == again.tobytes()
    assert first is not again
    assert pm.he_normal().values(site((40, 30)), 7).tobytes() == first.tobytes()  # by position
    assert pm.he_normal().values(site((30, 40)), 8).tobytes() != first.tobytes()
    other = site((30, 40), address="other")
    assert pm.he_normal().values(other, 7).tobytes() != first.tobytes()


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_a_fan_of_nothing_is_one(mode: Any) -> None:
    place = site((0, 0), fans=(0.0, 0.0))
    assert pm.variance_scaling(3.0, mode, "uniform").at(place) == pm.uniform(-3, 3)
    assert pm.variance_scaling(3.0, mode).values(place, 0).shape == (0, 0)


def test_nothing_to_spread() -> None:
    assert pm.normal(2, 0).values(site((5,)), 0).tolist() == [2] * 5
    assert pm.uniform(2, 2).values(site((5,)), 0).tolist() == [2] * 5
    assert pm.variance_scaling(0).values(site((5,)), 0).tolist() == [0] * 5
