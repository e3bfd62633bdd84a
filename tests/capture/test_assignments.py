"""What a source file says of its names: where each got its value, and what kind of value it is."""

from __future__ import annotations

import linecache
import textwrap
from pathlib import Path
from typing import Any

import pytest

from parametry.capture.assignments import Binding, Scope, class_scopes_of, scopes_of
from parametry.core.value import UNSET


def read(source: str) -> dict[tuple[str, int], Scope]:
    """The scopes of a source that no file holds."""
    name = f"<source {abs(hash(source))}>"
    lines = textwrap.dedent(source).lstrip("\n").splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    scopes = scopes_of(name)
    assert scopes is not None
    return scopes


def module(source: str) -> Scope:
    return read(source)["<module>", 0]


def told(source: str, name: str) -> list[tuple[int, str, object]]:
    """Line, kind and constant of each binding of a name in a module."""
    return [(b.line, b.kind, b.value) for b in module(source).find(name)]


# ------------------------------------------------ assignments


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("lr = 0.1", "lr", [(1, "assigned", 0.1)]),
        ("lr: float = 0.1", "lr", [(1, "assigned", 0.1)]),
        ("lr: float", "lr", []),
        ("a = b = 3", "a", [(1, "assigned", 3)]),
        ("a = b = 3", "b", [(1, "assigned", 3)]),
        ("a, b = 1, 2", "b", [(1, "assigned", 2)]),
        ("(a, [b, c]) = 1, (2, 3)", "c", [(1, "assigned", 3)]),
        ("a, b = f()", "b", [(1, "assigned", UNSET)]),
        ("a, *b = 1, 2, 3", "b", [(1, "assigned", UNSET)]),
        ("a, b = *x, 1", "b", [(1, "assigned", UNSET)]),
        ("a, b = b, a", "a", [(1, "assigned", UNSET)]),
        ("a = -1", "a", [(1, "assigned", -1)]),
        ("a = [1, (2, {'x': None})]", "a", [(1, "assigned", [1, (2, {"x": None})])]),
        ("a = 2 ** 5", "a", [(1, "assigned", UNSET)]),
        ("a = 1\n\na = 2", "a", [(1, "assigned", 1), (3, "assigned", 2)]),
        ("a = 1\na *= 2", "a", [(1, "assigned", 1), (2, "assigned", UNSET)]),
        ("if (n := 10) > 5: pass", "n", [(1, "assigned", 10)]),
        ("a = (\n  1,\n  2,\n)", "a", [(1, "assigned", (1, 2))]),
        ("(\n  a,\n  b,\n) = (1,\n 2)", "b", [(3, "assigned", 2)]),
        ("if x:\n  a = 1\nelse:\n  a = 2", "a", [(2, "assigned", 1), (4, "assigned", 2)]),
        ("try:\n  a = 1\nfinally:\n  b = 2", "b", [(4, "assigned", 2)]),
        ("a.b = 1\na[0].c = 2", "a", []),
        ("c = {}\nc['a'] = 1", "c", [(1, "assigned", {}), (2, "assigned", UNSET)]),
        ("c = {}\nc[key] = 1", "c", [(1, "assigned", {})]),
        ("c = {}\nfor k in x:\n  c['a'] = 1", "c", [(1, "assigned", {})]),
        ("\N{LATIN SMALL LETTER LONG S} = 1", "s", [(1, "assigned", 1)]),
        ("größe = 1", "größe", [(1, "assigned", 1)]),
    ],
)
def test_assignments(source: str, name: str, expected: Any) -> None:
    assert told(source, name) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("[]", "{}", "list()", "dict()", "set()", "defaultdict(list)", "collections.deque()"),
        *("collections.defaultdict(lambda: 0)", "OrderedDict()", "Counter()"),
    ],
)
def test_containers_that_are_to_be_filled(value: str) -> None:
    for source in (f"a = {value}", f"a: Any = {value}", f"b, a = 1, {value}", f"b = a = {value}"):
        assert [binding.empty for binding in module(source).find("a")] == [True]


@pytest.mark.parametrize("value", ["[1]", "{1: 2}", "load()", "list(x)", "dict(a=1)", "()", "0"])
def test_values_that_are_there_from_the_start(value: str) -> None:
    assert [binding.empty for binding in module(f"a = {value}").find("a")] == [False]


# ------------------------------------------------ loops


@pytest.mark.parametrize(
    ("loop", "choices"),
    [
        ("for a in [1, 2]", True),
        ("for a in (1, 2)", True),
        ("for a in rates", True),
        ("for a in config.rates", True),
        ("for a in np.logspace(-4, -1, 4)", True),
        ("for a in sorted([1, 2])", True),
        ("for a in sorted(range(3))", False),
        ("for a, b in itertools.product([1], [2])", True),
        ("for b, a in grid.items()", True),
        ("for a in ParameterGrid({})", True),
        ("for a, b in zip([1], [2])", True),
        ("for b, a in zip(range(3), [2])", True),
        ("for a, b in zip(range(3), [2])", False),
        ("for a, b in enumerate([1])", False),
        ("for b, a in enumerate([1])", True),
        ("for b, (c, a) in enumerate(zip([1], loader()))", False),
        ("for b, a in enumerate(loader())", False),
        ("for a in range(3)", False),
        ("for a in itertools.count()", False),
        ("for a in tqdm(range(3))", False),
        ("for a in tqdm([1, 2])", True),
        ("for a in dataset.batch(3)", False),
        ("for a in make()()", False),
        ("async for a in stream()", False),
    ],
)
def test_loops_through_choices_and_others(loop: str, choices: bool) -> None:
    source = f"async def f():\n  {loop}:\n    pass"
    (binding,) = read(source)["f", 1].find("a")
    assert (binding.line, binding.kind, binding.literal) == (2, "looped", choices)


def test_which_loops_a_binding_lies_in() -> None:
    source = """
    a = 1
    for i in x:
        b = 2
        while True:
            c = 3
        def f():
            d = 4
    else:
        e = 5
    """
    scopes = read(source)
    loops = {name: found[0].loops for name, found in scopes["<module>", 0].bindings.items()}
    assert loops == {"a": (), "i": (), "b": ((2, 9),), "c": ((2, 9), (4, 5)), "e": ((2, 9),)}
    assert scopes["f", 6].bindings["d"][0].loops == ()


@pytest.mark.parametrize(
    "source",
    [
        "with open(x) as a: pass",
        "with f() as (b, a): pass",
        "try: pass\nexcept E as a: pass",
        "match x:\n  case a: pass",
        "match x:\n  case [1, *a]: pass",
        "match x:\n  case {'k': 1, **a}: pass",
        "match x:\n  case C(y=a): pass",
    ],
)
def test_names_of_what_the_program_met(source: str) -> None:
    (binding,) = module(source).find("a")
    assert (binding.kind, binding.literal) == ("looped", False)


# ------------------------------------------------ counters


@pytest.mark.parametrize(
    "source",
    [
        "n = 0\nfor i in x:\n  n += 1",
        "n = 0\nwhile True: n = n + 1",
        "n = 0.0\nfor i in x: n += loss",
        "n = 1\nfor i in x: n += 1",
        "n, m = 0, 0\nn += 1",
        "n = 0\ndef f():\n  global n\n  n += 1",
        "n = 0\nn = 0\nn -= 1",
        "n: int = 0\nn += 1",
    ],
)
def test_counters(source: str) -> None:
    assert module(source).counts("n")


@pytest.mark.parametrize(
    "source",
    [
        "n = 0",
        "n = 32\nn += 8",
        "n = 0.1\nfor i in x: n -= 0.01",
        "n = 0\nn *= 2",
        "n = f()\nn += 1",
        "n = 0\nn = 5\nn += 1",
        "n = 1.0\nfor i in x: n -= 0.1",
        "n = 0\nm = n + 1",
        "n = 0\nn = 1 * m",
        "m += 1",
        "n = [0]\nn += [1]",
    ],
)
def test_what_is_no_counter(source: str) -> None:
    assert not module(source).counts("n")


def test_a_counter_of_the_function_around() -> None:
    source = """
    def outer():
        n = 0
        m = 3
        def inner():
            nonlocal n
            n += 1
            return n, m
    """
    scopes = read(source)
    assert scopes["outer", 1].counts("n")
    assert scopes["inner", 4].counts("n")
    assert not scopes["inner", 4].counts("m")
    assert "n" not in scopes["inner", 4].bindings


# ------------------------------------------------ functions, classes, scopes


def test_arguments_with_their_defaults() -> None:
    source = "def f(a, b=1, /, c=LR, *rest, d, e=[2], **more): pass"
    bindings = read(source)["f", 1].bindings
    assert {name: found[0].value for name, found in bindings.items()} == {
        "a": UNSET,
        "b": 1,
        "c": UNSET,
        "d": UNSET,
        "e": [2],
        "rest": UNSET,
        "more": UNSET,
    }
    assert {found[0].kind for found in bindings.values()} == {"argument"}


def test_a_function_is_found_by_the_line_that_its_code_has() -> None:
    source = """
    import functools

    @functools.wraps(
        print
    )
    @other
    def decorated(a=1):
        b = 2

    class Net:
        def method(self): c = 3

        async def method(self): d = 4
    """
    scopes = read(source)
    code = compile(textwrap.dedent(source).lstrip("\n"), "x", "exec")
    lines = {
        constant.co_name: constant.co_firstlineno
        for constant in code.co_consts
        if hasattr(constant, "co_name")
    }
    assert scopes["decorated", lines["decorated"]].find("b")[0].line == 8
    assert scopes["method", 11].find("c")
    assert scopes["method", 13].find("d")
    assert scopes["method", 11].qualified == "Net.method"


def test_a_closure_sees_the_functions_around_but_no_class() -> None:
    source = """
    rate = 1
    def outer():
        rate = 2
        class Net:
            rate = 3
            def method(self):
                return rate
    """
    scopes = read(source)
    assert [b.value for b in scopes["method", 6].find("rate")] == [2]
    assert [b.value for b in scopes["Net", 4].find("rate")] == [3]
    assert [b.value for b in scopes["outer", 2].find("rate")] == [2]
    assert scopes["method", 6].find("nothing") == []


def test_global_names_belong_to_the_module() -> None:
    source = """
    def main():
        global rate
        rate = 0.1
    """
    scopes = read(source)
    assert [(b.line, b.value) for b in scopes["<module>", 0].find("rate")] == [(3, 0.1)]
    assert "rate" not in scopes["main", 1].bindings


def test_names_of_lambdas_and_comprehensions_are_nobodys() -> None:
    scope = module("f = lambda a: (b := a)\ng = [c for c in x]\nh = {d: 1 for d in x}")
    assert list(scope.bindings) == ["f", "g", "h"]


def test_what_methods_assign_to_self() -> None:
    source = """
    class Trainer:
        limit = 3

        def __init__(me, rate):
            me.rate = rate
            me.steps: int = 5
            me.a, me.b = 1, 2
            me.limit = 4
            rate.other = 1
            def inner(me):
                me.inner = 1

        @staticmethod
        def make(x): x.y = 1

    def function(self): self.z = 1
    """
    attributes = read(source)["Trainer", 1].attributes
    assert {name: [(b.line, b.value) for b in found] for name, found in attributes.items()} == {
        "rate": [(5, UNSET)],
        "steps": [(6, 5)],
        "a": [(7, 1)],
        "b": [(7, 2)],
        "limit": [(8, 4)],
    }


def test_classes_by_qualified_name(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("class A:\n  class B: x = 1\ndef f():\n  class B: x = 2\nclass B: x = 3\n")
    found = {
        name: [scope.line for scope in class_scopes_of(str(file), name)]
        for name in ("A", "A.B", "f.<locals>.B", "B", "f", "C")
    }
    assert found == {"A": [1], "A.B": [2], "f.<locals>.B": [4], "B": [5], "f": [], "C": []}
    assert class_scopes_of(str(tmp_path / "none.py"), "A") == []


# ------------------------------------------------ imports


def test_imports() -> None:
    source = "import a.b, c as d\nfrom e import f, g as h\nfrom ..i import j\nfrom . import k"
    bindings = module(source).bindings
    assert {name: (found[0].line, found[0].origin) for name, found in bindings.items()} == {
        "a": (1, None),
        "d": (1, None),
        "f": (2, ("e", "f")),
        "h": (2, ("e", "g")),
        "j": (3, ("..i", "j")),
        "k": (4, (".", "k")),
    }


def test_a_star_import_may_give_any_name_that_is_bound_nowhere() -> None:
    scope = module("from config import *\nrate = 1")
    assert scope.find("steps") == [Binding(1, "imported", origin=("config", "steps"))]
    assert [b.kind for b in scope.find("rate")] == ["assigned"]
