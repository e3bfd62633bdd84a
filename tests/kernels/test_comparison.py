"""How far two arrays are apart: exact arithmetic and NumPy are the oracles."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parametry.core.array_difference import ArrayDifference
from parametry.core.dtype import numpy_dtype
from parametry.kernels import comparison_numba, comparison_numpy
from parametry.kernels.comparison import array_difference

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4"]
# The square of a value beyond would not fit into the oracle's own float at the end.
LARGEST = 1e150
BLOCK = comparison_numpy._BLOCK


def of_bits(bits: bytes, dtype: str) -> NDArray[Any]:
    """Any bits as values of a dtype; of int4, the low half of each byte."""
    if dtype == "int4":
        signed = (np.frombuffer(bits, np.uint8).astype(np.int16) % 16) - 8
        return signed.astype(np.int8).astype(numpy_dtype(dtype))
    wanted = numpy_dtype(dtype)
    whole = len(bits) // wanted.itemsize * wanted.itemsize
    return np.frombuffer(bits[:whole], wanted).copy()


@st.composite
def two(draw: st.DrawFn, dtypes: list[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays of one length, of any bits, the second partly a copy of the first."""
    first = of_bits(draw(st.binary(min_size=8, max_size=96)), draw(st.sampled_from(dtypes)))
    second = of_bits(draw(st.binary(min_size=8, max_size=96)), draw(st.sampled_from(dtypes)))
    length = min(first.size, second.size)
    first, second = first[:length].copy(), second[:length].copy()
    if first.dtype == second.dtype:
        kept = draw(st.lists(st.booleans(), min_size=length, max_size=length))
        second = np.where(np.array(kept, bool), first, second)
    return first, second


def numbers(array: NDArray[Any]) -> list[Any]:
    """The elements as Python's own numbers, which are exact."""
    if array.dtype.kind in "iu" or array.dtype.name == "int4":
        return [int(element) for element in array]
    return [float(element) for element in array]


def is_same(one: Any, other: Any) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other and math.copysign(1, one) == math.copysign(1, other)


def root(square: Fraction) -> float:
    """The square root of a fraction that may be beyond any float, whose root may be too."""
    if square == 0:
        return 0.0
    shift = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    try:
        return math.ldexp(math.sqrt(square / Fraction(4) ** shift), shift)
    except OverflowError:
        return math.inf


def check(first: NDArray[Any], second: NDArray[Any]) -> None:
    check_found(array_difference(first, second, engine=comparison_numpy), first, second)
    check_found(array_difference(first, second, engine=comparison_numba), first, second)


def check_found(found: ArrayDifference | None, first: NDArray[Any], second: NDArray[Any]) -> None:
    ones, others = numbers(first), numbers(second)
    changed = sum(not is_same(a, b) for a, b in zip(ones, others, strict=True))
    assert (0 if found is None else found.changed) == changed
    if found is None:
        return
    assert found.size == len(ones)
    assert found.share == changed / len(ones)
    assert found.nonfinite == tuple(sum(not math.isfinite(x) for x in side)
                                    for side in (ones, others))  # fmt: skip
    finite = [(Fraction(a), Fraction(b)) for a, b in zip(ones, others, strict=True)
              if math.isfinite(a) and math.isfinite(b)]  # fmt: skip
    if not finite:
        assert (found.max_abs, found.mean_abs, found.relative, found.cosine) == (None,) * 4
        return
    assert found.max_abs == max(float(abs(b - a)) for a, b in finite)
    mean = float(sum(abs(b - a) for a, b in finite) / len(finite))
    assert found.mean_abs == pytest.approx(mean, rel=1e-12)
    norm, other = sum(a * a for a, _ in finite), sum(b * b for _, b in finite)
    apart = sum((b - a) ** 2 for a, b in finite)
    if norm == 0:
        assert found.relative is None
    else:
        assert found.relative == pytest.approx(root(apart / norm), rel=1e-9)
    if norm == 0 or other == 0:
        assert found.cosine is None
    else:
        dot = sum(a * b for a, b in finite)
        cosine = math.copysign(root(dot * dot / (norm * other)), dot)
        assert found.cosine == pytest.approx(cosine, abs=1e-9)
        assert -1 <= found.cosine <= 1


@settings(deadline=None)
@given(two(FLOATS))
def test_floats_of_any_bits(arrays: tuple[NDArray[Any], NDArray[Any]]) -> None:
    first, second = (np.where(np.abs(a.astype("f8")) < LARGEST, a, a.dtype.type(1)) if
                     a.dtype == "float64" else a for a in arrays)  # fmt: skip
    check(first, second)


@settings(deadline=None)
@given(two(INTEGERS))
def test_integers_of_any_bits(arrays: tuple[NDArray[Any], NDArray[Any]]) -> None:
    names = {array.dtype.name for array in arrays}
    if "uint64" in names and names & {"int8", "int16", "int32", "int64", "int4"}:
        # No integer holds both: what differs is exact, how far apart is rounded.
        found = array_difference(*arrays)
        pairs = zip(*map(numbers, arrays), strict=True)
        assert (0 if found is None else found.changed) == sum(a != b for a, b in pairs)
        return
    check(*arrays)


@settings(deadline=None)
@given(two(["bool"]))
def test_truth_values(arrays: tuple[NDArray[Any], NDArray[Any]]) -> None:
    first, second = (array.view(np.uint8) % 2 == 1 for array in arrays)
    found = array_difference(first, second)
    changed = int(np.count_nonzero(first != second))
    assert (0 if found is None else found.changed) == changed
    if found is not None:
        assert (found.max_abs, found.mean_abs) == (1.0, changed / first.size)


@settings(deadline=None)
@given(two(FLOATS), st.floats(0, 1e3))
def test_a_tolerance_is_absolute(
    arrays: tuple[NDArray[Any], NDArray[Any]], tolerance: float
) -> None:
    found = array_difference(*arrays, tolerance=tolerance, engine=comparison_numpy)
    compiled = array_difference(*arrays, tolerance=tolerance, engine=comparison_numba)
    assert (found and found.changed) == (compiled and compiled.changed)
    changed = 0
    for a, b in zip(*map(numbers, arrays), strict=True):
        if tolerance == 0:
            changed += not is_same(a, b)
        elif not (math.isfinite(a) and math.isfinite(b)):
            changed += not (a == b or (math.isnan(a) and math.isnan(b)))
        else:
            changed += not abs(b - a) <= tolerance
    assert (0 if found is None else found.changed) == changed


def test_a_tolerance_for_integers() -> None:
    first = np.array([0, 10, 2**62], "int64")
    assert array_difference(first, first + 2, tolerance=2) is None
    found = array_difference(first, first + np.array([3, 2, 0]), tolerance=2)
    assert found is not None
    assert (found.changed, found.max_abs) == (1, 3.0)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool", "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3)])
def test_shapes_and_equal_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    first = np.ones(shape).astype(numpy_dtype(dtype))
    assert array_difference(first, first.copy()) is None
    second = np.zeros(shape).astype(numpy_dtype(dtype))
    found = array_difference(first, second)
    if first.size == 0:
        assert found is None
    else:
        expected = ArrayDifference(first.size, first.size, 1.0, 1.0, 1.0, None, (0, 0))
        assert found == expected


def test_other_shapes_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 2\)"):
        array_difference(np.zeros((2, 3)), np.zeros((3, 2)))


def test_what_counts_as_equal() -> None:
    nan, quiet = np.float32("nan"), np.array([0x7FC00001], "u4").view("f4")[0]
    assert array_difference(np.array([nan]), np.array([quiet])) is None
    signalling = np.array([0x7F800001], "u4").view("f4")
    assert array_difference(signalling, np.array([nan], "f2")) is None
    assert array_difference(signalling, np.array([0], "f2")) is not None
    assert array_difference(np.array([np.inf]), np.array([np.inf], "f4")) is None
    zeros = array_difference(np.array([0.0]), np.array([-0.0]))
    assert zeros is not None
    assert (zeros.changed, zeros.max_abs, zeros.relative) == (1, 0.0, None)
    assert array_difference(np.array([0.0]), np.array([-0.0]), tolerance=1e-300) is None
    for pair in ([np.inf, -np.inf], [np.nan, 1.0], [1.0, np.inf]):
        found = array_difference(np.array(pair[:1]), np.array(pair[1:]), tolerance=1e300)
        assert found is not None
        assert (found.changed, found.max_abs) == (1, None)


def test_dtypes_that_differ_are_compared_by_value() -> None:
    values = np.arange(-8, 8)
    for one in ("float32", "bfloat16", "int4", "int64", "float8_e4m3fn", "complex64"):
        for other in ("float64", "int8", "float16"):
            first = values.astype(np.int8).astype(numpy_dtype(one))
            assert array_difference(first, values.astype(other)) is None, (one, other)
    thirds = np.full(5, 1 / 3, "float32")
    found = array_difference(thirds, thirds.astype(numpy_dtype("bfloat16")))
    assert found is not None
    assert found.max_abs == abs(float(thirds[0]) - float(thirds.astype("bfloat16")[0]))


def test_complex_numbers() -> None:
    first, second = np.array([3 + 4j, 1j]), np.array([3 + 4j, 1])
    found = array_difference(first, second)
    assert found is not None
    assert (found.changed, found.max_abs) == (1, abs(1 - 1j))
    assert found.relative == pytest.approx(math.sqrt(2 / 26))
    assert found.cosine == pytest.approx(25 / 26)
    assert array_difference(np.array([0j]), np.array([complex(0, -0.0)])) is not None


def test_text_has_no_distance() -> None:
    first = np.array(["a", "b"], object)
    assert array_difference(first, first.copy()) is None
    found = array_difference(first, np.array(["a", "c"], object))
    assert found == ArrayDifference(2, 1, None, None, None, None, (0, 0))


def test_no_square_overflows_or_vanishes() -> None:
    for size in (1e-300, 1e200, 1e300):
        found = array_difference(np.array([3.0, 4.0]) * size, np.array([3.0, 9.0]) * size)
        assert found is not None
        assert found.relative == pytest.approx(1.0)
        assert found.cosine == pytest.approx(0.9486832980505138)
    # Each of the two is a float; how far they are apart is not.
    found = array_difference(np.array([1e308]), np.array([-1e308]))
    assert found is not None
    assert found.to_dict()["max_abs"] == {"$float": "inf"}


@pytest.mark.parametrize("engine", [comparison_numpy, comparison_numba])
@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_blocks_make_no_difference(size: int, dtype: str, engine: Any) -> None:
    rng = np.random.default_rng(size)
    first = (rng.normal(size=size) * 100).astype(dtype)
    second = first.copy()
    second[::3] += 1
    found = array_difference(first, second, engine=engine)
    a, b = first.astype("f8"), second.astype("f8")
    assert found is not None
    assert found.changed == np.count_nonzero(first != second)
    assert found.max_abs == np.abs(b - a).max()
    assert found.mean_abs == pytest.approx(np.abs(b - a).mean())
    assert found.relative == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a))
    cosine = np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
    assert found.cosine == pytest.approx(cosine)
    last = first.copy()
    last[-1] += 1
    found = array_difference(first, last, engine=engine)
    assert found is not None
    assert (found.changed, found.max_abs) == (1, float(last[-1]) - float(first[-1]))


@pytest.mark.parametrize("engine", [comparison_numpy, comparison_numba])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64"])
def test_one_element_of_many_stretches(dtype: str, engine: Any) -> None:
    first = np.tile(np.arange(1, 101), (5 << 20) // 100).astype(numpy_dtype(dtype))
    second = first.copy()
    assert array_difference(first, second, engine=engine) is None
    second[3 << 20] = 0
    found = array_difference(first, second, engine=engine)
    assert found is not None
    norm = np.linalg.norm(first.astype("f8"))
    apart = float(first[3 << 20])
    assert (found.changed, found.max_abs, found.nonfinite) == (1, apart, (0, 0))
    assert found.relative == pytest.approx(apart / norm, rel=1e-12)
    assert found.mean_abs == pytest.approx(apart / first.size, rel=1e-12)


@pytest.mark.parametrize("engine", [comparison_numpy, comparison_numba])
def test_what_is_not_finite_among_what_is_equal(engine: Any) -> None:
    first = np.ones(3 << 20, "float32")
    first[[5, 2 << 20]] = np.nan, np.inf
    second = first.copy()
    second[-1] = 3
    second[-2] = np.nan
    found = array_difference(first, second, engine=engine)
    assert found is not None
    assert (found.changed, found.nonfinite, found.max_abs) == (2, (2, 3), 2.0)


def test_bytes_that_lie_at_odd_places() -> None:
    raw = np.zeros(4 * 1001 + 3, np.uint8)
    for start in range(4):
        first = raw[start : start + 4000].view("float32")
        second = np.zeros(1000, "float32")
        assert array_difference(first, second) is None
        second[999] = 1
        found = array_difference(first, second)
        assert found is not None
        assert found.changed == 1


@given(st.permutations(range(3)), st.permutations(range(3)), st.integers(0, 59))
@settings(deadline=None)
def test_axes_in_any_order(one: list[int], two: list[int], at: int) -> None:
    first = np.arange(60.0).reshape(3, 4, 5)
    other = np.array(first.transpose(one), order="C").transpose(np.argsort(one))
    second = np.array(first.transpose(two), order="C").transpose(np.argsort(two))
    assert array_difference(other, second) is None
    second[np.unravel_index(at, second.shape)] += 7
    found = array_difference(other, second)
    assert found is not None
    assert (found.changed, found.max_abs) == (1, 7.0)


def test_a_large_transposed_array_is_compared_in_pieces() -> None:
    first = np.arange(1_200_000.0).reshape(1000, 1200)
    second = np.ascontiguousarray(first.T)
    tracemalloc.start()
    try:
        assert array_difference(first, second.T) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < first.nbytes / 8
    second[700, 300] += 1
    found = array_difference(first, second.T)
    assert found is not None
    assert found.changed == 1


def test_a_transposed_view_is_read_in_its_own_order() -> None:
    first = np.arange(6.0).reshape(2, 3)
    assert array_difference(first, first.T.copy().T) is None
    found = array_difference(first, np.asfortranarray(first) + np.eye(2, 3))
    assert found is not None
    assert found.changed == 2


def test_little_memory_is_taken_beside_the_arrays() -> None:
    first = np.ones(1 << 22, "float32")
    second = first + 1
    array_difference(first, second)  # what is loaded, or compiled, once
    tracemalloc.start()
    try:
        found = array_difference(first, second)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found.changed == first.size
    assert peak < first.nbytes / 8
