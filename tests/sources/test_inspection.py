"""What `inspect` takes besides live models: paths of files, and views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import parametry as pm


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.npz"
    np.savez(path, **{"dense/kernel": np.ones((3, 4), "float32")})
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_a_file(file: Path, kind: type) -> None:
    view = pm.inspect(kind(file))
    assert list(view.parameters) == ["dense/kernel"]
    assert view.parameters["dense/kernel"].numpy().tolist() == np.ones((3, 4)).tolist()


def test_a_view_is_given_back(file: Path) -> None:
    view = pm.inspect(file)
    assert pm.inspect(view) is view


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file [^\n]*none\.npz'\nhint: give"):
        pm.inspect(tmp_path / "none.npz")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "page.keras"
    path.write_text("<!DOCTYPE html><html></html>", encoding="utf-8")
    with pytest.raises(pm.FormatError, match="HTML"):
        pm.inspect(path)
