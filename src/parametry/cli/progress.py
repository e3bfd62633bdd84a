"""A line that says what takes long, if somebody is looking and it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from parametry.cli.messages import say

__all__ = ["progress"]

_PATIENCE = 1.0  # seconds


@contextmanager
def progress(what: str, stream: IO[str] | None) -> Iterator[None]:
    """Say what is being done, if it takes more than a second and the stream is a terminal."""
    if stream is None or stream.closed or not stream.isatty():
        yield
        return
    timer = threading.Timer(_PATIENCE, say, [f"parametry: {what} …"], {"stream": stream})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
