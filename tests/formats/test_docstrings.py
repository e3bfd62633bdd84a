"""The examples in the docstrings of the readers and writers are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import parametry.formats

NAMES = [
    *(f"parametry.formats.{one.name}" for one in pkgutil.iter_modules(parametry.formats.__path__)),
    "parametry.conventions.variable_names",
]


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_true_and_all_that_is_offered_is_there(name: str) -> None:
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0
    assert [offered for offered in module.__all__ if not hasattr(module, offered)] == []
