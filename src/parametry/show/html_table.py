"""A table of plain cells as HTML."""

from __future__ import annotations

from parametry.show.columns import Cell, Table
from parametry.show.markup import Markup, address, text

__all__ = ["table"]


def table(page: Markup, made: Table) -> None:
    """Add a table, its titles as a first row; columns in which nothing stands are left out.

    Args:
        page: What to add to, as far as its room goes.
        made: The table.
    """
    kept = [
        index
        for index in range(len(made.columns))
        if any(index < len(row) and row[index].text for row in made.rows)
    ]
    with page.element('<table class="d">', "</table>") as opened:
        if not opened:
            return
        titles = "".join(
            f'<td class="dim">{text(made.columns[index].title)}</td>' for index in kept
        )
        page.add(f"<tr>{titles}</tr>")
        shown = 0
        for row in made.rows:
            cells = (_cell(row[index]) if index < len(row) else "" for index in kept)
            if not page.add("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"):
                break
            shown += 1
        page.left_out(len(made.rows) - shown + made.left_out, "tr")


def _cell(cell: Cell) -> str:
    if cell.style == "address":
        return address(cell.text)
    if cell.style == "dim":
        return f'<span class="dim">{text(cell.text)}</span>' if cell.text else ""
    content = text(cell.text)
    return f'<code class="v">{content}</code>' if cell.style == "value" else content
