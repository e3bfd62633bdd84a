"""Hostile pickles, in zip archives as torch writes them."""

from __future__ import annotations

import struct
import zipfile

from .case import Case, Content, files
from .packing import zipped

__all__ = ["CASES", "P2", "STORAGE", "tensor"]


P2 = b"\x80\x02"
STORAGE = b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"


def tensor(size: bytes, stride: bytes, offset: bytes = b"K\x00", numel: bytes = b"K\x10") -> bytes:
    """The opcodes of one tensor over the storage of 16 floats."""
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    return rebuild + b"(" + STORAGE + numel + b"tQ" + offset + size + stride + b"\x89}tR"


REFUSED: dict[str, bytes] = {
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


HARMLESS = frozenset({"ten to the 30th texts in dicts", "ten to the 30th texts in objects"})
"""Those of the following that end in values."""

BOMBS: dict[str, Content] = {
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

EVIL = [
    *("os system", "posix system", "nt system", "builtins eval", "builtins exec", "builtins open"),
    *("builtins getattr", "builtins __import__", "subprocess Popen", "functools partial"),
    *("operator attrgetter", "operator methodcaller", "importlib import_module", "sys exit"),
    *("torch load", "torch.hub load", "torch.storage _load_from_bytes", "numpy load"),
    *("numpy.core.multiarray fromfile", "pickle loads", "marshal loads", "types CodeType"),
    *("types FunctionType", "code interact", "pty spawn", "webbrowser open", "shutil rmtree"),
    *("ctypes CDLL", "runpy run_path", "timeit timeit", "pdb run", "__builtin__ eval"),
    *("commands getoutput", "pip main", "joblib load", "__main__ payload", "socket socket"),
    *("torch.jit._pickle build_tensor_from_id", "torch._utils _rebuild_everything"),
    *("collections namedtuple", "copyreg __newobj__", "torch.nn.parameter Parameter.__init__"),
    *("builtins object.__subclasses__", "keras.models load_model", "dill._dill _create_function"),
]
"""What pickles have been made to call, each with a module and a name in it."""


def archive(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A torch zip file around a pickle, with one storage of 16 floats."""
    members = {"model/data.pkl": content, "model/byteorder": b"little", "model/data/0": bytes(64)}
    return zipped(members, method)


def calling(named: str) -> bytes:
    """A pickle that calls something, in each of the ways that pickles have."""
    module_name, name = named.split()
    mentioned = f"c{module_name}\n{name}\n".encode()
    argument = b"touch executed"
    return P2 + mentioned + b"(U" + bytes([len(argument)]) + argument + b"tR."


def _case(kind: str, contents: dict[str, Content], *, refused: bool) -> list[Case]:
    packed = {
        name: (lambda raw=raw: archive(raw if isinstance(raw, bytes) else raw()))
        for name, raw in contents.items()
    }
    return files(kind, ".pt", packed, refused=refused)


CASES = [
    *_case("torch's pickle", dict(REFUSED), refused=True),
    *_case("torch's pickle", {f"a call of {name}": calling(name) for name in EVIL}, refused=True),
    *_case(
        "torch's pickle",
        {name: raw for name, raw in BOMBS.items() if name not in HARMLESS},
        refused=True,
    ),
    *_case(
        "torch's pickle",
        {name: raw for name, raw in BOMBS.items() if name in HARMLESS},
        refused=False,
    ),
]
