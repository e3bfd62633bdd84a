"""Statistics of arrays against plain NumPy, for every dtype, order and engine."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from parametry.core.statistics import LEVELS
from parametry.errors import DtypeMismatch
from parametry.kernels import quantiles, selection, statistics_numba, statistics_numpy
from parametry.kernels.statistics import has_statistics, moments_of, statistics_of
from parametry.kernels.stretches import stretch, stretches

ENGINES = [statistics_numpy, statistics_numba]
FLOATS: list[Any] = ["float16", "float32", "float64", ml_dtypes.bfloat16]
EIGHT_BITS: list[Any] = [
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3"),
    *("float8_e8m0fnu", "float8_e4m3b11fnuz", "float8_e3m4", "float4_e2m1fn", "float6_e2m3fn"),
    *("int4", "uint4", "int2", "uint2"),
]
EIGHT_BITS = [getattr(ml_dtypes, name) for name in EIGHT_BITS]
INTEGERS: list[Any] = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]

engines = pytest.mark.parametrize("engine", ENGINES, ids=["numpy", "numba"])


def values_for(dtype: Any, size: int, *, special: bool = False) -> NDArray[Any]:
    """Values of a dtype, with zeros of both signs, and NaN and infinities where asked for."""
    rng = np.random.default_rng(size)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(size) < 0.3
    if dtype.kind in "iu" and dtype.itemsize > 1:
        info = np.iinfo(dtype)
        found = rng.integers(info.min, info.max, size, dtype=dtype, endpoint=True)
        found[::7] = 0
        return found
    if dtype.itemsize == 1:
        found = rng.integers(0, 256, size, dtype=np.uint8).view(dtype)
        # What a dtype of four bits has no room for cannot be in an array.
        return found.astype(np.float32).astype(dtype) if dtype.kind == "V" else found
    found = rng.standard_normal(size)
    found[::11] = 0.0
    found[1::11] = -0.0
    found[2::11] = np.float64(ml_dtypes.finfo(dtype).smallest_subnormal) * 3
    if special:
        found[3::50], found[4::50], found[5::50] = np.nan, np.inf, -np.inf
        found[6::50] = -np.float64(np.nan)
    return found.astype(dtype)


def check(array: NDArray[Any], engine: ModuleType, *, exact: bool = True) -> None:
    """Everything that can be told of an array, against NumPy and Python's own exact sums."""
    with np.errstate(all="ignore"):
        moments, spread = statistics_of(array, exact=exact, engine=engine)
        wide = np.asarray(array, np.float64).reshape(-1)
        finite = wide[np.isfinite(wide)]
    assert moments.count == array.size
    assert moments.nan == np.isnan(wide).sum()
    assert moments.positive_infinity == (wide == np.inf).sum()
    assert moments.negative_infinity == (wide == -np.inf).sum()
    assert moments.finite == finite.size
    assert moments.zeros == (finite == 0).sum()
    if not finite.size:
        assert (moments.min, moments.max, moments.mean, moments.std, spread) == (None,) * 5
        return
    if np.dtype(array.dtype).kind in "iub" and array.dtype.isbuiltin:
        assert (moments.min, moments.max) == (int(array.min()), int(array.max()))
        assert type(moments.min) is int
    else:
        assert (moments.min, moments.max) == (finite.min(), finite.max())
        assert math.copysign(1, moments.min or 0.0) == 1 or moments.min < 0
    scale = math.fsum(np.abs(finite)) / finite.size
    mean = math.fsum(finite) / finite.size
    assert moments.mean == pytest.approx(mean, abs=max(1e-12 * scale, 5e-324), rel=0)
    # Squares of the smallest and of the largest doubles are none: scaled, they are.
    exponent = math.frexp(float(np.abs(finite).max()))[1]
    scaled = np.ldexp(finite, -exponent)
    squared = math.fsum(np.square(scaled - math.ldexp(mean, -exponent))) / finite.size
    deviation = math.ldexp(math.sqrt(squared), exponent)
    assert moments.std == pytest.approx(deviation, rel=1e-12, abs=max(1e-15 * scale, 5e-324))
    l2 = math.ldexp(math.sqrt(math.fsum(np.square(scaled))), exponent)
    assert moments.l2 == pytest.approx(l2, rel=1e-12, abs=5e-324)
    assert moments.l1 == pytest.approx(math.fsum(np.abs(finite)), rel=1e-12, abs=5e-324)
    assert spread is not None
    assert spread.exact == exact
    if spread.exact:
        assert spread.size == finite.size
        assert spread.values == tuple(np.quantile(finite, LEVELS))
        assert spread.sketch.counts == counted(finite, spread.sketch.edges)


def counted(finite: NDArray[np.float64], edges: tuple[float, ...]) -> tuple[int, ...]:
    """NumPy's own histogram, with what lies beyond in the outer bins."""
    inside = np.clip(finite, edges[0], np.nextafter(edges[-1], -np.inf))
    return tuple(np.histogram(inside, edges)[0].tolist())


# ---------------------------------------------------------------- every dtype


@engines
@pytest.mark.parametrize("size", [1, 3, 4095, 4097, 20_001])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, bool, *EIGHT_BITS], ids=str)
def test_every_dtype(dtype: Any, size: int, engine: ModuleType) -> None:
    check(values_for(dtype, size), engine)


@engines
@pytest.mark.parametrize("size", [7, 4096, 9000])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_what_is_not_finite_is_counted_and_left_out(
    dtype: Any, size: int, engine: ModuleType
) -> None:
    check(values_for(dtype, size, special=True), engine)


@engines
@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16], ids=str)
def test_every_value_of_sixteen_bits(dtype: Any, engine: ModuleType) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    check(every, engine)
    check(np.tile(every, 2), engine)  # more than a sample: from a table


@engines
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_nothing_finite(dtype: Any, value: float, engine: ModuleType) -> None:
    check(np.full(5000, value).astype(dtype), engine)
    moments, spread = statistics_of(np.full(70_000, value, dtype), exact=True, engine=engine)
    assert (moments.finite, spread) == (0, None)


@engines
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, bool, "complex64"], ids=str)
@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)])
def test_empty(dtype: Any, shape: tuple[int, ...], engine: ModuleType) -> None:
    for exact in (True, False):
        moments, spread = statistics_of(np.empty(shape, dtype), exact=exact, engine=engine)
        assert (moments.count, moments.min, moments.mean, moments.l2) == (0, None, None, 0.0)
        assert spread is None


@engines
def test_no_axes(engine: ModuleType) -> None:
    check(np.array(-0.0), engine)
    check(np.array(3, "int16"), engine)


@engines
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_complex_number_counts_as_two(dtype: str, engine: ModuleType) -> None:
    array = np.array([[3 + 4j, complex(0, math.nan)], [1j, -2]], dtype)
    moments, spread = statistics_of(array, engine=engine)
    assert (moments.count, moments.nan, moments.zeros) == (8, 1, 3)
    assert (moments.min, moments.max) == (-2.0, 4.0)
    assert moments.l2 == pytest.approx(math.sqrt(9 + 16 + 1 + 4))
    assert spread is not None and spread.size == 7
    strided = np.asfortranarray(np.broadcast_to(array, (3, 2, 2)))[::2]
    assert statistics_of(strided, engine=engine)[0].count == 16


@pytest.mark.parametrize("dtype", ["U3", "S2", "datetime64[s]", "object", "V8"])
def test_no_numbers(dtype: str) -> None:
    assert not has_statistics(np.dtype(dtype))
    with pytest.raises(DtypeMismatch, match=r"have no statistics\nhint: "):
        statistics_of(np.zeros(2, dtype))
    with pytest.raises(DtypeMismatch):
        moments_of(np.zeros(2, dtype))


# ---------------------------------------------------------------- every layout


def layouts(array: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The same values, lying otherwise."""
    wide = np.zeros((array.shape[0] * 2, array.shape[1] * 3), array.dtype)
    wide[::2, ::3] = array
    raw = np.zeros(array.nbytes + 1, np.uint8)
    raw[1:] = np.frombuffer(array.tobytes(), np.uint8)
    fixed = array.copy()
    fixed.flags.writeable = False
    return {
        "fortran": np.asfortranarray(array),
        "strided": wide[::2, ::3],
        "reversed": array[::-1, ::-1],
        "unaligned": raw[1:].view(array.dtype).reshape(array.shape),
        "read-only": fixed,
        "big-endian": array.astype(array.dtype.newbyteorder(">")),
        "transposed": array.reshape(array.shape[0], -1, 2).transpose(2, 0, 1),
    }


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "uint64"])
def test_every_layout(dtype: str, engine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parametry.kernels.statistics._STRETCH_BYTES", 1 << 15)
    array = values_for(dtype, 70 * 1024).reshape(70, 1024)
    expected = statistics_of(array, exact=True, engine=engine)
    for name, other in layouts(array).items():
        moments, spread = statistics_of(other, exact=True, engine=engine)
        assert spread == expected[1], name
        assert (moments.min, moments.max, moments.zeros) == (
            *(expected[0].min, expected[0].max, expected[0].zeros),
        ), name
        assert moments.l2 == pytest.approx(expected[0].l2, rel=1e-12), name


@engines
def test_a_mapped_file_is_read_as_it_lies(tmp_path: Path, engine: ModuleType) -> None:
    array = values_for("float32", 100_000)
    np.save(tmp_path / "a.npy", array)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert statistics_of(mapped, exact=True, engine=engine) == statistics_of(
        array, exact=True, engine=engine
    )


@given(
    hnp.arrays(np.int16, hnp.array_shapes(max_dims=4, max_side=6)),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
def test_stretches_hold_every_value_once(array: NDArray[Any], size: int, random: Any) -> None:
    axes = list(range(array.ndim))
    random.shuffle(axes)
    view = array.transpose(axes)[:: random.choice([1, 2, -1])]
    parts = [stretch(part) for part in stretches(view, size)]
    assert all(part.ndim == 1 and part.size <= size for part in parts)
    together = np.concatenate(parts) if parts else np.empty(0)
    assert np.array_equal(np.sort(together), np.sort(view, axis=None))


# ---------------------------------------------------------------- numbers that are hard to sum


@engines
@pytest.mark.parametrize(
    ("offset", "spread"), [(1e8, 1e-6), (1e8, 1.0), (-1e15, 1.0), (1.0, 1e-12), (1e300, 1e290)]
)
def test_far_from_zero_and_close_together(offset: float, spread: float, engine: ModuleType) -> None:
    array = offset + spread * np.random.default_rng(0).standard_normal(50_000)
    exact = [Fraction(x) for x in array.tolist()]
    mean = sum(exact) / len(exact)
    variance = sum((x - mean) ** 2 for x in exact) / len(exact)
    # math.sqrt of a Fraction would overflow where its float does.
    deviation = math.sqrt(variance / Fraction(spread) ** 2) * spread
    moments = moments_of(array, engine=engine)
    assert moments.mean == pytest.approx(float(mean), rel=1e-15)
    assert moments.std == pytest.approx(deviation, rel=1e-10)


@engines
def test_float32_far_from_zero(engine: ModuleType) -> None:
    array = np.float32(1e8) + np.arange(-400, 400, 8, dtype=np.float32).repeat(100)
    assert moments_of(array, engine=engine).std == pytest.approx(
        float(np.std(array.astype(np.float64) - 1e8)), rel=1e-12
    )


@engines
@pytest.mark.parametrize("scale", [1e300, 1e-300, 5e-324, 1.7e308])
def test_squares_neither_overflow_nor_vanish(scale: float, engine: ModuleType) -> None:
    array = np.array([scale, -scale, 0.0, scale] * 3000)
    moments = moments_of(array, engine=engine)
    assert moments.l2 == pytest.approx(scale * math.sqrt(9000), rel=1e-12) or scale > 1e307
    assert moments.mean == pytest.approx(scale / 4, rel=1e-12, abs=5e-324)
    assert moments.std == pytest.approx(scale * math.sqrt(0.75 - 1 / 16), rel=1e-12, abs=5e-324)
    assert (moments.min, moments.max) == (-scale, scale)
    if scale == 1.7e308:
        assert moments.l1 == math.inf
    _, spread = statistics_of(array, exact=True, engine=engine)
    assert spread is not None and all(map(math.isfinite, spread.sketch.edges))


@engines
def test_an_outlier_first(engine: ModuleType) -> None:
    array = np.ones(10_000)
    array[0] = 1e30
    check(array, engine)


@engines
def test_a_constant_does_not_vary(engine: ModuleType) -> None:
    moments, spread = statistics_of(np.full(9999, 0.1), exact=True, engine=engine)
    assert (moments.std, moments.mean) == (0.0, 0.1)
    assert spread is not None
    assert set(spread.values) == {0.1}
    assert sum(spread.sketch.counts) == max(spread.sketch.counts) == 9999


# ---------------------------------------------------------------- quantiles and the sketch


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint16"])
@pytest.mark.parametrize("kind", ["normal", "cauchy", "sparse", "two values", "sorted", "special"])
def test_exact_quantiles_of_large_arrays(kind: str, dtype: str, engine: ModuleType) -> None:
    rng = np.random.default_rng(0)
    size = 70_001
    drawn = {
        "normal": rng.standard_normal(size),
        "cauchy": rng.standard_cauchy(size),
        "sparse": np.where(rng.random(size) < 0.8, 0.0, rng.standard_normal(size)),
        "two values": np.where(rng.random(size) < 0.6, 1.5, -2.5),
        "sorted": np.sort(rng.lognormal(0, 2, size)),
        "special": np.where(rng.random(size) < 0.02, np.nan, rng.standard_normal(size)),
    }[kind]
    if kind == "special":
        drawn[5:2000], drawn[3000:3010] = np.inf, -np.inf
    if np.dtype(dtype).kind in "iu":
        drawn = np.clip(np.nan_to_num(drawn, posinf=60, neginf=0) * 1000, 0, 60_000)
    check(drawn.astype(dtype), engine)


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint64"])
def test_a_bin_too_full_to_collect(
    dtype: str, engine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_MOST_COLLECTED", 50)
    monkeypatch.setattr(quantiles, "_MOST_BRACKETED", 400)
    array = values_for(dtype, 66_000, special=np.dtype(dtype).kind == "f")
    check(array, engine)


def test_quantiles_of_a_sample() -> None:
    array = np.random.default_rng(1).standard_normal(1_000_000).astype(np.float32)
    moments, spread = statistics_of(array)
    assert spread is not None
    assert (spread.exact, spread.size) == (False, 65_536)
    assert sum(spread.sketch.counts) == 65_536
    assert statistics_of(array) == (moments, spread)  # the same array, the same sample
    for level, value in spread.quantiles.items():
        rank = float((array < value).mean())
        # Six standard deviations of what the sample's size allows.
        assert abs(rank - level) < 6 * math.sqrt(level * (1 - level)) / 256
    strided = np.repeat(array, 2)[::2]
    assert statistics_of(strided)[1] == spread


def test_a_sample_does_not_meet_the_period_of_a_matrix() -> None:
    # Each column is a constant: a sample at even steps would see one of them alone.
    array = np.broadcast_to(np.arange(64, dtype=np.float32), (1 << 14, 64))
    _, spread = statistics_of(array)
    assert spread is not None and not spread.exact
    assert spread.median == pytest.approx(31.5, abs=1)


@engines
def test_a_gamma_near_one_is_not_one_bar(engine: ModuleType) -> None:
    array = (1 + 1e-4 * np.random.default_rng(0).standard_normal(100_000)).astype(np.float32)
    _, spread = statistics_of(array, exact=True, engine=engine)
    assert spread is not None
    used = [count for count in spread.sketch.counts if count]
    assert len(used) >= 20
    assert max(used) < 0.2 * array.size
    assert spread.sketch.edges[0] < spread.median < spread.sketch.edges[-1]


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(width=64)))
@settings(deadline=None)
def test_any_doubles(array: NDArray[np.float64]) -> None:
    for engine in ENGINES:
        moments, spread = statistics_of(array, engine=engine)
        finite = array[np.isfinite(array)]
        assert moments.finite == finite.size
        if not finite.size:
            continue
        assert spread is not None
        assert sum(spread.sketch.counts) == finite.size
        assert list(spread.values) == sorted(spread.values)
        assert moments.min is not None and moments.max is not None and moments.std is not None
        assert moments.min <= spread.values[0] <= spread.values[-1] <= moments.max
        assert moments.std >= 0


def test_a_large_array_of_few_bytes_starts_no_numba() -> None:
    program = (
        "import sys, numpy as np\n"
        "from parametry.kernels.statistics import statistics_of\n"
        "statistics_of(np.ones(1 << 20, np.float32), exact=True)\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
