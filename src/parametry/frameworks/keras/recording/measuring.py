"""Statistics of a model's parameters between two steps, and how far a step moved them.

Where the values lie in the machine's own memory they are looked at there, by the same code as
`parametry.stats`. On an accelerator all are looked at in one compiled pass, and what it found comes
back in one transfer (see `device`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import kind, numpy_dtype
from parametry.core.facts import Measured
from parametry.core.parameter import Parameter
from parametry.core.statistics import ArrayStatistics
from parametry.frameworks.keras.inspection import inspect
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.device import DevicePass, ratio_of
from parametry.frameworks.keras.store import borrowed, to_numpy
from parametry.kernels.statistics import has_statistics, statistics_of

__all__ = ["Measurer"]

# So many values are taken at a time, which fit into the cache.
_BLOCK: Final = 1 << 15
_FLOAT32_BYTES: Final = 4
# Below this, squares of float32 may have vanished.
_LEAST: Final = 1e-25


class Measurer:
    """Looks at the parameters of a model; seeds, integers and text are left out.

    Args:
        model: The model.
        select: Patterns of addresses.
        backend: Where the values are.
    """

    def __init__(self, model: Any, select: Sequence[str], backend: Backend) -> None:
        parameters = inspect(model).parameters
        chosen = parameters.select(*select) if select else parameters
        self.entries: list[Parameter] = [entry for entry in chosen.values() if _is_real(entry)]
        self.variables = [entry.native for entry in self.entries]
        self._backend = backend
        self._model = model
        self._device: DevicePass | None = None
        self._before: list[Any] | None = None
        self._on_device: bool | None = None

    def before(self, state: Any) -> None:
        """Keep the values before a step.

        Args:
            state: What JAX's step takes, since the variables hold nothing then.
        """
        values = self._values(state)
        if self._is_remote(values):
            self._before = [self._backend.copy(value) for value in values]
        else:
            self._before = [to_numpy(value) for value in values]

    def after(self, state: Any, step: int, epoch: int | None, when: float) -> list[Measured]:
        """The statistics of all parameters after a step.

        Args:
            state: What JAX's step returned.
            step: The step.
            epoch: The epoch.
            when: The time.
        """
        values, before = self._values(state), self._before
        self._before = None
        if self._is_remote(values):
            if self._device is None:
                self._device = DevicePass(self._backend, [entry.shape for entry in self.entries])
            found = self._device.look(self.entries, values, before)
        else:
            found = [
                self._look(entry, borrowed(value), None if before is None else before[number])
                for number, (entry, value) in enumerate(zip(self.entries, values, strict=True))
            ]
        return [
            Measured("parameter", step, epoch, when, statistics, ratio)
            for statistics, ratio in found
        ]

    def _is_remote(self, values: list[Any]) -> bool:
        if self._on_device is None:
            self._on_device = any(self._backend.is_remote(value) for value in values)
        return self._on_device

    @staticmethod
    def _look(
        entry: Parameter, after: NDArray[Any], before: NDArray[Any] | None
    ) -> tuple[ArrayStatistics, float | None]:
        moments, distribution = statistics_of(after)
        statistics = ArrayStatistics(entry.address, entry.shape, entry.dtype, moments, distribution)
        return statistics, None if before is None else update_ratio(before, after)

    def _values(self, state: Any) -> list[Any]:
        if state is None:
            return [getattr(variable, "_value", variable) for variable in self.variables]
        # Worked out anew each time: what is trained may have been frozen meanwhile.
        groups = (self._model.trainable_variables, self._model.non_trainable_variables)
        values = {
            id(variable): value
            for variables, held in zip(groups, state, strict=False)
            for variable, value in zip(variables, held, strict=True)
        }
        return [values[id(variable)] for variable in self.variables]


def update_ratio(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    """The norm of what changed over the norm of what was there; None where there is no such.

    Sums are of the values' own precision, float32 at least, within blocks, and of float64 over
    them: to about 1e-6.

    Example:
        >>> update_ratio(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
        0.1
    """
    old, new = before.reshape(-1), after.reshape(-1)
    narrow = np.float64 if old.dtype.itemsize > _FLOAT32_BYTES else np.float32
    moved, held = _squares(old, new, narrow)
    if not (_LEAST < moved < math.inf and _LEAST < held < math.inf):
        moved, held = _squares(old, new, np.float64)  # what overflowed, or vanished
    return ratio_of(moved, held)


def _squares(
    old: NDArray[Any], new: NDArray[Any], dtype: type[np.floating[Any]]
) -> tuple[float, float]:
    """The sums of squares of what changed, and of what was there."""
    moved = held = 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for start in range(0, old.size, _BLOCK):
            a = old[start : start + _BLOCK].astype(dtype, copy=False)
            b = new[start : start + _BLOCK].astype(dtype, copy=False) - a
            moved += float(np.dot(b, b))
            held += float(np.dot(a, a))
    return moved, held


def _is_real(entry: Parameter) -> bool:
    """Whether a parameter is a number that training may change: no seed, counter or text."""
    dtype = numpy_dtype(entry.dtype)
    return has_statistics(dtype) and kind(dtype) == "float"
