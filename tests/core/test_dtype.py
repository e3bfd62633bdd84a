"""Dtypes by name, and casts that keep every value but for rounding, or say that they cannot."""

from __future__ import annotations

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.dtype import bits, cast, kind, numpy_dtype
from parametry.errors import DtypeMismatch

relaxed = settings(deadline=None, max_examples=300)

INTEGERS = ["int2", "int4", "int8", "int16", "int32", "int64"]
INTEGERS += ["uint2", "uint4", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
FLOATS += ["float8_e4m3b11fnuz", "float6_e2m3fn", "float4_e2m1fn"]
COMPLEX = ["complex64", "complex128"]
KINDS = {"bool": ["bool"], "integer": INTEGERS, "float": FLOATS, "complex": COMPLEX}
ALL = [(name, found) for found, names in KINDS.items() for name in names]


def ones(name: str, shape: Any = (2,)) -> Any:
    return np.zeros(shape, "int8").astype(numpy_dtype(name))


@pytest.mark.parametrize(("name", "expected"), ALL)
def test_names_kinds_and_sizes(name: str, expected: str) -> None:
    dtype = numpy_dtype(name)
    assert dtype.name == name
    assert kind(dtype) == expected
    digits = "".join(itertools.takewhile(str.isdigit, name.lstrip("abcdefghijklmnopqrstuvwxyz")))
    assert bits(name) == (8 if name == "bool" else int(digits))


@pytest.mark.parametrize(
    "name",
    ["float99", "", "finfo", "__version__", "i4,f8", "(2,)f4", ">f4", "object", "O", "a b", "ml"],
)
def test_what_is_no_dtype(name: str) -> None:
    with pytest.raises(DtypeMismatch, match="no dtype is called"):
        numpy_dtype(name)


def test_dtypes_that_hold_no_numbers_have_numpys_letter() -> None:
    assert kind(np.dtype("U3")) == "U"
    assert kind(np.dtype("M8[s]")) == "M"
    assert kind(np.dtype("V8")) == "V"
    assert kind(np.dtype([("float", "i4")])) == "V"
    assert bits("string") == 0


@pytest.mark.parametrize(
    ("source", "target"), itertools.product([name for name, _ in ALL], repeat=2)
)
def test_a_cast_stays_within_its_kind(source: str, target: str) -> None:
    array = ones(source, (3, 2))
    if kind(array.dtype) != kind(numpy_dtype(target)):
        with pytest.raises(DtypeMismatch, match="a/b is ") as caught:
            cast(array, target, address="a/b")
        assert source in str(caught.value)
        assert f"astype({target!r})" in str(caught.value)
        return
    result = cast(array, target, address="a/b")
    assert result.dtype == numpy_dtype(target)
    assert result.shape == (3, 2)
    assert (result.astype(complex) == array.astype(complex)).all()
    assert not np.shares_memory(result, array)


def held(name: str) -> tuple[int, int]:
    limits: Any = ml_dtypes.iinfo(numpy_dtype(name))
    return int(limits.min), int(limits.max)


wide = st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 300)


@relaxed
@given(st.lists(wide, min_size=1, max_size=4), st.sampled_from(INTEGERS))
def test_integers_fit_or_are_refused(values: list[int], target: str) -> None:
    low, high = held(target)
    array = np.array(values, "int64")
    if all(low <= value <= high for value in values):
        assert cast(array, target, address="a").astype(object).tolist() == values
    else:
        with pytest.raises(DtypeMismatch, match="beyond its range"):
            cast(array, target, address="a")


@pytest.mark.parametrize(
    ("value", "source", "target"),
    [
        (2**64 - 1, "uint64", "int64"),
        (-1, "int64", "uint64"),
        (-1, "int8", "uint8"),
        (128, "uint8", "int8"),
        (7, "int4", "int2"),
        (15, "uint4", "int4"),
    ],
)
def test_a_sign_is_never_lost(value: int, source: str, target: str) -> None:
    array = np.array([value]).astype(numpy_dtype(source))
    with pytest.raises(DtypeMismatch, match="beyond its range"):
        cast(array, target, address="a")


@relaxed
@given(st.lists(st.floats(), min_size=1, max_size=4), st.sampled_from(FLOATS))
def test_floats_stay_finite_infinite_or_nan(values: list[float], target: str) -> None:
    array = np.array(values)
    try:
        result = cast(array, target, address="a").astype(np.float64)
    except DtypeMismatch as error:
        assert "beyond its range" in str(error)
        largest = float(ml_dtypes.finfo(numpy_dtype(target)).max)  # type: ignore[no-untyped-call]
        fits = np.abs(array) <= largest
        assert not fits.all()
        return
    assert (np.isnan(result) == np.isnan(array)).all()
    assert (np.isinf(result) == np.isinf(array)).all()
    finite = np.isfinite(array)
    rounding = float(ml_dtypes.finfo(numpy_dtype(target)).eps)  # type: ignore[no-untyped-call]
    smallest = float(ml_dtypes.finfo(numpy_dtype(target)).smallest_normal)  # type: ignore
    difference = np.abs(result[finite] - array[finite])
    assert (difference <= np.abs(array[finite]) * rounding + smallest).all()


@pytest.mark.parametrize(
    ("value", "target"),
    [
        (1e39, "float32"),
        (-1e39, "float32"),
        (70_000.0, "float16"),
        (500.0, "float8_e4m3fn"),
        (float("inf"), "float8_e4m3fn"),  # which has NaN alone
        (100.0, "float4_e2m1fn"),
        (float("inf"), "float4_e2m1fn"),
        (float("nan"), "float4_e2m1fn"),
        (-1.0, "float8_e8m0fnu"),
    ],
)
def test_what_the_dtype_cannot_hold_is_refused(value: float, target: str) -> None:
    with pytest.raises(DtypeMismatch, match="beyond its range"):
        cast(np.array([0.5, value]), target, address="a")


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        (0.1, "float32", np.float32(0.1)),
        (1 / 3, "bfloat16", ml_dtypes.bfloat16(1 / 3)),
        (1e-50, "float32", 0.0),
        (float("inf"), "float32", float("inf")),
        (float("inf"), "float8_e5m2", float("inf")),
        (6.0, "float4_e2m1fn", 6.0),
        (450.0, "float8_e4m3fn", 448.0),
    ],
)
def test_rounding_is_allowed(value: float, target: str, expected: Any) -> None:
    assert cast(np.array([value]), target, address="a")[0] == expected


def test_a_complex_overflow_is_refused() -> None:
    with pytest.raises(DtypeMismatch):
        cast(np.array([1 + 1e300j]), "complex64", address="a")


@pytest.mark.parametrize("target", ["float64", "float32"])
@pytest.mark.parametrize(
    "array",
    [
        np.array(1.5),
        np.zeros((0, 3)),
        np.arange(12.0).reshape(3, 4)[::2, ::-1],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.broadcast_to(1.5, (2, 3)),
        np.arange(4, dtype=">f8"),
        np.ma.masked_array([1.0, 2.0], [True, False]),
    ],
    ids=["0-d", "empty", "reversed", "fortran", "broadcast", "big-endian", "masked"],
)
def test_the_result_is_a_plain_copy_of_its_own(array: Any, target: str) -> None:
    result = cast(array, target, address="a")
    assert type(result) is np.ndarray
    assert result.shape == array.shape
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert result.flags.owndata or result.base is not array
    assert result.dtype.isnative
    assert not np.shares_memory(result, array)
    np.testing.assert_array_equal(result, np.asarray(array))


def test_the_array_given_is_not_changed() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    cast(array, "float32", address="a")[...] = 9
    assert array.tolist() == [0, 1, 2]
