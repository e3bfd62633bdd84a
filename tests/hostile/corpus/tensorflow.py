"""Hostile checkpoints of TensorFlow: tables, entries and graphs that lie."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from parametry.formats.crc32c import crc32c, masked

from .case import Content, folders

__all__ = ["CASES", "HEADER", "entry", "message", "number", "table", "written"]

GOLDEN = Path(__file__).parents[2] / "formats" / "golden" / "tensorflow"


def number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(*parts: tuple[int, int | bytes]) -> bytes:
    out = b""
    for key, value in parts:
        if isinstance(value, int):
            out += number(key << 3) + number(value)
        else:
            out += number(key << 3 | 2) + number(len(value)) + value
    return out


def block(pairs: Iterable[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    data = b"".join(
        number(0) + number(len(key)) + number(len(value)) + key + value for key, value in pairs
    )
    data += (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes([kind])
    return data + masked(crc32c(data)).to_bytes(4, "little")


def table(pairs: list[tuple[bytes, bytes]], kind: int = 0) -> bytes:
    data = block(pairs, kind)
    empty = block([])
    index = block([(b"\xff", number(0) + number(len(data) - 5))])
    at = len(data) + len(empty)
    footer = number(len(data)) + number(len(empty) - 5) + number(at) + number(len(index) - 5)
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    return data + empty + index + footer.ljust(40, b"\0") + magic


HEADER = (b"", message((1, 1)))
DATA = np.arange(3, dtype="<f4").tobytes()


def entry(
    *,
    dtype: int = 1,
    sizes: tuple[int, ...] = (3,),
    shard: int = 0,
    offset: int = 0,
    size: int = 12,
) -> bytes:
    shape = b"".join(message((2, message((1, length)))) for length in sizes)
    checksum = masked(crc32c(DATA[offset : offset + size])).to_bytes(4, "little")
    said = message((1, dtype), (2, shape), (3, shard), (4, offset), (5, size))
    return said + number(6 << 3 | 5) + checksum


def written(folder: Path, index: bytes) -> Path:
    path = folder / "net.index"
    path.write_bytes(index)
    (folder / "net.data-00000-of-00001").write_bytes(DATA)
    return path


LARGEST = 2**64 - 1

REFUSED: dict[str, Content] = {
    "no header": table([(b"a", entry())]),
    "no entries": table([]),
    "no shards": table([(b"", message((1, 0))), (b"a", entry())]),
    "a billion shards": table([(b"", message((1, 10**9))), (b"a", entry())]),
    "another endianness": table([(b"", message((1, 1), (2, 7))), (b"a", entry())]),
    "a shard that is not there": table([(b"", message((1, 2))), (b"a", entry(shard=1))]),
    "a shard beyond the last": table([HEADER, (b"a", entry(shard=1))]),
    "more bytes than the shape": table([HEADER, (b"a", entry(sizes=(2,)))]),
    "a shape of 2^64 - 1": table([HEADER, (b"a", entry(sizes=(LARGEST,)))]),
    "a shape whose product overflows": table([HEADER, (b"a", entry(sizes=(1 << 62, 1 << 62)))]),
    "a hundred axes": table([HEADER, (b"a", entry(sizes=(1,) * 100))]),
    "an offset behind the end": table([HEADER, (b"a", entry(offset=4))]),
    "an offset of 2^64 - 1": table([HEADER, (b"a", entry(offset=LARGEST))]),
    "a size of 2^64 - 1": table([HEADER, (b"a", entry(size=LARGEST))]),
    "overlapping arrays": table(
        [HEADER, (b"a", entry(size=8, sizes=(2,))), (b"b", entry(offset=4, size=8, sizes=(2,)))]
    ),
    "the same bytes twice": table([HEADER, (b"a", entry()), (b"b", entry())]),
    "an entry that is no message": table([HEADER, (b"a", b"\xff" * 12)]),
    "a varint without end": table([HEADER, (b"a", b"\x08" + b"\xff" * 11)]),
    "a graph that is no text": table([HEADER, (b"_CHECKPOINTABLE_OBJECT_GRAPH", entry(dtype=7))]),
    "compressed": table([HEADER, (b"a", entry())], kind=1),
    "the footer alone": table([])[-48:],
    "empty": b"",
}


def growing(entries: int, key: int) -> bytes:
    """A block whose entries have a long key each, for which they take three bytes."""
    long = b"a" * key
    data = number(0) + number(key) + number(0) + long
    data += (number(key) + number(0) + number(0)) * entries
    return table_of(data)


def table_of(data: bytes) -> bytes:
    """A table of the header and one block, whose entries' bytes are given."""
    header = block([HEADER])
    raw = data + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
    raw += masked(crc32c(raw)).to_bytes(4, "little")
    empty = block([])
    index = block(
        [
            (b"", number(0) + number(len(header) - 5)),
            (b"\xff", number(len(header)) + number(len(raw) - 5)),
        ]
    )
    at = len(header) + len(raw)
    footer = number(at) + number(len(empty) - 5) + number(at + len(empty)) + number(len(index) - 5)
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    return header + raw + empty + index + footer.ljust(40, b"\0") + magic


BOMBS: dict[str, Content] = {
    "a long key with three bytes for each entry": lambda: growing(100_000, 500_000),
    "1,050,000 entries of three bytes": lambda: table_of(bytes(3 * 1_050_000)),
}


def _made(content: Content) -> Callable[[Path], Path]:
    return lambda folder: written(folder, content if isinstance(content, bytes) else content())


def leaving(folder: Path) -> Path:
    """A folder whose file ``checkpoint`` names a checkpoint outside of it."""
    outside = folder.parent / "outside"
    outside.mkdir()
    written(outside, table([HEADER, (b"a", entry())]))
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{outside}/net"\n')
    return folder


def linked(folder: Path) -> Path:
    """A shard that is a link to a file outside."""
    path = written(folder, table([HEADER, (b"a", entry())]))
    outside = folder.parent / "secret"
    shard = folder / "net.data-00000-of-00001"
    shard.rename(outside)
    shard.symlink_to(outside)
    return path


def saved(folder: Path, metadata: bytes) -> Path:
    """The golden SavedModel with something else that Keras says beside it."""
    shutil.copytree(GOLDEN / "saved", folder, dirs_exist_ok=True)
    (folder / "keras_metadata.pb").write_bytes(metadata)
    return folder


def graph_of(raw: bytes) -> Callable[[Path], Path]:
    """A checkpoint with these bytes as its graph of objects, their checksums right."""

    def make(folder: Path) -> Path:
        length = len(raw).to_bytes(4, "little")
        first = masked(crc32c(length)).to_bytes(4, "little")
        checksum = masked(crc32c(length + first + raw)).to_bytes(4, "little")
        data = number(len(raw)) + first + raw
        said = message((1, 7), (2, b""), (5, len(data))) + number(6 << 3 | 5) + checksum
        path = written(folder, table([HEADER, (b"_CHECKPOINTABLE_OBJECT_GRAPH", said)]))
        (folder / "net.data-00000-of-00001").write_bytes(data)
        return path

    return make


CASES = [
    *folders("TensorFlow", {name: _made(raw) for name, raw in (REFUSED | BOMBS).items()}),
    *folders(
        "TensorFlow",
        {
            "a folder that names a checkpoint outside": leaving,
            "a shard that is a link to outside": linked,
            "metadata that is no message": lambda folder: saved(folder, b"\x0a\xff"),
            "metadata that is no JSON": lambda folder: saved(folder, b"\x0a\x04\x2a\x02{]"),
            "metadata of deep JSON": lambda folder: saved(
                folder, message((1, message((5, b"[" * 100_000))))
            ),
            "a graph that is no message": graph_of(b"\xff" * 20),
            "a graph with a varint without end": graph_of(b"\x0a" + b"\x80" * 12),
        },
    ),
]
