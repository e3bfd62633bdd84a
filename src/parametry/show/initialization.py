"""The report of an initialisation: which rule and initializer set which parameter."""

from __future__ import annotations

import shutil
from typing import Any

from parametry.core.initialization import Initialization, Initialized
from parametry.show.columns import Block, Cell, Column, Line, Table, lines
from parametry.show.html import STYLE
from parametry.show.html_table import table
from parametry.show.markup import Markup
from parametry.show.markup import text as markup
from parametry.show.provenance import initializer_words
from parametry.show.quantity import number, plural, shape

__all__ = ["html", "terminal", "text"]

_WIDTH = 120
_ROWS = 60
_LIMIT = 190_000


def text(report: Initialization, *, width: int | None = None) -> str:
    """The report as plain text."""
    limit = width or shutil.get_terminal_size((_WIDTH, 24)).columns
    return "\n".join(
        "".join(cell.text for cell in line).rstrip(" ") for line in lines(_blocks(report), limit)
    )


def terminal(report: Initialization) -> Any:
    """The report in colour, for rich."""
    from parametry.show.terminal import Page  # rich is loaded where a terminal is there

    return Page(_blocks(report))


def html(report: Initialization) -> str:
    """The report as HTML, at most 200 KB."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        title = f'<b>{markup(_title(report))}</b> <span class="dim">· '
        page.add(f"<div>{title}{markup(_summary(report))}</span></div>")
        table(page, _table(report, None))
        for line in _unused(report):
            page.add(f'<div class="dim">{markup(line)}</div>')
    return str(page)


def _blocks(report: Initialization, rows: int | None = _ROWS) -> list[Block]:
    made = _table(report, rows)
    blocks: list[Block] = [
        Line((Cell(_title(report), "title"), Cell(f" · {_summary(report)}", "dim"))),
        Line(),
        made,
    ]
    if made.left_out:
        words = f"… {number(made.left_out)} more: to_dict() has them all"
        blocks.append(Line((Cell(words, "dim"),)))
    unused = [Line((Cell(line, "warning"),)) for line in _unused(report)]
    return [*blocks, *([Line()] if unused else []), *unused]


def _table(report: Initialization, rows: int | None) -> Table:
    entries = list(report)[:rows]
    out = Table(
        (
            Column("PARAMETER", least=20, keeps_end=True),
            Column("SHAPE", least=8, yields=2),
            Column("INITIALIZER", least=12),
            Column("RULE", least=8, keeps_end=True),
            Column("", least=8, yields=1),
        ),
        left_out=len(report) - len(entries),
    )
    for entry in entries:
        out.rows.append(
            (
                Cell(entry.address, "address"),
                Cell(shape(entry.shape), "dim"),
                Cell(_initializer(entry), "value" if entry.touched else "dim"),
                Cell(entry.rule or ""),
                Cell(_notes(entry), "dim"),
            )
        )
    return out


def _title(report: Initialization) -> str:
    return f"{report.action} {report.model}" + (" (dry run)" if report.dry_run else "")


def _summary(report: Initialization) -> str:
    done = "would be set" if report.dry_run else "set"
    seed = [] if report.seed is None else [f"seed {report.seed}"]
    left = len(report.untouched)
    parts = [f"{plural(len(report.touched), 'parameter')} {done}", f"{number(left)} untouched"]
    return " · ".join([*parts, *seed])


def _unused(report: Initialization) -> list[str]:
    return [
        f"{rule!r} set nothing: later rules took all that it matches"
        for rule, count in report.rules.items()
        if count == 0
    ]


def _initializer(entry: Initialized) -> str:
    return "untouched" if entry.initializer is None else initializer_words(entry.initializer)


def _notes(entry: Initialized) -> str:
    return "  ".join([*(f"= {alias}" for alias in entry.aliases[:3]), *filter(None, [entry.note])])
