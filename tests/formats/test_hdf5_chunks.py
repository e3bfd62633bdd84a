"""HDF5 arrays in chunks: what h5py writes, by h5py itself as the oracle; damage and malice."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.file_bytes import FileBytes
from parametry.formats.file_store import FileStore
from parametry.formats.hdf5_bytes import Region
from parametry.formats.hdf5_file import Hdf5
from parametry.formats.hdf5_filters import Filter, Pipeline, fletcher32, pipeline_of
from parametry.formats.hdf5_types import Malformed
from parametry.formats.registry import open_file

from .conftest import exhausted

DTYPES = ["<f4", ">f4", "<f8", "<f2", "i1", "<u2", ">i4", "<i8", "?", "<c8"]
LIBVERS: list[Any] = [None, "latest"]


def read(path: Path, name: str = "a") -> Any:
    source = FileBytes.of(path)
    array = Hdf5.of(Region(source, 0, source.size)).arrays[name]
    store = FileStore(str(path), name, array.layout, array.backing)
    store.check()
    return store.read()


def unpacked(path: Path, name: str = "a") -> Any:
    """As from an archive that holds the HDF5 file compressed."""
    content = path.read_bytes()
    source = FileBytes.of(path)
    array = Hdf5.of(Region(source, 0, source.size, content)).arrays[name]
    return FileStore(str(path), name, array.layout, array.backing).read()


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    growing = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    axes = list(zip(shape, growing, strict=True))
    chunks = [draw(st.integers(1, size + 3 * grows)) for size, grows in axes]
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    level = draw(st.sampled_from([None, 0, 1, 9]))
    return {
        "dtype": dtype,
        "shape": tuple(shape),
        "maxshape": tuple(None if grows else size for size, grows in axes),
        "chunks": tuple(chunks),
        "compression": None if level is None else "gzip",
        "compression_opts": level,
        "shuffle": draw(st.booleans()),
        "fletcher32": draw(st.booleans()),
        "fillvalue": draw(st.sampled_from([None, dtype.type(0), dtype.type(1)])),
        "written": draw(st.sampled_from(["all", "none", "some"])),
        "seed": draw(st.integers(0, 99)),
    }


@pytest.mark.parametrize("libver", LIBVERS)
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(described=arrays())
def test_what_h5py_writes_is_what_is_read(
    described: dict[str, Any], libver: Any, tmp_path: Path
) -> None:
    given_ = dict(described)
    written, numbers = given_.pop("written"), np.random.default_rng(given_.pop("seed"))
    path = tmp_path / "chunks.h5"
    size = int(np.prod(given_["shape"])) * given_["dtype"].itemsize
    values = numbers.integers(0, 2, size, "uint8").view(given_["dtype"]).reshape(given_["shape"])
    with h5py.File(path, "w", libver=libver) as file:
        dataset = file.create_dataset("a", **given_)
        if written == "all":
            dataset[...] = values
        elif written == "some":
            corner = tuple(slice(0, 1 + size // 2) for size in values.shape)
            dataset[corner] = values[corner]
        expected = dataset[()]
    for found in (read(path), unpacked(path)):
        assert (found.dtype.name, found.shape) == (expected.dtype.name, expected.shape)
        assert found.tobytes() == expected.astype(expected.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("maxshape", [(200, 170), (None, 170), (200, None), (None, None)])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_thousands_of_chunks(
    tmp_path: Path, libver: Any, maxshape: Any, compression: str | None
) -> None:
    """More than one node of any index has."""
    path = tmp_path / "many.h5"
    values = np.arange(200 * 170, dtype="int32").reshape(200, 170)
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset(
            "a", data=values, chunks=(3, 4), maxshape=maxshape, compression=compression
        )
        file.create_dataset(
            "b", shape=(10**5,), dtype="i1", chunks=(7,), maxshape=(None,), fillvalue=3
        )[77_000:77_100] = 9
    assert np.array_equal(read(path), values)
    sparse = np.full(10**5, 3, "int8")
    sparse[77_000:77_100] = 9
    assert np.array_equal(read(path, "b"), sparse)


@pytest.mark.parametrize("limit", [1_000_000, 1_200_000, None])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_pages_of_an_index_that_were_never_written(
    tmp_path: Path, limit: int | None, compression: str | None
) -> None:
    path = tmp_path / "pages.h5"
    expected = np.full(1_000_000, 3, "int8")
    with h5py.File(path, "w", libver="latest") as file:
        dataset = file.create_dataset(
            "a",
            shape=(1_000_000,),
            dtype="i1",
            chunks=(5,),
            maxshape=(limit,),
            fillvalue=3,
            compression=compression,
        )
        for start in (7, 123_456, 700_000, 999_900):
            expected[start : start + 99] = dataset[start : start + 99] = 9
    assert np.array_equal(read(path), expected)


def test_groups_that_keep_their_links_in_a_heap(tmp_path: Path) -> None:
    path = tmp_path / "heap.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(3000):
            name = f"g{number}" + "x" * (number % 70)
            file.create_group(name).attrs["name"] = f"layer_{number}"
        for number in range(40):
            file.attrs[f"a{number}"] = f"v{number}"
        file["dense"] = np.arange(3)
    source = FileBytes.of(path)
    found = Hdf5.of(Region(source, 0, source.size))
    assert len(found.groups) == 3001
    assert found.groups["g2999" + "x" * (2999 % 70)].name == "layer_2999"
    assert found.groups[""].texts["a39"] == ("v39",)
    assert read(path, "dense").tolist() == [0, 1, 2]


def test_filters_that_a_chunk_was_written_without(tmp_path: Path) -> None:
    path = tmp_path / "skipped.h5"
    values = np.arange(12, dtype="<i4")
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "a", (12,), "<i4", chunks=(4,), compression="gzip", shuffle=True
        )
        dataset[:8] = values[:8]
        dataset.id.write_direct_chunk((8,), values[8:].tobytes(), filter_mask=0b11)
    assert np.array_equal(read(path), values)


@pytest.mark.parametrize("libver", LIBVERS)
def test_weights_that_were_packed_by_hand_are_read(tmp_path: Path, libver: Any) -> None:
    path = tmp_path / "net.weights.h5"
    with h5py.File(path, "w", libver=libver) as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=np.ones((40, 30), "f4"), compression="gzip", shuffle=True)
        group.create_dataset("1", data=np.zeros(30, "f4"))
    model = exhausted(path).model
    assert list(model.parameters) == ["dense/kernel", "dense/bias"]
    assert model.parameters["dense/kernel"].numpy().sum() == 1200


# ---------------------------------------------------------------- filters


@example(b"")
@example(b"\xff" * 100_001)
@example(bytes(7))
@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=3000))
def test_the_checksum_is_that_of_the_library(content: bytes) -> None:
    """As H5checksum.c has it, in Python: sums folded every 360 words."""
    first = second = 0
    words = [
        content[at] << 8 | (content[at + 1] if at + 1 < len(content) else 0)
        for at in range(0, len(content), 2)
    ]
    for start in range(0, len(words), 360):
        for word in words[start : start + 360]:
            first += word
            second += first
        first, second = (first & 65535) + (first >> 16), (second & 65535) + (second >> 16)
    first, second = (first & 65535) + (first >> 16), (second & 65535) + (second >> 16)
    assert fletcher32(content) == second << 16 | first


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "cannot be read"),
        (b"\x02\x01", "cut short"),
        (b"\x02\xff", "255 filters"),
        (b"\x02\x01\x04\x00\x00\x00\x00\x00", "szip"),
        (b"\x02\x01" + struct.pack("<4H", 32000, 0, 0, 0), "lzf"),
        (b"\x02\x01" + struct.pack("<4H", 40000, 0, 0, 0), "a filter that is not known"),
        (b"\x02\x01" + struct.pack("<3H", 2, 0, 0), "shuffle"),
        (b"\x02\x02" + struct.pack("<3H", 1, 0, 0) * 2, "deflated twice"),
    ],
)
def test_filters_that_are_refused(raw: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        pipeline_of(raw)


def test_a_chunk_that_unpacks_to_more_or_fewer_bytes() -> None:
    pipeline = Pipeline((Filter(1),))
    packed = zlib.compress(bytes(1000))
    assert pipeline.undone(packed, 0, 1000) == bytes(1000)
    for length in (0, 999, 1001, 10**9):
        with pytest.raises(Malformed, match="does not unpack"):
            pipeline.undone(packed, 0, length)
    with pytest.raises(Malformed, match="cannot be unpacked"):
        pipeline.undone(b"no deflate", 0, 10)
    assert not pipeline.can_hold(100, 0, 10**6)
    assert pipeline.can_hold(1000, 0, 10**6)
    assert not pipeline.can_hold(1000, 1, 10**6)  # the filter was left out


# ---------------------------------------------------------------- damage and malice


def hdf5(libver: Any = None, **given_: Any) -> bytearray:
    file = io.BytesIO()
    with h5py.File(file, "w", libver=libver) as root:
        given_.setdefault("data", np.arange(600, dtype="<f4").reshape(20, 30))
        root.create_dataset("a", **{"chunks": (6, 7), **given_})
        root["b"] = np.zeros(3)
    return bytearray(file.getvalue())


def nodes(content: bytes) -> list[int]:
    """Where the trees of chunks are."""
    return [
        found.start() for found in re.finditer(b"TREE", content) if content[found.start() + 4] == 1
    ]


def test_lies_in_a_tree_of_chunks(tmp_path: Path) -> None:
    (at,) = nodes(hdf5())
    key, entry = at + 24, 8 + 3 * 8 + 8
    lies = {
        "a chunk twice": (key + entry + 8, (0).to_bytes(16, "little")),
        "a chunk beyond the array": (key + 8, (60).to_bytes(8, "little")),
        "a chunk across others": (key + 8, (1).to_bytes(8, "little")),
        "a chunk of 2^32 - 1 bytes": (key, b"\xff" * 4),
        "a chunk of no bytes": (key, bytes(4)),
        "a chunk behind the end": (key + 32, b"\xff" * 7 + b"\0"),
        "a chunk nowhere": (key + 32, b"\xff" * 8),
        "a tree of groups": (at + 4, b"\0"),
        "levels without end": (at + 5, b"\xff"),
        "a level that leads to itself": (at + 5, b"\x01"),
        "more chunks than there are bytes": (at + 6, b"\xff\xff"),
    }
    path = tmp_path / "lies.h5"
    for name, (place, changed) in lies.items():
        content = hdf5()
        content[place : place + len(changed)] = changed
        path.write_bytes(content)
        with pytest.raises(FormatError) as caught:
            read(path)
        assert str(path) in str(caught.value), name


def test_chunks_that_share_their_bytes(tmp_path: Path) -> None:
    content = hdf5()
    (at,) = nodes(content)
    first, second = at + 24 + 32, at + 24 + 40 + 32
    content[second : second + 8] = content[first : first + 8]
    path = tmp_path / "shared.h5"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="overlaps"):
        read(path)
    with pytest.raises(FormatError, match="overlaps"):
        unpacked(path)


def test_a_damaged_chunk_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    for given_ in ({"fletcher32": True}, {"compression": "gzip"}):
        content = hdf5(**given_)
        (at,) = nodes(content)
        chunk = int.from_bytes(content[at + 24 + 32 : at + 24 + 40], "little")
        content[chunk + 10] ^= 1
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"checksum is wrong|cannot be unpacked") as caught:
            read(path)
        assert caught.value.address == "a"
        assert caught.value.offset == chunk


@pytest.mark.parametrize("libver", LIBVERS)
def test_fill_values_are_not_taken_for_bytes(tmp_path: Path, libver: Any) -> None:
    path = tmp_path / "wide.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("vars/0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(FormatError, match="in no chunk"):
        open_file(path)


def test_many_small_arrays_of_fill_values_are_one_large_one(tmp_path: Path) -> None:
    path = tmp_path / "many.h5"
    with h5py.File(path, "w") as file:
        for number in range(40):
            file.create_dataset(f"vars/{number}", (100_000,), "f4", chunks=(100,))
    with pytest.raises(FormatError, match="in no chunk"):
        open_file(path)


@pytest.mark.parametrize("libver", LIBVERS)
def test_a_bomb_of_deflate_is_what_it_says_or_refused(tmp_path: Path, libver: Any) -> None:
    """A chunk's header says how much it unpacks to, and deflate has its limit."""
    content = hdf5(libver, data=np.zeros((1000, 1000), "f4"), chunks=(1000, 1000), compression=9)
    assert len(content) < 20_000
    path = tmp_path / "bomb.h5"
    path.write_bytes(content)
    assert read(path).sum() == 0  # four megabytes, out of four thousand bytes
    wide = bytes(content).replace(struct.pack("<Q", 1000), struct.pack("<Q", 1 << 20))
    wide = wide.replace(struct.pack("<I", 1000), struct.pack("<I", 1 << 20))
    path.write_bytes(wide)
    with pytest.raises(FormatError):
        read(path)


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("maxshape", [None, (None, 30), (None, None)])
def test_a_file_cut_short_anywhere(tmp_path: Path, libver: Any, maxshape: Any) -> None:
    content = hdf5(libver, compression="gzip", maxshape=maxshape)
    path = tmp_path / "cut.h5"
    for length in range(0, len(content) - 1, max(1, len(content) // 60)):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            read(path)
            read(path, "b")


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("maxshape", [None, (None, 30), (None, None)])
@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_damage_ends_in_values_or_a_format_error(
    tmp_path: Path, libver: Any, maxshape: Any, data: st.DataObject
) -> None:
    content = hdf5(libver, compression="gzip", fletcher32=True, maxshape=maxshape)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]))
    path = tmp_path / "any.h5"
    path.write_bytes(content)
    try:
        read(path)
    except (FormatError, KeyError) as error:  # a name that was damaged is another name
        assert isinstance(error, KeyError) or str(path) in str(error)


def virtual(root: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", shape=(4,))
    root.create_virtual_dataset("a", layout)


LEADING_OUT: dict[str, Any] = {
    "a link by name": lambda root: root.__setitem__("a", h5py.SoftLink("/b")),
    "an external link": lambda root: root.__setitem__("a", h5py.ExternalLink("x.h5", "/")),
    "a virtual array": virtual,
    "values in another file": lambda root: root.create_dataset(
        "a", (4,), "f4", external=[("/etc/passwd", 0, 16)]
    ),
    "a filter of a library": lambda root: root.create_dataset(
        "a", data=np.zeros(100), compression="lzf"
    ),
}


@pytest.mark.parametrize("libver", LIBVERS)
@pytest.mark.parametrize("name", LEADING_OUT)
def test_what_leads_out_of_the_file_is_refused(tmp_path: Path, libver: Any, name: str) -> None:
    path = tmp_path / "out.h5"
    with h5py.File(path, "w", libver=libver) as file:
        LEADING_OUT[name](file)
    with pytest.raises(FormatError, match=r"not followed|another file|other files|lzf"):
        read(path)


def test_many_records_that_lead_to_one_long_attribute(tmp_path: Path) -> None:
    path = tmp_path / "long.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(400):
            file.attrs[f"a{number:03}"] = "v" * 10
        file.attrs["long"] = np.frombuffer(b"v" * 3500, "S3500")[0]
    content = bytearray(path.read_bytes())
    source = FileBytes.of(path)
    assert len(Hdf5.of(Region(source, 0, source.size)).groups[""].texts) == 401
    leaves = [
        found.start() for found in re.finditer(b"BTLF", content) if content[found.start() + 5] == 8
    ]
    identifiers = {
        place: bytes(content[place : place + 8])
        for leaf in leaves
        for place in range(leaf + 6, leaf + 6 + 17 * 20, 17)
        if content[place] == 0
    }
    lengths = {one: int.from_bytes(one[6:8], "little") for one in identifiers.values()}
    (long,) = {one for one, length in lengths.items() if 3500 < length < 3600}
    for place in identifiers:
        content[place : place + 8] = long
    path.write_bytes(content)
    source = FileBytes.of(path)
    with pytest.raises(FormatError, match="longer together than the file"):
        Hdf5.of(Region(source, 0, source.size))
