"""The tables that a model, a mapping and a report are shown in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie
from parametry.show import nodes
from parametry.show.chosen import Choice, by_origin, first_of_all, origin_words, scopes
from parametry.show.columns import Block, Cell, Column, Line, Style, Table
from parametry.show.detail import Detail
from parametry.show.provenance import provenance_words
from parametry.show.quantity import number, shape
from parametry.show.structure import Node, Shapes, rows_within, structure
from parametry.show.tree import Branch, fold, grow, walk

__all__ = ["coverage", "hyperparameters", "layers", "parameters", "shares", "tie_words", "ties"]

_LEFT_OUT = "… {} more"


def hyperparameters(entries: Mapping[str, Hyperparameter], detail: Detail) -> list[Block]:
    """What was chosen, scope by scope, with what is left out counted."""
    found = scopes(
        entries, defaults=detail.defaults, limit=detail.rows * 2 // 3, folded=detail.folded
    )
    table = Table(
        (
            Column("HYPERPARAMETER", least=30, keeps_end=True),
            Column("", least=3, yields=1),
            Column("VALUE", least=14),
            Column("ORIGIN", least=8, yields=2),
            Column("WHERE", least=12, yields=3, keeps_end=True),
        )
    )
    # With capture off no origin is known, and a column of dashes would say nothing.
    tells = any(entry.origin is not None for entry in entries.values())
    rooms = shares([len(scope.choices) for scope in found], detail.rows)
    for scope, room in zip(found, rooms, strict=True):
        if table.rows:
            table.rows.append(())
        shown, cut = first_of_all(scope.choices, room)
        table.rows += [_choice(choice, tells) for choice in shown]
        left_out = by_origin([*cut, *scope.rest])
        table.left_out += left_out.total()
        if left_out:
            words = Cell(origin_words(left_out), "dim")
            table.rows.append((Cell(f"{scope.name}/…", "dim"), Cell(""), words))
    return [table] if table.rows else []


def _choice(choice: Choice, tells: bool) -> tuple[Cell, ...]:
    entry = choice.entry
    minor = entry.origin == "default" and not entry.changes
    look: Style = "dim" if minor else "plain" if entry.origin == "derived" else "value"
    return (
        Cell(choice.address, "dim" if minor else "address"),
        Cell(nodes.times(choice.count), "dim"),
        Cell(choice.told, look),
        Cell((entry.origin or "–") if tells else "", "dim"),
        Cell("" if entry.where is None else str(entry.where), "dim"),
    )


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """How much of a total each gets, so that small ones get all they ask for.

    Example:
        >>> shares([100, 3, 50], 60)
        [28, 3, 29]
    """
    given = [0] * len(sizes)
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    for position, index in enumerate(order):
        fair = -(-total // (len(sizes) - position))
        given[index] = min(sizes[index], fair)
        total -= given[index]
    return given


def layers(
    entries: Mapping[str, Layer], held: Mapping[str, Parameter], detail: Detail
) -> list[Block]:
    """The tree of layers, and of the parameters below each where these are given."""
    tree, output = structure(entries, held, folded=detail.folded)
    rows, left_out = rows_within(tree, detail.rows)
    table = Table(
        left_out=left_out,
        columns=(
            Column("LAYER" if entries else "PARAMETER", least=20, keeps_end=True),
            Column("", least=3, yields=1),
            Column("TYPE", least=8, yields=3),
            Column("SHAPE", least=10, yields=4),
            Column("PARAMETERS", least=6, yields=2, right=True),
            Column("", least=8, yields=5),
        ),
    )
    counts: list[int] = []
    for depth, branch in rows:
        del counts[depth:]
        counts.append(branch.count * (counts[-1] if counts else 1))
        table.rows += [_node(branch, node, counts, output) for node in branch.items or (None,)]
    blocks: list[Block] = [table] if table.rows else []
    if left_out:
        blocks.append(Line((Cell(f"… {number(left_out)} more rows", "dim"),)))
    return blocks


def _node(
    branch: Branch[Node], node: Node | None, counts: Sequence[int], output: Shapes
) -> tuple[Cell, ...]:
    """A row of the tree, which stands for as many as the last of the counts: one a level."""
    is_layer = isinstance(node, Layer)
    name = Cell(branch.name, "address" if is_layer else "plain", len(counts) - 1)
    times = Cell(nodes.times(counts[-1], turns=branch.turns), "dim")
    if node is None:  # a list of layers, say
        return (name, times, Cell(f"{number(len(branch.children))} below", "dim"))
    shape, count = nodes.size(branch, node, output)
    return (
        name,
        times,
        Cell(nodes.type_name(node), "value" if is_layer else "dim"),
        Cell(shape),
        Cell(number(count * counts[-1]) if count else "", "plain" if is_layer else "dim"),
        Cell(nodes.notes(node), "dim"),
    )


def parameters(entries: Mapping[str, Parameter], detail: Detail) -> list[Block]:
    """Parameters by their whole addresses; equal ones of equal blocks in one row."""
    tree = fold(
        grow(entries.items()),
        lambda entry: (
            (entry.shape, entry.dtype, entry.role, entry.aliases, provenance_words(entry))
            if detail.folded
            else id(entry)
        ),
    )
    table = Table(
        (
            Column("PARAMETER", least=20, keeps_end=True),
            Column("", least=3, yields=1),
            Column("TYPE", least=8, yields=2),
            Column("SHAPE", least=10),
            Column("ELEMENTS", least=6, yields=3, right=True),
            Column("", least=8, yields=4, keeps_end=True),
        )
    )
    counts: list[int] = []
    for depth, branch in walk(tree):
        del counts[depth:]
        counts.append(branch.count * (counts[-1] if counts else 1))
        for entry in branch.items:
            if len(table.rows) >= detail.rows:
                table.left_out += counts[-1]
                continue
            notes = [] if entry.role == "trainable" else [str(entry.role)]
            notes += [
                f"= {alias}" + ("ᵀ" if alias in entry.transposed else "")
                for alias in entry.aliases[:3]
            ]
            notes += filter(None, [provenance_words(entry)])
            table.rows.append(
                (
                    Cell(branch.address, "address"),
                    Cell(nodes.times(counts[-1]), "dim"),
                    Cell(entry.dtype, "value"),
                    Cell(shape(entry.shape)),
                    Cell(number(entry.size * counts[-1])),
                    Cell("  ".join(notes), "dim"),
                )
            )
    return [table, *_more(table.left_out)] if table.rows else []


def ties(entries: Sequence[Tie], detail: Detail) -> list[Block]:
    """Which addresses are one array."""
    if not entries:
        return []
    most = max(detail.rows // 4, 1)
    shown = [Line((Cell(tie_words(tie)),)) for tie in entries[:most]]
    return [Line((Cell("TIED", "head"),)), *shown, *_more(len(entries) - most)]


def tie_words(tie: Tie, most: int = 6) -> str:
    """The tied addresses with ``=`` between, not more than a reader can use."""
    left_out = len(tie.aliases) - most
    few = str(Tie(tie.address, tie.aliases[:most], tie.transposed))
    return f"{few} = {_LEFT_OUT.format(number(left_out))}" if left_out > 0 else few


def coverage(gaps: Iterable[Gap], detail: Detail) -> list[Block]:
    """What could not be seen, by the reason why."""
    subjects: dict[str, list[str]] = {}
    for gap in gaps:
        subjects.setdefault(gap.reason, []).append(gap.subject)
    if not subjects:
        return []
    most = max(detail.rows // 4, 1)
    blocks: list[Block] = [Line((Cell("NOT SEEN", "head"),))]
    for reason, named in list(subjects.items())[:most]:
        shown = ", ".join(named[:3]) + (f", … {len(named) - 3:,} more" if len(named) > 3 else "")
        blocks.append(Line((Cell(shown, "warning"), Cell(f": {reason}"))))
    return [*blocks, *_more(len(subjects) - most)]


def _more(count: int) -> list[Block]:
    return [Line((Cell(_LEFT_OUT.format(number(count)), "dim"),))] if count > 0 else []


def style_of(outcome: str) -> Style:
    """How a program's outcome is set: what did not finish stands out."""
    return "plain" if outcome == "finished" else "warning"
