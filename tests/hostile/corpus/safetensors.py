"""Hostile safetensors: headers that lie."""

from __future__ import annotations

import json
import struct
from typing import Any

from parametry.core.manifest import KEY

from .case import Content, files

__all__ = ["CASES", "entry", "safetensors"]


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(begin: Any, end: Any, shape: Any = (1,), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


REFUSED: dict[str, Content] = {
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


def many(count: int) -> bytes:
    """So many tensors of four bytes each."""
    return safetensors(
        {f"layers.{n}.weight": entry(4 * n, 4 * n + 4) for n in range(count)}, bytes(4 * count)
    )


READ: dict[str, Content] = {
    "200,000 tensors": lambda: many(200_000),
    "no tensors": safetensors({}),
    "spaces behind the header": safetensors(b"{}" + b" " * 100_000),
}

CASES = [
    *files("safetensors", ".safetensors", REFUSED),
    *files("safetensors", ".safetensors", READ, refused=False),
]
