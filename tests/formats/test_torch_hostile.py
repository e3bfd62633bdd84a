"""What torch's pickles may name: nothing is imported or called; the message says what and where.

Files that mean harm have tests of their own: ``tests/hostile``.
"""

from __future__ import annotations

import contextlib
import pickletools
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parametry.errors import FormatError
from parametry.formats.registry import open_file
from parametry.formats.torch_pickle import unpickle
from parametry.formats.torch_scan import Pickle

from ..hostile.corpus.torch_pickle import EVIL, P2, STORAGE, archive, tensor
from .conftest import exhausted

GOLDEN = Path(__file__).parent / "golden" / "torch"
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


def run(content: bytes) -> Any:
    return unpickle(Pickle(content, "x.pt", 0, len(content)), lambda pid: None)[0]


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
    path = tmp_path / "evil.pt"
    path.write_bytes(archive(content, zipfile.ZIP_STORED))
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
    path = tmp_path_factory.getbasetemp() / "random.pt"
    path.write_bytes(archive(content))
    with contextlib.suppress(FormatError):
        exhausted(path)
