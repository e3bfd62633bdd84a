"""The public names: complete, lazy, and the same to type checkers as to ``import *``."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import parametry
from parametry import errors

SOURCE = Path(parametry.__file__).read_text(encoding="utf-8")


def imported_for_type_checkers() -> dict[str, str]:
    """Name to module, as the file tells type checkers."""
    found: dict[str, str] = {}
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                found |= {alias.name: str(statement.module) for alias in statement.names}
    return found


def test_type_checkers_see_what_the_program_sees() -> None:
    assert imported_for_type_checkers() == parametry._HOME_OF
    assert set(parametry.__all__) == {*parametry._HOME_OF, "__version__"}


def test_no_name_has_two_homes() -> None:
    names = [name for names in parametry._HOMES.values() for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(parametry._HOME_OF))
def test_a_name_is_where_its_home_is(name: str) -> None:
    home, value = parametry._HOME_OF[name], getattr(parametry, name)
    assert getattr(sys.modules[home], name) is value
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__module__ == home


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(parametry.__all__)


def test_a_star_import_gives_them_all() -> None:
    space: dict[str, object] = {}
    exec("from parametry import *", space)
    assert set(parametry.__all__) <= space.keys()


def test_a_name_is_looked_up_once() -> None:
    first = parametry.escape
    assert vars(parametry)["escape"] is first
    assert parametry.escape is first


def test_dir_is_what_is_public() -> None:
    assert dir(parametry) == sorted(parametry.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'parametry' has no attribute 'Paramater'"):
        parametry.Paramater  # noqa: B018
    assert not hasattr(parametry, "_private")


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(parametry.__file__).parent / "py.typed").exists()


def test_import_parametry_turns_nothing_on() -> None:
    program = (
        "import parametry, sys, threading, logging, signal, atexit\n"
        "from parametry.core.watch import watch\n"
        "from parametry.core.ledger import ledger\n"
        "assert not watch.on and len(ledger) == 0\n"
        "assert threading.active_count() == 1\n"
        "assert logging.getLogger('parametry').handlers == []\n"
        "assert not any('parametry' in repr(finder) for finder in sys.meta_path)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
