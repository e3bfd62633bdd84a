"""A sample is the same, whoever takes it, and has one value of each part of the array."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from parametry.kernels import statistics_numba, statistics_numpy
from parametry.kernels.sampling import SAMPLE, sample, sample_places, wide_sample

DTYPES = [
    np.dtype(name) for name in ("float64", "float32", "float16", "int64", "uint16", ">f4", ">i8")
] + [np.dtype(ml_dtypes.bfloat16)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [SAMPLE, SAMPLE + 1, 1_000_003])
def test_both_engines_take_the_same(dtype: np.dtype[np.generic], size: int) -> None:
    array = (np.arange(size) % 60_000).astype(dtype)
    taken = sample(array, statistics_numba)
    assert taken.dtype == dtype
    assert taken.tobytes() == sample(array, statistics_numpy).tobytes()
    assert taken.tobytes() == array[sample_places(size)].tobytes()


def test_a_wide_sample_grows_with_the_array_in_powers_of_two() -> None:
    array = np.arange(100_000_000, dtype=np.int32)
    taken = wide_sample(array, statistics_numba)
    assert taken.size == 1 << 17
    assert taken.tolist() == sample_places(array.size, 1 << 17).tolist()
    assert wide_sample(array[:100_000], statistics_numpy).size == SAMPLE


def test_arrays_that_do_not_lie_in_one_piece() -> None:
    array = np.arange(600_000).reshape(1000, 600)[:, ::2]
    expected = array.reshape(-1)[sample_places(array.size)]
    for engine in (statistics_numpy, statistics_numba):
        assert np.array_equal(sample(array, engine), expected)


def test_a_sample_has_one_value_of_each_part() -> None:
    for size, count in ((1 << 16, 1 << 16), (1_000_003, 1 << 16), (10**12 + 7, 1 << 17)):
        places = sample_places(size, count)
        edges = [size * k // count for k in range(0, count + 1, count // 8)]
        assert (np.diff(places) > 0).all()
        assert places[0] >= 0 and places[-1] < size
        assert (places[:: count // 8] >= edges[:-1]).all()
        assert (places[count // 8 - 1 :: count // 8] < edges[1:]).all()
        some = range(count // 8, count // 4)
        assert np.array_equal(sample_places(size, count, some), places[some.start : some.stop])
