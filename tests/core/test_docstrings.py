"""The examples in the docstrings are true, and each file says in `__all__` what is for others."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import parametry.core

NAMES = [
    *(f"parametry.core.{found.name}" for found in pkgutil.iter_modules(parametry.core.__path__)),
    *("parametry.conventions.names", "parametry.conventions.arguments", "parametry.errors"),
    *("parametry.core.secrets", "parametry.capture.assignments"),
]


@pytest.fixture(params=NAMES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_examples(module: ModuleType) -> None:
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_there_are_examples_to_test() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, NAMES)
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 30


def test_all_that_is_offered_is_there(module: ModuleType) -> None:
    offered = module.__all__
    assert len(set(offered)) == len(offered)
    assert [name for name in offered if not hasattr(module, name)] == []


def test_what_is_offered_has_a_docstring(module: ModuleType) -> None:
    things = {name: getattr(module, name) for name in module.__all__}
    bare = [
        name
        for name, thing in things.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and not (thing.__doc__ or "").strip()
    ]
    assert bare == []
