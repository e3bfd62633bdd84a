"""A load's report as a table of plain text: what is worth a look first, then what was loaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from parametry.core.load_report import LoadReport
from parametry.show.columns import Block, Cell, Column, Line, Style, Table, lines
from parametry.show.quantity import number, plural

__all__ = ["text"]

_WIDTH = 120
_MOST_ROWS = 60
_FINE = frozenset({"loaded", "tied again", "not held"})


def text(report: LoadReport, *, width: int | None = None) -> str:
    """The report as text.

    Args:
        report: What to show.
        width: The longest line; as wide as the terminal unless given.
    """
    limit = width or shutil.get_terminal_size((_WIDTH, 24)).columns
    return "\n".join(
        "".join(cell.text for cell in line).rstrip(" ") for line in lines(_blocks(report), limit)
    )


def _blocks(report: LoadReport) -> list[Block]:
    title = Cell("load of " if not report.dry_run else "dry run of a load of ", "dim")
    table = Table((Column("", least=8), Column("ADDRESS", least=20, keeps_end=True), Column("")))
    left_out = 0
    for what, address, words in report.rows():
        if len(table.rows) >= _MOST_ROWS:
            left_out += 1
            continue
        look: Style = "dim" if what in _FINE else "warning"
        table.rows.append((Cell(what, look), Cell(address, "address"), Cell(words, "dim")))
    blocks: list[Block] = [Line((title, Cell(report.source, "title"))), table]
    if left_out:
        blocks.append(Line((Cell(f"… {number(left_out)} more", "dim"),)))
    return [*blocks, Line((Cell(" · ".join(_counts(report)), "dim"),))]


def _counts(report: LoadReport) -> Iterator[str]:
    yield f"{plural(len(report.loaded), 'parameter')} loaded"
    for found, words in (
        (report.missing, "missing"),
        (report.extra, "extra"),
        (report.shape_differs, "of another shape"),
        (report.cast, "cast"),
        (report.transposed, "transposed"),
        (report.retied, "tied again"),
        (report.not_tied, "not tied"),
    ):
        if found:
            yield f"{number(len(found))} {words}"
