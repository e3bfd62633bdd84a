"""What differs between two models: in words, and as tables of what was chosen and learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from parametry.core.difference import (
    Difference,
    HyperparameterDifference,
    ParameterDifference,
    TieDifference,
)
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.mapping import Entry
from parametry.core.parameter import Parameter
from parametry.show import nodes
from parametry.show.columns import Block, Cell, Column, Line, Style, Table
from parametry.show.detail import Detail
from parametry.show.quantity import number, plural, shape
from parametry.show.tables import shares, tie_words
from parametry.show.totals import short_class
from parametry.show.tree import fold, grow, walk
from parametry.show.value import in_effect

__all__ = ["blocks", "hyperparameters", "parameters", "summary", "ties", "title"]

D = TypeVar("D", bound=Entry)

_UNSET = "(unset)"  # no value is written so: text that is no plain word stands in quotes
_LONGEST_VALUE = 40
# A smaller share of elements is told as their number: 0.0% would read as none.
_LEAST_SHARE = 0.001


def blocks(thing: Difference, detail: Detail) -> list[Block]:
    """A difference as lines and tables: which models, how much differs, and what."""
    out: list[Block] = [
        Line((Cell(title(thing)[0], "title"), Cell(title(thing)[1], "dim"))),
        *(Line((Cell(words),)) for words in summary(thing)),
    ]
    every = (thing.parameters, thing.optimizer_parameters)
    origins = thing.origins if detail.defaults else {}
    sizes = [len(thing.hyperparameters), len(origins), *map(len, every)]
    rooms = shares(sizes, detail.rows)
    sections: list[list[Block]] = [
        _table(hyperparameters(thing.hyperparameters, rooms[0], folded=detail.folded)),
        _table(hyperparameters(origins, rooms[1], folded=detail.folded)),
        *(
            _table(parameters(held, room, folded=detail.folded))
            for held, room in zip(every, rooms[2:], strict=True)
        ),
        [Line((Cell("TIED", "head"),)), *(Line((Cell(words),)) for words in ties(thing.ties))],
    ]
    for section in sections if thing.ties else sections[:-1]:
        out += [Line(), *section] if section else []
    if any(isinstance(block, Table) and block.left_out for block in out):
        out += [Line(), Line((Cell(f"… {detail.hint}", "dim"),))]
    return out


def _table(table: Table) -> list[Block]:
    return [table, *_more(table.left_out)] if table.rows else []


def _more(count: int) -> list[Block]:
    return [Line((Cell(f"… {number(count)} more", "dim"),))] if count else []


# ---------------------------------------------------------------- in words


def title(thing: Difference) -> tuple[str, str]:
    """Which two models, and what they are."""
    one, two = thing.first, thing.second
    about = (
        (short_class(one.class_name), short_class(two.class_name)),
        (one.framework, two.framework),
    )
    known = (_to(first or "?", second or "?") for first, second in about if first or second)
    return f"{one.name} → {two.name}", "".join(f" · {words}" for words in known)


def _to(first: str, second: str) -> str:
    """What it was and what it is; one text where it is the same."""
    return first if first == second else f"{first} → {second}"


def summary(thing: Difference) -> list[str]:
    """How much was compared, and how much of it differs.

    Returns:
        A line for each kind of number, and one for ties where these differ.
    """
    counted = thing.compared
    origins = f"{number(len(thing.origins))} of the same value by another origin"
    lines = [_counts("hyperparameter", counted.hyperparameters, thing.hyperparameters.values())]
    if thing.origins:
        lines[0] += f", {origins}"
    lines.append(_counts("parameter", counted.parameters, thing.parameters.values()))
    if counted.optimizer_parameters:
        slots = thing.optimizer_parameters.values()
        lines.append(_counts("optimizer slot", counted.optimizer_parameters, slots))
    if not counted.values:
        lines[1] += " (values not compared)"
    if thing.ties:
        lines.append(f"{plural(len(thing.ties), 'tie')} of one side alone")
    return lines


def _counts(
    noun: str, total: int, found: Iterable[HyperparameterDifference | ParameterDifference]
) -> str:
    kinds = Counter(each.kind for each in found)
    told = [f"{number(kinds[kind])} {kind}" for kind in ("changed", "removed", "added")
            if kinds[kind]]  # fmt: skip
    return f"{plural(total, noun)}: {', '.join(told) or 'equal'}"


def ties(found: Sequence[TieDifference], most: int = 15) -> list[str]:
    """The ties of one side alone in words, not more than a reader can use."""
    lines = [f"{each.kind}: {tie_words(each.tie)}" for each in found[:most]]
    left_out = len(found) - most
    return [*lines, f"… {number(left_out)} more"] if left_out > 0 else lines


# ---------------------------------------------------------------- as tables


def hyperparameters(
    entries: Mapping[str, HyperparameterDifference], limit: int, *, folded: bool = True
) -> Table:
    """What was chosen differently, what is alike in equal blocks in one row.

    Args:
        entries: The differences by address.
        limit: The most rows.
        folded: Whether what is alike is one row.
    """
    table = Table(
        (
            Column("HYPERPARAMETER", least=30, keeps_end=True),
            Column("", least=3, yields=1),
            Column("FIRST", least=10),
            Column("SECOND", least=10),
            Column("ORIGIN", least=8, yields=2),
            Column("WHERE", least=12, yields=3, keeps_end=True),
        )
    )
    _fill(table, entries, _chosen, limit, folded)
    return table


def _chosen(found: HyperparameterDifference) -> tuple[Cell, ...]:
    both = [entry for entry in (found.first, found.second) if entry is not None]
    origins = [entry.origin or "–" for entry in both]
    places = dict.fromkeys(str(entry.where) for entry in both if entry.where is not None)
    return (
        _value(found.first),
        _value(found.second),
        # With capture off no origin is known, and a column of dashes would say nothing.
        Cell(_to(origins[0], origins[-1]) if set(origins) != {"–"} else "", "dim"),
        Cell(" → ".join(places), "dim"),
    )


def _value(entry: Hyperparameter | None) -> Cell:
    if entry is None:
        return Cell(_UNSET, "dim")
    return Cell(in_effect(entry, _LONGEST_VALUE), "dim" if entry.origin == "default" else "value")


def parameters(
    entries: Mapping[str, ParameterDifference], limit: int, *, folded: bool = True
) -> Table:
    """What was learned differently, what is alike in equal blocks in one row.

    Args:
        entries: The differences by address.
        limit: The most rows.
        folded: Whether what is alike is one row.
    """
    table = Table(
        (
            Column("PARAMETER", least=20, keeps_end=True),
            Column("", least=3, yields=1),
            Column("DIFFERS", least=7),
            Column("SHAPE", least=20, yields=3),
            Column("TYPE", least=18, yields=5),
            Column("CHANGED", least=6, right=True, yields=2),
            Column("MAX", least=6, right=True),
            Column("MEAN", least=6, right=True, yields=6),
            Column("RELATIVE", least=6, right=True, yields=1),
            Column("COSINE", least=6, right=True, yields=4),
            Column("", least=8, yields=7, keeps_end=True),
        )
    )
    _fill(table, entries, _learned, limit, folded)
    return table


def _learned(found: ParameterDifference) -> tuple[Cell, ...]:
    one, two, apart = found.first, found.second, found.values
    told = ", ".join(found.differs) or found.kind
    look: Style = "warning" if found.kind != "changed" or "shape" in found.differs else "value"
    cells = [
        Cell(told, look),
        Cell(_both(one, two, lambda entry: shape(entry.shape))),
        Cell(_both(one, two, lambda entry: entry.dtype), "dim"),
    ]
    if apart is not None:
        cells.append(Cell(_share(apart.changed, apart.size)))
        cells += [Cell(_short(value)) for value in (apart.max_abs, apart.mean_abs, apart.relative)]
        cells.append(Cell("" if apart.cosine is None else f"{apart.cosine:.6f}"))
    else:
        cells += [Cell("")] * 5
    return (*cells, Cell("  ".join(_notes(found)), "dim"))


def _both(one: Parameter | None, two: Parameter | None, told: Callable[[Parameter], str]) -> str:
    words = [told(entry) for entry in (one, two) if entry is not None]
    return _to(words[0], words[-1])


def _notes(found: ParameterDifference) -> list[str]:
    notes: list[str] = []
    if found.nearest is not None:
        notes.append(f"renamed? {found.nearest}")
    there = found.second
    if there is not None and found.address not in (there.address, *there.aliases):
        notes.append(f"→ {there.address}")
    if found.axes is not None:
        notes.append("ᵀ" if len(found.axes) == 2 else f"axes {found.axes}")
    if found.ambiguous:
        notes.append("or transposed: map= tells")
    if found.first is not None and found.second is not None and "role" in found.differs:
        notes.append(f"{found.first.role} → {found.second.role}")
    if found.values is not None and any(found.values.nonfinite):
        notes.append("NaN or infinite: " + " → ".join(map(number, found.values.nonfinite)))
    return notes


def _share(changed: int, size: int) -> str:
    if changed == size:
        return "100%"
    share = changed / size
    return f"{min(share, 0.999):.1%}" if share >= _LEAST_SHARE else f"{number(changed)} of them"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _fill(
    table: Table,
    entries: Mapping[str, D],
    cells: Callable[[D], tuple[Cell, ...]],
    limit: int,
    folded: bool,
) -> None:
    """Add the rows of a table, and count what is not in it."""
    alike: Callable[[D], Hashable] = cells if folded else id
    tree = fold(grow(entries.items()), alike)
    counts: list[int] = []
    for depth, branch in walk(tree):
        del counts[depth:]
        counts.append(branch.count * (counts[-1] if counts else 1))
        for entry in branch.items:
            if len(table.rows) >= limit:
                table.left_out += counts[-1]
                continue
            times = Cell(nodes.times(counts[-1]), "dim")
            table.rows.append((Cell(branch.address, "address"), times, *cells(entry)))
