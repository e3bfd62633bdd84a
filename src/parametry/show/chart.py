"""A line chart in characters: braille dots, or plain ASCII."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["chart"]

# The bits of a braille character's dots, two columns of four: Unicode 16.0, chapter 21.1.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800
_ACROSS, _DOWN = 2, 4


def chart(
    steps: ArrayLike, values: ArrayLike, *, width: int = 60, height: int = 8, plain: bool = False
) -> list[str]:
    """A chart of values over steps; what is not finite leaves a gap.

    Args:
        steps: (n,) where each value stands, in order.
        values: (n,) the values.
        width: How many characters it is wide, without the numbers at its left.
        height: How many lines it is high, without the line of steps.
        plain: Whether to draw in ASCII.

    Returns:
        The lines, each without spaces at its end; none where no value is finite.

    Example:
        >>> for line in chart([0, 1, 2, 3], [0, 1, 2, 3], width=8, height=4, plain=True):
        ...     print(line)
        3 |      **
          |    **
          | ***
        0 |*
           0      3
    """
    x = np.asarray(steps, np.float64).reshape(-1)
    y = np.asarray(values, np.float64).reshape(-1)
    kept = np.isfinite(y)
    if not kept.any():
        return []
    low, high = float(y[kept].min()), float(y[kept].max())
    across, down = (1, 1) if plain else (_ACROSS, _DOWN)
    dots = _dots(x, y, (height * down, width * across), (low, high))
    rows = _ascii(dots) if plain else _braille(dots)
    side = "|" if plain else "┤"
    return list(_framed([side + row for row in rows], x, (low, high), width))


def _dots(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: tuple[int, int],
    extremes: tuple[float, float],
) -> NDArray[np.bool_]:
    """Which dots are set, (rows, columns), the highest values in the first row."""
    (rows, columns), (low, high) = size, extremes
    kept = np.isfinite(y)
    # Halves keep the span of the largest floats finite.
    span = high / 2 - low / 2
    share = np.full(kept.sum(), 0.5) if span == 0 else (y[kept] / 2 - low / 2) / span
    level = np.rint(share * (rows - 1)).astype(np.intp)
    length = x[-1] - x[0]
    where = np.zeros(len(x)) if length <= 0 else (x - x[0]) / length
    place = np.rint(where * (columns - 1)).astype(np.intp)[kept]
    ordinal = np.flatnonzero(kept)
    dots = np.zeros((rows, columns), np.bool_)
    dots[rows - 1 - level, place] = True
    # From each value to the next a line, as long as nothing is missing between them.
    most = min(len(level) - 1, 4 * columns)
    for index in np.unique(np.linspace(0, len(level) - 2, max(most, 0)).astype(np.intp)):
        if ordinal[index + 1] == ordinal[index] + 1:
            _line(dots, place[index : index + 2], rows - 1 - level[index : index + 2])
    return dots


def _line(dots: NDArray[np.bool_], place: NDArray[np.intp], level: NDArray[np.intp]) -> None:
    count = int(max(abs(place[1] - place[0]), abs(level[1] - level[0]))) + 1
    across = np.rint(np.linspace(place[0], place[1], count)).astype(np.intp)
    down = np.rint(np.linspace(level[0], level[1], count)).astype(np.intp)
    dots[down, across] = True


def _ascii(dots: NDArray[np.bool_]) -> Iterator[str]:
    for row in dots:
        yield "".join("*" if dot else " " for dot in row.tolist())


def _braille(dots: NDArray[np.bool_]) -> Iterator[str]:
    rows, columns = dots.shape
    weights = np.array(_DOTS).T
    cells = dots.reshape(rows // _DOWN, _DOWN, columns // _ACROSS, _ACROSS)
    codes = np.einsum("rdca,da->rc", cells, weights)
    for row in codes.tolist():
        yield "".join(chr(_BRAILLE + code) if code else " " for code in row)


def _framed(
    rows: Sequence[str], x: NDArray[np.float64], extremes: tuple[float, float], width: int
) -> Iterator[str]:
    low, high = extremes
    top, bottom = _figure(high), _figure(low)
    margin = max(len(top), len(bottom))
    for index, row in enumerate(rows):
        label = top if index == 0 else bottom if index == len(rows) - 1 and high > low else ""
        yield f"{label:>{margin}} {row}".rstrip()
    first, last = f"{x[0]:.0f}", f"{x[-1]:.0f}"
    room = width - len(first) - len(last)
    between = " " * room + last if len(x) > 1 and room > 0 else ""
    yield " " * (margin + 2) + first + between


def _figure(value: float) -> str:
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e6
    return f"{value:.0f}" if whole else f"{value:.4g}"
