"""The directory of a zip archive: what Python's own writer wrote is read, the rest is refused."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.zip_archive import ZipArchive
from parametry.formats.zip_directory import directory

END = b"PK\x05\x06"
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
members = st.dictionaries(names, st.binary(max_size=300), max_size=6)
comments = st.sampled_from([b"", b"a comment", b"x" * 65535])


def archive(
    held: dict[str, bytes], comment: bytes = b"", *, packed: bool = False, long: bool = False
) -> bytes:
    """An archive as Python writes it; with zip64 numbers where it is to be `long`."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in held.items():
            with out.open(zipfile.ZipInfo(name), "w", force_zip64=long) as member:
                member.write(content)
        out.comment = comment
    return buffer.getvalue()


def at(content: bytes, folder: Path) -> Path:
    path = folder / "archive.zip"
    path.write_bytes(content)
    return path


@given(members, comments, st.booleans(), st.booleans())
def test_directory_is_as_python_reads_it(
    held: dict[str, bytes], comment: bytes, packed: bool, long: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = at(archive(held, comment, packed=packed, long=long), Path(folder))
        with zipfile.ZipFile(path) as theirs:
            expected = [
                (entry.filename, entry.compress_size, entry.file_size, entry.CRC)
                for entry in theirs.infolist()
            ]
            offsets = [entry.header_offset for entry in theirs.infolist()]
        found = directory(FileBytes.of(path))
        read = {name: one.content(1 << 20) for name, one in ZipArchive.of(path).members.items()}
    assert [(one.name, one.stored, one.length, one.checksum) for one in found] == expected
    assert [one.offset for one in found] == offsets
    assert read == {name: content for name, content in held.items() if not name.endswith("/")}


@given(st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(archive({"a": b"first", "b/c": b"second"}, packed=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([0, data.draw(st.integers(0, len(content)))]))
    with tempfile.TemporaryDirectory() as folder:
        path = at(bytes(content[: len(content) - cut]), Path(folder))
        try:
            for member in ZipArchive.of(path).members.values():
                member.check()
        except FormatError as error:
            assert error.path == str(path)


def test_a_comment_that_begins_as_the_end_does(tmp_path: Path) -> None:
    path = at(archive({"a": b"1"}, END * 9), tmp_path)
    assert [entry.name for entry in directory(FileBytes.of(path))] == ["a"]


def zip64_end(content: bytes, **changed: int) -> bytes:
    """The archive with the two records of zip64, and numbers in them changed."""
    start = content.rindex(END)
    count, length, offset = struct.unpack_from("<HLL", content, start + 10)
    told = {"count": count, "length": length, "offset": offset, "at": start, **changed}
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, told["count"], told["count"],
        told["length"], told["offset"],
    )  # fmt: skip
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, told["at"], 1)
    end = struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:start] + record + locator + end


def test_zip64_records(tmp_path: Path) -> None:
    path = at(zip64_end(archive({"a": b"1", "b": b"22"})), tmp_path)
    assert [entry.name for entry in directory(FileBytes.of(path))] == ["a", "b"]
    assert zipfile.ZipFile(path).namelist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04", "its end is not there"),
        (archive({"a": b"1"})[:-1], "its end is not there"),
        (archive({"a": b"1"}) + b"\0", "its end is not there"),
        (b"before" + archive({"a": b"1"}), "does not stand before the archive's end"),
        (zip64_end(archive({"a": b"1"}), count=2**63), "the archive has 9,223,372,036,854,775,808"),
        (zip64_end(archive({"a": b"1"}), count=3), "3 members are said to be in 47 bytes"),
        (zip64_end(archive({"a": b"1"}), at=2**63), "the file ends at byte"),
        (zip64_end(archive({"a": b"1"}), at=3), "its zip64 record is not where"),
        (zip64_end(archive({"a": b"1"}), offset=2**62), "does not stand before"),
        (archive({"a": b"1"}).replace(b"PK\x01\x02", b"PK\x01\x03"), "an entry is damaged"),
        (archive({"a\x01": b"1"}).replace(b"\x01PK", b"\0PK"), "a name holds a NUL"),
        (archive({"é": b"1"}).replace("é".encode(), b"\xff\xff"), "a name is no UTF-8"),
    ],
)
def test_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = at(content, tmp_path)
    with pytest.raises(FormatError, match=message):
        directory(FileBytes.of(path))


def test_entries_fewer_than_bytes(tmp_path: Path) -> None:
    content = bytearray(archive({"a": b"1", "b": b"2"}))
    start = content.rindex(END)
    struct.pack_into("<HH", content, start + 8, 1, 1)
    with pytest.raises(FormatError, match="47 bytes behind the last member"):
        directory(FileBytes.of(at(bytes(content), tmp_path)))


def test_numbers_that_zip64_does_not_have(tmp_path: Path) -> None:
    content = bytearray(archive({"a": b"1"}))
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 42, 0xFFFFFFFF)
    with pytest.raises(FormatError, match="an entry has no zip64 numbers"):
        directory(FileBytes.of(at(bytes(content), tmp_path)))


def test_several_files(tmp_path: Path) -> None:
    content = bytearray(archive({"a": b"1"}))
    struct.pack_into("<H", content, content.rindex(END) + 4, 1)
    with pytest.raises(FormatError, match="it is one of several files"):
        directory(FileBytes.of(at(bytes(content), tmp_path)))
