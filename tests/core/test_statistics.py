"""Statistics merge: counts and extremes exactly, sums up to rounding, however they are cut."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parametry.core.coverage import Gap
from parametry.core.moments import Moments, merge, two_sum
from parametry.core.statistics import LEVELS, ArrayStatistics, Distribution, Sketch, Statistics

SPECIAL = {math.inf: "positive_infinity", -math.inf: "negative_infinity"}
values = st.lists(
    st.one_of(
        st.floats(-1e6, 1e6),
        st.floats(1e8, 1e8 + 1),
        st.floats(-1e-150, 1e-150),
        st.floats(1e200, 1e300),
        st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]),
    ),
    max_size=30,
)


def of_one(value: float) -> Moments:
    """The moments of a single value: all others are merged from these."""
    if math.isnan(value):
        return Moments(count=1, nan=1)
    if math.isinf(value):
        return Moments(count=1, **{SPECIAL[value]: 1})
    zero = value == 0
    return Moments(
        count=1, zeros=int(zero), min=value, max=value, centre=value, magnitudes=abs(value)
    )


def of(some: list[float]) -> Moments:
    return merge(map(of_one, some))


def exact_mean(some: list[float]) -> Fraction:
    return sum(map(Fraction, some), Fraction(0)) / len(some)


def exact_std(some: list[float]) -> float:
    """The deviation by exact arithmetic, of values brought near 1 before the root is taken."""
    exponent = math.frexp(max(map(abs, some)))[1]
    scaled = [Fraction(x) / Fraction(2) ** exponent for x in some]
    mean = exact_mean(some) / Fraction(2) ** exponent
    variance = sum(((x - mean) ** 2 for x in scaled), Fraction(0)) / len(some)
    return math.ldexp(math.sqrt(variance), exponent)


def close(a: float, b: float, scale: float) -> bool:
    return abs(a - b) <= 1e-12 * scale


def assert_same(a: Moments, b: Moments) -> None:
    counts = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max")
    assert [getattr(a, name) for name in counts] == [getattr(b, name) for name in counts]
    if a.mean is None or b.mean is None or a.std is None or b.std is None:
        assert a.mean is b.mean and a.std is b.std
        return
    scale = a.l1 / a.finite
    assert close(a.mean, b.mean, scale)
    assert close(a.std, b.std, max(a.std, scale * 1e-4))
    assert close(a.l1, b.l1, a.l1)
    assert close(a.l2, b.l2, a.l2)


@given(values, values, values)
def test_merging_is_associative_and_commutative(
    a: list[float], b: list[float], c: list[float]
) -> None:
    one, two, three = of(a), of(b), of(c)
    assert_same(one.merge(two).merge(three), one.merge(two.merge(three)))
    assert_same(one.merge(two), two.merge(one))
    assert_same(one.merge(Moments()), one)


@given(values)
@example([0.0, 1.0114614081437493e-247])  # its square is 0 in float64
def test_merged_moments_are_those_of_all_values(some: list[float]) -> None:
    found = of(some)
    finite = [value for value in some if math.isfinite(value)]
    assert found.count == len(some)
    assert found.finite == len(finite)
    assert found.nonfinite == len(some) - len(finite)
    assert found.zeros == finite.count(0.0)
    if not finite:
        assert (found.min, found.max, found.mean, found.std, found.l1, found.l2) == (
            *(None, None, None, None),
            *(0.0, 0.0),
        )
        return
    scale = sum(map(abs, finite)) / len(finite)
    assert (found.min, found.max) == (min(finite), max(finite))
    assert found.mean is not None and found.std is not None
    assert close(found.mean, float(exact_mean(finite)), scale)
    # A deviation that is lost in the values' own last bits cannot be told from none.
    assert math.isclose(found.std, exact_std(finite), rel_tol=1e-11, abs_tol=scale * 1e-15)
    assert math.isclose(found.l1, math.fsum(map(abs, finite)), rel_tol=1e-12)
    assert math.isclose(found.l2, math.hypot(*finite), rel_tol=1e-12)


def test_a_mean_far_from_zero_keeps_the_deviations() -> None:
    some = [1e8 + k * 1e-7 for k in range(-50, 51)]
    found = of(some)
    assert found.std is not None
    assert math.isclose(found.std, exact_std(some), rel_tol=1e-9)


@pytest.mark.parametrize("exponent", [1000, -1000])
def test_parts_of_different_scale_merge(exponent: int) -> None:
    size = math.ldexp(1.0, exponent)
    scaled = Moments(
        *(2, 0, 0, 0, 0, -size, size),
        centre=0.0,
        squares=2.0,
        magnitudes=2.0,
        exponent=exponent,
    )
    plain = of([1.0, -1.0])
    both = scaled.merge(plain)
    assert both == plain.merge(scaled)
    larger = max(size, 1.0)
    assert both.std == pytest.approx(larger / math.sqrt(2), rel=1e-15)
    assert both.l2 == pytest.approx(larger * math.sqrt(2), rel=1e-15)
    assert both.l1 == 2 * larger
    # What is only zeros has no scale of its own.
    assert scaled.merge(of([0.0, 0.0])).l2 == scaled.l2
    assert of([0.0, 0.0]).merge(scaled).l2 == scaled.l2


def test_what_float64_cannot_hold_is_infinite() -> None:
    found = Moments(
        *(4, 0, 0, 0, 0, 1e308, 1e308), centre=0.5, squares=0.0, magnitudes=2.0, exponent=1024
    )
    assert found.l1 == math.inf
    assert found.mean == pytest.approx(2.0**1023)
    told = found.to_dict()
    assert told["l1"] == {"$float": "inf"}
    json.dumps(told, allow_nan=False)


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_two_sum_loses_nothing(a: float, b: float) -> None:
    total, rest = two_sum(a, b)
    assert Fraction(total) + Fraction(rest) == Fraction(a) + Fraction(b)


def test_sketches_merge_where_their_bins_are_the_same() -> None:
    one = Sketch(-1.0, 0.03125, tuple(range(64)))
    assert one.merge(one).counts == tuple(range(0, 128, 2))
    assert len(one.edges) == 65
    with pytest.raises(ValueError, match="no bins in common"):
        one.merge(Sketch(-1.0, 0.0625, (0,) * 64))


def entry(address: str, some: list[float]) -> ArrayStatistics:
    sketch = Sketch(0.0, 1.0, (1,) + (0,) * 63)
    spread = Distribution((0.5,) * len(LEVELS), sketch, 1, exact=False)
    return ArrayStatistics(address, (len(some),), "float32", of(some), spread if some else None)


def held() -> Statistics:
    entries = [entry("a/kernel", [1.0, 2.0]), entry("a/bias", [math.nan, 3.0]), entry("b", [])]
    return Statistics.of(
        {each.address: each for each in entries},
        source="model 'net'",
        aliases={"c/kernel": "a/kernel"},
        gaps=[Gap("words", "string values are no numbers")],
    )


def test_the_mapping() -> None:
    found = held()
    assert found["a/kernel"].mean == 1.5
    assert found["c/kernel"] is found["a/kernel"]
    assert list(found.select("**/kernel")) == ["a/kernel"]
    assert found.total.count == 4
    assert found.total.max == 3.0
    assert list(found.nonfinite()) == ["a/bias"]
    assert not found.nonfinite().select("a/kernel", missing_ok=True)
    assert [gap.subject for gap in found.gaps] == ["words"]


def test_an_entry_tells_what_its_parts_tell() -> None:
    found = held()["a/bias"]
    moments, spread = found.moments, found.distribution
    assert spread is not None
    for name in ("count", "nan", "positive_infinity", "negative_infinity", "nonfinite", "zeros"):
        assert getattr(found, name) == getattr(moments, name)
    for name in ("min", "max", "mean", "std", "l1", "l2"):
        assert getattr(found, name) == getattr(moments, name)
    assert found.quantiles == dict.fromkeys(LEVELS, 0.5)
    assert (found.median, found.sketch, found.exact) == (0.5, spread.sketch, False)
    empty = held()["b"]
    assert (empty.quantiles, empty.median, empty.sketch, empty.exact) == ({}, None, None, True)


def test_exports() -> None:
    found = held()
    told = json.loads(found.to_json())
    assert list(told) == list(found)
    assert told["a/kernel"]["mean"] == 1.5
    assert told["a/kernel"]["distribution"]["quantiles"]["0.5"] == 0.5
    assert told["a/kernel"]["distribution"]["exact"] is False
    assert len(told["a/kernel"]["distribution"]["sketch"]["counts"]) == 64
    assert told["b"]["distribution"] is None
    assert "a/kernel:" in found.to_yaml()
    frame = found.to_pandas()
    assert list(frame.index) == list(found)
    assert frame.loc["a/kernel", "q0.5"] == 0.5
    assert "distribution" not in frame
