"""Files that are cut short, damaged or made to do harm end in a FormatError, soon."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.core.manifest import KEY, MEMBER
from parametry.errors import FormatError

from .conftest import GOLDEN, exhausted

Refused = Callable[..., FormatError]
SEEDS = [
    "arrays.safetensors",
    "arrays.npz",
    "packed.npz",
    "array.npy",
    "nested.keras",
    "nested.weights.h5",
]


def suffix_of(name: str) -> str:
    return name[name.index(".") :]


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_cut_short_anywhere(name: str, tmp_path: Path) -> None:
    content = (GOLDEN / name).read_bytes()
    path = tmp_path / f"cut{suffix_of(name)}"
    step = max(1, len(content) // 300)
    for length in [*range(min(100, len(content))), *range(100, len(content), step)]:
        path.write_bytes(content[:length])
        with pytest.raises(FormatError):
            exhausted(path)


damage = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("name", SEEDS)
@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=damage)
def test_damaged_bytes_end_in_values_or_a_format_error(
    name: str, changes: list[tuple[int, int]], tmp_path: Path
) -> None:
    content = bytearray((GOLDEN / name).read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path = tmp_path / f"damaged{suffix_of(name)}"
    path.write_bytes(content)
    try:
        exhausted(path)
    except FormatError as error:
        assert str(path) in str(error)


def test_each_byte_of_a_small_header(tmp_path: Path) -> None:
    path = tmp_path / "header.safetensors"
    whole = (GOLDEN / "arrays.safetensors").read_bytes()
    refused = 0
    for at in range(0, len(whole), 5):
        for value in (0, 0x22, 0x5B, 0x7B, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                exhausted(path)
            except FormatError:
                refused += 1
    assert refused > len(whole) // 2


def test_names_that_differ_by_what_parts_them(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(safetensors({"a.b": entry(0, 4), "a/b": entry(4, 8)}, bytes(8)))
    assert list(exhausted(path).model.parameters) == ["a/b", "a%2Fb"]


def test_a_file_that_hung_the_hdf5_library(refused: Refused) -> None:
    # One byte in the size of a heap's object, and h5py 3.14 with HDF5 1.14.6 never comes back.
    content = bytearray((GOLDEN / "nested.weights.h5").read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 + 8] = 127
    refused(bytes(content), ".weights.h5")


# ---------------------------------------------------------------- safetensors


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: Any, end: Any, shape: Any = (1,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


SAFETENSORS = {
    "a length of 2^64-1": safetensors({}, length=(1 << 64) - 1),
    "a length beyond the end": safetensors({}, length=1000),
    "a length of gigabytes": safetensors({}, length=1 << 35),
    "no object": safetensors(b"{}[]"),
    "an unclosed object": safetensors(b"{" * 1000),
    "deep lists": safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "not UTF-8": safetensors(b'{"\xff\xfe": 1}'),
    "a key twice": safetensors(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        bytes(4),
    ),
    "an entry that is a list": safetensors({"a": []}),
    "no dtype": safetensors({"a": {"shape": [], "data_offsets": [0, 0]}}),
    "an unknown dtype": safetensors({"a": entry(0, 4, dtype="F31")}, bytes(4)),
    "a dtype that is a list": safetensors({"a": entry(0, 4, dtype=["F32"])}, bytes(4)),
    "a negative size": safetensors({"a": entry(0, 4, [-1, -1])}, bytes(4)),
    "a size that is no number": safetensors({"a": entry(0, 4, ["1"])}, bytes(4)),
    "a size that is true": safetensors({"a": entry(0, 4, [True])}, bytes(4)),
    "a size with a fraction": safetensors({"a": entry(0, 4, [1.0])}, bytes(4)),
    "NaN for a size": safetensors(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}'),
    "a huge integer": safetensors(b'{"a":{"dtype":"F32","shape":[' + b"9" * 9000 + b"]}}"),
    "sizes that overflow": safetensors({"a": entry(0, 4, [1 << 32, 1 << 32])}, bytes(4)),
    "no size beside a huge one": safetensors({"a": entry(0, 0, [0, 1 << 63])}),
    "too many axes": safetensors({"a": entry(0, 4, [1] * 65)}, bytes(4)),
    "offsets beyond the end": safetensors({"a": entry(0, 400, [100])}, bytes(4)),
    "offsets that go back": safetensors({"a": entry(4, 0)}, bytes(4)),
    "a negative offset": safetensors({"a": entry(-4, 0)}, bytes(4)),
    "an offset of 2^70": safetensors({"a": entry(1 << 70, (1 << 70) + 4)}, bytes(4)),
    "offsets that are text": safetensors({"a": entry("0", "4")}, bytes(4)),
    "three offsets": safetensors({"a": {**entry(0, 4), "data_offsets": [0, 4, 4]}}, bytes(4)),
    "another size than its bytes": safetensors({"a": entry(0, 4, [2])}, bytes(4)),
    "arrays that overlap": safetensors({"a": entry(0, 8, [2]), "b": entry(4, 8)}, bytes(8)),
    "arrays on the same bytes": safetensors({"a": entry(0, 4), "b": entry(0, 4)}, bytes(4)),
    "a gap": safetensors({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12)),
    "bytes behind the last": safetensors({"a": entry(0, 4)}, bytes(100)),
    "metadata that is a list": safetensors({"__metadata__": []}),
    "metadata of numbers": safetensors({"__metadata__": {"a": 1}}),
    "a truth value of 2": safetensors({"a": entry(0, 1, dtype="BOOL")}, b"\2"),
    "half a byte": safetensors({"a": entry(0, 1, [1], "F4")}, b"\0"),
    "a manifest that is no JSON": safetensors({"__metadata__": {KEY: "{"}}),
    "a manifest of tomorrow": safetensors({"__metadata__": {KEY: '{"version": 99}'}}),
    "a manifest with a tie to nothing": safetensors(
        {"__metadata__": {KEY: '{"version":1,"ties":[{"address":"a","aliases":["b"]}]}'}}
    ),
    "a manifest with a dtype of objects": safetensors(
        {"__metadata__": {KEY: '{"version":1,"dtypes":{"a":"object"}}'}, "a": entry(0, 4)}, bytes(4)
    ),
    "a manifest with a wider dtype": safetensors(
        {"__metadata__": {KEY: '{"version":1,"dtypes":{"a":"float64"}}'}, "a": entry(0, 4)},
        bytes(4),
    ),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_hostile_safetensors(name: str, refused: Refused) -> None:
    refused(SAFETENSORS[name], ".safetensors")


# ---------------------------------------------------------------- npy and npz


def npy(header: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    text = header.encode("latin-1")
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def described(descr: str = "'<f4'", order: str = "False", shape: str = "(1,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("/tmp/parametry-must-not-exist",)


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


NPY = {
    "Python objects": pickled(),
    "objects by another name": npy(described("'|O8'"), bytes(8)),
    "objects in a structure": npy(described("[('a', '|O')]"), bytes(8)),
    "a structure": npy(described("[('a', '<f4')]"), bytes(4)),
    "a dtype of many": npy(described("'f4,f8'"), bytes(12)),
    "a dtype of nothing": npy(described("'|V0'"), b""),
    "a dtype of 3 bytes": npy(described("'|V3'"), bytes(3)),
    "a call": npy("{'descr': __import__('os').mkdir('/tmp/x'), 'shape': ()}"),
    "deep parentheses": npy("(" * 9000),
    "many minus signs": npy("{'descr': " + "-" * 9000 + "1}"),
    "a header of 4 gigabytes": npy(described(), version=2, length=(1 << 32) - 1),
    "a header beyond the end": npy(described(), length=60_000),
    "a version of tomorrow": npy(described(), bytes(4), version=9),
    "a negative size": npy(described(shape="(-1,)"), bytes(4)),
    "sizes that overflow": npy(described(shape="(4294967296, 4294967296)"), bytes(4)),
    "a huge size": npy(described(shape="(" + "9" * 900 + ",)"), bytes(4)),
    "a shape that is a list": npy(described(shape="[1]"), bytes(4)),
    "an order that is a number": npy(described(order="1"), bytes(4)),
    "fewer bytes than told": npy(described(shape="(1000000000,)"), bytes(4)),
    "more bytes than told": npy(described(), bytes(400)),
    "no bytes": npy(described()),
    "text": npy(described("'<U4'", shape="(1,)"), bytes(16)),
}


@pytest.mark.parametrize("name", NPY)
def test_hostile_npy_alone_and_in_an_archive(name: str, refused: Refused) -> None:
    refused(NPY[name], ".npy")
    if name != "text":  # which an archive may hold beside its arrays
        refused(zipped({"a.npy": NPY[name]}), ".npz")
        refused(zipped({"a.npy": NPY[name]}, zipfile.ZIP_DEFLATED), ".npz")
    assert not Path("/tmp/parametry-must-not-exist").exists()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


ONE = npy(described(), bytes(4))


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    at = content.rindex(signature) + offset
    return content[:at] + value + content[at + len(value) :]


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", ONE)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", ONE)
    return file.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory with one member's bytes."""
    content = zipped({"a.npy": ONE, "b.npy": ONE})
    second = content.rindex(b"PK\x01\x02")
    first = content.index(b"PK\x01\x02")
    return content[: second + 42] + content[first + 42 : first + 46] + content[second + 46 :]


CENTRAL = b"PK\x01\x02"
ZIPS = {
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
    "a deep manifest": lambda: zipped({"a.npy": ONE, MEMBER: b'{"a":' * 100_000}),
    "a manifest of tomorrow": lambda: zipped({"a.npy": ONE, MEMBER: b'{"version": 2}'}),
}


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_archives(name: str, refused: Refused) -> None:
    refused(ZIPS[name](), ".npz")


@pytest.mark.parametrize(
    "name", ["../../a", "/etc/passwd", "a\\b", "a:b", "\x1b[31mred", "a\u202eb"]
)
def test_a_name_of_a_member_is_but_a_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "names.npz"
    path.write_bytes(zipped({f"{name}.npy": ONE}))
    found = exhausted(path).model.parameters
    assert len(found) == 1
    assert next(iter(found)).isprintable()


def test_a_pickle_is_not_run(refused: Refused) -> None:
    assert "a pickle" in str(refused(pickle.dumps(Bomb()), ".npz"))


# ---------------------------------------------------------------- .keras and HDF5


def hdf5(make: Callable[[Any], None], **options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as root:
        make(root)
    return file.getvalue()


def external_storage(root: Any) -> None:
    root.create_dataset("vars/0", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(root: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    root.create_virtual_dataset("vars/0", layout)


def cyclic(root: Any) -> None:
    root.create_group("a")["b"] = root["/"]


def linked_twice(root: Any) -> None:
    root["vars/0"] = np.zeros(3)
    root["vars/1"] = root["vars/0"]


def deep(root: Any) -> None:
    for _ in range(3000):
        root = root.create_group("a")


def of_fill(root: Any) -> None:
    root.create_dataset("vars/0", (1 << 30,), "f4")


def in_chunks(root: Any) -> None:
    root.create_dataset("vars/0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


HDF5 = {
    "an external link": lambda root: root.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")),
    "a soft link": lambda root: root.__setitem__("a", h5py.SoftLink("/vars")),
    "a group that holds the root": cyclic,
    "an array with two names": linked_twice,
    "values in another file": external_storage,
    "a virtual array": virtual,
    "groups 3,000 deep": deep,
    "4 gigabytes that are not there": of_fill,
    "4 terabytes in chunks that are not there": in_chunks,
    "a filter to be loaded": lambda root: root.create_dataset(
        "vars/0", (4,), "f4", chunks=(4,), scaleoffset=2
    ),
}


@pytest.mark.parametrize("name", HDF5)
def test_hostile_hdf5_alone_and_in_an_archive(name: str, refused: Refused) -> None:
    content = hdf5(HDF5[name])
    refused(content, ".weights.h5")
    refused(keras_archive(content), ".keras")


def test_a_layout_that_is_yet_to_come_is_refused(refused: Refused) -> None:
    content = bytearray(hdf5(lambda root: root.__setitem__("vars/0", np.zeros(3)), libver="latest"))
    content[8] = 4
    assert "superblock" in str(refused(bytes(content), ".weights.h5"))


CONFIG = b'{"class_name": "Sequential", "config": {"name": "net", "layers": []}}'


def keras_archive(
    weights: bytes, config: bytes = CONFIG, method: int = zipfile.ZIP_STORED
) -> bytes:
    members = {"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": config}
    return zipped({**members, "model.weights.h5": weights}, method)


NONE = hdf5(lambda root: None)
KERAS = {
    "no weights": zipped({"metadata.json": b"{}", "config.json": b"{}"}),
    "a configuration that is a list": keras_archive(NONE, b"[]"),
    "a deep configuration": keras_archive(NONE, b'{"a":' * 100_000),
    "a key twice": keras_archive(NONE, b'{"a": 1, "a": 2}'),
    "NaN": keras_archive(NONE, b'{"a": NaN}'),
    "weights that are text": keras_archive(b"hello"),
    "weights that unpack to a bomb": keras_archive(bytes(90_000_000), CONFIG, zipfile.ZIP_DEFLATED),
    "weights with another checksum": patched(keras_archive(NONE), b"PK\x01\x02", 16, b"\1\2\3\4"),
}


@pytest.mark.parametrize("name", KERAS)
def test_hostile_archives_of_keras(name: str, refused: Refused) -> None:
    refused(KERAS[name], ".keras")


def test_an_archive_that_was_packed_anew_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(GOLDEN / "nested.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "packed.keras"
    path.write_bytes(zipped(members, zipfile.ZIP_DEFLATED))
    packed, plain = exhausted(path), exhausted(GOLDEN / "nested.keras")
    assert packed.model.parameters == plain.model.parameters


def test_a_configuration_names_classes_and_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')\n")
    config = json.dumps(
        {"module": "evil_module", "class_name": "Evil", "config": {"layers": [{"class_name": "x"}]}}
    )
    path = tmp_path / "evil.keras"
    path.write_bytes(keras_archive(NONE, config.encode()))
    assert exhausted(path).model.class_name == "Evil"
    assert "evil_module" not in sys.modules


# ---------------------------------------------------------------- nothing is reserved


def everything() -> dict[str, tuple[bytes, str]]:
    return {
        **{f"safetensors: {name}": (raw, ".safetensors") for name, raw in SAFETENSORS.items()},
        **{f"npy: {name}": (raw, ".npy") for name, raw in NPY.items()},
        **{f"npz: {name}": (make(), ".npz") for name, make in ZIPS.items()},
        **{f"HDF5: {name}": (hdf5(make), ".weights.h5") for name, make in HDF5.items()},
        **{f"keras: {name}": (raw, ".keras") for name, raw in KERAS.items()},
    }


def test_no_memory_is_reserved_on_a_files_word(tmp_path: Path) -> None:
    peaks = {}
    for name, (content, suffix) in everything().items():
        path = tmp_path / f"hostile{suffix}"
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(FormatError):
            exhausted(path)
        peaks[name] = tracemalloc.get_traced_memory()[1] - 8 * len(content)
        tracemalloc.stop()
    assert len(peaks) > 80
    assert max(peaks.values()) < 8 << 20, max(peaks, key=lambda name: peaks[name])


# ---------------------------------------------------------------- nothing else is touched


AUDIT = """
import sys
from pathlib import Path
from parametry.errors import FormatError
from parametry.formats.registry import open_file
import parametry.formats.keras_archive, parametry.formats.npz, parametry.formats.safetensors
files = sys.argv[1:]
for path in files:  # once, so that what reading imports is there
    try: open_file(path).check()
    except FormatError: pass
seen = []
def hook(event, given):
    if event == "open" and str(given[0]) not in files and not isinstance(given[0], int):
        seen.append((event, given[0]))
    if event in ("import", "exec", "compile", "pickle.find_class", "marshal.loads"):
        seen.append((event, str(given)[:80]))
    if event.partition(".")[0] in ("socket", "subprocess", "ctypes") or event == "os.system":
        seen.append((event,))
sys.addaudithook(hook)
for path in files:
    try:
        contents = open_file(path)
        contents.check()
        for entry in contents.model.parameters.values(): entry.numpy()
    except FormatError: pass
print(seen)
"""


def test_reading_opens_no_other_file_and_runs_nothing(tmp_path: Path) -> None:
    hostile = {
        "a.npy": NPY["Python objects"],
        "b.npz": zipped({"a.npy": NPY["Python objects"]}),
        "c.weights.h5": hdf5(HDF5["an external link"]),
        "d.weights.h5": hdf5(external_storage),
        "e.keras": keras_archive(hdf5(virtual)),
        "f.npz": zipped({"../../a.npy": ONE}),
    }
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
    files = [*map(str, tmp_path.iterdir()), *(str(GOLDEN / name) for name in SEEDS)]
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, *files],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------- the file changes meanwhile


def test_a_file_that_is_changed_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes((GOLDEN / "arrays.safetensors").read_bytes())
    contents = exhausted(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FormatError, match="changed since"):
        contents.model.parameters["half"].numpy()
    path.unlink()
    with pytest.raises(FormatError, match="no longer be opened"):
        contents.check()
