"""Tables and lines laid out to a width."""

from __future__ import annotations

import pytest

from parametry.show.columns import Cell, Column, Line, Table, lines
from parametry.show.printable import width

COLUMNS = (
    Column("ADDRESS", least=20, keeps_end=True),
    Column("VALUE", least=10),
    Column("COUNT", least=5, right=True, yields=1),
    Column("WHERE", least=8, yields=2),
)


def laid_out(table: Table | Line, limit: int) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines([table], limit)]


def table(*rows: tuple[str, ...]) -> Table:
    return Table(COLUMNS, [tuple(map(Cell, row)) for row in rows])


def test_cells_stand_below_their_titles() -> None:
    assert laid_out(table(("a/b", "1", "12", "x:1"), ("c", "22", "3", "y:1")), 80) == [
        "ADDRESS  VALUE  COUNT  WHERE",
        "a/b      1         12  x:1",
        "c        22         3  y:1",
    ]


def test_a_column_without_any_text_is_left_out() -> None:
    assert laid_out(table(("a", "1", "", "x:1")), 80)[0] == "ADDRESS  VALUE  WHERE"


def test_an_empty_row_is_an_empty_line() -> None:
    assert laid_out(Table(COLUMNS, [(Cell("a"),), (), (Cell("b"),)]), 80)[1:] == ["a", "", "b"]


def test_columns_shrink_before_they_go() -> None:
    row = ("a" * 40, "v" * 30, "123", "train.py:12")
    wide = laid_out(table(row), 100)
    assert "train.py:12" in wide[1]
    narrower = laid_out(table(row), 60)
    assert "…" in narrower[1]
    assert "WHERE" in narrower[0]
    assert "WHERE" not in laid_out(table(row), 45)[0]
    assert laid_out(table(row), 32)[0].split() == ["ADDRESS", "VALUE"]


@pytest.mark.parametrize("limit", [20, 21, 33, 40, 80, 200])
@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, "層" * 90, "\x1b[1m" * 40, "x\ny", "e\u0301" * 99],
    ids=["long", "wide", "escapes", "break", "combining"],
)
def test_no_line_is_longer_than_the_limit(limit: int, text: str) -> None:
    shown = laid_out(table((text, text, text, text), ("a", "", "1", "")), limit)
    assert shown == [line.rstrip() for line in shown]
    assert all(width(line) <= limit for line in shown)
    wrapped = laid_out(Line((Cell("reason: "), Cell(text), Cell(f" {text} end"))), limit)
    assert all(width(line) <= limit for line in wrapped)


def test_a_line_wraps_between_words_and_loses_none() -> None:
    text = " ".join(f"word{number}" for number in range(40))
    shown = laid_out(Line((Cell(text),)), 30)
    assert len(shown) > 5
    assert all(line.startswith("  word") for line in shown[1:])
    assert " ".join(line.strip() for line in shown) == text


def test_indentation_shows_depth() -> None:
    rows = [(Cell("a", "address", depth),) for depth in (0, 1, 2, 9_999)]
    shown = laid_out(Table((Column("NAME"),), rows), 80)
    assert shown[1:4] == ["a", "  a", "    a"]
    assert len(shown[4]) < 30
