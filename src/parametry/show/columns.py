"""Tables of plain cells, laid out to a width: columns shrink, then go, and lines never wrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from parametry.show.printable import cut, cut_middle, printable, start, width

__all__ = ["Block", "Cell", "Column", "Line", "Style", "Table", "lines"]

Style: TypeAlias = Literal["plain", "title", "head", "address", "value", "dim", "warning"]

_GAP = 2
_NARROWEST = 20
# Nothing on a screen is wider; cutting early keeps a name of a million characters cheap.
_WIDEST = 1000


class Cell(NamedTuple):
    """A piece of text in one style.

    Attributes:
        text: The text; made printable when it is laid out.
        style: What it is; how that looks is the screen's business.
        indent: How many steps to set it in, as a node of a tree.
    """

    text: str
    style: Style = "plain"
    indent: int = 0


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: What stands above it.
        least: How narrow it may become.
        yields: Whether it goes when there is no room, the highest first; 0 stays.
        right: Whether its cells end at the right.
        keeps_end: Whether a text too long loses its middle, as an address does.
    """

    title: str
    least: int = 8
    yields: int = 0
    right: bool = False
    keeps_end: bool = False


@dataclass(slots=True, eq=False)
class Table:
    """Columns and rows.

    Attributes:
        columns: What stands in each column.
        rows: The cells of each row; an empty row is an empty line.
        left_out: How many entries have no row of their own and are in none that stands for several.
    """

    columns: tuple[Column, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    left_out: int = 0


class Line(NamedTuple):
    """A line of text, wrapped to the width.

    Attributes:
        cells: Its pieces, one right after the other.
        hang: How far to set in what follows the first line.
    """

    cells: tuple[Cell, ...] = ()
    hang: int = 2


Block: TypeAlias = Line | Table


def lines(blocks: Sequence[Block], limit: int) -> Iterator[list[Cell]]:
    """All lines of the blocks, each as cells that together take no more than the limit.

    Args:
        blocks: What to lay out, in order.
        limit: How many cells of the terminal a line may take; at least 20 are taken.
    """
    limit = min(max(limit, _NARROWEST), _WIDEST)
    for block in blocks:
        yield from _wrapped(block, limit) if isinstance(block, Line) else _table(block, limit)


def _wrapped(line: Line, limit: int) -> Iterator[list[Cell]]:
    hang = " " * min(line.hang, limit // 2)
    out: list[Cell] = []
    left = limit
    for cell in line.cells:
        for word in _words(printable(cell.text[: _WIDEST * 4]), limit - len(hang)):
            text = word
            if out and width(text) > left:
                yield out
                text = word.lstrip(" ")
                out, left = [Cell(hang)], limit - len(hang)
            out.append(Cell(text, cell.style))
            left -= width(text)
    yield out


def _words(text: str, limit: int) -> Iterator[str]:
    """The words with the space before each, none wider than a line."""
    for index, word in enumerate(text.split(" ")):
        rest = word if index == 0 else f" {word}"
        while width(rest) > limit:
            head = start(rest, limit)
            yield head
            rest = rest[len(head) :]
        yield rest


def _table(table: Table, limit: int) -> Iterator[list[Cell]]:
    rows = [
        tuple(Cell(_shown(cell), cell.style) for cell in row)
        for row in ((tuple(Cell(c.title, "head") for c in table.columns)), *table.rows)
    ]
    natural = [
        max((width(row[index].text) for row in rows[1:] if index < len(row)), default=0)
        for index in range(len(table.columns))
    ]
    widths = _fit(table.columns, natural, limit)
    for row in rows:
        yield list(_laid_out(row, table.columns, widths))


def _shown(cell: Cell) -> str:
    text = cell.text if len(cell.text) <= _WIDEST * 4 else cut_middle(cell.text, _WIDEST)
    return "  " * min(cell.indent, 12) + printable(text)


def _fit(columns: tuple[Column, ...], natural: list[int], limit: int) -> dict[int, int]:
    """The width of each column that is shown, by its index."""
    kept = {
        index: min(max(natural[index], width(column.title)), limit)
        for index, column in enumerate(columns)
        if natural[index]
    }
    least = {index: min(size, columns[index].least) for index, size in kept.items()}
    while sum(least[index] + _GAP for index in kept) - _GAP > limit:
        index = max(kept, key=lambda index: columns[index].yields)
        if columns[index].yields == 0:
            break
        del kept[index]
    while sum(kept.values()) + _GAP * (len(kept) - 1) > limit:
        # The column that is furthest above what it needs gives.
        index = max(kept, key=lambda index: kept[index] / least[index])
        if kept[index] <= 1:
            break
        kept[index] -= 1
    return kept


def _laid_out(
    row: tuple[Cell, ...], columns: tuple[Column, ...], widths: dict[int, int]
) -> Iterator[Cell]:
    pending = 0  # spaces owed before the next text, so that no line ends in any
    for index, size in widths.items():
        cell = row[index] if index < len(row) else Cell("")
        column = columns[index]
        text = (cut_middle if column.keeps_end else cut)(cell.text, size)
        space = size - width(text)
        if text:
            yield Cell(" " * (pending + (space if column.right else 0)))
            yield Cell(text, cell.style)
            pending = 0 if column.right else space
        else:
            pending += size
        pending += _GAP
