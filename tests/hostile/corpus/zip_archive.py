"""Hostile zip archives, as .npz files."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

from parametry.core.manifest import MEMBER

from .case import Content, files
from .npy import described, npy
from .packing import CENTRAL, patched, zipped

__all__ = ["CASES", "ONE"]


ONE = npy(described(), bytes(4))


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", ONE)
        with warnings.catch_warnings(action="ignore"):
            archive.writestr("a.npy", ONE)
    return file.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory with one member's bytes."""
    content = zipped({"a.npy": ONE, "b.npy": ONE})
    second = content.rindex(b"PK\x01\x02")
    first = content.index(b"PK\x01\x02")
    return content[: second + 42] + content[first + 42 : first + 46] + content[second + 46 :]


def directory(entries: int) -> bytes:
    """An archive whose directory has so many entries, all of one member."""
    content = zipped({"a.npy": ONE})
    start = content.index(CENTRAL)
    end = content.index(b"PK\x05\x06")
    entry = content[start:end] * entries
    at = start + len(entry)
    large = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(entry), start
    )
    found = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:start] + entry + large + found + last


def sized(size: int) -> bytes:
    """An archive of the large kind, whose directory is said to have so many bytes."""
    return patched(directory(1), b"PK\6\6", 40, struct.pack("<Q", size))


def within_itself() -> bytes:
    """A member that is said to hold the archive's own directory."""
    content = zipped({"a.npy": ONE})
    return patched(content, CENTRAL, 20, struct.pack("<2L", len(content) - 35, len(content) - 35))


REFUSED: dict[str, Content] = {
    "a member twice": twice,
    "members that overlap": overlapping,
    "an encrypted member": lambda: patched(zipped({"a.npy": ONE}), CENTRAL, 8, b"\1"),
    "a member packed by bzip2": lambda: zipped({"a.npy": ONE}, zipfile.ZIP_BZIP2),
    "a member packed by LZMA": lambda: zipped({"a.npy": ONE}, zipfile.ZIP_LZMA),
    "a size beyond what deflate can": lambda: patched(
        zipped({"a.npy": ONE}, zipfile.ZIP_DEFLATED), CENTRAL, 24, b"\xff\xff\xff\x7f"
    ),
    "stored, and said to be longer": lambda: patched(
        zipped({"a.npy": ONE}), CENTRAL, 24, b"\xff\xff\xff\x7f"
    ),
    "bytes beyond the end": lambda: patched(
        patched(zipped({"a.npy": ONE}), CENTRAL, 20, b"\xff\xff\0\0"), CENTRAL, 24, b"\xff\xff\0\0"
    ),
    "a header beyond the end": lambda: patched(zipped({"a.npy": ONE}), CENTRAL, 42, b"\xff\xff\0"),
    "another checksum": lambda: patched(zipped({"a.npy": ONE}), CENTRAL, 16, b"\1\2\3\4"),
    "another name in its header": lambda: zipped({"a.npy": ONE}).replace(b"a.npy", b"b.npy", 1),
    "a bomb": lambda: zipped(
        {"a.npy": npy(described(shape="(4,)"), bytes(50_000_000))}, zipfile.ZIP_DEFLATED
    ),
    "a manifest that is no JSON": lambda: zipped({"a.npy": ONE, MEMBER: b"{"}),
    "a directory of 400,000 entries": lambda: directory(400_000),
    "a directory of 2^64 - 1 bytes": lambda: sized((1 << 64) - 1),
    "a directory of 2^62 bytes": lambda: sized(1 << 62),
    "a member that holds the directory": within_itself,
    "a directory that is cut off": lambda: zipped({"a.npy": ONE})[:-22],
    "a deep manifest": lambda: zipped({"a.npy": ONE, MEMBER: b'{"a":' * 100_000}),
    "a manifest of tomorrow": lambda: zipped({"a.npy": ONE, MEMBER: b'{"version": 2}'}),
}

NAMES = ("../../a", "/etc/passwd", "..\\a", "C:\\a", "a\\b", "a:b", "", ".", "..", "a//b", "/")
READ: dict[str, Content] = {
    f"a member called {name!r}": zipped({f"{name}.npy": ONE}) for name in NAMES
}

CASES = [
    *files("zip", ".npz", REFUSED),
    *files("zip", ".npz", READ, refused=False),
]
