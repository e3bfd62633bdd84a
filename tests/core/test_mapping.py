"""Mappings of numbers by address behave as mappings, and say what is near where nothing is."""

from __future__ import annotations

import collections.abc
import math
from typing import Any

import pytest

from parametry.core.hyperparameter import Hyperparameter
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.place import Place
from parametry.errors import NothingMatched, PatternError, UnknownAddress

ADDRESSES = ["encoder/dense/kernel", "encoder/dense/bias", "encoder/norm/gamma", "head/kernel"]


@pytest.fixture
def parameters(make: Any) -> Parameters:
    """Four parameters, of which one has an alias, and a way of attributes to another."""
    shared = make.parameter(ADDRESSES[0], values=[[1.0, 2.0]], aliases=("decoder/dense/kernel",))
    rest = [
        make.parameter(ADDRESSES[1], dtype="float16"),
        make.parameter(ADDRESSES[2], role="state", layer_class="Norm"),
        make.parameter(ADDRESSES[3], role="frozen", native_name="dense_7/kernel:0"),
    ]
    return make.parameters(
        shared,
        *rest,
        source="model 'net'",
        aliases={"decoder/dense/kernel": ADDRESSES[0]},
        resolve={"out/kernel": ADDRESSES[3], "gone": "nowhere"}.get,
    )


# ------------------------------------------------ as a mapping


def test_the_mapping_protocol(parameters: Parameters) -> None:
    assert isinstance(parameters, collections.abc.Mapping)
    assert list(parameters) == list(parameters.keys()) == ADDRESSES
    assert len(parameters) == 4
    assert [entry.address for entry in parameters.values()] == ADDRESSES
    assert [address for address, _ in parameters.items()] == ADDRESSES
    assert dict(parameters) == dict(parameters.items())
    assert {**parameters} == dict(parameters)
    assert parameters


def test_an_empty_mapping(make: Any) -> None:
    empty = make.parameters()
    assert not empty
    assert list(empty) == []
    assert empty.to_dict() == {}
    assert empty.to_json() == "{}"
    with pytest.raises(UnknownAddress, match="there are no parameters at all"):
        empty["kernel"]


def test_look_up_by_address_alias_or_path(parameters: Parameters) -> None:
    shared = parameters[ADDRESSES[0]]
    assert parameters["decoder/dense/kernel"] is shared
    assert parameters["out/kernel"] is parameters["head/kernel"]
    for way in (*ADDRESSES, "decoder/dense/kernel", "out/kernel"):
        assert way in parameters
        assert parameters.get(way) is parameters[way]
    assert list(parameters) == ADDRESSES  # other ways to an entry are no entries


@pytest.mark.parametrize("key", ["gone", "encoder", "", "kernel", "a[", "{", "**/[", 3, None, ()])
def test_what_is_not_there(parameters: Parameters, key: Any) -> None:
    assert key not in parameters
    assert parameters.get(key) is None
    assert parameters.get(key, 5) == 5
    with pytest.raises(KeyError) as caught:
        parameters[key]
    assert isinstance(caught.value, UnknownAddress)
    assert caught.value.hint


def test_unhashable_keys_are_not_there(parameters: Parameters) -> None:
    assert [] not in parameters
    with pytest.raises(UnknownAddress, match=r"an address is text, list \[\] was given"):
        parameters[[]]  # type: ignore[index]


def test_get_does_not_look_for_what_is_near(parameters: Parameters, monkeypatch: Any) -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("a look-up that may fail must be fast")

    monkeypatch.setattr("parametry.core.mapping.nearest", never)
    assert parameters.get("no/such") is None
    assert "no/such" not in parameters


def test_entries_are_worked_out_once_and_only_when_needed() -> None:
    asked: list[str] = []

    def entries() -> dict[str, Hyperparameter]:
        asked.append("entries")
        return {"a": Hyperparameter("a", 1)}

    def aliases() -> dict[str, str]:
        asked.append("aliases")
        return {"b": "a"}

    lazy = Hyperparameters(entries, aliases=aliases)
    assert asked == []
    assert lazy["a"].value == 1
    assert asked == ["entries"]
    assert lazy["b"].value == 1
    assert lazy["b"].value == 1
    assert asked == ["entries", "aliases"]


# ------------------------------------------------ equality


def test_equality_is_of_entries_in_any_order(make: Any) -> None:
    one = make.hyperparameters([Hyperparameter("a", 1), Hyperparameter("b", math.nan)])
    other = make.hyperparameters([Hyperparameter("b", math.nan), Hyperparameter("a", 1)])
    assert one == other
    assert one == dict(other)
    assert dict(other) == one
    assert one != make.hyperparameters([Hyperparameter("a", 1)])
    assert one != make.hyperparameters([Hyperparameter("a", True), Hyperparameter("b", math.nan)])
    assert one != 3
    assert one.__eq__(3) is NotImplemented


def test_a_selection_equals_what_it_holds(parameters: Parameters) -> None:
    assert parameters.select("**") == parameters
    assert parameters.select("encoder/**") != parameters


def test_mappings_of_another_kind_are_not_equal() -> None:
    assert Hyperparameters({}) != Parameters({})
    assert Layers({}) == Layers({})


def test_mappings_have_no_hash(parameters: Parameters) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(parameters)


def test_how_a_value_came_about_is_not_part_of_what_it_is() -> None:
    one = Hyperparameter("a", 1, passed=None, origin="explicit", where=Place("x.py", 1))
    assert one == Hyperparameter("a", 1)
    assert one != Hyperparameter("b", 1)
    assert one != Hyperparameter("a", 1.0)
    assert {one: 1}[Hyperparameter("a", 1)] == 1
    assert Hyperparameter("a", [1]) in {Hyperparameter("a", [1])}


# ------------------------------------------------ messages


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        (
            "encoder/dense/kernl",
            "no parameter has the address 'encoder/dense/kernl' in model 'net'",
            "nearest: encoder/dense/kernel",
        ),
        (
            "encoder",
            "no parameter has the address 'encoder' in model 'net', but 3 lie below it",
            "select('encoder/**') gives them",
        ),
        (
            "head",
            "no parameter has the address 'head' in model 'net', but 1 lies below it",
            "select('head/**') gives them",
        ),
        (
            "**/kernel",
            "'**/kernel' is a pattern, not the address of one parameter in model 'net'",
            "select('**/kernel') gives all that match",
        ),
        (
            "zzzzzzzzzzzzzzzzzzzzzzzz",
            "no parameter has the address 'zzzzzzzzzzzzzzzzzzzzzzzz' in model 'net'",
            "there are 4, beginning with encoder/dense/kernel, ",
        ),
        (3, "an address is text, int 3 was given in model 'net'", "by position: list(parameters)"),
    ],
)
def test_what_the_error_says(parameters: Parameters, key: Any, message: str, hint: str) -> None:
    with pytest.raises(UnknownAddress) as caught:
        parameters[key]
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
    assert str(caught.value) == f"{message}\nhint: {caught.value.hint}"


def test_what_an_unmatched_pattern_says(parameters: Parameters) -> None:
    with pytest.raises(NothingMatched, match=r"'\*\*/gama' matches no parameter in model 'net'"):
        parameters.select("**/gama")
    for pattern, hint in [
        ("*/kernel2", "nearest: "),
        ("dense/*", "'*' stays within one part; '**/dense/*' would match"),
        ("encoder", "select('encoder/**') gives them"),
        ("encoder/dense/kernl", "nearest: encoder/dense/kernel"),
    ]:
        with pytest.raises(NothingMatched) as caught:
            parameters.select(pattern)
        assert caught.value.hint.startswith(hint), caught.value.hint


def test_an_address_with_signs_of_a_pattern_is_told_how_to_quote_it(make: Any) -> None:
    odd = make.parameters(make.parameter("layer[0]/kernel"))
    assert odd["layer[0]/kernel"].address == "layer[0]/kernel"
    with pytest.raises(NothingMatched) as caught:
        odd.select("layer[0]/kernel")
    assert "select('layer[[]0]/kernel')" in caught.value.hint
    assert list(odd.select("layer[[]0]/kernel")) == ["layer[0]/kernel"]


# ------------------------------------------------ select


@pytest.mark.parametrize(
    ("patterns", "indices"),
    [
        ((), [0, 1, 2, 3]),
        (("**",), [0, 1, 2, 3]),
        (("**/kernel",), [0, 3]),
        (("encoder/**",), [0, 1, 2]),
        (("head/kernel", "encoder/dense/bias"), [1, 3]),
        (("**/{bias,gamma}",), [1, 2]),
        (("**/kernel", "**/kernel"), [0, 3]),
        (("decoder/**",), [0]),
        (("decoder/dense/kernel",), [0]),
        (("out/kernel",), [3]),
    ],
)
def test_select_by_patterns(parameters: Parameters, patterns: Any, indices: list[int]) -> None:
    assert list(parameters.select(*patterns)) == [ADDRESSES[index] for index in indices]


@pytest.mark.parametrize(
    ("filters", "indices"),
    [
        ({"layer": "Dense"}, [0, 1, 3]),
        ({"layer": ["Dense", "Norm"]}, [0, 1, 2, 3]),
        ({"layer": iter(["Norm"])}, [2]),
        ({"trainable": True}, [0, 1]),
        ({"trainable": False}, [2, 3]),
        ({"dtype": "float16"}, [1]),
        ({"dtype": {"float16", "float32"}}, [0, 1, 2, 3]),
        ({"rank": 2}, [0]),
        ({"role": "frozen"}, [3]),
        ({"where": lambda entry: entry.size == 2}, [0, 1, 2, 3]),
        ({"where": lambda entry: "norm" in entry.address}, [2]),
        ({"layer": "Dense", "rank": 1, "role": "trainable"}, [1]),
    ],
)
def test_select_by_filters(parameters: Parameters, filters: Any, indices: list[int]) -> None:
    assert list(parameters.select(**filters)) == [ADDRESSES[index] for index in indices]


def test_patterns_and_filters_together(parameters: Parameters) -> None:
    assert list(parameters.select("**/kernel", trainable=True)) == [ADDRESSES[0]]
    with pytest.raises(NothingMatched, match="matches 2 parameters in model 'net', and the filt"):
        parameters.select("**/kernel", dtype="int8")


def test_each_pattern_must_match(parameters: Parameters) -> None:
    with pytest.raises(NothingMatched, match="'nothing/\\*'"):
        parameters.select("**/kernel", "nothing/*")
    with pytest.raises(NothingMatched):
        parameters.select(where=lambda entry: False)
    assert list(parameters.select("nothing/*", "**/bias", missing_ok=True)) == [ADDRESSES[1]]
    assert list(parameters.select("nothing/*", "nowhere", missing_ok=True)) == []
    assert list(parameters.select(rank=9, missing_ok=True)) == []


def test_a_pattern_that_cannot_be_read_is_an_error_even_if_none_need_match(
    parameters: Parameters,
) -> None:
    with pytest.raises(PatternError):
        parameters.select("a[", missing_ok=True)


def test_a_selection_is_a_mapping_of_its_own_kind(parameters: Parameters) -> None:
    chosen = parameters.select("encoder/**")
    assert type(chosen) is Parameters
    assert chosen.source == "model 'net'"
    assert chosen["decoder/dense/kernel"].address == ADDRESSES[0]
    assert "head/kernel" not in chosen
    assert "out/kernel" not in chosen
    assert list(chosen.select("**/bias")) == [ADDRESSES[1]]
    assert list(parameters.select("head/*").select("out/kernel")) == ["head/kernel"]
    assert "decoder/dense/kernel" not in parameters.select("head/*")


# ------------------------------------------------ the framework's own names


def test_native_names(parameters: Parameters) -> None:
    native = parameters.native
    assert native["dense_7/kernel:0"].address == "head/kernel"
    assert list(native.select("dense_7/kernel:0")) == ["dense_7/kernel:0"]
    assert list(native.select("dense_7/*")) == ["dense_7/kernel:0"]
    assert len(native) == len(parameters)
    with pytest.raises(UnknownAddress, match=r"in model 'net' \(native names\)"):
        native["nothing"]


def test_native_names_that_are_met_twice_are_counted(make: Any) -> None:
    entries = [make.parameter(f"layer_{index}", native_name="w") for index in range(3)]
    entries.append(make.parameter("layer_9", native_name="w#1"))
    native = make.parameters(*entries).native
    assert list(native) == ["w", "w#1", "w#2", "w#1#1"]
    assert [entry.address for entry in native.values()] == [entry.address for entry in entries]
