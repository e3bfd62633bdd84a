"""The examples in the docstrings of this room."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import parametry.show

MODULES = [module.name for module in pkgutil.iter_modules(parametry.show.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"parametry.show.{name}")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(f"parametry.show.{name}") for name in MODULES]
    assert sum(len(test.examples) for m in modules for test in finder.find(m)) > 10
