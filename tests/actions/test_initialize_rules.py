"""Rules: the last that matches wins, what is tied agrees, and a failed write leaves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import parametry as pm
from parametry.actions.given import Given, initializer_of, is_random, rng_at
from parametry.actions.rules import reached, winners
from parametry.actions.writing import all_or_nothing
from parametry.core.dtype import numpy_dtype
from parametry.core.initializer import Site
from parametry.core.mappings import Parameters
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance, recall
from parametry.core.value import Plain
from parametry.errors import NothingMatched, PatternError, RuleError
from parametry.initializers.constants import Constant


class Refused(Exception):
    """What a store raises that cannot be written."""


@dataclass
class MemoryStore:
    array: NDArray[Any]
    refuses: type[BaseException] | None = None
    writes: int = 0

    def read(self) -> NDArray[Any]:
        return self.array.copy()

    def write(self, array: NDArray[Any]) -> None:
        if self.refuses is not None:
            raise self.refuses
        assert (array.shape, array.dtype) == (self.array.shape, self.array.dtype)
        self.writes += 1
        self.array[...] = array

    def declared(self) -> dict[str, Plain]:
        return {}

    def provenance(self) -> Provenance | None:
        return recall(self.array)

    @property
    def native(self) -> Any:
        return self.array


def parameter(
    address: str,
    *aliases: str,
    shape: tuple[int, ...] = (2, 3),
    dtype: str = "float32",
    refuses: type[BaseException] | None = None,
) -> Parameter:
    store = MemoryStore(np.full(shape, 1, numpy_dtype(dtype)), refuses)
    layer = address.rpartition("/")[0]
    return Parameter(
        address, address, shape, dtype, "trainable", layer, "Dense", store, tuple(aliases)
    )


def mapping(*entries: Parameter) -> Parameters:
    aliases = {alias: entry.address for entry in entries for alias in entry.aliases}
    return Parameters({e.address: e for e in entries}, source="model 'net'", aliases=aliases)


# ------------------------------------------------ which rule wins


NET = mapping(
    parameter("encoder/dense/kernel"),
    parameter("encoder/dense/bias", shape=(3,)),
    parameter("head/kernel"),
    parameter("dropout/seed", shape=(2,), dtype="uint32"),
)


def test_the_last_rule_that_matches_wins() -> None:
    rules = {"**/kernel": 1, "head/kernel": 2, "encoder/**": 3}
    assert winners(rules, NET) == {
        "encoder/dense/kernel": "encoder/**",
        "encoder/dense/bias": "encoder/**",
        "head/kernel": "head/kernel",
    }


@given(st.permutations(["**/kernel", "encoder/**", "**", "head/*", "encoder/dense/bias"]))
def test_every_parameter_has_the_last_of_the_rules_that_match_it(order: list[str]) -> None:
    found = winners(dict.fromkeys(order, 0), NET)
    for address, rule in found.items():
        assert rule == [p for p in order if address in NET.select(p)][-1]
    assert set(found) == {a for a in NET if not a.endswith("seed")}


def test_a_pattern_does_not_reach_integers_and_an_address_does() -> None:
    assert list(reached("dropout/seed", NET)) == ["dropout/seed"]
    with pytest.raises(NothingMatched, match=r"'dropout/\*' matches integers alone") as caught:
        reached("dropout/*", NET)
    assert caught.value.hint == "name one exactly: 'dropout/seed'"


def test_a_rule_that_matches_nothing_names_the_nearest() -> None:
    with pytest.raises(NothingMatched, match="'heat/kernel' matches no parameter") as caught:
        winners({"**": 0, "heat/kernel": 1}, NET)
    assert caught.value.hint == "nearest: head/kernel, encoder/dense/kernel"


def test_a_pattern_that_cannot_be_read_and_one_that_is_no_text() -> None:
    with pytest.raises(PatternError):
        winners({"{head": 0}, NET)
    with pytest.raises(RuleError, match="a rule's pattern is text, not 3"):
        winners({3: 0}, NET)  # type: ignore[dict-item]


TIED = mapping(parameter("embedding/table", "head/kernel"), parameter("dense/kernel"))


def test_an_alias_is_as_good_as_the_canonical_address() -> None:
    assert winners({"head/*": 1}, TIED) == {"embedding/table": "head/*"}
    assert winners({"head/kernel": 1}, TIED) == {"embedding/table": "head/kernel"}


def test_two_rules_that_reach_one_array_differently_are_refused() -> None:
    with pytest.raises(RuleError) as caught:
        winners({"embedding/*": 1, "**/kernel": 2}, TIED)
    assert str(caught.value) == (
        "embedding/table and head/kernel are one array, and two rules set it differently: "
        "'embedding/*' by embedding/table, '**/kernel' by head/kernel\n"
        "hint: one last rule for all its addresses decides: '{embedding/table,head/kernel}'"
    )


def test_what_the_hint_says_works_and_equal_rules_agree() -> None:
    rules = {"embedding/*": 1, "**/kernel": 2, "{embedding/table,head/kernel}": 3}
    assert winners(rules, TIED)["embedding/table"] == "{embedding/table,head/kernel}"
    for equal in (1, pm.normal(0.0, 0.1), "he_normal"):
        assert "embedding/table" in winners({"embedding/*": equal, "head/*": equal}, TIED)


# ------------------------------------------------ what a rule gives


class NoFramework:
    """A framework that has no initializers of its own."""

    def initializer(self, value: Any) -> None:
        return None


def site(dtype: str = "float32", shape: tuple[int, ...] = (2, 3)) -> Site:
    return Site("dense/kernel", shape, dtype, "Dense", "kernel", 2, 3)


def made(value: Any, at: Site | None = None, seed: int | None = 0) -> NDArray[Any]:
    at = at or site()
    return initializer_of(value, at, seed, "**/kernel", NoFramework()).values(at, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [3, 3.5, np.float32(0.5), np.int8(2), np.array(7.0)])
def test_a_number_fills(number: Any) -> None:
    values = made(number)
    assert values.dtype == "float32"
    assert (values == float(number)).all()


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (1e39, "float32", "holds values beyond its range"),
        (70000, "float16", "holds values beyond its range"),
        (float("nan"), "float32", "NaN or infinite"),
        (float("inf"), "float32", "NaN or infinite"),
        (True, "float32", "the array given is bool"),
        (0.5, "int32", "the array given is float64"),
        (300, "uint8", "beyond its range"),
        (1j, "float32", "the array given is complex128"),
        ([[1.0, 2.0], [3.0]], "float32", "inhomogeneous"),
        (np.zeros((3, 2)), "float32", r"the array has the shape \(3, 2\), the parameter \(2, 3\)"),
        (np.full((2, 3), np.nan), "float32", "NaN or infinite"),
        (np.zeros((2, 3), "int32"), "float32", "the array given is int32"),
        (np.full((2, 3), "x"), "float32", "the array given is str"),
    ],
)
def test_what_does_not_fit_is_refused_by_rule_and_address(
    value: Any, dtype: str, message: str
) -> None:
    with pytest.raises(RuleError, match=r"the rule '\*\*/kernel' at dense/kernel.*" + message):
        made(value, site(dtype))


def test_an_array_is_copied_and_cast_within_its_kind() -> None:
    given = np.arange(6.0).reshape(2, 3)
    found = initializer_of(given, site(), None, "**", NoFramework())  # type: ignore[arg-type]
    given[...] = -1
    np.testing.assert_array_equal(found.values(site(), 0), np.arange(6, dtype="f4").reshape(2, 3))
    assert found.to_plain()["class"] == "Array"
    assert not is_random(found)


def test_a_callable_gets_shape_dtype_and_a_generator_of_its_address() -> None:
    def noise(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Any:
        assert dtype == "float32"
        return rng.normal(size=shape)

    first = made(noise, seed=3)
    np.testing.assert_array_equal(first, rng_at(3, "dense/kernel").normal(size=(2, 3)).astype("f4"))
    assert (first == made(noise, seed=3)).all()
    assert (first != made(noise, seed=4)).all()


def test_the_generator_is_of_seed_and_address_with_golden_bits() -> None:
    assert rng_at(0, "dense/kernel").bit_generator.random_raw(2).tolist() == [
        5204560504474502475,
        5098917686918201841,
    ]
    assert rng_at(0, "a").bit_generator.random_raw() != rng_at(0, "b").bit_generator.random_raw()
    assert rng_at(-1, "a").bit_generator.random_raw() != rng_at(1, "a").bit_generator.random_raw()


def raises(shape: Any, dtype: Any, rng: Any) -> Any:
    raise KeyError("lost")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda shape, dtype, rng: np.zeros((1, 3)),
            r"gave the shape \(1, 3\), \(2, 3\) was asked",
        ),
        (lambda shape, dtype, rng: np.full(shape, np.nan), "NaN or infinite"),
        (lambda shape, dtype, rng: np.zeros(shape, "int64"), "the array given is int64"),
        (lambda shape, dtype, rng: None, r"gave the shape \(\)"),
        (raises, "raises raised KeyError: 'lost'"),
    ],
)
def test_a_callable_that_errs_is_named_with_rule_and_address(function: Any, message: str) -> None:
    with pytest.raises(RuleError, match=r"the rule '\*\*/kernel' at dense/kernel.*" + message):
        made(function)


@pytest.mark.parametrize("value", [pm.normal(), pm.lsuv(), raises])
def test_what_is_random_needs_a_seed(value: Any) -> None:
    with pytest.raises(RuleError, match="no seed was given"):
        made(value, seed=None)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (pm.normal, "call it: normal()"),
        (Constant, "make one: Constant()"),
        ("he_norml", "nearest: he_normal"),
        (object(), "a number, an array, an initializer"),
        (None, "a number, an array, an initializer"),
        ({"class": "Zeros"}, "a number, an array, an initializer"),
    ],
)
def test_what_is_no_value_for_a_rule_is_told(value: Any, hint: str) -> None:
    with pytest.raises(RuleError) as caught:
        made(value)
    assert (caught.value.hint or "").startswith(hint)


def test_fixed_values_need_no_seed() -> None:
    for value in (pm.zeros(), pm.ones(), pm.constant(2), pm.identity(), 0, np.zeros((2, 3))):
        assert made(value, seed=None).shape == (2, 3)


# ------------------------------------------------ all or nothing


@pytest.mark.parametrize("refusal", [Refused, KeyboardInterrupt, MemoryError])
def test_what_was_written_is_put_back(refusal: type[BaseException]) -> None:
    good = [
        parameter(f"{n}/kernel", dtype=d) for n, d in enumerate(["float32", "bfloat16", "int8"])
    ]
    scalar = parameter("step", shape=(), dtype="int64")
    bad = parameter("bad/kernel", refuses=refusal)
    with pytest.raises(refusal), all_or_nothing() as writer:
        for each in (*good, scalar, bad):
            writer.write(each, np.zeros(each.shape, numpy_dtype(each.dtype)))
    for each in (*good, scalar):
        assert (each.numpy().astype("float64") == 1).all()
        assert each.store.writes == 2  # type: ignore[attr-defined]


def test_what_cannot_be_put_back_is_named() -> None:
    first, second = parameter("a/kernel"), parameter("b/kernel")
    with pytest.raises(Refused) as caught, all_or_nothing() as writer:
        for each in (first, second):
            writer.write(each, np.zeros((2, 3), "float32"))
        second.store.refuses = Refused  # type: ignore[attr-defined]
        raise Refused
    assert (first.numpy() == 1).all()
    assert caught.value.__notes__ == ["these could not be put back: b/kernel"]


def test_a_fault_of_the_block_itself_undoes_too_and_twice_written_is_the_first() -> None:
    each = parameter("a/kernel")
    with pytest.raises(Refused), all_or_nothing() as writer:
        writer.write(each, np.full((2, 3), 5, "float32"))
        writer.write(each, np.full((2, 3), 6, "float32"))
        raise Refused
    assert (each.numpy() == 1).all()


def test_old_values_beyond_memory_come_back_from_a_file(monkeypatch: Any) -> None:
    monkeypatch.setattr("parametry.actions.writing._IN_MEMORY", 100)
    several = [parameter(f"{n}/kernel", shape=(50, n + 1)) for n in range(5)]
    with pytest.raises(Refused), all_or_nothing() as writer:
        for each in several:
            writer.write(each, np.zeros(each.shape, "float32"))
        raise Refused
    assert all((each.numpy() == 1).all() for each in several)


def test_given_values_are_not_in_the_representation() -> None:
    assert "array" not in repr(Given(np.zeros(3), {"class": "Array"}))
