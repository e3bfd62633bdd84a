"""The objects in which programs keep their settings are read, and only what they store."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import types
from collections import namedtuple
from typing import Any, ClassVar, NamedTuple

import attrs
import pytest
from omegaconf import OmegaConf

from parametry.core.fields import fields_of, function_fields


@dataclasses.dataclass
class Settings:
    rate: float
    layers: list[int] = dataclasses.field(default_factory=lambda: [1, 2])
    kind: ClassVar[str] = "class"
    start: dataclasses.InitVar[int] = 3
    late: int = dataclasses.field(init=False)

    @property
    def never(self) -> Any:
        raise AssertionError("a property was called")


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    rate: float = 0.5


@dataclasses.dataclass
class Derived(Settings):
    more: str = "x"


@attrs.define
class Attrs:
    rate: float = 0.5
    _hidden: int = 3


@attrs.define(slots=False)
class AttrsWithDict:
    rate: float = 0.5


class LikePydantic:
    """Keeps its values where pydantic's models do; pydantic itself need not be installed."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_private__")
    __pydantic_fields__: ClassVar[dict[str, Any]] = {"rate": None, "unset": None}

    def __init__(self, **extra: Any) -> None:
        self.__dict__["rate"] = 0.5
        self.__pydantic_extra__ = extra or None
        self.__pydantic_private__ = {"_private": 3}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def of_pydantic() -> list[tuple[Any, dict[str, Any]]]:
    """Models of pydantic itself, where it is installed."""
    try:
        import pydantic
    except ImportError:
        return []

    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        rate: float = 0.5
        _private: int = 3

        @pydantic.computed_field  # type: ignore[prop-decorator]
        @property
        def never(self) -> int:
            raise AssertionError("a property was called")

    class Strict(pydantic.BaseModel):
        rate: float = 0.5

    data = pydantic.dataclasses.dataclass(type("Data", (), {"__annotations__": {"rate": float}}))
    rates = {"rate": 0.5}
    return [(Open(extra=1), {**rates, "extra": 1}), (Strict(), rates), (data(0.5), rates)]


class Typed(NamedTuple):
    rate: float
    steps: int = 3


Plain = namedtuple("Plain", "a b")


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        (Settings(0.1), {"rate": 0.1, "layers": [1, 2]}),
        (Derived(0.1), {"rate": 0.1, "layers": [1, 2], "more": "x"}),
        (Slotted(), {"rate": 0.5}),
        (Attrs(), {"rate": 0.5, "_hidden": 3}),
        (AttrsWithDict(), {"rate": 0.5}),
        (LikePydantic(), {"rate": 0.5}),
        (LikePydantic(extra=1), {"rate": 0.5, "extra": 1}),
        *of_pydantic(),
        (Typed(0.1), {"rate": 0.1, "steps": 3}),
        (Plain(1, 2), {"a": 1, "b": 2}),
        (argparse.Namespace(rate=0.1, b=None), {"rate": 0.1, "b": None}),
        (types.SimpleNamespace(rate=0.1), {"rate": 0.1}),
        (types.SimpleNamespace(), {}),
        (OmegaConf.create({"a": {"b": [1, "2"]}, "c": None}), {"a": {"b": [1, "2"]}, "c": None}),
        (OmegaConf.create([3, 4]), {"0": 3, "1": 4}),
        (OmegaConf.structured(Slotted), {"rate": 0.5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_fields_of_an_object(value: Any, fields: dict[str, Any]) -> None:
    found = fields_of(value)
    assert found == fields
    assert list(found) == list(fields)


@pytest.mark.parametrize(
    "value",
    [
        3,
        "a",
        None,
        (1, 2),
        [1],
        {"a": 1},
        object(),
        Settings,
        Attrs,
        LikePydantic,
        Typed,
        len,
        types,
    ],
)
def test_other_things_have_none(value: Any) -> None:
    assert fields_of(value) is None


def test_fields_that_are_gone_or_not_set_yet_are_left_out() -> None:
    settings = Settings(0.1)
    del settings.rate
    assert fields_of(settings) == {"layers": [1, 2]}
    settings.late = 5
    settings.unknown = 6  # type: ignore[attr-defined]
    assert fields_of(settings) == {"layers": [1, 2], "late": 5}
    empty = object.__new__(Slotted)
    assert fields_of(empty) == {}


def test_what_is_given_back_is_not_the_objects_own() -> None:
    namespace = types.SimpleNamespace(a=1)
    found = fields_of(namespace)
    assert found is not None
    found["b"] = 2
    assert not hasattr(namespace, "b")


def test_no_more_than_two_hundred_fields() -> None:
    many = types.SimpleNamespace(**{f"name_{index}": index for index in range(1_000)})
    found = fields_of(many)
    assert found == {f"name_{index}": index for index in range(200)}


# ------------------------------------------------ OmegaConf


def test_references_within_a_configuration_are_followed() -> None:
    config = OmegaConf.create({"base": 0.5, "opt": {"rate": "${base}", "text": "at ${opt.rate}"}})
    assert fields_of(config) == {"base": 0.5, "opt": {"rate": 0.5, "text": "at 0.5"}}


def test_a_resolver_is_never_called() -> None:
    called: list[str] = []
    OmegaConf.register_new_resolver("parametry_test", called.append, replace=True)
    try:
        config = OmegaConf.create({"a": "${parametry_test:x}", "b": "${oc.env:HOME}", "c": "${d}",
                                   "d": "1:2"})  # fmt: skip
        assert fields_of(config) == {
            "a": "${parametry_test:x}",
            "b": "${oc.env:HOME}",
            "c": "${d}",
            "d": "1:2",
        }
    finally:
        OmegaConf.clear_resolver("parametry_test")
    assert called == []


def test_what_cannot_be_followed_stays_as_written() -> None:
    config = OmegaConf.create({"a": "${nowhere}", "b": "???"})
    assert fields_of(config) == {"a": "${nowhere}", "b": "???"}


# ------------------------------------------------ functions


def make_closure(rate: float, plan: Any, module: Any = types) -> Any:
    def inner(epoch: int, lr: float = 0.5, *, warmup: int = 3) -> Any:
        return rate, plan, module, epoch, lr, warmup

    return inner


def test_closure_values_and_defaults() -> None:
    found = function_fields(make_closure(0.1, {"a": (1, 2)}))
    assert found == {"lr": 0.5, "warmup": 3, "rate": 0.1, "plan": {"a": [1, 2]}}


def test_what_a_closure_holds_is_not_opened_but_told() -> None:
    assert function_fields(make_closure(0.1, object()))["plan"] == {"$object": "object"}
    assert function_fields(make_closure(0.1, len))["plan"] == "len"


def test_a_closure_variable_that_is_not_set_yet_is_left_out() -> None:
    def make() -> Any:
        def inner() -> Any:
            return later

        if make.__name__ == "never":
            later = 1
        return inner

    assert function_fields(make()) == {}


def test_the_object_around_a_method_is_left_out() -> None:
    class Owner:
        def make(self, rate: float) -> Any:
            return lambda epoch: (self, rate, epoch)

    assert function_fields(Owner().make(0.1)) == {"rate": 0.1}


def test_partial_arguments_come_after_what_they_override() -> None:
    found = function_fields(functools.partial(make_closure(0.1, None), 7, lr=0.25))
    assert found == {"lr": 0.25, "warmup": 3, "rate": 0.1, "plan": None, "argument_0": 7}


def test_wrappers_are_looked_through() -> None:
    cached = functools.lru_cache(make_closure(0.1, None))
    assert function_fields(cached)["rate"] == 0.1


def test_a_wrapper_of_itself_ends() -> None:
    class Odd:
        def __call__(self) -> None: ...

    odd = Odd()
    odd.__wrapped__ = odd  # type: ignore[attr-defined]
    assert function_fields(odd) == {}


@pytest.mark.parametrize("function", [len, str.upper, lambda: 0, lambda a, b: a, int])
def test_functions_that_were_given_nothing(function: Any) -> None:
    assert function_fields(function) == {}
