"""The compiled loops give what NumPy gives: counts and extremes bit for bit, sums but for ulps."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from parametry.core.moments import Moments
from parametry.kernels import statistics_numba, statistics_numpy
from parametry.kernels.grid import Grid

FLOATS = [np.dtype(name) for name in ("float16", "float32", "float64", ml_dtypes.bfloat16)]
INTEGERS = [np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (16, 32, 64)]


def arrays(dtype: np.dtype[Any]) -> st.SearchStrategy[NDArray[Any]]:
    """Any bits are values of the dtype, repeated so that some arrays have several blocks."""
    bits = hnp.arrays(f"uint{8 * dtype.itemsize}", st.integers(1, 40))
    return st.builds(
        lambda some, times: np.tile(some, times).view(dtype), bits, st.integers(1, 400)
    )


def assert_same(a: Moments, b: Moments) -> None:
    for name in ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max"):
        found, expected = getattr(a, name), getattr(b, name)
        assert repr(found) == repr(expected), name


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS], ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_moments(dtype: np.dtype[Any], data: st.DataObject) -> None:
    values = data.draw(arrays(dtype))
    fast, plain = statistics_numba.moments(values), statistics_numpy.moments(values)
    assert_same(fast, plain)
    with np.errstate(all="ignore"):
        largest = np.abs(np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)).max()
    if largest and 1e-140 < largest < 1e140:  # others are scaled, which the callers see to
        assert fast.mean == pytest.approx(plain.mean, rel=0, abs=1e-12 * plain.l1 / plain.finite)
        assert fast.std == pytest.approx(plain.std, rel=1e-12, abs=1e-15 * plain.l2)
        assert fast.l1 == pytest.approx(plain.l1, rel=1e-12)
        assert fast.l2 == pytest.approx(plain.l2, rel=1e-12)


@pytest.mark.parametrize("odd", [None, 0.0, -0.0, np.nan, np.inf, -np.inf, 2.0, -2.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_one_sign_but_for_one_value(dtype: np.dtype[Any], sign: int, odd: float | None) -> None:
    # Extremes come from bits, where a sign decides which of them they are.
    values = (sign * np.linspace(1, 1.5, 20_001)).astype(dtype)
    if odd is not None:
        values[12_345] = odd
    fast, plain = statistics_numba.moments(values), statistics_numpy.moments(values)
    assert_same(fast, plain)
    assert fast.std == pytest.approx(plain.std, rel=1e-12)
    assert fast.mean == pytest.approx(plain.mean, rel=1e-12)


def assert_collected(values: NDArray[Any], grid: Grid, wanted: NDArray[np.int64]) -> None:
    counts = statistics_numpy.slot_counts(values, grid)[wanted]
    expected = statistics_numpy.collect(values, grid, wanted, counts)
    collected = statistics_numba.collect(values, grid, wanted, counts)
    for one, other, count in zip(collected, expected, counts.tolist(), strict=True):
        assert one.tobytes() == other.tobytes()
        assert (one != 0).all()
        assert one.size <= count
    assert len(collected) == wanted.size


@pytest.mark.parametrize("size", [1, 7, 9, 20])
def test_any_number_of_slots_is_collected(size: int) -> None:
    values = np.random.default_rng(size).standard_normal(10_001).astype(np.float32)
    grid = Grid(-32, 0.0625, 64).finer()
    wanted = np.unique(np.linspace(0, grid.bins + 1, size).astype(np.int64))
    assert_collected(values, grid, wanted)


@pytest.mark.parametrize("dtype", [d for d in (*FLOATS, *INTEGERS) if d.itemsize > 2], ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_slots(dtype: np.dtype[Any], data: st.DataObject) -> None:
    values = data.draw(arrays(dtype))
    exponent = data.draw(st.integers(-20, 20))
    grid = Grid(data.draw(st.integers(-5000, 5000)), 2.0**exponent, 64).finer()
    counts = statistics_numba.slot_counts(values, grid)
    assert np.array_equal(counts, statistics_numpy.slot_counts(values, grid))
    assert counts.sum() == values.size
    wanted = np.unique(data.draw(hnp.arrays(np.int64, 5, elements=st.integers(0, grid.bins + 1))))
    assert_collected(values, grid, wanted)


@pytest.mark.parametrize(
    "dtype",
    [*(d for d in FLOATS if d.itemsize == 2), np.dtype(np.uint8), np.dtype(np.int16)],
    ids=str,
)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_bytes(dtype: np.dtype[Any], data: st.DataObject) -> None:
    values = data.draw(arrays(dtype))
    counts = statistics_numba.byte_counts(values)
    assert np.array_equal(counts, statistics_numpy.byte_counts(values))


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS], ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_keys_stand_in_the_order_of_the_values(dtype: np.dtype[Any], data: st.DataObject) -> None:
    values = data.draw(arrays(dtype))
    keys = statistics_numpy.keys(values)
    wide = values.astype(np.float64)
    numbers = ~np.isnan(wide)
    for key, value in zip(keys[numbers].tolist()[:50], wide[numbers], strict=False):
        assert statistics_numpy.value_of(key, dtype) == value
    ordered = wide[numbers][np.argsort(keys[numbers], kind="stable")]
    assert (ordered[1:] >= ordered[:-1]).all()
    assert (keys[~numbers] == 2**64 - 1).all()


def test_a_signalling_nan_comes_last_without_a_warning() -> None:
    values = np.array([0x7C01, 0x3C00], np.uint16).view(np.float16)
    assert statistics_numpy.keys(values).argsort().tolist() == [1, 0]
