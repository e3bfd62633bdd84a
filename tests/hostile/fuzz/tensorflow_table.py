"""Fuzzes the reader of TensorFlow's checkpoints: entries of a table whose checksums are right."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..corpus.tensorflow import HEADER, entry, graph_of, message, number, table_of, written
from .harness import everything, fuzz, tensorflow_checkpoint

FOLDER = Path(tempfile.mkdtemp())


def target(raw: bytes) -> None:
    """The bytes as the entries of a block, or as the graph of objects."""
    kind, raw = raw[:1], raw[1:]
    path = graph_of(raw)(FOLDER) if kind == b"g" else written(FOLDER, table_of(raw))
    everything(tensorflow_checkpoint.read(path))


def row(key: bytes, value: bytes) -> bytes:
    """One entry of a block."""
    return number(0) + number(len(key)) + number(len(value)) + key + value


if __name__ == "__main__":
    attribute = message((1, b"VARIABLE_VALUE"), (2, b"dense/kernel"), (3, b"a"))
    fuzz(
        target,
        [
            b"b" + row(b"a", entry()) + row(b"b", entry(size=4, sizes=(1,))),
            b"b" + row(*HEADER) + row(b"a/.ATTRIBUTES/VARIABLE_VALUE", entry()),
            b"g" + message((1, message((1, message((1, 1), (2, b"kernel"))), (2, attribute)))),
        ],
    )
