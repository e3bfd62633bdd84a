"""Addresses that would grow: very deep ones, and many that share a long beginning."""

from __future__ import annotations

from .case import Content, files
from .packing import zipped
from .safetensors import entry, safetensors
from .torch_pickle import P2, archive, tensor, text
from .zip_archive import ONE

__all__ = ["CASES"]


def tensors(*names: str) -> bytes:
    header = {name: entry(4 * n, 4 * n + 4) for n, name in enumerate(names)}
    return safetensors(header, bytes(4 * len(names)))


def sharing(names: int, first: int, parts: int) -> bytes:
    """Names of long parts, which all have the same parts above them, but for the first."""
    above = "/".join("n" * 100 for _ in range(parts))
    return tensors(*(f"{number % first}/{above}/{number}" for number in range(names)))


REFUSED: dict[str, Content] = {
    "a name of 50,000 parts": tensors("/".join("a" * 50_000)),
    "a name of 3,000 parts": tensors(".".join("a" * 3_000)),
    "500 names of 200 long parts": lambda: sharing(500, 500, 200),
}
READ: dict[str, Content] = {
    "100 names that share 200 long parts": lambda: sharing(100, 1, 200),
    "a name of 900 parts": tensors(".".join("a" * 900)),
    "a name of slashes": tensors("/" * 900),
    "no name": tensors(""),
}

CASES = [
    *files("addresses", ".safetensors", REFUSED),
    *files("addresses", ".safetensors", READ, refused=False),
    *files("addresses", ".npz", {"parts in an archive": zipped({f"{'a/' * 9000}.npy": ONE})}),
    *files(
        "addresses",
        ".pt",
        {"parts in a pickle": archive(P2 + b"}" + text(b"a." * 1500) + tensor(b")", b")") + b"s.")},
    ),
]
