"""A series of points: one metric over the steps, or the epochs, of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from parametry.core.display import render
from parametry.core.facts import Per
from parametry.core.frames import data_frame
from parametry.core.value import to_json_value

__all__ = ["Point", "Series"]


class Point(NamedTuple):
    """One point of a series.

    Attributes:
        step: The step; of an epoch its last one.
        value: The value.
    """

    step: int
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Series(Sequence[Point]):
    """The points of one metric, a step at most once, in the order of steps.

    Iterating gives a `Point` each; ``numpy.asarray(series)`` the values.

    Attributes:
        key: What was measured: ``loss``, ``optimizer/learning_rate``.
        per: Whether each point is of a ``step`` or of an ``epoch``.
        steps: int64 (n,): the steps; of epochs their last ones.
        values: float64 (n,).
        epochs: int64 (n,): the epochs, from 0; -1 outside of epochs.
        times: float64 (n,): seconds since 1970.

    Example:
        >>> import numpy as np
        >>> series = Series("loss", "step", *(np.array([0, 1]) for _ in range(4)))
        >>> series[-1], len(series)
        (Point(step=1, value=1.0), 2)
    """

    key: str
    per: Per
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    epochs: NDArray[np.int64]
    times: NDArray[np.float64]

    def __len__(self) -> int:
        """How many points there are."""
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> Series: ...

    def __getitem__(self, index: int | slice) -> Point | Series:
        """The point at a position, or a series of those at several."""
        if isinstance(index, slice):
            rows = self.steps[index], self.values[index], self.epochs[index], self.times[index]
            return Series(self.key, self.per, *rows)
        return Point(int(self.steps[index]), float(self.values[index]))

    def __iter__(self) -> Iterator[Point]:
        """The points, by step."""
        return map(Point, self.steps.tolist(), self.values.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The values, for ``numpy.asarray(series)``."""
        return np.array(self.values, dtype=dtype, copy=copy)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON-ready data, a list for each column."""
        return {
            "key": self.key,
            "per": self.per,
            "steps": self.steps.tolist(),
            "values": [to_json_value(value) for value in self.values.tolist()],
            "epochs": [None if epoch < 0 else epoch for epoch in self.epochs.tolist()],
            "times": self.times.tolist(),
        }

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` by step, with the columns ``value``, ``epoch``, ``time``.

        Raises:
            FrameworkMissing: pandas is not installed.
        """
        columns = {"value": self.values, "epoch": self.epochs, "time": self.times}
        return data_frame(columns, self.steps.tolist(), "step")

    def __repr__(self) -> str:
        """Its key, its ends, and a small picture."""
        return str(render("parametry.show.text:series", self))
