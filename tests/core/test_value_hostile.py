"""Objects that raise, lie, never end or are huge: they become plain data all the same."""

from __future__ import annotations

import collections.abc
import datetime
import enum
import pathlib
import threading
import types
from typing import Any

import numpy as np
import pytest
import wrapt

from parametry.core.value import is_array, is_function, to_plain

NAME = __name__


class Boom(Exception):
    """What no object should raise, and these do."""


def _raising(*names: str) -> dict[str, Any]:
    def raise_it(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise Boom

    return {name: property(raise_it) if name.isalpha() else raise_it for name in names}


EVERY_METHOD = [
    "__repr__",
    "__str__",
    "__getattr__",
    "__getattribute__",
    "__len__",
    "__iter__",
    "__getitem__",
    "__contains__",
    "__eq__",
    "__hash__",
    "__bool__",
    "__float__",
    "__int__",
    "__index__",
    "__complex__",
    "__format__",
    "__call__",
    "__array__",
    "__fspath__",
    "__reduce__",
    "__dir__",
    "__sizeof__",
    "__copy__",
    "__deepcopy__",
    "shape",
    "dtype",
    "name",
    "nbytes",
    "isoformat",
    "items",
    "keys",
    "values",
]


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_an_object_may_raise_from_anything(method: str) -> None:
    hostile = type("Hostile", (), _raising(method))
    assert to_plain(hostile()) == {"$object": f"{NAME}.Hostile"}


def test_an_object_may_raise_from_everything() -> None:
    hostile = type("Hostile", (), _raising(*EVERY_METHOD))
    plain = to_plain([hostile(), 1, {"key": hostile()}])
    assert plain == [{"$object": f"{NAME}.Hostile"}, 1, {"key": {"$object": f"{NAME}.Hostile"}}]
    assert not is_function(hostile())


@pytest.mark.parametrize(
    "base",
    [
        *(list, tuple, dict, set, frozenset, str, int, float, complex, bytes, bytearray),
        *(np.ndarray, np.float64, datetime.datetime),
    ],
)
def test_a_subclass_of_a_built_in_may_raise_from_everything(check_plain: Any, base: type) -> None:
    hostile = type("Hostile", (base,), _raising(*EVERY_METHOD))
    if base is np.ndarray:
        value = np.zeros(3).view(hostile)
    elif base is datetime.datetime:
        value = hostile(2020, 1, 1)
    else:
        value = hostile()
    plain = check_plain(to_plain([value, "after"]))
    assert plain[1] == "after"


def test_a_class_may_raise_when_asked_what_it_is() -> None:
    class Liar:
        @property
        def __class__(self) -> type:
            raise Boom

    assert to_plain(Liar()) == {"$object": f"{NAME}.{Liar.__qualname__}"}
    assert not is_function(Liar())


def test_a_metaclass_may_raise_from_everything() -> None:
    class Meta(type):
        def __getattr__(cls, name: str) -> Any:
            raise Boom

        def __instancecheck__(cls, thing: Any) -> bool:
            raise Boom

        def __subclasscheck__(cls, thing: Any) -> bool:
            raise Boom

        def __repr__(cls) -> str:
            raise Boom

    class Odd(metaclass=Meta): ...

    assert to_plain(Odd()) == {"$object": f"{NAME}.{Odd.__qualname__}"}
    assert to_plain(Odd) == f"{NAME}.{Odd.__qualname__}"
    assert not is_array(Odd())


def test_a_subclass_cannot_change_the_value(check_plain: Any) -> None:
    class Number(int):
        def __int__(self) -> int:
            return 99

        __index__ = __int__

    class Fraction(float):
        def __float__(self) -> float:
            return 99.0

    class Text(str):
        def __str__(self) -> str:
            return "99"

    plain = check_plain(to_plain([Number(3), Fraction(0.5), Text("a"), {Text("k"): Number(1)}]))
    assert plain == [3, 0.5, "a", {"k": 1}]


@pytest.mark.parametrize("answer", [3, None, object(), b"x", type("Text", (str,), {})("x")])
def test_a_method_that_answers_with_another_type_is_not_believed(
    check_plain: Any, answer: Any
) -> None:
    class Folder(pathlib.PurePosixPath):
        def __fspath__(self) -> Any:
            return answer

    class Moment(datetime.datetime):
        def isoformat(self, *args: Any) -> Any:
            return answer

    class Color(enum.Enum):
        RED = 1

        @property
        def name(self) -> Any:
            return answer

    module = types.ModuleType("m")
    module.__name__ = answer
    check_plain(to_plain([Folder("a"), Moment(2020, 1, 1), Color.RED, module]))


def test_a_container_that_never_ends_is_read_no_further_than_it_says(check_plain: Any) -> None:
    class Endless(list):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Any:
            while True:
                yield 1

    class EndlessDict(dict):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 2

        def items(self) -> Any:
            return ((number, number) for number in iter(int, 1))

    assert check_plain(to_plain(Endless())) == [1, 1, 1]
    assert len(check_plain(to_plain(EndlessDict()))) == 2


@pytest.mark.parametrize("length", [-1, 10**9, "3", None])
def test_a_container_may_lie_about_its_length(check_plain: Any, length: Any) -> None:
    class Odd(list):  # type: ignore[type-arg]
        def __len__(self) -> Any:
            return length

    check_plain(to_plain(Odd([1, 2])))


def test_nothing_else_is_iterated() -> None:
    class Stream(collections.abc.Mapping):  # type: ignore[type-arg]
        def __getitem__(self, key: Any) -> Any:
            raise AssertionError("was read")

        __iter__ = __len__ = __getitem__  # type: ignore[assignment]

    assert to_plain(Stream()) == {"$object": f"{NAME}.{Stream.__qualname__}"}
    steps = iter(range(3))
    to_plain(steps)
    assert next(steps) == 0


def test_proxies_of_containers_are_containers() -> None:
    assert to_plain(wrapt.ObjectProxy({"a": [1]})) == {"a": [1]}
    assert to_plain(wrapt.ObjectProxy([1, 2])) == [1, 2]
    assert to_plain(wrapt.ObjectProxy(3)) == 3
    assert to_plain(wrapt.ObjectProxy(0.5)) == 0.5


# ------------------------------------------------ depth, recursion, length


def test_containers_within_themselves(check_plain: Any) -> None:
    items: list[Any] = [1]
    items.append(items)
    table: dict[str, Any] = {"items": items}
    table["self"] = table
    assert check_plain(to_plain(items)) == [1, {"$object": "list", "recursive": True}]
    assert check_plain(to_plain(table))["self"] == {"$object": "dict", "recursive": True}
    around: list[Any] = []
    around.append(slice(around))
    check_plain(to_plain(around))


def test_what_is_met_twice_but_not_within_itself_is_told_twice() -> None:
    shared = [1]
    assert to_plain([shared, shared]) == [[1], [1]]


@pytest.mark.parametrize("depth", [31, 32, 33, 10_000])
@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: (x,), lambda x: {"a": x}, slice, lambda x: frozenset([x])]
)
def test_deep_nesting_ends(check_plain: Any, depth: int, wrap: Any) -> None:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    text = str(check_plain(to_plain(value)))
    assert ("deeper_than" in text) == (depth > 32)


def test_a_small_structure_that_unfolds_into_a_huge_one_is_cut(check_plain: Any) -> None:
    value: Any = [1] * 10
    for _ in range(30):  # 10 * 2**30 items if it were unfolded
        value = [value, value]
    plain = check_plain(to_plain(value))
    assert len(str(plain)) < 1_000_000
    assert "$long" in str(plain)


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (list(range(10_001)), {"$long": 10_001, "class": "list"}),
        (set(range(10_001)), {"$long": 10_001, "class": "set"}),
        (dict.fromkeys(range(10_001)), {"$long": 10_001, "class": "dict"}),
    ],
)
def test_long_containers_are_told_by_their_length(value: Any, tag: Any) -> None:
    assert to_plain(value) == tag
    assert to_plain([value, 1]) == [tag, 1]


def test_containers_up_to_the_limit_are_kept_whole() -> None:
    assert to_plain(list(range(10_000))) == list(range(10_000))


def test_long_text_keeps_its_start_and_a_hash(check_plain: Any) -> None:
    text = "ä" * 70_000
    plain = check_plain(to_plain(text))
    assert plain["$long"] == 70_000
    assert plain["start"] == "ä" * 256
    assert len(plain["sha256"]) == 64
    assert plain != to_plain(text + "x")
    assert to_plain("x" * 65_536) == "x" * 65_536
    assert "sha256" not in to_plain("x" * (1 << 21))  # nothing large is read for its hash


def test_a_container_may_change_while_it_is_read(check_plain: Any) -> None:
    grown: set[Any] = set()

    class Grower:
        @property
        def __class__(self) -> type:
            grown.add(len(grown))
            table[len(table)] = 1
            items.append(1)
            return object

    table: dict[Any, Any] = {0: Grower()}
    items: list[Any] = [Grower()]
    grown.add(Grower())
    for value in (grown, table, items):
        check_plain(to_plain(value))


def test_a_container_may_be_changed_by_another_thread(check_plain: Any) -> None:
    table: dict[Any, Any] = {}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            for number in range(50):
                table[number] = {number}
            table.clear()

    worker = threading.Thread(target=change)
    worker.start()
    try:
        for _ in range(300):
            check_plain(to_plain({"held": table}))
    finally:
        stop.set()
        worker.join()
