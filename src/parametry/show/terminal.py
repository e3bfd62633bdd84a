"""A model, a mapping and a report in colour, for rich; the one module that imports it.

The lines are those of the plain text. Each piece becomes a `rich.text.Text` of its own, which is
never parsed as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

from parametry.core.difference import Difference
from parametry.core.mapping import AddressMapping
from parametry.core.model import Model
from parametry.core.report import Report
from parametry.show import difference as differences
from parametry.show import page
from parametry.show import run as recorded
from parametry.show.columns import Block, Cell, Style, lines
from parametry.show.detail import BRIEF, Detail

__all__ = ["course", "difference", "mapping", "model", "report", "run", "runs", "write"]

# Names of the terminal's own palette alone, which its owner has made readable.
_LOOKS: dict[Style, str] = {
    "plain": "",
    "title": "bold",
    "head": "bold blue",
    "address": "bold",
    "value": "cyan",
    "dim": "dim",
    "warning": "yellow",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Blocks that are laid out when the console says how wide it is."""

    blocks: Sequence[Block]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in lines(self.blocks, options.max_width):
            text = Text(no_wrap=True, overflow="crop", end="\n")
            for cell in line:
                _append(text, cell)
            yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(20, options.max_width), options.max_width)


def _append(text: Text, cell: Cell) -> None:
    look = _LOOKS[cell.style]
    if cell.style == "address":
        # The last part is what the eye looks for; what leads to it stays readable behind it.
        above, slash, last = cell.text.rpartition("/")
        text.append(above + slash, "dim")
        text.append(last, look)
    else:
        text.append(cell.text, look)


def mapping(thing: AddressMapping[Any], *, detail: Detail | None = None) -> RenderableType:
    """Hyperparameters, parameters or layers as a table."""
    return Page(page.mapping(thing, detail or Detail()))


def model(thing: Model, *, detail: Detail | None = None) -> RenderableType:
    """A model: its layers and parameters as a tree, and what was chosen."""
    return Page(page.model(thing, detail or Detail()))


def report(thing: Report, *, detail: Detail = BRIEF) -> RenderableType:
    """A report: what was chosen, the models, and what could not be seen."""
    return Page(page.report(thing, detail))


def difference(thing: Difference, *, detail: Detail | None = None) -> RenderableType:
    """What differs between two models."""
    return Page(differences.blocks(thing, detail or Detail()))


def run(thing: recorded.RunLike, *, detail: Detail = BRIEF) -> RenderableType:
    """A recorded run: how it stands, what it came to, what was chosen."""
    return Page(recorded.run(thing, detail))


def runs(thing: recorded.RunsLike, *, detail: Detail | None = None) -> RenderableType:
    """Recorded runs as a table."""
    return Page(recorded.runs(thing, detail or Detail()))


def course(thing: recorded.CourseLike, *, detail: Detail | None = None) -> RenderableType:
    """The course of a number over a run: a chart, and its changes."""
    return Page(recorded.course(thing, detail or Detail()))


def write(renderable: RenderableType, stream: IO[str]) -> None:
    """Write a renderable to a terminal, in the colours that it knows."""
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    console.print(renderable)
