"""Source files that are broken, missing, odd or real: reading their scopes never fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.capture.assignments import scopes_of


@pytest.mark.parametrize("source", ["a = (", "  a = 1", "a = 1\0", "def f(:", "a" * 10 + " ="])
def test_a_source_that_is_not_python_has_no_scopes(tmp_path: Path, source: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)
    assert scopes_of(str(file)) is None


def test_no_source_no_scopes(tmp_path: Path) -> None:
    assert scopes_of(str(tmp_path / "none.py")) is None
    assert scopes_of("<string>") is None
    assert scopes_of("") is None
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00a = 1")
    assert scopes_of(str(tmp_path / "binary.py")) is None


def test_a_source_nested_too_deep_has_no_scopes(tmp_path: Path) -> None:
    file = tmp_path / "deep.py"
    file.write_text("a = " + "-" * 100_000 + "1")
    scopes = scopes_of(str(file))
    assert scopes is None or scopes["<module>", 0].find("a")


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("a = 1\n")
    assert scopes_of(str(file)) is scopes_of(str(file))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(Path(__file__).parents[2].glob("src/parametry/**/*.py"))))
def test_real_files_are_read_without_fail(file: Path) -> None:
    scopes = scopes_of(str(file))
    assert scopes is not None
    for (name, line), scope in scopes.items():
        assert (scope.name, scope.line) == (name, line)
        for bindings in scope.bindings.values():
            assert all(binding.line >= 1 for binding in bindings)
