"""Points of metrics in blocks: consecutive points with the same keys, packed column by column.

A block is a run of 8-byte numbers, little-endian, one column after the other::

    seq     int64    the number of the fact
    step    int64
    epoch   int64    -1 outside of epochs
    time    float64  seconds since 1970
    value   float64  of the first key, then of the second, and so on

so that with *n* points of *k* keys it has ``8 * n * (4 + k)`` bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.facts import Per, PointColumns, Points

__all__ = ["LONGEST", "NO_EPOCH", "Block", "Columns", "Group", "blocks_of"]

LONGEST: Final = 1_000
"""How many points a block holds at most."""

NO_EPOCH: Final = -1
_INTEGER, _FLOAT = np.dtype("<i8"), np.dtype("<f8")
_BEFORE_VALUES = 4
_ROWS_AND_KEYS = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Points as the file has them.

    Attributes:
        first: The number of the first fact.
        last: The number of the last.
        count: How many there are.
        data: The columns.
    """

    first: int
    last: int
    count: int
    data: bytes


@dataclass(slots=True)
class Group:
    """Points with the same keys, on their way into blocks.

    Three lists, not one of tuples: those would be so many more objects for the garbage collector.

    Attributes:
        seqs: The numbers of the facts.
        facts: The facts; their values count for nothing here.
        values: The values of each, in the order of the keys.
    """

    seqs: list[int] = field(default_factory=list)
    facts: list[Points] = field(default_factory=list)
    values: list[tuple[Any, ...]] = field(default_factory=list)

    def blocks(self) -> Iterator[Block]:
        """The blocks that hold the points, in order.

        Raises:
            Exception: Whatever a value's ``__float__`` raises; a value that is no number.
        """
        for start in range(0, len(self.seqs), LONGEST):
            part = slice(start, start + LONGEST)
            seqs, facts = self.seqs[part], self.facts[part]
            epochs = [NO_EPOCH if fact.epoch is None else fact.epoch for fact in facts]
            values = np.array(self.values[part], _FLOAT)
            if values.ndim != _ROWS_AND_KEYS:
                raise ValueError("a value is no single number")
            columns = (
                np.array(seqs, _INTEGER),
                np.array([fact.step for fact in facts], _INTEGER),
                np.array(epochs, _INTEGER),
                np.array([fact.when for fact in facts], _FLOAT),
                values.T,
            )
            data = b"".join(column.tobytes() for column in columns)
            yield Block(seqs[0], seqs[-1], len(seqs), data)


def blocks_of(points: PointColumns, first: int) -> Iterator[Block]:
    """The blocks that hold points which come in columns already.

    Args:
        points: The points.
        first: The number of the first of them as a fact.
    """
    epoch = NO_EPOCH if points.epoch is None else points.epoch
    for start in range(0, len(points), LONGEST):
        part = slice(start, start + LONGEST)
        steps = np.asarray(points.steps[part], _INTEGER)
        seqs = np.arange(first + start, first + start + len(steps), dtype=_INTEGER)
        columns = (
            seqs,
            steps,
            np.full(len(steps), epoch, _INTEGER),
            np.asarray(points.whens[part], _FLOAT),
            np.asarray(points.values[part], _FLOAT).T,
        )
        data = b"".join(column.tobytes() for column in columns)
        yield Block(int(seqs[0]), int(seqs[-1]), len(steps), data)


@dataclass(frozen=True, slots=True)
class Columns:
    """What blocks of one series hold, one array a column; views of the bytes, not to be changed.

    Attributes:
        seqs: int64 (n,): the numbers of the facts.
        steps: int64 (n,).
        epochs: int64 (n,): `NO_EPOCH` outside of epochs.
        times: float64 (n,): seconds since 1970.
        values: float64 (n, k): the values of each key.
    """

    seqs: NDArray[np.int64]
    steps: NDArray[np.int64]
    epochs: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, blocks: Sequence[bytes], keys: int) -> Columns:
        """The columns of blocks in a row.

        Args:
            blocks: The data of each.
            keys: How many keys they have.

        Raises:
            ValueError: The bytes are not those of a block.
        """
        width = _BEFORE_VALUES + keys
        parts = [np.frombuffer(data, _INTEGER).reshape(width, -1) for data in blocks]
        whole = np.concatenate(parts, 1) if parts else np.empty((width, 0), _INTEGER)
        floats = whole.view(_FLOAT)
        return cls(whole[0], whole[1], whole[2], floats[3], floats[_BEFORE_VALUES:].T)

    def points(self, per: Per, keys: Sequence[str], rows: NDArray[np.intp]) -> Iterator[Points]:
        """Some of the rows as facts."""
        for row in rows.tolist():
            epoch = int(self.epochs[row])
            yield Points(
                per,
                int(self.steps[row]),
                None if epoch == NO_EPOCH else epoch,
                float(self.times[row]),
                dict(zip(keys, self.values[row].tolist(), strict=True)),
            )
