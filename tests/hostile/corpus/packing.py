"""Zip archives, and bytes of them that are changed afterwards."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

__all__ = ["CENTRAL", "patched", "zipped"]

CENTRAL = b"PK\x01\x02"
"""With what an entry of an archive's directory begins."""


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of some members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The same bytes with some others at an offset behind a signature's last place."""
    at = content.rindex(signature) + offset
    return content[:at] + value + content[at + len(value) :]
