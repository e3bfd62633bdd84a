"""A model, a mapping and a report as plain text: no colour, no control character, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from parametry.core.mapping import AddressMapping
from parametry.core.model import Model
from parametry.show import page
from parametry.show.columns import Block, lines
from parametry.show.detail import BRIEF, Detail

if TYPE_CHECKING:
    from parametry.core.difference import Difference
    from parametry.core.report import Report
    from parametry.show.run import CourseLike, RunLike, RunsLike, SeriesLike

__all__ = ["course", "difference", "mapping", "model", "report", "run", "runs", "series"]

# Where no terminal says how wide it is.
_WIDTH = 120


def mapping(
    thing: AddressMapping[Any], *, width: int | None = None, detail: Detail | None = None
) -> str:
    """Hyperparameters, parameters or layers as a table, cut after some 60 rows.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    return _text(page.mapping(thing, detail or Detail()), width)


def model(thing: Model, *, width: int | None = None, detail: Detail | None = None) -> str:
    """A model as text: its layers and parameters as a tree, and what was chosen.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    return _text(page.model(thing, detail or Detail()), width)


def report(thing: Report, *, width: int | None = None, detail: Detail = BRIEF) -> str:
    """A report as text: what was chosen, the models, and what could not be seen.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    return _text(page.report(thing, detail), width)


def difference(thing: Difference, *, width: int | None = None, detail: Detail | None = None) -> str:
    """What differs between two models as text.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    from parametry.show import difference as differences

    return _text(differences.blocks(thing, detail or Detail()), width)


def run(thing: RunLike, *, width: int | None = None, detail: Detail = BRIEF) -> str:
    """A recorded run as text: how it stands, what it came to, what was chosen.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    from parametry.show import run as recorded

    return _text(recorded.run(thing, detail), width)


def runs(thing: RunsLike, *, width: int | None = None, detail: Detail | None = None) -> str:
    """Recorded runs as a table.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
    """
    from parametry.show import run as recorded

    return _text(recorded.runs(thing, detail or Detail()), width)


def course(
    thing: CourseLike,
    *,
    width: int | None = None,
    detail: Detail | None = None,
    plain: bool = False,
) -> str:
    """The course of a number over a run: a chart, and its changes.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
        detail: How much to show.
        plain: Whether to draw in ASCII.
    """
    from parametry.show import run as recorded

    return _text(recorded.course(thing, detail or Detail(), plain=plain), width)


def series(thing: SeriesLike, *, width: int | None = None) -> str:
    """Points as a small chart, and their ends in words.

    Args:
        thing: What to show.
        width: The longest line; as wide as the terminal unless given.
    """
    from parametry.show import run as recorded

    return _text(recorded.series(thing), width)


def _text(blocks: Sequence[Block], width: int | None) -> str:
    limit = width or _columns()
    return "\n".join(
        "".join(cell.text for cell in line).rstrip(" ") for line in lines(blocks, limit)
    )


def _columns() -> int:
    import shutil  # which loads every compressor that Python has

    return shutil.get_terminal_size((_WIDTH, 24)).columns
