"""Slots of a grid: exact, whatever the values are, which are not changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from parametry.kernels.grid import Grid


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slots_of_any_value(dtype: Any) -> None:
    grid = Grid(first=-2, width=0.5, bins=4)
    edges = [-1.0, np.nextafter(dtype(-0.5), dtype(-1)), -0.5, 0.0, -0.0, 0.5, 0.999]
    beyond = [np.nextafter(dtype(-1), dtype(-2)), 1.0, np.inf, -np.inf, np.nan]
    largest = [np.finfo(dtype).max, np.finfo(dtype).min, np.finfo(dtype).smallest_subnormal]
    values = np.array([*edges, *beyond, *largest], dtype)
    before = values.copy()
    with np.errstate(all="raise"):
        found = grid.slots(values)
    assert found.dtype == np.intp
    assert found.tolist() == [1, 1, 2, 3, 3, 4, 4, 0, 5, 5, 0, 0, 5, 0, 3]
    assert values.tobytes() == before.tobytes()


def test_slots_of_a_width_that_overflows() -> None:
    grid = Grid(first=-32, width=2.0**-120, bins=64)
    values = np.array([np.finfo(np.float32).max, -np.finfo(np.float32).max, 0.0], np.float32)
    with np.errstate(all="raise"):
        assert grid.slots(values).tolist() == [65, 0, 33]
