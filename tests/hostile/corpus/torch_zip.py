"""Zip archives that torch did not write as it should have."""

from __future__ import annotations

import zipfile

from .case import files
from .packing import zipped
from .torch_pickle import P2, tensor

__all__ = ["CASES"]

TENSOR = P2 + tensor(b"K\x10\x85", b"K\x01\x85") + b"."
FLOATS = bytes(64)


def archive(**members: bytes) -> bytes:
    """An archive of one tensor, with some of its members changed."""
    named = {name.replace("__", "/").replace("_pkl", ".pkl"): raw for name, raw in members.items()}
    whole = {"data.pkl": TENSOR, "byteorder": b"little", "data/0": FLOATS} | named
    return zipped({f"model/{name}": raw for name, raw in whole.items()})


CASES = [
    *files(
        "torch",
        ".pt",
        {
            "two pickles": zipped({"a/data.pkl": P2 + b"N.", "b/data.pkl": P2 + b"N."}),
            "another byte order": archive(byteorder=b"middle"),
            "a byte order of megabytes": archive(byteorder=b"little" * 100_000),
            "a pickle that unpacks to 200 MB": lambda: zipped(
                {"model/data.pkl": bytes(200 << 20)}, zipfile.ZIP_DEFLATED
            ),
            "a storage that is cut short": archive(data__0=FLOATS[:-1]),
            "no storage": zipped({"model/data.pkl": TENSOR}),
            "an empty pickle": archive(data_pkl=b""),
            "code that unpacks to 100 MB": lambda: zipped(
                {
                    "model/data.pkl": P2 + b"}.",
                    "model/constants.pkl": P2 + b").",
                    "model/code/a.py": b" " * (100 << 20),
                },
                zipfile.ZIP_DEFLATED,
            ),
        },
    ),
    *files(
        "torch",
        ".pt",
        {
            "a storage that is a bomb": lambda: zipped(
                {"model/data.pkl": TENSOR, "model/data/0": bytes(200 << 20)}, zipfile.ZIP_DEFLATED
            ),
            "code that is not Python": zipped(
                {
                    "model/data.pkl": TENSOR,
                    "model/data/0": FLOATS,
                    "model/constants.pkl": P2 + b").",
                    "model/code/../../a.py": b"class (((" * 1000,
                }
            ),
        },
        refused=False,
    ),
]
