"""Indices of Keras's weights in shards that name what they should not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .case import folders

__all__ = ["CASES"]

LEGACY = Path(__file__).parents[2] / "formats" / "golden" / "legacy"
INDEX = "sharded.weights.json"
SHARDS = [f"sharded_0000{number}.weights.h5" for number in range(3)]
KERNEL = "/layers/dense/vars"


def copied(folder: Path) -> Path:
    """The golden index with its shards."""
    for name in (INDEX, *SHARDS):
        shutil.copy(LEGACY / name, folder)
    return folder / INDEX


def naming(shards: Any) -> Callable[[Path], Path]:
    """An index that has other shards for one group."""

    def make(folder: Path) -> Path:
        path = copied(folder)
        said = json.loads(path.read_text())
        said["weight_map"][KERNEL] = shards
        path.write_text(json.dumps(said))
        return path

    return make


def text(content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = copied(folder)
        path.write_text(content)
        return path

    return make


def linked(folder: Path) -> Path:
    outside = folder.parent / "outside"
    path = copied(folder)
    (folder / SHARDS[0]).rename(outside)
    (folder / SHARDS[0]).symlink_to(outside)
    return path


def linked_to_itself(folder: Path) -> Path:
    path = copied(folder)
    (folder / SHARDS[0]).unlink()
    (folder / SHARDS[0]).symlink_to(SHARDS[0])
    return path


NAMES = ["../x.weights.h5", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "c:x", "a\0b", 3, None, {}]
CASES = folders(
    "Keras's shards",
    {
        **{f"a shard called {name!r}": naming([SHARDS[0], name]) for name in NAMES},
        "a shard that is not there": naming(["none.weights.h5"]),
        "a shard of 5,000 letters": naming(["n" * 5000]),
        "a shard that does not hold it": naming([SHARDS[1]]),
        "a shard that is the index": naming([INDEX]),
        "a shard that is a link to outside": linked,
        "a shard that is a link to itself": linked_to_itself,
        "100,000 shards": text(
            json.dumps({"weight_map": {f"/{n}/vars": f"{n}.weights.h5" for n in range(100_000)}})
        ),
        "a map that is a list": text('{"weight_map": [".weights.h5"]}'),
        "a key twice": text('{"weight_map": {"a": "a.weights.h5", "a": "b.weights.h5"}}'),
        "deep lists": text('{"weight_map": ' + "[" * 100_000 + '".weights.h5"'),
    },
)
