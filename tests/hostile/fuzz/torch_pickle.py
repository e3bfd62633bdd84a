"""Fuzzes the pickle machine: pickles, in archives whose checksums are right."""

from __future__ import annotations

import io
import zipfile

from .harness import GOLDEN, fuzz, reads, torch_zip

ARRAYS = {f"model/data/{key}": bytes(256) for key in range(4)}


def archive(pickled: bytes) -> bytes:
    """A torch zip file around a pickle, with a few storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name, raw in {"model/data.pkl": pickled, **ARRAYS}.items():
            out.writestr(name, raw)
    return file.getvalue()


def pickles() -> list[bytes]:
    """Those of the golden files."""
    found = []
    for path in sorted((GOLDEN / "torch").glob("*")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as opened:
                found += [opened.read(name) for name in opened.namelist() if name.endswith(".pkl")]
    return found


if __name__ == "__main__":
    read = reads(torch_zip.read_zip, ".pt")
    fuzz(lambda raw: read(archive(raw)), pickles())
