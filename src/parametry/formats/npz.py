"""Reading ``.npz``: a zip archive with one ``.npy`` member for each array."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from parametry.core.coverage import Gap
from parametry.core.manifest import MEMBER, Manifest
from parametry.errors import FormatError
from parametry.formats.assembling import Described, Found, addresses_of_names, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_store import must_not_swell
from parametry.formats.npy import LONGEST_START, Header, header_of
from parametry.formats.peek import Peek
from parametry.formats.zip_archive import Member, ZipArchive

__all__ = ["NAME", "read", "recognises"]

NAME: Final = "npz"
SUFFIX: Final = ".npy"
_LONGEST_MANIFEST: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class ArrayMember:
    """The bytes of an array in a member of an archive, behind its header.

    Attributes:
        member: The member.
        header: How many bytes its header takes.
    """

    member: Member
    header: int

    def read_into(self, buffer: memoryview) -> None:
        """Fill the buffer, and compare the member's checksum on the way."""
        member = self.member
        must_not_swell(member.stored, len(buffer), path=member.source.path, address=member.name)
        position = -self.header
        for block in self.member.blocks():
            end = position + len(block)
            if end > 0:
                begin = max(position, 0)
                buffer[begin:end] = block[begin - position :]
            position = end

    def mapped(self) -> memoryview | None:
        """The bytes as the system maps them, where the member is not packed."""
        member = self.member
        if member.packed:
            return None
        return member.source.mapped(member.offset + self.header, member.length - self.header)

    def check(self) -> None:
        """Read all bytes and compare the member's checksum."""
        self.member.check()


def recognises(peek: Peek) -> bool:
    """Whether it is an archive of NumPy's arrays; one of ours may hold none."""
    return peek.is_zip and any(name.endswith(SUFFIX) or name == MEMBER for name in peek.names)


def read(path: str | os.PathLike[str]) -> Contents:
    """What an ``.npz`` file holds.

    Raises:
        FormatError: It is damaged, or an array needs code to be run (a pickle).
    """
    archive = ZipArchive.of(path)
    source = archive.source
    told = archive.members.get(MEMBER)
    manifest = None
    if told is not None:
        manifest = Manifest.from_json(told.content(_LONGEST_MANIFEST), path=source.path)
    keys = [name.removesuffix(SUFFIX) for name in archive.members if name.endswith(SUFFIX)]
    addresses = addresses_of_names(keys, is_address=manifest is not None)
    arrays: list[Found] = []
    gaps: list[Gap] = []
    for key, address in addresses.items():
        member = archive.members[key + SUFFIX]
        header = header_of(
            member.start(LONGEST_START), path=source.path, address=key, offset=member.offset
        )
        _must_fit(header, member)
        if header.layout is None:
            gaps.append(Gap(address, f"it holds no numbers, but {header.descr}"))
        else:
            backing = ArrayMember(member, header.length)
            arrays.append(Found(key, address, header.layout, backing))
    model = assemble(source.path, arrays, manifest, Described(gaps=tuple(gaps)))
    return Contents(source.path, NAME, model, manifest)


def _must_fit(header: Header, member: Member) -> None:
    if header.length + header.nbytes != member.length:
        raise FormatError(
            f"it has {member.length - header.length:,} bytes behind its header, its shape and "
            f"dtype need {header.nbytes:,}",
            path=member.source.path,
            address=member.name,
            offset=member.offset,
        )
