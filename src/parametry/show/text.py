"""A model, a mapping and a report as plain text: no colour, no control character, bounded."""

from __future__ import annotations

import shutil
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

__all__ = ["difference", "mapping", "model", "report"]

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


def _text(blocks: Sequence[Block], width: int | None) -> str:
    limit = width or shutil.get_terminal_size((_WIDTH, 24)).columns
    return "\n".join(
        "".join(cell.text for cell in line).rstrip(" ") for line in lines(blocks, limit)
    )
