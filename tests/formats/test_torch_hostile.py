"""Torch files that lie, call, blow up or are damaged: a `FormatError` or a value, nothing else.

Nothing that a file names is imported or called (an audit hook watches), and what may be built is
bounded.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.registry import open_file
from parametry.formats.torch_file import MAGIC
from parametry.formats.torch_legacy import read_stream
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle
from parametry.formats.torch_tar import read_tar
from parametry.formats.torch_zip import read_zip

GOLDEN = Path(__file__).parent / "golden" / "torch"
P2 = b"\x80\x02"
STORAGE = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
WATCHED = ("exec", "compile", "import", "os.system", "subprocess.Popen", "socket.socket", "os.exec")


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What Python did while a test ran, of what no file may make it do."""
    events: list[str] = []
    on = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if on and event in WATCHED:
            events.append(f"{event} {str(args[:1])[:80]}")

    sys.addaudithook(watch)
    yield events
    on = False


def archive(path: Path, content: bytes, storages: dict[str, bytes] | None = None) -> Path:
    """A torch zip file around a pickle."""
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("model/data.pkl", content)
        out.writestr("model/byteorder", "little")
        for key, raw in (storages or {"0": bytes(64)}).items():
            out.writestr(f"model/data/{key}", raw)
    return path


def tensor(size: bytes, stride: bytes, offset: bytes = b"K\x00", numel: bytes = b"K\x10") -> bytes:
    """The opcodes of one tensor over the storage of 16 floats."""
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    return rebuild + b"(" + STORAGE + numel + b"tQ" + offset + size + stride + b"\x89}tR"


def run(content: bytes) -> Any:
    return unpickle(Pickle(content, "x.pt", 0, len(content)), lambda pid: None)[0]


EVIL = [
    *("os system", "posix system", "nt system", "builtins eval", "builtins exec", "builtins open"),
    *("builtins getattr", "builtins __import__", "subprocess Popen", "functools partial"),
    *("operator attrgetter", "operator methodcaller", "importlib import_module", "sys exit"),
    *("torch load", "torch.hub load", "torch.storage _load_from_bytes", "numpy load"),
    *("numpy.core.multiarray fromfile", "pickle loads", "marshal loads", "types CodeType"),
    *("types FunctionType", "code interact", "pty spawn", "webbrowser open", "shutil rmtree"),
    *("ctypes CDLL", "runpy run_path", "timeit timeit", "pdb run", "__builtin__ eval"),
    *(
        "commands getoutput",
        "pip main",
        "joblib load",
        "__main__ payload",
        "torch.jit._pickle build_tensor_from_id",
    ),
    *("torch._utils _rebuild_everything", "collections namedtuple", "copyreg __newobj__"),
    *("torch.nn.parameter Parameter.__init__", "builtins object.__subclasses__"),
]


@pytest.mark.parametrize("named", EVIL)
@pytest.mark.parametrize("way", ["GLOBAL", "STACK_GLOBAL"])
def test_a_call_is_refused_by_name_and_offset(
    tmp_path: Path, named: str, way: str, seen: list[str]
) -> None:
    module, name = named.split()
    mentioned = f"c{module}\n{name}\n".encode()
    if way == "STACK_GLOBAL":
        texts = (f"\x8c{chr(len(text))}{text}".encode("latin1") for text in (module, name))
        mentioned = b"".join(texts) + b"\x93"
    marker = tmp_path / "called"
    argument = f"touch {marker}".encode()
    content = P2 + mentioned + b"(U" + bytes([len(argument)]) + argument + b"tR."
    path = archive(tmp_path / "evil.pt", content)
    with zipfile.ZipFile(path) as opened:
        opened.read("model/data.pkl")
    open_file(GOLDEN / "tensor.pt")  # what is imported lazily is there by now
    seen.clear()
    with pytest.raises(FormatError) as caught:
        open_file(path)
    message = str(caught.value)
    module = {"__builtin__": "builtins"}.get(module, module)
    assert f"{module}.{name}" in message
    assert "not called" in message
    assert caught.value.offset is not None
    raw = path.read_bytes()
    assert raw[caught.value.offset :][:1] in (b"c", b"\x93", b"R")
    assert not marker.exists()
    assert seen == []


@pytest.mark.parametrize("way", [b")\x81.", b"(t\x81.", b")}\x92."])
@pytest.mark.parametrize("named", ["os system", "torch load", "numpy fromfile", "builtins eval"])
def test_an_object_of_what_is_no_class_is_refused(named: str, way: bytes) -> None:
    content = P2 + "c{}\n{}\n".format(*named.split()).encode() + way
    with pytest.raises(FormatError, match="not called"):
        run(content)


def test_an_object_of_a_class_is_its_name_and_never_made(seen: list[str]) -> None:
    found = run(P2 + b"cno.such.module\nNet\n)\x81}X\x01\x00\x00\x00aK\x01sb.")
    assert (found.of.path, found.state) == ("no.such.module.Net", {"a": 1})
    assert seen == []


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "no end": P2 + b"]",
    "an end alone": b".",
    "two values": P2 + b"]].",
    "an open mark": P2 + b"(].",
    "a mark that was never set": P2 + b"t.",
    "an empty stack": P2 + b"a.",
    "a tuple of too few": P2 + b"N\x87.",
    "a memo that was never set": P2 + b"h\x05.",
    "a huge memo that was never set": P2 + b"j\xff\xff\xff\xff.",
    "a protocol to come": b"\x80\x06N.",
    "an opcode of protocol 0": P2 + b"I1\n.",
    "a persistent id as text": P2 + b"Pabc\n.",
    "an extension code": P2 + b"\x82\x01.",
    "an instance": P2 + b"(ios\nsystem\n.",
    "an out-of-band buffer": b"\x80\x05\x97.",
    "text that is longer than the file": P2 + b"X\xff\xff\xff\xffab.",
    "bytes of 2**64 - 1": P2 + b"\x8e" + b"\xff" * 8 + b".",
    "text of 2**63": P2 + b"\x8d" + b"\0" * 7 + b"\x80.",
    "a long of 2 GiB": P2 + b"\x8b\xff\xff\xff\x7f.",
    "text that is no UTF-8": P2 + b"X\x02\x00\x00\x00\xff\xfe.",
    "a global without a line": P2 + b"ctorch.",
    "a global that never ends": P2 + b"c" + b"a" * 5000 + b".",
    "a global that steers the terminal": P2 + b"cx\n\x1b[2J\n.",
    "a global that turns the text around": P2 + "cx\n\u202eNet\n.".encode(),
    "a global that is no text": P2 + b"K\x01K\x02\x93.",
    "a key twice": P2 + b"}(K\x01NK\x01Nu.",
    "a list as a key": P2 + b"}]Ns.",
    "a dict in a set": P2 + b"\x8f(}\x90.",
    "a key without a value": P2 + b"}(K\x01u.",
    "items of a list": P2 + b"]K\x01Ns.",
    "elements of a dict": P2 + b"}Na.",
    "a state of a number": P2 + b"K\x01}b.",
    "a call of a text": P2 + b"X\x01\x00\x00\x00a)R.",
    "a call without a tuple": P2 + b"ctorch\nSize\nNR.",
    "a huge key": P2 + b"}\x8a\x09" + b"\xff" * 8 + b"\x01Ns.",
    "a persistent id of no storage": P2 + b"K\x01Q.",
    "a storage that is not there": P2 + b"(" + STORAGE.replace(b"\x000X", b"\x009X") + b"K\x01tQ.",
    "a storage of no class": P2
    + b"("
    + STORAGE.replace(b"FloatStorage", b"NoStorage")
    + b"K\x01tQ.",
    "a storage longer than its bytes": P2 + b"(" + STORAGE + b"K\x11tQ.",
    "a storage of a negative length": P2 + b"(" + STORAGE + b"J\xff\xff\xff\xfftQ.",
    "a storage of 2**64 elements": P2 + b"(" + STORAGE + b"\x8a\x09" + b"\0" * 8 + b"\x01tQ.",
    "a view past the end": P2 + tensor(b"K\x11\x85", b"K\x01\x85") + b".",
    "a view past the end by its offset": P2 + tensor(b"K\x10\x85", b"K\x01\x85", b"K\x01") + b".",
    "a view past the end by its stride": P2 + tensor(b"K\x02\x85", b"K\x10\x85") + b".",
    "a negative offset": P2 + tensor(b"K\x01\x85", b"K\x01\x85", b"J\xff\xff\xff\xff") + b".",
    "a negative size": P2 + tensor(b"J\xff\xff\xff\xff\x85", b"K\x01\x85") + b".",
    "a size of a text": P2 + tensor(b"X\x01\x00\x00\x00a\x85", b"K\x01\x85") + b".",
    "a size that is no tuple": P2 + tensor(b"K\x01", b"K\x01") + b".",
    "a stride of another length": P2 + tensor(b"K\x01\x85", b")") + b".",
    "stride 0 over 2**40 elements": P2 + tensor(b"\x8a\x06\0\0\0\0\0\x01\x85", b"K\x00\x85") + b".",
    "a product that overflows": P2
    + tensor(b"\x8a\x05\0\0\0\0\x01" * 2 + b"\x86", b"K\x00K\x00\x86")
    + b".",
    "an empty one of 2**124": P2
    + tensor(b"K\x00" + b"\x8a\x08\0\0\0\0\0\0\0\x40" * 2 + b"\x87", b"K\x01" * 3 + b"\x87")
    + b".",
    "a hundred axes": P2
    + tensor(b"(" + b"K\x01" * 100 + b"t", b"(" + b"K\x01" * 100 + b"t")
    + b".",
    "a dict that holds itself": P2
    + b"}q\x00X\x01\x00\x00\x00ah\x00s"
    + b"X\x01\x00\x00\x00b"
    + tensor(b")", b")")
    + b"s.",
    "bytes that do not fill an array": P2
    + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    + b"(K\x01K\x05\x85cnumpy\ndtype\nU\x02f8\x89\x88\x87R\x89U\x03abctb.",
    "a date that is none": P2 + b"cdatetime\ndatetime\nC\x0a" + b"\xff" * 10 + b"\x85R.",
    "a timedelta that overflows": P2 + b"cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\0K\0\x87R.",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_cannot_be_is_a_format_error(tmp_path: Path, fault: str) -> None:
    path = archive(tmp_path / "broken.pt", BROKEN[fault])
    with pytest.raises(FormatError) as caught:
        open_file(path)
    assert str(path) in str(caught.value)


def nested(depth: int) -> bytes:
    return P2 + b"]" * depth + b"a" * (depth - 1) + b"."


def laughs(
    first: bytes, opening: bytes, closing: bytes, *, levels: int = 30, after: bytes = b""
) -> bytes:
    """A container of ten times the last one, and so on; only the last stays on the stack."""
    out = first + b"q\x000"
    for level in range(levels):
        out += opening
        for item in range(10):
            if closing == b"u":
                out += b"X\x01\x00\x00\x00" + bytes([97 + item])
            out += b"h" + bytes([level])
        out += closing + after + b"q" + bytes([level + 1]) + b"0"
    return out + b"h" + bytes([levels])


def text(content: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(content)) + content


def module(fields: bytes) -> bytes:
    """A pickled module: its class, and a state with these submodules."""
    state = text(b"_parameters") + b"}" + text(b"_buffers") + b"}" + text(b"_modules") + fields
    return b"cx\nNet\n)\x81}(" + state + b"ub"


BOMBS: dict[str, Callable[[], bytes]] = {
    "lists 200,000 deep": lambda: nested(200_000),
    "tuples 200,000 deep": lambda: P2 + b")" + b"\x85" * 200_000 + b".",
    "ten to the 30th texts in tuples": lambda: P2 + laughs(text(b"lol"), b"(", b"t") + b".",
    "ten to the 30th texts in dicts": lambda: P2 + laughs(text(b"lol"), b"}(", b"u") + b".",
    "ten to the 30th texts in objects": lambda: (
        P2
        + b"}"
        + text(b"args")
        + laughs(text(b"lol"), b"cx\nY\n)\x81}(", b"u", after=b"b")
        + b"s."
    ),
    "a key of ten to the 30th texts": lambda: P2 + b"}" + laughs(b"N", b"(", b"t") + b"Ns.",
    "ten to the 30th tensors": lambda: P2 + laughs(tensor(b")", b")"), b"}(", b"u") + b".",
    "slots of ten to the 30th tensors": lambda: (
        P2
        + b"}("
        + text(b"param_groups")
        + b"]"
        + text(b"state")
        + b"}K\x00}"
        + text(b"slot")
        + laughs(tensor(b")", b")"), b"](", b"e")
        + b"ssu."
    ),
    "ten to the 30th modules": lambda: (
        P2
        + module(b"}")
        + b"q\x000"
        + b"".join(
            module(
                b"}("
                + b"".join(text(bytes([97 + item])) + b"h" + bytes([level]) for item in range(10))
                + b"u"
            )
            + b"q"
            + bytes([level + 1])
            + b"0"
            for level in range(30)
        )
        + b"h\x1e."
    ),
    "a module in itself": lambda: (
        P2
        + b"cx\nNet\n)\x81q\x00}("
        + text(b"_parameters")
        + b"}"
        + text(b"_buffers")
        + b"}"
        + text(b"_modules")
        + b"}"
        + text(b"self")
        + b"h\x00sub."
    ),
    "names of 4,000 in each other": lambda: (
        P2 + laughs(tensor(b")", b")"), b"}(" + text(b"k" * 4000) + b"N", b"u") + b"."
    ),
    "a million values": lambda: (
        P2 + b"}(" + b"".join(b"J" + struct.pack("<i", n) + b"N" for n in range(300_000)) + b"u."
    ),
    "two million marks": lambda: P2 + b"(" * 2_000_000 + b".",
    "eight million dicts": lambda: P2 + b"(" + b"}" * 8_000_000 + b"t.",
    "thirteen million opcodes": lambda: P2 + b"N" * 13_000_000 + b".",
    "a million sets": lambda: P2 + b"(" + b"\x8f" * 2_000_000 + b"t.",
    "keys that collide": lambda: (
        P2
        + b"}("
        + b"".join(
            b"\x8a\x0b" + ((2**61 - 1) * number).to_bytes(11, "little") + b"N"
            for number in range(1, 50_000)
        )
        + b"u."
    ),
    "tuples as keys": lambda: (
        P2 + b"}(" + b"".join(b"J" + struct.pack("<i", n) + b"\x85N" for n in range(50_000)) + b"u."
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_soon_and_small(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("model/data.pkl", BOMBS[bomb]())
        out.writestr("model/data/0", bytes(64))
    # In a process of its own, whose memory the system bounds.
    script = """
        import resource, sys
        from parametry.errors import FormatError
        from parametry.formats.registry import open_file
        import numpy
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        try:
            contents = open_file(sys.argv[1])
            list(contents.model.hyperparameters), list(contents.model.layers)
        except FormatError:
            pass
        used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - held
        assert used < 512 << 20, used
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line[8:] for line in script.splitlines()), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_containers_of_archives_are_checked(tmp_path: Path) -> None:
    def refused(name: str, write: Callable[[zipfile.ZipFile], None], match: str) -> None:
        path = tmp_path / f"{name}.pt"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            write(out)
        with pytest.raises(FormatError, match=match):
            read_zip(path)

    def two(out: zipfile.ZipFile) -> None:
        out.writestr("a/data.pkl", P2 + b"N.")
        out.writestr("b/data.pkl", P2 + b"N.")

    def order(out: zipfile.ZipFile) -> None:
        out.writestr("a/data.pkl", P2 + b"N.")
        out.writestr("a/byteorder", "middle")

    def huge(out: zipfile.ZipFile) -> None:
        out.writestr("a/data.pkl", bytes(200 << 20))

    refused("two", two, "2 members named data.pkl")
    refused("order", order, "byte order")
    refused("huge", huge, "are allowed")


def legacy(*pickles: bytes, tail: bytes = b"") -> bytes:
    magic = (pickle.dumps(MAGIC, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2))
    return b"".join((*magic, *pickles)) + tail


STORED = P2 + b"(" + STORAGE + b"K\x02NtQ."
LEGACY: dict[str, bytes] = {
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


@pytest.mark.parametrize("fault", LEGACY)
def test_a_damaged_stream_is_a_format_error(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "legacy.pt"
    path.write_bytes(LEGACY[fault])
    with pytest.raises(FormatError):
        read_stream(path)


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


TAR: dict[str, bytes] = {
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


@pytest.mark.parametrize("fault", TAR)
def test_a_damaged_tar_is_a_format_error(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "old.pt"
    path.write_bytes(TAR[fault])
    with pytest.raises(FormatError):
        read_tar(path)


SMALL = ["special.pt", "state_dict_legacy.pt", "lightning.ckpt", "scripted.pt", "tar.pt"]
READERS = {"tar.pt": read_tar, "state_dict_legacy.pt": read_stream}


def must_end(path: Path, name: str) -> None:
    """Reading ends in a value or in a `FormatError`, whatever is asked of it."""
    try:
        contents = READERS.get(name, read_zip)(path)
        contents.check()
        for mapping in (contents.model.parameters, contents.model.optimizer_parameters):
            for address, entry in mapping.items():
                entry.numpy()
                contents.view(address)
        contents.model.to_dict()
    except FormatError:
        pass


@pytest.mark.parametrize("name", SMALL)
@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_flipped_bits_and_cuts(tmp_path: Path, name: str, data: st.DataObject) -> None:
    raw = bytearray((GOLDEN / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw))) :]
    path = tmp_path / name
    path.write_bytes(raw)
    must_end(path, name)


@pytest.mark.parametrize("name", ["special.pt", "lightning.ckpt"])
@given(data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_flipped_bits_in_the_pickle_with_the_archive_made_anew(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(GOLDEN / name) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            raw = bytearray(old.read(entry))
            if entry.endswith("data.pkl"):
                for _ in range(data.draw(st.integers(1, 5))):
                    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
            new.writestr(entry, bytes(raw))
    must_end(path, name)


OPCODES = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]
SNIPPETS = [
    *(b"K\x01", b"X\x01\x00\x00\x00a", b"h\x00", b"q\x00", b"C\x02ab", b"G" + bytes(8)),
    *(b"ctorch\nSize\n", b"ccollections\nOrderedDict\n", b"cnumpy\ndtype\n", b"cx\nY\n"),
    *(tensor(b")", b")"), tensor(b"K\x02\x85", b"K\x01\x85"), b"(" + STORAGE + b"K\x10tQ"),
    b"ctorch._utils\n_rebuild_parameter\n",
]


@given(
    st.lists(
        st.one_of(st.sampled_from(OPCODES), st.sampled_from(SNIPPETS), st.binary(max_size=3)),
        max_size=60,
    )
)
@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_programs(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    content = P2 + b"".join(parts) + b"."
    try:
        run(content)
    except FormatError:
        return
    path = archive(tmp_path_factory.getbasetemp() / "random.pt", content)
    must_end(path, "random.pt")
