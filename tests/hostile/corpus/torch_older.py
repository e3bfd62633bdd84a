"""Hostile torch files of the older kinds: streams of pickles, and tar archives."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

from parametry.formats.torch_file import MAGIC

from .case import Content, files
from .torch_pickle import P2, STORAGE

__all__ = ["CASES"]

GOLDEN = Path(__file__).parents[2] / "formats" / "golden" / "torch"


def legacy(*pickles: bytes, tail: bytes = b"") -> bytes:
    magic = (pickle.dumps(MAGIC, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2))
    return b"".join((*magic, *pickles)) + tail


STORED = P2 + b"(" + STORAGE + b"K\x02NtQ."
STREAMS: dict[str, Content] = {
    "the magic number alone": legacy()[:14],
    "another version": pickle.dumps(MAGIC, 2) + pickle.dumps(7, 2),
    "no object": legacy(),
    "no keys": legacy(STORED),
    "keys that are no list": legacy(STORED, pickle.dumps(3, 2)),
    "a key of no storage": legacy(STORED, pickle.dumps(["9"], 2), tail=bytes(16)),
    "a key twice": legacy(STORED, pickle.dumps(["0", "0"], 2), tail=b"\2" + bytes(31)),
    "a storage that is missing": legacy(STORED, pickle.dumps([], 2)),
    "another count": legacy(STORED, pickle.dumps(["0"], 2), tail=b"\3" + bytes(31)),
    "a count of 2**64 - 1": legacy(STORED, pickle.dumps(["0"], 2), tail=b"\xff" * 16),
    "bytes that are cut short": legacy(STORED, pickle.dumps(["0"], 2), tail=b"\2" + bytes(14)),
    "a view past its storage": legacy(
        P2 + b"(" + STORAGE + b"K\x02X\x01\0\0\0vK\x01K\x02\x87tQ.",
        pickle.dumps(["0"], 2),
        tail=b"\2" + bytes(15),
    ),
}


def tar(**changes: Any) -> bytes:
    """The golden tar file with an entry changed."""
    out = io.BytesIO()
    with tarfile.open(GOLDEN / "tar.pt") as old, tarfile.open(fileobj=out, mode="w:") as new:
        for entry in old.getmembers():
            content = old.extractfile(entry)
            assert content is not None
            fresh = tarfile.TarInfo(entry.name)
            raw = content.read()
            if entry.name == changes.get("of"):
                raw = changes.get("content", raw)
                for name, value in changes.items():
                    if name not in ("of", "content"):
                        setattr(fresh, name, value)
            fresh.size = len(raw) if fresh.type == tarfile.REGTYPE else 0
            new.addfile(fresh, io.BytesIO(raw))
    return out.getvalue()


TARS: dict[str, Content] = {
    "a symbolic link": tar(of="pickle", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": tar(of="pickle", type=tarfile.LNKTYPE, linkname="../secret"),
    "a device": tar(of="pickle", type=tarfile.CHRTYPE),
    "a folder": tar(of="pickle", type=tarfile.DIRTYPE),
    "an absolute name": tar(of="pickle", name="/etc/passwd"),
    "a name that leaves": tar(of="pickle", name="../pickle"),
    "a name twice": tar(of="pickle", name="tensors"),
    "a name in a header before": tar(of="pickle", pax_headers={"path": "x"}),
    "a member that is missing": tar(of="pickle", name="sys_info"),
    "a count of storages of 2**40": tar(of="storages", content=pickle.dumps(2**40, 2)),
    "tensors cut short": tar(of="tensors", content=pickle.dumps(3, 2)),
    "a pickle that calls": tar(of="pickle", content=P2 + b"cos\nsystem\nX\1\0\0\0a\x85R."),
    "a damaged header": tar()[:100] + b"x" + tar()[101:],
    "a header that is cut short": tar()[:700],
}

CASES = [
    *files("torch's stream", ".pt", STREAMS),
    *files("torch's tar", ".pt", TARS),
]
