"""The error tree is as its docstring draws it, and each error is what Python users expect."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from parametry import errors
from parametry.errors import ParametryError

CLASSES = [getattr(errors, name) for name in errors.__all__]


def drawn() -> dict[str, tuple[str, str | None]]:
    """The tree in the module's docstring: each class's parent, and the built-in it stands for."""
    above: list[str] = ["ParametryError"]
    out: dict[str, tuple[str, str | None]] = {}
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        match = re.match(r"\s*((?:[│ ]   )*)[├└]── (\w+)\s*(?:\((\w+)\))?", line)
        if match:
            depth = len(match[1]) // 4 + 1
            above[depth:] = [match[2]]
            out[match[2]] = above[depth - 1], match[3]
    return out


def test_the_tree_is_as_it_is_drawn() -> None:
    tree = drawn()
    assert set(tree) == {cls.__name__ for cls in CLASSES} - {"ParametryError"}
    for name, (parent, builtin) in tree.items():
        bases = [base.__name__ for base in getattr(errors, name).__bases__]
        assert bases == ([parent] if builtin is None else [parent, builtin])


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_what_and_what_to_do(cls: Any) -> None:
    error = cls("dense/kernel is wrong", hint="do\nthis")
    assert isinstance(error, ParametryError)
    assert error.message == "dense/kernel is wrong"
    assert error.hint == "do\nthis"
    assert str(error) == "dense/kernel is wrong\nhint: do\nthis"
    assert str(cls("alone")) == "alone"
    assert cls("alone").hint is None


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_error_survives_being_handed_to_another_process(cls: Any, again: Any) -> None:
    error = again(cls("what", hint="do this"))
    assert type(error) is cls
    assert (str(error), error.message, error.hint) == ("what\nhint: do this", "what", "do this")


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_documented(cls: Any) -> None:
    assert cls.__doc__
    assert cls.__doc__ != ParametryError.__doc__ or cls is ParametryError


def test_a_hint_cannot_be_passed_by_position() -> None:
    with pytest.raises(TypeError):
        ParametryError("what", "hint")  # type: ignore[misc]
