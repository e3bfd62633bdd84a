"""Statistics as a table: a row for each array, or for several that are alike but for their values.

Rows are not folded as those of parameters are: no two arrays have the same values. What does not
fit is counted.
"""

from __future__ import annotations

import math

from parametry.core.moments import Moments, Number
from parametry.core.statistics import ArrayStatistics, Sketch, Statistics
from parametry.show.columns import Cell, Column, Style, Table
from parametry.show.quantity import number, plural, shape

__all__ = ["bars", "figure", "table", "words"]

_BARS = "▁▂▃▄▅▆▇█"
_BARS_SHOWN = 16


def table(entries: Statistics, most: int) -> Table:
    """The table, with a row for all together at its end.

    Args:
        entries: What to show.
        most: How many arrays to show; those that hold NaN or infinities come first where not all
            are shown.
    """
    made = Table(
        (
            Column("PARAMETER", least=20, keeps_end=True),
            Column("TYPE", least=7, yields=6),
            Column("SHAPE", least=8, yields=5),
            Column("NONFINITE", least=9, right=True),
            Column("ZEROS", least=5, yields=4, right=True),
            Column("MIN", least=9, yields=2, right=True),
            Column("MEDIAN", least=9, yields=3, right=True),
            Column("MAX", least=9, yields=2, right=True),
            Column("MEAN", least=9, right=True),
            Column("STD", least=9, right=True),
            Column("L2", least=9, yields=7, right=True),
            Column("SKETCH", least=8, yields=8),
        )
    )
    shown = list(entries.values())
    if len(shown) > most:
        shown = sorted(shown, key=lambda entry: not entry.nonfinite)[: max(most, 1)]
    made.rows += [_row(entry) for entry in shown]
    made.left_out = len(entries) - len(shown)
    if len(entries) > 1:
        size = number(entries.total.count)
        made.rows.append(
            (
                Cell("all together", "dim"),
                Cell(""),
                Cell(size, "dim"),
                *_figures(entries.total, None, "dim"),
            )
        )
    return made


def words(entries: Statistics) -> str:
    """What the table does not tell: how quantiles were worked out, and what has no statistics."""
    told = []
    if sampled := sum(not entry.exact for entry in entries.values()):
        told.append(f"median and sketch of {plural(sampled, 'array')} from a sample")
    if entries.gaps:
        named = ", ".join(gap.subject for gap in entries.gaps[:3])
        more = f" and {number(len(entries.gaps) - 3)} more" if len(entries.gaps) > 3 else ""
        told.append(f"no numbers in {named}{more}")
    return " · ".join(told)


def _row(entry: ArrayStatistics) -> tuple[Cell, ...]:
    return (
        Cell(entry.address, "address"),
        Cell(entry.dtype, "value"),
        Cell(shape(entry.shape)),
        *_figures(entry.moments, entry.median, "plain"),
        Cell("" if entry.sketch is None else bars(entry.sketch), "dim"),
    )


def _figures(moments: Moments, median: float | None, style: Style) -> tuple[Cell, ...]:
    bad = moments.nonfinite
    return (
        Cell(number(bad) if bad else "", "warning"),
        Cell(number(moments.zeros) if moments.zeros else "", style),
        *(
            Cell("" if value is None else figure(value), style)
            for value in (
                *(moments.min, median, moments.max),
                *(moments.mean, moments.std, moments.l2 if moments.finite else None),
            )
        ),
    )


def figure(value: Number) -> str:
    """A number in four digits, or whole where it is a count of no more than eight.

    Example:
        >>> figure(0.000123456), figure(12345), figure(-1.5)
        ('0.0001235', '12345', '-1.5')
    """
    if isinstance(value, int) and abs(value) < 10**8:
        return str(value)
    try:
        return f"{value:.4g}"
    except OverflowError:  # an integer beyond float64
        return f"{math.copysign(math.inf, value):.4g}"


def bars(sketch: Sketch) -> str:
    """A sketch as 16 characters, the tallest for the bins that hold most.

    Example:
        >>> bars(Sketch(0.0, 1.0, (0,) * 32 + (1,) * 4 + (8,) * 4 + (0,) * 24))
        '········▁█······'
    """
    step = len(sketch.counts) // _BARS_SHOWN
    counts = [sum(sketch.counts[i : i + step]) for i in range(0, len(sketch.counts), step)]
    most = max(counts)
    if not most:
        return ""
    return "".join(_BARS[(count * len(_BARS) - 1) // most] if count else "·" for count in counts)
