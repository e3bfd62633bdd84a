"""Torch's files, of whichever age: zip archives, streams of pickles, tar archives.

Each has a reader of its own, which is imported once a file is found to be torch's.
"""

from __future__ import annotations

import os
from typing import Final

from parametry.formats.contents import Contents
from parametry.formats.peek import Peek

__all__ = ["MAGIC", "TAR_MEMBERS", "is_pickle", "read", "recognises"]

MAGIC: Final = 0x1950A86A20F9469CFC6C
"""The number with which a stream of pickles begins."""
TAR_MEMBERS: Final = frozenset({"storages", "tensors", "pickle", "sys_info"})
"""What a tar archive of torch holds."""
_MAGIC_BYTES: Final = b"\x8a\x0a" + MAGIC.to_bytes(10, "little")
_PROTOCOL: Final = b"\x80"
_TAR: Final = b"ustar"
_TAR_AT: Final = 257
_TAR_BLOCK: Final = 512


def recognises(peek: Peek) -> bool:
    """Whether it is an archive with a folder that holds ``data.pkl``, or one of the older kinds."""
    if peek.is_zip:
        return any(map(is_pickle, peek.names))
    return _is_stream(peek.start) or _is_tar(peek.start)


def read(path: str | os.PathLike[str]) -> Contents:
    """What a torch file holds: its pickles are run as inert data, no storage is read.

    Raises:
        FormatError: It is cut short or damaged, or a pickle names or calls what no model's file
            needs.
    """
    peek = Peek.at(path)
    if peek.is_zip:
        from parametry.formats.torch_zip import read_zip

        return read_zip(path)
    if _is_tar(peek.start):
        from parametry.formats.torch_tar import read_tar

        return read_tar(path)
    from parametry.formats.torch_legacy import read_stream

    return read_stream(path)


def is_pickle(name: str) -> bool:
    """Whether a member of an archive is the pickle of its one folder."""
    return name.endswith("/data.pkl") and name.count("/") == 1


def _is_stream(start: bytes) -> bool:
    """Whether the first pickle is torch's magic number, of whatever protocol."""
    return start.startswith(_PROTOCOL) and _MAGIC_BYTES in start[:32]


def _is_tar(start: bytes) -> bool:
    """Whether a tar archive begins with one of torch's members, or with times and then that."""
    if start[_TAR_AT:].startswith(_TAR) and start[156:157] == b"x":
        start = start[2 * _TAR_BLOCK :]
    name = start[:100].split(b"\0")[0].decode("latin1")
    return start[_TAR_AT:].startswith(_TAR) and name.removeprefix("./") in TAR_MEMBERS
