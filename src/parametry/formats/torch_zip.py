"""Reading what ``torch.save`` writes since torch 1.6, and TorchScript: a zip archive.

One folder holds ``data.pkl`` (the pickle), ``data/0``, ``data/1``, … (the storages' bytes, as they
are) and ``byteorder``. A TorchScript archive has ``constants.pkl`` and its code besides.

Source: ``torch/serialization.py``, ``_save`` and ``_load``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from parametry.errors import FormatError
from parametry.formats.contents import Contents
from parametry.formats.torch_contents import contents_of
from parametry.formats.torch_file import is_pickle
from parametry.formats.torch_modules import Scripted, scripted_classes
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle
from parametry.formats.torch_tensors import storage_of
from parametry.formats.torch_values import Fault, Storage
from parametry.formats.zip_archive import Member, ZipArchive

__all__ = ["NAME", "NAME_SCRIPTED", "read_zip"]

NAME: Final = "torch"
NAME_SCRIPTED: Final = "torchscript"
_CONSTANTS: Final = "constants.pkl"
_LONGEST_PICKLE: Final = 128 << 20
_LONGEST_CODE: Final = 16 << 20
_ORDERS: Final = {b"little": False, b"big": True}


def read_zip(path: str | os.PathLike[str]) -> Contents:
    """What a torch zip file holds: its pickle is run as inert data, no storage is read.

    Raises:
        FormatError: It is damaged, or its pickle names or calls what no model's file needs.
    """
    archive = ZipArchive.of(path)
    at = archive.source.path
    pickles = [name for name in archive.members if is_pickle(name)]
    if len(pickles) != 1:
        raise FormatError(
            f"the archive has {len(pickles)} members named data.pkl, expected 1", path=at
        )
    folder = pickles[0].removesuffix("data.pkl")
    member = archive.members[pickles[0]]
    content = member.content(_LONGEST_PICKLE)
    origin = None if member.packed else member.offset
    source = Pickle(content, at, 0, len(content), member.name, origin)
    root, _ = unpickle(source, _storage_from(archive, folder))
    scripted = _scripted(archive, folder)
    return contents_of(
        root,
        lambda storage: archive.members[f"{folder}data/{storage.key}"],
        path=at,
        format_name=NAME if scripted is None else NAME_SCRIPTED,
        big_endian=_is_big_endian(archive, folder),
        scripted=scripted,
    )


def _storage_from(archive: ZipArchive, folder: str) -> Callable[[Any], Storage]:
    members: Mapping[str, Member] = archive.members

    def storage(pid: Any) -> Storage:
        """The storage of a persistent id: ``("storage", class, key, device, numel)``."""
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
            raise Fault("a persistent id is none of a storage")
        found = storage_of(pid[1], pid[2], pid[4])
        member = members.get(f"{folder}data/{found.key}")
        if member is None:
            raise Fault(f"the archive has no member for storage {found.key[:100]!r}")
        if member.length < found.nbytes:
            raise Fault(
                f"storage {found.key!r} is said to have {found.nbytes:,} bytes, its member has "
                f"{member.length:,}"
            )
        return found

    return storage


def _is_big_endian(archive: ZipArchive, folder: str) -> bool:
    member = archive.members.get(f"{folder}byteorder")
    if member is None:
        return False
    order = member.content(100)
    if order not in _ORDERS:
        raise FormatError(
            f"its byte order is {order[:20]!r}, expected b'little' or b'big'",
            path=archive.source.path,
            address=member.name,
            offset=member.offset,
        )
    return _ORDERS[order]


def _scripted(archive: ZipArchive, folder: str) -> dict[str, Scripted] | None:
    """What the code of a TorchScript archive says of its classes; None for another archive."""
    if f"{folder}{_CONSTANTS}" not in archive.members:
        return None
    start = f"{folder}code/"
    code: dict[str, str] = {}
    room = _LONGEST_CODE
    for name, member in archive.members.items():
        if name.startswith(start) and name.endswith(".py"):
            raw = member.content(room)
            room -= len(raw)
            module = name.removeprefix(start).removesuffix(".py").replace("/", ".")
            code[module] = raw.decode("utf-8", "replace")
    return scripted_classes(code)
