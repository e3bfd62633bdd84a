"""Files that once hung, swelled or broke a reader; ``regressions/README.md`` tells how each did."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Reader

FOLDER = Path(__file__).with_name("regressions")
NOTES = FOLDER / "README.md"
FILES = sorted(path.name for path in FOLDER.iterdir() if path != NOTES)


@pytest.mark.parametrize("name", FILES)
def test_what_was_found_once(name: str, reading: Reader, tmp_path: Path) -> None:
    path = Path(shutil.copy(FOLDER / name, tmp_path))
    reading(path, tmp_path).must_be_safe()


def test_each_has_a_note() -> None:
    notes = NOTES.read_text(encoding="utf-8")
    assert all(f"`{name}`" in notes for name in FILES)
