"""What is shown of a model, a mapping and a report, in which order, for text and terminal alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from parametry.core.mapping import AddressMapping
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model
from parametry.show import history, tables
from parametry.show.columns import Block, Cell, Column, Line, Table
from parametry.show.detail import Detail
from parametry.show.quantity import byte_size, number, plural
from parametry.show.totals import short_class, totals_words

if TYPE_CHECKING:
    from parametry.core.report import Report

__all__ = ["mapping", "model", "report"]

_BLANK = Line()


def mapping(entries: AddressMapping[Any], detail: Detail) -> list[Block]:
    """A mapping's entries, and how to get at those that are not shown."""
    if not entries:
        of = f" in {entries.source}" if entries.source else ""
        return [Line((Cell(f"no {entries.plural}{of}", "dim"),))]
    blocks, words = _entries(entries, detail)
    count = f"{number(len(entries))} {entries.noun if len(entries) == 1 else entries.plural}"
    if words:
        count += f" · {words}"
    if _leaves_out(blocks):
        count += f" · {detail.hint}"
    return [*blocks, _BLANK, Line((Cell(count, "dim"),))]


def _entries(entries: AddressMapping[Any], detail: Detail) -> tuple[list[Block], str]:
    """A table of the entries, and what is to be said of all of them."""
    if isinstance(entries, Parameters):
        elements = sum(entry.size for entry in entries.values())
        nbytes = sum(entry.nbytes for entry in entries.values())
        words = f"{plural(elements, 'element')} · {byte_size(nbytes)}"
        return tables.parameters(entries, detail), words
    if isinstance(entries, Layers):
        return tables.layers(entries, {}, detail), ""
    if isinstance(entries, Hyperparameters):
        # A selection that fits is shown whole: whoever asked for these wants to see them.
        few = len(entries) <= detail.rows
        return _chosen(entries, Detail(detail.rows, defaults=few, folded=detail.folded)), ""
    return _results(entries, detail)


def _results(entries: AddressMapping[Any], detail: Detail) -> tuple[list[Block], str]:
    """The same for what was worked out from models; looking at one loads nothing of it."""
    from parametry.core.difference import HyperparameterDifferences, ParameterDifferences
    from parametry.core.statistics import Statistics
    from parametry.show import difference, statistics

    if isinstance(entries, HyperparameterDifferences):
        return [difference.hyperparameters(entries, detail.rows, folded=detail.folded)], ""
    if isinstance(entries, ParameterDifferences):
        return [difference.parameters(entries, detail.rows, folded=detail.folded)], ""
    if isinstance(entries, Statistics):
        return [statistics.table(entries, detail.rows)], statistics.words(entries)
    rows: list[tuple[Cell, ...]] = [
        (Cell(address, "address"),) for address in list(entries)[: detail.rows]
    ]
    return [Table((Column("ADDRESS", keeps_end=True),), rows, len(entries) - len(rows))], ""


def _chosen(entries: Hyperparameters, detail: Detail) -> list[Block]:
    return _apart(tables.hyperparameters(entries, detail), history.changes(entries, detail))


def model(thing: Model, detail: Detail) -> list[Block]:
    """A model: totals, layers with their parameters, what was chosen, ties, phases, coverage."""
    about = [short_class(thing.class_name), thing.framework]
    title = "".join(f" · {words}" for words in about if words)
    return _apart(
        [
            Line((Cell(thing.name, "title"), Cell(title, "dim"))),
            *(Line((Cell(words),)) for words in totals_words(thing.totals)),
        ],
        _structure(thing, detail),
        _chosen(thing.hyperparameters, detail),
        tables.ties(thing.ties, detail),
        history.phases(thing.phases.values(), detail),
        tables.coverage(thing.coverage, detail),
    )


def report(thing: Report, detail: Detail) -> list[Block]:
    """A report: the program and its models, what was chosen, layers, ties, phases, coverage."""
    shown = dict(list(thing.models.items())[: detail.models])
    outcome = Cell(thing.outcome, tables.style_of(thing.outcome))
    sections: list[list[Block]] = [
        [Line((Cell(thing.program, "title"), Cell(" · "), outcome))],
        _models(thing, detail) if detail.around else [],
        _chosen(thing.hyperparameters, detail),
    ]
    for scope, made in shown.items():
        blocks = _structure(made, detail)
        if blocks and len(thing.models) > 1:
            blocks = [Line((Cell(scope, "title"),)), *blocks]
        sections += [blocks, tables.ties(made.ties, detail)]
    if more := len(thing.models) - len(shown):
        sections.append([Line((Cell(f"… layers of {number(more)} more models", "dim"),))])
    if detail.around:
        sections += [
            history.phases(thing.phases.values(), detail),
            tables.coverage(thing.coverage, detail),
        ]
    blocks = _apart(*sections)
    if len(blocks) == 1:
        blocks.append(Line((Cell(_nothing(thing, detail), "dim"),)))
    if _leaves_out(blocks):
        blocks += [_BLANK, Line((Cell(f"… {detail.hint}", "dim"),))]
    return blocks


def _nothing(thing: Report, detail: Detail) -> str:
    if detail.around and not thing.models:
        return "no model was made, and nothing was recorded"
    return "nothing of what was asked for is in this report"


def _structure(made: Model, detail: Detail) -> list[Block]:
    """The tree of layers; without layers, what parameters there are by their whole addresses."""
    if made.layers:
        return tables.layers(made.layers, made.parameters if detail.parameters else {}, detail)
    held = {**made.parameters, **({} if detail.around else made.optimizer_parameters)}
    return tables.parameters(held, detail)


def _leaves_out(blocks: Iterable[Block]) -> bool:
    return any(block.left_out for block in blocks if isinstance(block, Table))


def _models(thing: Report, detail: Detail) -> list[Block]:
    table = Table(
        (
            Column("MODEL", least=8),
            Column("CLASS", least=8),
            Column("FRAMEWORK", least=8, yields=6),
            Column("PARAMETERS", right=True, least=10),
            Column("TRAINABLE", right=True, least=10, yields=2),
            Column("FROZEN", right=True, least=10, yields=3),
            Column("STATE", right=True, least=10, yields=4),
            Column("OPTIMIZER", right=True, least=10, yields=5),
            Column("SIZE", right=True, least=9, yields=1),
        )
    )
    most = max(detail.rows // 4, 1)
    for scope, made in list(thing.models.items())[:most]:
        held = made.totals
        counts = (held.parameters, held.trainable, held.frozen, held.state, held.optimizer)
        table.rows.append(
            (
                Cell(scope, "address"),
                Cell(short_class(made.class_name), "value"),
                Cell(made.framework),
                *(Cell(number(count) if count else "") for count in counts),
                Cell(byte_size(held.nbytes + held.optimizer_nbytes)),
            )
        )
    left_out = len(thing.models) - most
    more = [Line((Cell(f"… {number(left_out)} more models", "dim"),))] if left_out > 0 else []
    return [table, *more] if table.rows else []


def _apart(*sections: Iterable[Block]) -> list[Block]:
    blocks: list[Block] = []
    for section in map(list, sections):
        if section and blocks:
            blocks.append(_BLANK)
        blocks += section
    return blocks
