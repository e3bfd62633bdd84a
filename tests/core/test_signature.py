"""A call's arguments are bound to names as Python binds them, and signatures keep nothing alive."""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.ledger import Call, Ledger, ObjectReference
from parametry.core.place import Place
from parametry.core.signature import constructor_of, read_signature, signature_of

relaxed = settings(deadline=None, max_examples=200)
HERE = Place("x.py", 1)


def bind(function: Any, *args: Any, **kwargs: Any) -> Call | None:
    signature = signature_of(function)
    assert signature is not None
    return signature.bind(args, kwargs, Ledger(), HERE, False)


def plain(self: Any, units: int, activation: Any = None, *, seed: int = 3) -> None: ...
def many(self: Any, units: int, *rest: int, seed: int = 3, **others: Any) -> None: ...
def only(self: Any, a: int, /, b: int = 2, *, c: int) -> None: ...
def none(self: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "arguments", "explicit"),
    [
        (plain, (8,), {}, {"units": 8, "activation": None, "seed": 3}, {"units"}),
        (plain, (8, "relu"), {"seed": 1}, {"units": 8, "activation": "relu", "seed": 1},
         {"units", "activation", "seed"}),
        (plain, (), {"activation": None, "units": 8}, {"units": 8, "activation": None, "seed": 3},
         {"units", "activation"}),
        (many, (8, 1, 2), {"x": 5}, {"units": 8, "seed": 3, "rest": [1, 2], "x": 5},
         {"units", "rest", "x"}),
        (many, (8,), {}, {"units": 8, "seed": 3}, {"units"}),
        (only, (1,), {"c": 4}, {"a": 1, "b": 2, "c": 4}, {"a", "c"}),
        (none, (), {}, {}, set()),
    ],
)  # fmt: skip
def test_what_was_passed_and_what_was_left(
    function: Any, args: Any, kwargs: Any, arguments: Any, explicit: Any
) -> None:
    call = bind(function, *args, **kwargs)
    assert call is not None
    assert dict(call.arguments) == arguments
    assert list(call.arguments) == list(arguments)
    assert call.explicit == explicit
    assert (call.where, call.by_framework) == (HERE, False)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (plain, (), {}),
        (plain, (1, 2, 3), {}),
        (plain, (1,), {"units": 2}),
        (plain, (1,), {"unit": 2}),
        (only, (1,), {}),
        (none, (1,), {}),
        (none, (), {"a": 1}),
    ],
)
def test_a_call_that_python_would_refuse_is_none(function: Any, args: Any, kwargs: Any) -> None:
    with pytest.raises(TypeError):
        function(None, *args, **kwargs)
    assert bind(function, *args, **kwargs) is None


@relaxed
@given(
    st.sampled_from([plain, many, none]),
    st.lists(st.integers(), max_size=4),
    st.dictionaries(st.sampled_from(["units", "activation", "seed", "x"]), st.integers()),
)
def test_any_call_is_bound_as_python_binds_it(function: Any, args: Any, kwargs: Any) -> None:
    call = bind(function, *args, **kwargs)
    try:
        bound = inspect.signature(function).bind(None, *args, **kwargs)
    except TypeError:
        assert call is None
        return
    assert call is not None
    expected: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        expected |= value if name == "others" else {name: value}
    del expected["self"]
    assert {name: call.arguments[name] for name in call.explicit} == {
        name: list(value) if isinstance(value, tuple) else value for name, value in expected.items()
    }


def test_arguments_and_defaults_are_frozen() -> None:
    shared: list[int] = [1]

    def function(self: Any, a: Any, b: Any = shared) -> None: ...

    given_list = [2]
    call = bind(function, given_list)
    shared.append(9)
    given_list.append(9)
    assert call is not None
    assert call.arguments == {"a": [2], "b": [1]}


def test_objects_are_referred_to_with_what_the_ledger_knows() -> None:
    class Net: ...

    book, net = Ledger(), Net()
    record = book.record(net)
    signature = signature_of(plain)
    assert signature is not None
    call = signature.bind((net,), {}, book, None, True)
    assert call is not None
    found = call.arguments["units"]
    assert isinstance(found, ObjectReference)
    assert found.record is record
    assert call.origin("units") == "derived"


def test_plain_functions_have_no_self() -> None:
    signature = signature_of(plain, method=False)
    assert signature is not None
    assert signature.positional == ("self", "units", "activation")
    again = signature_of(plain)
    assert again is not None
    assert again.positional == ("units", "activation")


def odd(self: Any) -> None: ...


odd.__signature__ = object()  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", [3, odd, type("NoHash", (), {"__hash__": None})()])
def test_what_has_no_signature(function: Any) -> None:
    assert signature_of(function) is None
    with pytest.raises((TypeError, ValueError)):
        read_signature(function)


def test_a_signature_is_read_once_for_each_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(self: Any, a: int) -> None: ...
    def other(self: Any, b: int) -> None: ...

    assert signature_of(function) is signature_of(function)
    function.__code__ = other.__code__
    found = signature_of(function)
    assert found is not None
    assert found.positional == ("b",)


def test_neither_functions_nor_classes_are_kept_alive() -> None:
    class Base:
        def __init__(self, name: str = "x") -> None: ...

    class Net(Base):
        def __init__(self, units: int, default: Any = Base, **kwargs: Any) -> None:
            super().__init__(**kwargs)

    assert signature_of(Net.__init__) is not None
    assert constructor_of(Net) is not None
    alive = weakref.ref(Net)
    del Net
    gc.collect()
    assert alive() is None


# ------------------------------------------------ constructors


class Layer:
    def __init__(self, *, name: Any = None, dtype: str = "float32") -> None: ...


class Dense(Layer):
    def __init__(self, units: int, dtype: str = "bfloat16", **kwargs: Any) -> None: ...


class Odd(Dense): ...


class Closed(Dense):
    def __init__(self, rate: float = 0.5) -> None: ...


def test_a_constructors_arguments_include_those_it_passes_on() -> None:
    found = constructor_of(Dense)
    assert found is not None
    assert found.positional == ("units", "dtype")
    assert found.required == {"units"}
    assert found.defaults == {"dtype": "bfloat16", "name": None}
    assert constructor_of(Odd) == found


def test_a_constructor_that_passes_nothing_on() -> None:
    found = constructor_of(Closed)
    assert found is not None
    assert found.defaults == {"rate": 0.5}


def test_a_class_without_a_constructor() -> None:
    assert constructor_of(type("Empty", (), {})) is None
