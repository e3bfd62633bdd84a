"""A file is known by what is in it, and what is no model is told for what it is."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from parametry.core.manifest import Manifest
from parametry.errors import FormatError, FrameworkMissing, UnknownFormat
from parametry.formats import registry
from parametry.formats.hdf5 import add_manifest
from parametry.formats.registry import open_file

from .conftest import GOLDEN

KINDS = {
    "arrays.safetensors": "safetensors",
    "arrays.npz": "npz",
    "array.npy": "npy",
    "nested.keras": "keras",
    "nested.weights.h5": "hdf5",
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("called", ["model", "model.bin", "model.keras", "model.npz", "model.h5"])
def test_a_suffix_decides_nothing(name: str, called: str, tmp_path: Path) -> None:
    shutil.copy(GOLDEN / name, tmp_path / called)
    assert open_file(tmp_path / called).format == KINDS[name]


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz"):
        pass
    return file.getvalue()


NOT_MODELS = {
    "an empty file": b"",
    "zeros": bytes(5000),
    "an HTML page": b"\n<!DOCTYPE html><html><body>404</body></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "a zip archive": zipped("notes.txt"),
    "packed by gzip": tarred(),
    "a TensorFlow Lite model": b"\x1c\0\0\0TFL3" + bytes(60),
    "a pickle": pickle.dumps({"a": 1}, 4),
    "JSON text": b'{"units": 3}',
    "a PDF document": b"%PDF-1.7\n",
    "an XML document": b"<?xml version='1.0'?><a/>",
    "no kind of file that is known": b"some words\n",
}


@pytest.mark.parametrize("words", NOT_MODELS)
def test_what_is_no_model_is_told_for_what_it_is(words: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(NOT_MODELS[words])
    with pytest.raises(FormatError) as caught:
        open_file(path)
    assert str(path) in str(caught.value)
    if words == "zeros":
        assert "zeros" in str(caught.value)
    elif words != "a pickle":  # which a torch file of old is too
        assert isinstance(caught.value, UnknownFormat)
        assert words in str(caught.value)


def test_folders_and_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a folder"):
        open_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "none.keras")
    with pytest.raises(FormatError, match="no regular file"):
        open_file("/dev/null")


def test_a_format_of_a_third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_format.py").write_text(
        "from parametry.formats.npy import read\n"
        "def recognises(peek): return peek.start.startswith(b'THEIRS')\n"
        "def read(path): raise NotImplementedError('theirs')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("theirs", "their_format", "parametry.formats")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    (tmp_path / "model.bin").write_bytes(b"THEIRS and more")
    with pytest.raises(NotImplementedError, match="theirs"):
        open_file(tmp_path / "model.bin")
    assert registry.registered()["theirs"] == "their_format"


def test_a_missing_package_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path: Any = tmp_path / "nested.weights.h5"
    shutil.copy(GOLDEN / "nested.weights.h5", path)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    assert len(open_file(path).model.parameters) == 6  # reading needs none
    with pytest.raises(FrameworkMissing, match=r"h5py(.|\n)*parametry\[files\]"):
        add_manifest(path, Manifest())


def test_an_empty_manifest_in_each_place(tmp_path: Path) -> None:
    from parametry.formats import hdf5, keras_archive

    for name, module in (("nested.keras", keras_archive), ("nested.weights.h5", hdf5)):
        path = tmp_path / name
        shutil.copy(GOLDEN / name, path)
        module.add_manifest(path, Manifest(name="ours"))
        contents = open_file(path)
        contents.check()
        assert contents.manifest == Manifest(name="ours")
        assert contents.model.name == "ours"
        assert len(contents.model.parameters) == 6
    with pytest.raises(FormatError, match="already"):
        keras_archive.add_manifest(tmp_path / "nested.keras", Manifest())
