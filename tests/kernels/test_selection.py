"""Values at places of an order, whatever the values are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from parametry.kernels.selection import values_at_places

RNG = np.random.default_rng(6)
SIZE = 20_000
MAKERS: dict[str, Any] = {
    "even": lambda dtype: RNG.uniform(-3, 5, SIZE).astype(dtype),
    "heaped": lambda dtype: np.asarray(RNG.uniform(0, 1, SIZE) ** 40, dtype),
    "one value": lambda dtype: np.full(SIZE, 3, dtype),
    "few values": lambda dtype: RNG.integers(0, 3, SIZE).astype(dtype),
    "extremes": lambda dtype: RNG.choice(_extremes(dtype), SIZE),
}


def _extremes(dtype: Any) -> Any:
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    return np.array([limits.min, limits.max, 1], dtype)


@pytest.mark.parametrize("places", [[0], [SIZE - 1], [0, SIZE - 1], [777, 778], [5_000, 15_000]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.uint8])
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.filterwarnings("error")
def test_values_at_places(name: str, dtype: Any, places: list[int]) -> None:
    values = MAKERS[name](dtype)
    expected = np.sort(values)[places]
    found = values_at_places(values.copy(), np.array(places))
    assert found.dtype == values.dtype
    assert found.tobytes() == expected.tobytes()
