"""Files that are cut short, renamed, packed anew or changed while they are read.

Files that mean harm have tests of their own: ``tests/hostile``.
"""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from parametry.errors import FormatError

from ..hostile.corpus.hdf5 import hdf5
from ..hostile.corpus.keras_archive import NONE, keras_archive
from ..hostile.corpus.npy import Bomb
from ..hostile.corpus.packing import zipped
from ..hostile.corpus.safetensors import entry, safetensors
from ..hostile.corpus.zip_archive import ONE
from .conftest import GOLDEN, exhausted

Refused = Callable[..., FormatError]
SEEDS = [
    "arrays.safetensors",
    "arrays.npz",
    "packed.npz",
    "array.npy",
    "nested.keras",
    "nested.weights.h5",
]


def suffix_of(name: str) -> str:
    return name[name.index(".") :]


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_cut_short_anywhere(name: str, tmp_path: Path) -> None:
    content = (GOLDEN / name).read_bytes()
    path = tmp_path / f"cut{suffix_of(name)}"
    step = max(1, len(content) // 300)
    for length in [*range(min(100, len(content))), *range(100, len(content), step)]:
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            exhausted(path)


def test_each_byte_of_a_small_header(tmp_path: Path) -> None:
    path = tmp_path / "header.safetensors"
    whole = (GOLDEN / "arrays.safetensors").read_bytes()
    refused = 0
    for at in range(0, len(whole), 5):
        for value in (0, 0x22, 0x5B, 0x7B, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                exhausted(path)
            except FormatError:
                refused += 1
    assert refused > len(whole) // 2


def test_names_that_differ_by_what_parts_them(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(safetensors({"a.b": entry(0, 4), "a/b": entry(4, 8)}, bytes(8)))
    assert list(exhausted(path).model.parameters) == ["a/b", "a%2Fb"]


def test_a_file_that_hung_the_hdf5_library(refused: Refused) -> None:
    # One byte in the size of a heap's object, and h5py 3.14 with HDF5 1.14.6 never comes back.
    content = bytearray((GOLDEN / "nested.weights.h5").read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 + 8] = 127
    refused(bytes(content), ".weights.h5")


# ---------------------------------------------------------------- names, calls, packing


@pytest.mark.parametrize(
    "name", ["../../a", "/etc/passwd", "a\\b", "a:b", "\x1b[31mred", "a\u202eb"]
)
def test_a_name_of_a_member_is_but_a_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "names.npz"
    path.write_bytes(zipped({f"{name}.npy": ONE}))
    found = exhausted(path).model.parameters
    assert len(found) == 1
    assert next(iter(found)).isprintable()


def test_a_pickle_is_not_run(refused: Refused) -> None:
    assert "a pickle" in str(refused(pickle.dumps(Bomb()), ".npz"))


def test_a_layout_that_is_yet_to_come_is_refused(refused: Refused) -> None:
    content = bytearray(hdf5(lambda root: root.__setitem__("vars/0", np.zeros(3)), libver="latest"))
    content[8] = 4
    assert "superblock" in str(refused(bytes(content), ".weights.h5"))


def test_an_archive_that_was_packed_anew_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDEN / "nested.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "packed.keras"
    path.write_bytes(zipped(members, zipfile.ZIP_DEFLATED))
    packed, plain = exhausted(path), exhausted(GOLDEN / "nested.keras")
    assert packed.model.parameters == plain.model.parameters


def test_a_configuration_names_classes_and_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')\n")
    config = json.dumps(
        {"module": "evil_module", "class_name": "Evil", "config": {"layers": [{"class_name": "x"}]}}
    )
    path = tmp_path / "evil.keras"
    path.write_bytes(keras_archive(NONE, config.encode()))
    assert exhausted(path).model.class_name == "Evil"
    assert "evil_module" not in sys.modules


# ---------------------------------------------------------------- the file changes meanwhile


def test_a_file_that_is_changed_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes((GOLDEN / "arrays.safetensors").read_bytes())
    contents = exhausted(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FormatError, match="changed since"):
        contents.model.parameters["half"].numpy()
    path.unlink()
    with pytest.raises(FormatError, match="no longer be opened"):
        contents.check()
