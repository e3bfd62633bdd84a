"""What happened over time: the changes of hyperparameters, and the phases of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.phase import Phase
from parametry.core.value import Plain, Unset, same
from parametry.show.columns import Block, Cell, Column, Line, Table
from parametry.show.detail import Detail
from parametry.show.quantity import number
from parametry.show.value import one_line

__all__ = ["changes", "differing_values", "first_and_last", "moment", "phases", "subjects"]

_MOST_VALUES = 6
# A schedule that is set anew each epoch changes a hundred times, and its ends tell most.
_MOST_CHANGES = 3


def changes(entries: Mapping[str, Hyperparameter], detail: Detail) -> list[Block]:
    """What changed while the program ran: of each hyperparameter the first and the last times."""
    changed = [entry for entry in entries.values() if entry.changes]
    table = Table(
        (
            Column("CHANGED", least=20, keeps_end=True),
            Column("STEP", least=4, right=True),
            Column("FROM", least=8),
            Column("TO", least=8),
            Column("BY", least=12, yields=1, keeps_end=True),
            Column("WHERE", least=12, yields=2, keeps_end=True),
        )
    )
    most = max(detail.rows // 4, 1)
    for entry in changed[:most]:
        told = entry.changes[: detail.rows] if detail.changes else first_and_last(entry.changes)
        table.rows += [_change(entry.address, change) for change in told]
    return [table, *_more(len(changed) - most)] if table.rows else []


def first_and_last(changes: Sequence[Change]) -> list[Change | int]:
    """The first and last changes, between them the number of those left out."""
    left_out = len(changes) - 2 * _MOST_CHANGES
    if left_out <= 1:
        return list(changes)
    return [*changes[:_MOST_CHANGES], left_out, *changes[-_MOST_CHANGES:]]


def _change(address: str, change: Change | int) -> tuple[Cell, ...]:
    if isinstance(change, int):
        return (Cell(f"… {number(change)} more", "dim"),)
    return (
        Cell(address, "address"),
        Cell("" if change.step is None else str(change.step), "dim"),
        Cell(moment(change.old)),
        Cell(moment(change.new), "value"),
        Cell(change.cause),
        Cell("" if change.where is None else str(change.where), "dim"),
    )


def moment(value: Plain | Unset) -> str:
    """A value at a change; a question mark where a compiled function set it unseen."""
    return "?" if isinstance(value, Unset) else one_line(value, 30)


def phases(entries: Iterable[Phase], detail: Detail) -> list[Block]:
    """Each compile, fit, freeze and load, with the values that not all of its kind share."""
    every = list(entries)
    most = max(detail.rows // 2, 1)
    table = Table(
        (
            Column("PHASE", least=8, keeps_end=True),
            Column("", least=3, yields=1),
            Column("MODEL", least=7, yields=1),
            Column("WHERE", least=12, keeps_end=True, yields=2),
            Column("DIFFERS IN", least=20, yields=3),
        )
    )
    told = zip(every, subjects(every), differing_values(every), strict=True)
    for phase, subject, values in islice(told, most):
        table.rows.append(
            (
                Cell(phase.name, "address"),
                Cell(f"×{number(phase.times)}" if phase.times > 1 else "", "dim"),
                Cell(subject),
                Cell("" if phase.where is None else str(phase.where), "dim"),
                Cell(values),
            )
        )
    if not table.rows:
        return []
    return [table, *_more(len(every) - most)]


def subjects(phases: Sequence[Phase]) -> list[str]:
    """The scope of each phase's model, or nothing where all are of one model."""
    several = len({phase.subject for phase in phases}) > 1
    return [phase.subject if several else "" for phase in phases]


def differing_values(phases: Sequence[Phase]) -> Iterator[str]:
    """For each phase its values that are not the same in all phases of its kind and model."""
    of_kind: dict[tuple[str, str], list[Phase]] = {}
    for phase in phases:
        of_kind.setdefault((phase.subject, phase.kind), []).append(phase)
    differing = {kind: _differing(alike) for kind, alike in of_kind.items()}
    return (_values(phase, differing[phase.subject, phase.kind]) for phase in phases)


def _differing(phases: list[Phase]) -> list[str]:
    addresses = dict.fromkeys(address for phase in phases for address in phase.hyperparameters)
    first = phases[0].hyperparameters
    return [
        address
        for address in addresses
        if not all(
            address in first
            and address in phase.hyperparameters
            and same(first[address].value, phase.hyperparameters[address].value)
            for phase in phases
        )
    ]


def _values(phase: Phase, addresses: list[str]) -> str:
    own = [address for address in addresses if address in phase.hyperparameters]
    shown = [
        f"{_short(address, phase)}={one_line(phase.hyperparameters[address].value, 30)}"
        for address in own[:_MOST_VALUES]
    ]
    if len(own) > _MOST_VALUES:
        shown.append(f"… {len(own) - _MOST_VALUES:,} more")
    return ", ".join(shown)


def _short(address: str, phase: Phase) -> str:
    """The address without the scope that the kind of phase says already."""
    scope, _, below = address.partition("/")
    return below if below and scope.startswith(phase.kind) else address


def _more(count: int) -> list[Block]:
    return [Line((Cell(f"… {number(count)} more", "dim"),))] if count > 0 else []
