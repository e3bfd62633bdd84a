"""Writing many parameters: all of them, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.parameter import Parameter

__all__ = ["Writer", "all_or_nothing"]

# Old values of more than this are kept in a temporary file rather than in memory, so that setting
# a model takes little more memory than the model has.
_IN_MEMORY = 64 << 20


class Writer:
    """Writes parameters, and can put back what they held.

    Args:
        kept: Where old values go.
    """

    def __init__(self, kept: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._kept = kept
        self._written: list[tuple[Parameter, int]] = []

    def write(self, parameter: Parameter, array: NDArray[Any], *, last: bool = False) -> None:
        """Set a parameter's values.

        Args:
            parameter: Which one.
            array: Values of its shape and dtype; not kept.
            last: Whether nothing is written after it, so that its old values need not be kept: a
                single write is done or not done.
        """
        if not last:
            self._keep(parameter)
        parameter.store.write(array)

    def _keep(self, parameter: Parameter) -> None:
        old = np.ascontiguousarray(parameter.numpy())
        start = self._kept.seek(0, 2)
        if start + old.nbytes > _IN_MEMORY:
            # Written first and moved afterwards, the values would be in memory three times.
            self._kept.rollover()
            self._kept.seek(0, 2)
        self._written.append((parameter, start))
        self._kept.write(old.reshape(-1).view(np.uint8).data)

    def undo(self) -> list[str]:
        """Put back all old values, the latest first; gives the addresses of those it could not."""
        lost: list[str] = []
        while self._written:
            parameter, start = self._written.pop()
            try:
                self._put_back(parameter, start)
            except Exception:  # the others are to be put back all the same
                lost.append(parameter.address)
        return lost

    def _put_back(self, parameter: Parameter, start: int) -> None:
        held = np.ascontiguousarray(parameter.numpy())
        self._kept.seek(start)
        old = np.frombuffer(self._kept.read(held.nbytes), np.uint8)
        # The write that failed has most likely changed nothing, and would fail again.
        if not np.array_equal(held.reshape(-1).view(np.uint8), old):
            parameter.store.write(old.view(held.dtype).reshape(parameter.shape))


@contextmanager
def all_or_nothing() -> Iterator[Writer]:
    """A writer whose writes are undone when the block ends in an exception, also Ctrl-C's."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        writer = Writer(kept)
        try:
            yield writer
        except BaseException as error:
            if lost := writer.undo():
                error.add_note(f"these could not be put back: {', '.join(lost)}")
            raise
