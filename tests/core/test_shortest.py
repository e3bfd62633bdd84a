"""A narrow float becomes the shortest decimal that gives it back."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parametry.core.dtype import bits as width
from parametry.core.value import shortest

relaxed = settings(deadline=None, max_examples=1000)
NARROW = [
    np.float16,
    np.float32,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
    ml_dtypes.float8_e8m0fnu,
    ml_dtypes.float6_e2m3fn,
    ml_dtypes.float4_e2m1fn,
]


def of_bits(dtype: Any, bits: int) -> Any:
    array = np.array([bits % (1 << width(np.dtype(dtype).name))])
    return array.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)[0]


@relaxed
@given(st.sampled_from(NARROW), st.integers(0, 2**32 - 1))
def test_it_gives_the_value_back(dtype: Any, bits: int) -> None:
    value = of_bits(dtype, bits)
    found = shortest(value)
    assert type(found) is float
    if math.isnan(float(value)):
        assert math.isnan(found)
    else:
        assert dtype(found) == value
        assert math.copysign(1, found) == math.copysign(1, float(value))


def digits_of(number: float) -> int:
    """How many digits a decimal has, without the zeros that only place it."""
    mantissa = repr(number).partition("e")[0].replace("-", "").replace(".", "")
    return len(mantissa.strip("0")) or 1


@relaxed
@given(st.sampled_from([np.float16, np.float32]), st.integers(0, 2**32 - 1))
@example(np.float32, 0x3A83126F)
@example(np.float32, 1)
@example(np.float32, 0x7F7FFFFF)
@example(np.float32, 0x00800000)
@example(np.float32, 0x4B800000)
def test_it_is_as_short_as_what_numpy_writes(dtype: Any, bits: int) -> None:
    value = of_bits(dtype, bits)
    if np.isfinite(value):
        written = float(np.format_float_scientific(value, unique=True, trim="-"))
        assert digits_of(shortest(value)) == digits_of(written)


@pytest.mark.parametrize("exponent", range(-149, 128))
def test_powers_of_two_whose_neighbours_are_unevenly_far(exponent: int) -> None:
    value = np.float32(2.0**exponent)
    written = float(np.format_float_scientific(value, unique=True, trim="-"))
    assert np.float32(shortest(value)) == value
    assert digits_of(shortest(value)) <= digits_of(written)


def test_every_bfloat16_and_float16_in_as_few_digits_as_can_be() -> None:
    for dtype in (ml_dtypes.bfloat16, np.float16):
        values = np.arange(0, 1 << 16, 97, dtype="u2").view(dtype)
        for value in values[np.isfinite(values.astype("f4"))]:
            found = shortest(value)
            count = digits_of(found)
            if count > 1:  # one digit less does not give it back
                assert dtype(float(f"{float(value):.{count - 2}e}")) != value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.001), "0.001"),
        (np.float32(1e-7), "1e-07"),
        (np.float32(3e-4), "0.0003"),
        (np.float32(0.1), "0.1"),
        (np.float32(1 / 3), "0.33333334"),
        (np.float32(16777216), "16777216.0"),
        (np.float32(3.4028235e38), "3.4028235e+38"),
        (np.float32(1e-45), "1e-45"),
        (np.float32(-0.0), "-0.0"),
        (np.float16(0.1), "0.1"),
        (np.float16(65504), "65500.0"),
        (ml_dtypes.bfloat16(0.1), "0.1"),
        (ml_dtypes.bfloat16(3.140625), "3.14"),
        (np.float64(0.1), "0.1"),
        (np.float64(1 / 3), repr(1 / 3)),
        (np.float32("inf"), "inf"),
        (np.float32("-inf"), "-inf"),
        (np.float32("nan"), "nan"),
    ],
)
def test_what_people_wrote_is_what_they_read(value: Any, text: str) -> None:
    assert repr(shortest(value)) == text
