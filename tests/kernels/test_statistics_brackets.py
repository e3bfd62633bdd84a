"""Exact quantiles in one pass: what a sample tells is checked, and never trusted."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from parametry.core.statistics import BINS, LEVELS, Distribution
from parametry.kernels import quantiles, statistics_numba, statistics_numpy
from parametry.kernels.brackets import (
    FINEST,
    Bracketed,
    Brackets,
    bins_of,
    brackets_around,
    distribution_within,
)
from parametry.kernels.grid import Grid, grid_around, in_working_precision
from parametry.kernels.ranks import quantiles_of_sorted
from parametry.kernels.sampling import sample_places
from parametry.kernels.statistics import statistics_of

DTYPES = [np.dtype(name) for name in ("float32", "float64", "int32", "int64", "uint32", "uint64")]
ENGINES = [statistics_numpy, statistics_numba]
engines = pytest.mark.parametrize("engine", ENGINES, ids=["numpy", "numba"])


def finite_in_order(values: NDArray[Any]) -> NDArray[Any]:
    ordered = np.sort(in_working_precision(values))
    return ordered[np.isfinite(ordered)]


def brackets_for(values: NDArray[Any]) -> Brackets | None:
    ordered = finite_in_order(values)
    return brackets_of(ordered, grid_around(ordered, quantiles_of_sorted(ordered)), 1.0)


def brackets_of(values: NDArray[Any], sketch: Grid, most: float) -> Brackets | None:
    grid = sketch.finer(FINEST)
    counts = np.bincount(bins_of(values, grid), minlength=grid.bins)
    return brackets_around(counts, grid, most)


def is_exact(spread: Distribution | None, values: NDArray[Any]) -> bool:
    finite = values[np.isfinite(values)].astype(np.float64)
    assert spread is not None
    assert sum(spread.sketch.counts) == spread.size == finite.size
    return spread.exact and spread.values == tuple((np.quantile(finite, LEVELS) + 0.0).tolist())


def held_bits(found: Bracketed, dtype: np.dtype[Any]) -> list[int]:
    return np.sort(np.concatenate(found.held).view(dtype)).tolist()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_any_bits_in_any_brackets(dtype: np.dtype[Any], data: st.DataObject) -> None:
    bits = data.draw(hnp.arrays(f"uint{8 * dtype.itemsize}", st.integers(1, 40)))
    values = np.tile(bits, data.draw(st.integers(1, 400))).view(dtype)
    grid = Grid(data.draw(st.integers(-5000, 5000)), 2.0 ** data.draw(st.integers(-20, 20)), BINS)
    edges = st.lists(
        st.integers(0, BINS * FINEST), min_size=2 * len(LEVELS), max_size=2 * len(LEVELS)
    )
    lows, ends = np.array(sorted(data.draw(edges)), np.uint16).reshape(-1, 2).T
    apart = lows.clip(max=BINS * FINEST - 1)
    widths = np.maximum(ends, apart) - apart
    brackets = Brackets(grid.finer(FINEST), apart, widths, 0.1)
    (_, fast), (_, plain) = (engine.moments_and_bracketed(values, brackets) for engine in ENGINES)
    assert fast.counts.tolist() == plain.counts.tolist()
    assert fast.counts.sum() == values.size
    assert fast.below.tolist() == plain.below.tolist()
    assert fast.slots.tolist() == plain.slots.tolist()
    assert fast.slots.sum() == fast.size == plain.size
    assert held_bits(fast, bits.dtype) == held_bits(plain, bits.dtype)


@engines
@given(
    hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(width=32)),
    st.integers(0, 7),
)
@settings(deadline=None, max_examples=60)
def test_any_values_within_the_brackets_that_they_tell(
    engine: ModuleType, values: NDArray[np.float32], near: int
) -> None:
    values = values.copy()
    values[: values.size * near // 8] = values[0]
    if not np.isfinite(values).any():
        return
    brackets = brackets_for(values)
    assert brackets is not None
    halves = [values[: values.size // 2], values[values.size // 2 :]]
    told = [engine.moments_and_bracketed(half, brackets) for half in halves if half.size]
    whole = statistics_numpy.moments(values)
    with np.errstate(over="ignore"):
        found = [part for _, part in told]
        assert is_exact(distribution_within(brackets, found, whole, engine.collect), values)


def test_near_levels_have_one_bracket_together() -> None:
    values = np.linspace(-1, 1, 200, dtype=np.float32)
    brackets = brackets_for(values)
    assert brackets is not None
    held = np.flatnonzero(brackets.widths)
    assert held.tolist() == list(range(held.size))  # those that there are come first
    assert held.size < len(LEVELS)
    ends = brackets.lows + brackets.widths
    assert (ends[held][:-1] <= brackets.lows[held][1:]).all()
    assert np.flatnonzero(brackets.inside()).size == brackets.widths.sum()


def test_brackets_that_would_hold_too_much_are_none() -> None:
    values = np.sort(np.random.default_rng(0).standard_normal(5000).astype(np.float32))
    grid = grid_around(values, quantiles_of_sorted(values))
    assert brackets_of(values, grid, 0.01) is None
    assert brackets_of(values, grid, 0.9) is not None


@engines
def test_a_sample_that_misleads(engine: ModuleType) -> None:
    # All that the sample sees is far from all that it does not.
    values = 100 + np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    seen = sample_places(values.size)
    values[seen] -= 100
    assert is_exact(statistics_of(values, exact=True, engine=engine)[1], values)


@engines
def test_more_within_the_brackets_than_a_sample_told(
    engine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parametry.kernels.statistics._STRETCH_BYTES", 1 << 16)
    monkeypatch.setattr(quantiles, "_MOST_BRACKETED", 200_000)
    values = np.zeros(300_000, np.float32)
    values[sample_places(values.size)] = np.random.default_rng(0).standard_normal(1 << 16)
    assert is_exact(statistics_of(values, exact=True, engine=engine)[1], values)


@engines
@pytest.mark.parametrize("kind", ["as drawn", "sorted", "descending", "in long runs"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_values_in_any_order(
    kind: str, dtype: str, engine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In order, all of a piece lies within one bracket, and there is no room for two of them.
    monkeypatch.setattr("parametry.kernels.statistics._STRETCH_BYTES", 1 << 20)
    size = 1_000_003
    drawn = (1e4 * np.random.default_rng(1).standard_normal(size)).astype(dtype)
    values = {
        "as drawn": drawn,
        "sorted": np.sort(drawn),
        "descending": np.sort(drawn)[::-1],
        "in long runs": np.repeat(drawn[: size // 1000 + 1], 1000)[:size],
    }[kind]
    assert is_exact(statistics_of(values, exact=True, engine=engine)[1], values)


def test_equal_values_beyond_any_narrow_counter() -> None:
    grid = Grid(-32, 1.0, BINS).finer(FINEST)
    brackets = Brackets(
        grid,
        np.array([FINEST * (10 + 6 * k) for k in range(7)], np.uint16),
        np.ones(7, np.uint16),
        0.0,
    )
    values = np.full(1_500_000, 4.5, np.float32)  # 1,500,000 of one pair twice, in two tables
    _, found = statistics_numba.moments_and_bracketed(values, brackets)
    assert found.counts[36] == found.counts.sum() == values.size
    assert found.below.tolist() == [0, 0, 0, 0, 0, values.size, values.size]
    assert found.size == 0
