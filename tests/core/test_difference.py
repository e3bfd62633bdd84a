"""Which parameters belong together, and what a difference says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parametry.core.counterparts import Pair, likely_renames, pairs, tie_form
from parametry.core.difference import HyperparameterDifference, ParameterDifference
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.model import ties_of
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie
from parametry.kernels.comparison import array_difference


@pytest.fixture
def held(make) -> Any:
    """Parameters by address, each given as its address and aliases: ``"a=b"``."""

    def of(*named: str, shape: tuple[int, ...] = (2,)) -> dict[str, Parameter]:
        out = {}
        for text in named:
            address, *aliases = text.split("=")
            values = [[1.0] * shape[-1]] * shape[0] if len(shape) > 1 else [1.0] * shape[0]
            out[address] = make.parameter(address, values, aliases=tuple(aliases))
        return out

    return of


def told(found: Pair) -> tuple[str, str | None, str | None]:
    sides = (None if side is None else side.address for side in (found.first, found.second))
    first, second = sides
    return found.address, first, second


# ---------------------------------------------------------------- counterparts


def test_what_stands_at_one_address_belongs_together_in_the_first_order(held) -> None:
    found = [told(pair) for pair in pairs(held("b", "a", "gone"), held("a", "new", "b"))]
    assert found == [("b", "b", "b"), ("a", "a", "a"), ("gone", "gone", None), ("new", None, "new")]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # A tie that was undone: the copy stands at the alias's address.
        (["x=y"], ["x", "y"], [("x", "x", "x"), ("y", "x", "y")]),
        (["x", "y"], ["x=y"], [("x", "x", "x"), ("y", "y", "x")]),
        # The other way around in depth-first order.
        (["x=y"], ["y=x"], [("x", "x", "y")]),
        # The canonical address is gone, and an alias leads on.
        (["x=y"], ["y"], [("y", "x", "y")]),
        (["y"], ["x=y"], [("y", "y", "x")]),
        (["a=b", "c"], ["b=c"], [("b", "a", "b"), ("c", "c", "b")]),
        ([], ["x=y"], [("x", None, "x")]),
    ],
)
def test_ties_lead_to_the_other_side(
    held, first: list[str], second: list[str], expected: list[Any]
) -> None:
    assert [told(pair) for pair in pairs(held(*first), held(*second))] == expected


def test_what_a_tie_transposes(make) -> None:
    wide, high = [[1.0, 2.0, 3.0]] * 2, [[1.0, 2.0]] * 3

    def tied(address: str, alias: str, values: Any) -> dict[str, Parameter]:
        entry = make.parameter(address, values, aliases=(alias,), transposed=frozenset({alias}))
        return {address: entry}

    apart = {"x": make.parameter("x", wide), "y": make.parameter("y", high)}
    assert [pair.transposed for pair in pairs(tied("x", "y", wide), apart)] == [False, True]
    assert [pair.transposed for pair in pairs(apart, tied("x", "y", wide))] == [False, True]
    # Tied on both sides, and held the other way around.
    (pair,) = pairs(tied("x", "y", wide), tied("y", "x", high))
    assert pair.transposed


@st.composite
def partition(draw: st.DrawFn) -> list[str]:
    """Some letters, in groups that are tied."""
    letters = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    groups: dict[int, list[str]] = {}
    for letter in letters:
        groups.setdefault(draw(st.integers(0, 2)), []).append(letter)
    return ["=".join(group) for group in groups.values()]


def parameters(named: list[str]) -> dict[str, Parameter]:
    out = {}
    for text in named:
        address, *aliases = text.split("=")
        settings: dict[str, Any] = dict.fromkeys(("native_name", "layer", "layer_class"), "")
        out[address] = Parameter(
            address=address, shape=(), dtype="float32", role="trainable", store=None,  # type: ignore[arg-type]
            aliases=tuple(aliases), **settings,
        )  # fmt: skip
    return out


@given(partition(), partition())
def test_every_parameter_is_met_and_is_alone_only_if_no_address_is_shared(
    ones: list[str], twos: list[str]
) -> None:
    first, second = parameters(ones), parameters(twos)
    found = list(pairs(first, second))
    assert len({pair.address for pair in found}) == len(found)
    for side, held in (("first", first), ("second", second)):
        met = [getattr(pair, side) for pair in found]
        assert {entry.address for entry in met if entry is not None} == set(held)
    known = [{letter for text in named for letter in text.split("=")} for named in (ones, twos)]
    for pair in found:
        for entry, other, addresses in (
            (pair.first, pair.second, known[1]),
            (pair.second, pair.first, known[0]),
        ):
            if entry is not None:
                own = {entry.address, *entry.aliases}
                assert pair.address in own
                assert (other is None) == own.isdisjoint(addresses)
    back = {told(pair)[:0:-1] for pair in pairs(second, first)}
    assert back == {told(pair)[1:] for pair in found}


@given(st.sets(st.sampled_from("abcd"), min_size=2), st.data())
def test_a_tie_is_the_same_whichever_address_is_canonical(names: set[str], data: Any) -> None:
    order = sorted(names)
    seen = {name: data.draw(st.booleans()) for name in order}

    def tie(canonical: str) -> Tie:
        aliases = tuple(name for name in order if name != canonical)
        turned = frozenset(name for name in aliases if seen[name] != seen[canonical])
        return Tie(canonical, aliases, turned)

    assert len({tie_form(tie(name)) for name in order}) == 1
    turned = Tie(order[0], tuple(order[1:]), frozenset(order[1:]) - tie(order[0]).transposed)
    assert tie_form(turned) != tie_form(tie(order[0]))


# ---------------------------------------------------------------- likely renames


def test_a_layer_that_was_renamed(held) -> None:
    gone = held("encoder/dense/kernel", "encoder/dense/bias").values()
    new = held("other/dense/bias", "encoder/hidden/kernel", "encoder/hidden/bias").values()
    assert likely_renames(gone, new) == {
        "encoder/dense/kernel": "encoder/hidden/kernel",
        "encoder/hidden/kernel": "encoder/dense/kernel",
        "encoder/dense/bias": "encoder/hidden/bias",
        "encoder/hidden/bias": "encoder/dense/bias",
    }


@pytest.mark.parametrize(
    ("gone", "new"),
    [
        ("a/kernel", "b/kernel"),
        ("blocks/0/q/kernel", "layers/0/q/kernel"),
        ("dense/gamma", "dense/scale"),
        ("w", "v"),
        ("dense/kernel", "encoder/dense/kernel"),
        ("model/encoder/dense/kernel", "net/dense/kernel"),
    ],
)
def test_one_part_or_what_stands_before(held, gone: str, new: str) -> None:
    assert likely_renames(held(gone).values(), held(new).values()) == {gone: new, new: gone}


@pytest.mark.parametrize(
    ("gone", "new"), [("a/b/kernel", "c/d/kernel"), ("a/kernel", "b/bias"), ("a", "b/c")]
)
def test_what_is_not_like_it(held, gone: str, new: str) -> None:
    assert likely_renames(held(gone).values(), held(new).values()) == {}


def test_another_shape_is_another_parameter(held) -> None:
    assert likely_renames(held("a/x").values(), held("b/x", shape=(3,)).values()) == {}


@given(partition(), partition())
def test_each_is_taken_once(ones: list[str], twos: list[str]) -> None:
    gone = parameters([f"old/{text[0]}/w" for text in ones]).values()
    new = parameters([f"new/{text[0]}/w" for text in twos]).values()
    found = likely_renames(gone, new)
    assert all(found[found[address]] == address for address in found)
    assert {at for at in found if at.startswith("old/")} <= {entry.address for entry in gone}
    assert [at for at in found if at == found[at]] == []


def test_ten_thousand_deep_and_wide_are_no_matter(held) -> None:
    deep = "/".join(["x"] * 5_000)
    wide = [f"{deep}/a{number}/w" for number in range(20)]
    found = likely_renames(held(*wide).values(), held(*(at[2:] for at in wide)).values())
    assert found[wide[3]] == wide[3][2:]


# ---------------------------------------------------------------- what they say


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (1, 2, "changed"),
        (1, 1.0, "changed"),
        (0, False, "changed"),
        (None, "missing", "removed"),
        ("missing", None, "added"),
        (float("nan"), float("nan"), "origin"),
        ([1, {"a": None}], [1, {"a": None}], "origin"),
    ],
)
def test_kinds_of_hyperparameters(first: Any, second: Any, kind: str) -> None:
    sides = [None if value == "missing" else Hyperparameter("fit/x", value)
             for value in (first, second)]  # fmt: skip
    found = HyperparameterDifference("fit/x", *sides)
    assert found.kind == kind
    assert found.to_dict()["kind"] == kind
    # None is a value, and no value is another thing.
    assert (found.to_dict()["first"] is None) == (first == "missing")


def test_a_parameter_tells_what_each_side_has(make) -> None:
    one = make.parameter("a/kernel", [1.0, 2.0], aliases=("b/kernel",))
    two = make.parameter("b/kernel", [1.0, 4.0], dtype="bfloat16", role="frozen")
    apart = array_difference(one.numpy(), two.numpy())
    found = ParameterDifference("b/kernel", one, two, ("dtype", "role", "values"), apart)
    assert found.kind == "changed"
    assert found.to_dict() == {
        "kind": "changed",
        "differs": ["dtype", "role", "values"],
        "first": {"address": "a/kernel", "shape": [2], "dtype": "float32", "role": "trainable"},
        "second": {"address": "b/kernel", "shape": [2], "dtype": "bfloat16", "role": "frozen"},
        "transposed": False,
        "axes": None,
        "ambiguous": False,
        "values": {
            "size": 2, "changed": 1, "share": 0.5, "max_abs": 2.0, "mean_abs": 1.0,
            "relative": pytest.approx(2 / 5**0.5), "cosine": pytest.approx(9 / 85**0.5),
            "nonfinite": [0, 0],
        },
        "nearest": None,
    }  # fmt: skip
    assert ParameterDifference("a", one, None).kind == "removed"
    assert ParameterDifference("a", None, one).kind == "added"
    assert ties_of({"a/kernel": one}) == (Tie("a/kernel", ("b/kernel",)),)
