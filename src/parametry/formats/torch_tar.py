"""Reading what ``torch.save`` wrote before torch 0.1.10: a tar archive of pickles.

Its members are ``storages`` (a count, then a pickle and the bytes of each storage, then a list of
views of storages), ``tensors`` (a count, then a pickle, the sizes and the strides of each tensor)
and ``pickle`` (the object, in which storages and tensors are persistent ids). Nothing is unpacked
to a folder: members are read where they stand.

Source: ``torch/serialization.py``, ``legacy_load``; POSIX.1-2001 for the headers of ustar and pax.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from parametry.errors import FormatError
from parametry.formats.contents import Contents
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import Span
from parametry.formats.torch_contents import contents_of
from parametry.formats.torch_file import TAR_MEMBERS
from parametry.formats.torch_legacy import span_at, viewed
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle
from parametry.formats.torch_tensors import rebuilt, storage_of
from parametry.formats.torch_values import Fault, Global, Storage, Tensor

__all__ = ["NAME", "read_tar"]

NAME: Final = "torch tar"
_BLOCK: Final = 512
_MOST_MEMBERS: Final = 32
_HARMLESS: Final = frozenset({b"mtime", b"atime", b"ctime", b"uname", b"gname", b"uid", b"gid"})
_LONGEST_RECORDS: Final = 1 << 16


def read_tar(path: str | os.PathLike[str]) -> Contents:
    """What a tar file of torch holds: its pickles are run as inert data, no storage is read.

    Raises:
        FormatError: It is cut short or damaged, has other members, or a pickle names or calls what
            no model's file needs.
    """
    source = FileBytes.of(path)
    members = _members(source)
    for name in ("storages", "tensors", "pickle"):
        if name not in members:
            raise FormatError(f"the archive has no member {name!r}", path=source.path)
    reader = _Reader(source, members)
    reader.read_storages()
    reader.read_tensors()
    root = _Cursor(source, members["pickle"], "pickle").run(reader.held)
    return contents_of(
        root,
        lambda storage: reader.spans[storage.key],
        path=source.path,
        format_name=NAME,
    )


def _members(source: FileBytes) -> dict[str, Span]:
    """Where each member's bytes are; only plain files of torch's names are let in."""
    out: dict[str, Span] = {}
    at = 0
    for _ in range(_MOST_MEMBERS):
        if at == source.size:
            return out
        header = source.read(at, _BLOCK)
        if not header.strip(b"\0"):
            return out
        name, kind, size = _header(source, header, at)
        source.must_hold(at + _BLOCK, size)
        if kind == b"x":
            _must_be_times(source, at + _BLOCK, size)
        elif kind not in (b"0", b"\0"):
            raise FormatError(
                f"its member {name[:100]!r} is no plain file (type {kind!r})",
                path=source.path,
                offset=at,
            )
        elif name.removeprefix("./") not in TAR_MEMBERS or name.removeprefix("./") in out:
            raise FormatError(
                f"its member {name[:100]!r} is none of torch's, or is there twice",
                path=source.path,
                offset=at,
            )
        else:
            out[name.removeprefix("./")] = Span(source, at + _BLOCK, size)
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
    raise FormatError(f"the archive has more than {_MOST_MEMBERS} members", path=source.path)


def _header(source: FileBytes, header: bytes, at: int) -> tuple[str, bytes, int]:
    """Name, type and size that a header tells, once its checksum is right."""
    try:
        size = int(header[124:136].strip(b" \0") or b"0", 8)
        checksum = int(header[148:156].strip(b" \0") or b"0", 8)
    except ValueError:
        size = checksum = -1
    if size < 0 or checksum != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]):
        raise FormatError("the header of a member is damaged", path=source.path, offset=at)
    prefix = header[345:500].split(b"\0")[0]
    name = header[:100].split(b"\0")[0].decode("latin1")
    return (f"{prefix.decode('latin1')}/{name}" if prefix else name), header[156:157], size


def _must_be_times(source: FileBytes, at: int, size: int) -> None:
    """Refuse a pax header that says more than when and whose the next member is."""
    raw = source.read(at, min(size, _LONGEST_RECORDS))
    for record in raw.rstrip(b"\0").splitlines():
        key = record.partition(b"=")[0].partition(b" ")[2]
        if key not in _HARMLESS or size > _LONGEST_RECORDS:
            raise FormatError(
                f"a header says {key[:40]!r} of the next member, which torch never writes",
                path=source.path,
                offset=at,
            )


@dataclass(slots=True)
class _Cursor:
    """A position in a member."""

    source: FileBytes
    span: Span
    member: str
    at: int = 0

    def run(self, persistent: Callable[[Any], Any]) -> Any:
        """Run the pickle that begins here, and go behind it."""
        data = self.source.mapped(self.span.offset, self.span.length)
        place = Pickle(data, self.source.path, self.at, len(data), self.member, self.span.offset)
        found, self.at = unpickle(place, persistent)
        return found

    def take(self, form: str) -> tuple[int, ...]:
        """The numbers of a form of `struct` that stand here."""
        size = struct.calcsize(form)
        self.must_hold(size)
        raw = self.source.read(self.span.offset + self.at, size)
        self.at += size
        return struct.unpack(form, raw)

    def must_hold(self, size: int) -> None:
        """Refuse to go past the member's end."""
        if self.at + size > self.span.length:
            raise self.error("the member is cut short")

    def error(self, message: str) -> FormatError:
        """The error for a fault at this position."""
        return FormatError(
            message, path=self.source.path, address=self.member, offset=self.span.offset + self.at
        )

    def count(self) -> int:
        """The number of entries that follow, each of which takes some bytes."""
        found = self.run(_nothing)
        if type(found) is not int or not 0 <= found <= self.span.length:
            raise self.error("the number of its entries is no count, or more than it has bytes")
        return found


def _nothing(pid: Any) -> Any:
    raise Fault("a persistent id stands where none belongs")


class _Reader:
    """The storages and tensors of the archive, by the keys that its pickle uses."""

    def __init__(self, source: FileBytes, members: dict[str, Span]) -> None:
        self._source = source
        self._members = members
        self._storages: dict[Any, Storage] = {}
        self._tensors: dict[Any, Tensor] = {}
        self.spans: dict[str, Span] = {}

    def held(self, pid: Any) -> Any:
        """A storage or tensor by its key; of ``(class, file, source)``, the class."""
        if type(pid) is tuple and pid and type(pid[0]) is Global:
            return pid[0]
        if type(pid) is str and pid.isascii() and pid.isdigit() and len(pid) < 30:
            pid = int(pid)
        if type(pid) is int and pid in self._tensors:
            return self._tensors[pid]
        if type(pid) is int and pid in self._storages:
            return self._storages[pid]
        raise Fault("a persistent id is none of a tensor or storage of this file")

    def read_storages(self) -> None:
        """Find the storages' bytes in the member ``storages``."""
        cursor = _Cursor(self._source, self._members["storages"], "storages")
        for _ in range(cursor.count()):
            key, of = self._keyed(cursor, 3)
            cursor.must_hold(8)
            (count,) = struct.unpack("<q", self._source.read(cursor.span.offset + cursor.at, 8))
            try:
                root = storage_of(of, str(key), count)
            except Fault as fault:
                raise cursor.error(str(fault)) from None
            cursor.must_hold(8 + root.nbytes)
            if key in self._storages:
                raise cursor.error(f"storage {key} is there twice")
            self._storages[key] = root
            self.spans[root.key] = span_at(self._source, cursor.span.offset + cursor.at, root)
            cursor.at += 8 + root.nbytes
        views = cursor.run(_nothing)
        if type(views) is not list:
            raise cursor.error("the views of storages are no list")
        for view in views:
            self._add_view(cursor, view)

    def _add_view(self, cursor: _Cursor, view: Any) -> None:
        if type(view) is not tuple or len(view) != 4 or not all(type(n) is int for n in view):
            raise cursor.error("a view of a storage is no tuple of four numbers")
        target, root, offset, count = view
        if root not in self._storages or target in self._storages:
            raise cursor.error("a view is of a storage that is not there, or is there twice")
        try:
            self._storages[target] = viewed(self._storages[root], (target, offset, count))
        except Fault as fault:
            raise cursor.error(str(fault)) from None

    def read_tensors(self) -> None:
        """Read the tensors' places in the storages from the member ``tensors``."""
        cursor = _Cursor(self._source, self._members["tensors"], "tensors")
        for _ in range(cursor.count()):
            key, storage = self._keyed(cursor, 3)
            axes, _ = cursor.take("<ii")
            if not 0 <= axes <= 64 or storage not in self._storages:
                raise cursor.error("a tensor has no storage, or no count of axes")
            size, stride = cursor.take(f"<{axes}q"), cursor.take(f"<{axes}q")
            (offset,) = cursor.take("<q")
            if key in self._tensors:
                raise cursor.error(f"tensor {key} is there twice")
            try:
                self._tensors[key] = rebuilt((self._storages[storage], offset, size, stride))
            except Fault as fault:
                raise cursor.error(str(fault)) from None

    def _keyed(self, cursor: _Cursor, length: int) -> tuple[int, Any]:
        """The key that an entry begins with, and what it is of: a storage's class, or a storage."""
        found = cursor.run(_nothing)
        if type(found) is not tuple or len(found) != length or type(found[0]) is not int:
            raise cursor.error("an entry does not begin with its key")
        # (key, device, class) of a storage, (key, storage, class) of a tensor
        return found[0], found[2] if cursor.member == "storages" else found[1]
