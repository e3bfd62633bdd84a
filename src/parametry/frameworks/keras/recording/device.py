"""Statistics of many arrays in one compiled pass on an accelerator, and one transfer back.

Counts and extremes are exact. Sums are of float32, as accelerators add them: in a tree of partial
sums, so that means, deviations and norms agree with `parametry.stats` to about 1e-6 of the mean
magnitude. Quantiles and the sketch are worked out on the host, from the very sample that
`parametry.stats` takes of an array of that size; an array with no more values is sampled whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from parametry.core.moments import Moments
from parametry.core.parameter import Parameter
from parametry.core.statistics import ArrayStatistics
from parametry.frameworks.keras.recording.backend import Backend
from parametry.kernels.quantiles import distribution_of_all
from parametry.kernels.sampling import SAMPLE, sample_places

__all__ = ["DevicePass", "moments_from", "moments_on_device", "ratio_of"]

COUNTS: Final = 4
"""NaN, +∞, −∞, zeros."""

SUMS: Final = 5
"""Least, largest, mean, squared deviations, magnitudes."""


class DevicePass:
    """The compiled pass over arrays of given shapes.

    Args:
        backend: Who compiles it.
        shapes: The arrays' shapes.
    """

    def __init__(self, backend: Backend, shapes: Sequence[tuple[int, ...]]) -> None:
        sizes = [math.prod(shape) for shape in shapes]
        self._places = [sample_places(size) if size > SAMPLE else None for size in sizes]
        self._pass: Callable[..., Any] = backend.compiled(self._all)

    def _all(self, values: list[Any], before: list[Any] | None) -> tuple[Any, Any, Any]:
        from keras import ops

        found = [moments_on_device(value) for value in values]
        counts = ops.stack([counts for counts, _ in found])
        sums = ops.stack([sums for _, sums in found])
        samples = []
        for value, places in zip(values, self._places, strict=True):
            flat = ops.reshape(ops.cast(value, "float32"), (-1,))
            samples.append(flat if places is None else ops.take(flat, places))
        squares = []
        for value, former in zip(values, before or [], strict=False):
            old, new = ops.cast(former, "float32"), ops.cast(value, "float32")
            squares.append(ops.stack([ops.sum(ops.square(new - old)), ops.sum(ops.square(old))]))
        joined = [ops.reshape(sums, (-1,)), *(ops.reshape(each, (-1,)) for each in squares)]
        return counts, ops.concatenate(joined), ops.concatenate(samples)

    def look(
        self, entries: Sequence[Parameter], values: list[Any], before: list[Any] | None
    ) -> list[tuple[ArrayStatistics, float | None]]:
        """The statistics of each array, and how far it moved.

        Args:
            entries: What the arrays are of.
            values: The arrays.
            before: The arrays before the step, or None.
        """
        from keras import ops

        counts, numbers, samples = (
            ops.convert_to_numpy(each) for each in self._pass(values, before)
        )
        sums = numbers[: len(values) * SUMS].reshape(-1, SUMS)
        moved = numbers[len(values) * SUMS :].reshape(-1, 2)
        out: list[tuple[ArrayStatistics, float | None]] = []
        start = 0
        for number, (entry, places) in enumerate(zip(entries, self._places, strict=True)):
            size = entry.size if places is None else SAMPLE
            distribution = distribution_of_all(samples[start : start + size], exact=places is None)
            start += size
            moments = moments_from(entry.size, counts[number], sums[number])
            statistics = ArrayStatistics(
                entry.address, entry.shape, entry.dtype, moments, distribution
            )
            out.append((statistics, ratio_of(*moved[number].tolist()) if len(moved) else None))
        return out


def moments_on_device(value: Any) -> tuple[Any, Any]:
    """Counts (`COUNTS` int32) and sums (`SUMS` float32) of an array, inside a compiled function."""
    from keras import ops

    real = ops.reshape(ops.cast(value, "float32"), (-1,))
    finite = ops.isfinite(real)
    nan = ops.isnan(real)
    infinite = ops.logical_not(ops.logical_or(finite, nan))
    kept = ops.where(finite, real, 0.0)
    number = ops.sum(ops.cast(finite, "float32"))
    mean = ops.sum(kept) / ops.maximum(number, 1.0)
    off = ops.where(finite, kept - mean, 0.0)

    def count(mask: Any) -> Any:
        return ops.sum(ops.cast(mask, "int32"))

    counts = ops.stack(
        [
            count(nan),
            count(ops.logical_and(infinite, real > 0)),
            count(ops.logical_and(infinite, real < 0)),
            count(ops.equal(real, 0.0)),
        ]
    )
    sums = ops.stack(
        [
            ops.min(ops.where(finite, real, float("inf"))),
            ops.max(ops.where(finite, real, float("-inf"))),
            mean,
            ops.sum(ops.square(off)),
            ops.sum(ops.abs(kept)),
        ]
    )
    return counts, sums


def moments_from(size: int, counts: Any, sums: Any) -> Moments:
    """The moments of an array of so many values, from what `moments_on_device` gave."""
    nan, above, below, zeros = (int(count) for count in counts)
    low, high, mean, squares, magnitudes = (float(each) for each in np.asarray(sums, np.float64))
    if nan + above + below == size:
        return Moments(count=size, nan=nan, positive_infinity=above, negative_infinity=below)
    return Moments(
        count=size,
        nan=nan,
        positive_infinity=above,
        negative_infinity=below,
        zeros=zeros,
        min=low + 0.0,
        max=high + 0.0,
        centre=mean,
        squares=squares,
        magnitudes=magnitudes,
    )


def ratio_of(moved: float, held: float) -> float | None:
    """The ratio of two norms, from their squares; None where there is no such."""
    if not held or not math.isfinite(moved) or not math.isfinite(held):
        return None
    return math.sqrt(moved) / math.sqrt(held)
