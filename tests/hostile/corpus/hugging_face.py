"""Folders of Hugging Face whose index or configuration names what it should not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .case import folders
from .safetensors import entry, safetensors

__all__ = ["CASES"]

INDEX = "model.safetensors.index.json"
SHARD = "a.safetensors"


def shard(path: Path, *names: str) -> None:
    """A file of tensors of four bytes."""
    header = {name: entry(4 * n, 4 * n + 4) for n, name in enumerate(names)}
    path.write_bytes(safetensors(header, bytes(4 * len(names))))


def index(places: Any, **more: Any) -> Callable[[Path], Path]:
    """An index over one shard of one tensor, with some more or other places."""

    def make(folder: Path) -> Path:
        shard(folder / SHARD, "a.weight")
        shard(folder.parent / "secret.safetensors", "a.weight")
        whole = {"a.weight": SHARD, **places} if isinstance(places, dict) else places
        (folder / INDEX).write_text(json.dumps({"weight_map": whole, **more}))
        return folder

    return make


def configured(text: str) -> Callable[[Path], Path]:
    """A folder with this configuration."""

    def make(folder: Path) -> Path:
        shard(folder / "model.safetensors", "a.weight")
        (folder / "config.json").write_text(text)
        return folder

    return make


def linked(*names: str) -> Callable[[Path], Path]:
    """A folder in which some files are links to outside."""

    def make(folder: Path) -> Path:
        index({})(folder)
        (folder / "config.json").write_text("{}")
        for name in names:
            outside = folder.parent / f"outside_{name}"
            (folder / name).rename(outside)
            (folder / name).symlink_to(outside)
        return folder

    return make


NAMES = [
    "../secret.safetensors",
    "/etc/passwd",
    "a\0",
    "",
    ".",
    "..",
    "x/../a.safetensors",
    "\\\\a",
]
REFUSED: dict[str, Callable[[Path], Path]] = {
    **{f"a shard called {name!r}": index({"a.weight": name}) for name in NAMES},
    "a shard that is not there": index({"a.weight": "b.safetensors"}),
    "a shard that is the index": index({"a.weight": INDEX}),
    "a shard that is a number": index({"a.weight": 3}),
    "a tensor that no shard holds": index({"b.weight": SHARD}),
    "a map that is a list": index([SHARD]),
    "an empty map": index([]),
    "a shard that is a link to outside": linked(SHARD),
    "a configuration that is a link to outside": linked("config.json"),
    "a configuration that is a list": configured("[]"),
    "a configuration with NaN": configured('{"a": NaN}'),
    "a configuration with a key twice": configured('{"a": 1, "a": 2}'),
    "a deep configuration": configured('{"a":' * 100_000),
    "a configuration of a huge integer": configured('{"a": ' + "9" * 100_000 + "}"),
    "a configuration of ten million lists": configured('{"a": [' + "[]," * 10_000_000 + "0]}"),
}
READ = {
    "a configuration that names a class": configured(
        '{"auto_map": {"AutoModel": "os--system.py"}, "architectures": [3]}'
    ),
    "a configuration of 20,000 settings": configured(
        json.dumps({f"setting_{n}": n for n in range(20_000)})
    ),
}

CASES = [
    *folders("Hugging Face", REFUSED),
    *folders("Hugging Face", READ, refused=False),
]
