"""Every hostile file ends soon and small, in values or a FormatError, and touches nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Reader
from .corpus import CORPUS


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_file(name: str, reading: Reader, tmp_path: Path) -> None:
    case = CORPUS[name]
    home = tmp_path / "given"
    home.mkdir()
    path = case.make(home)
    ending = reading(path, home)
    ending.must_be_safe()
    assert bool(ending.refusals) == case.is_refused, ending.refusals
    assert all(str(home) in refusal for refusal in ending.refusals)


def test_there_are_enough_of_every_format() -> None:
    kinds = {name.partition(":")[0] for name in CORPUS}
    assert len(CORPUS) >= 80
    assert all(sum(name.startswith(kind + ":") for name in CORPUS) >= 4 for kind in kinds)
