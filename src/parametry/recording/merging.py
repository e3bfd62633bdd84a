"""A report brought up to date: the changes that were recorded since it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from parametry.core.facts import Changed
from parametry.core.hyperparameter import Change, Hyperparameter
from parametry.core.mappings import Hyperparameters
from parametry.core.report import Report
from parametry.core.value import Unset, same

__all__ = ["with_changes"]


def with_changes(report: Report, changes: Sequence[tuple[int, Changed]], known: int) -> Report:
    """A report whose hyperparameters have all recorded changes, and the values that they led to.

    Args:
        report: What a snapshot told.
        changes: The changes with their numbers, oldest first.
        known: The number of that snapshot: what came before is in its values already.
    """
    if not changes:
        return report
    by_address: dict[str, list[tuple[int, Change]]] = {}
    for seq, fact in changes:
        by_address.setdefault(fact.address, []).append((seq, fact.change))
    values: dict[str, Hyperparameter] = dict(report.hyperparameters)
    for address, told in by_address.items():
        before = values.get(address) or Hyperparameter(address, None, origin="live")
        values[address] = _changed(before, told, known)
    source = report.hyperparameters.source
    return replace(report, hyperparameters=Hyperparameters(values, source=source))


def _changed(
    entry: Hyperparameter, told: Sequence[tuple[int, Change]], known: int
) -> Hyperparameter:
    recorded = [change for _, change in told]
    # A snapshot has what capture saw itself, before the recording began, too.
    earlier = [change for change in entry.changes if not _is_among(change, recorded)]
    value = entry.value
    for seq, change in told:
        if seq > known and not isinstance(change.new, Unset):
            value = change.new
    return replace(entry, value=value, changes=(*earlier, *recorded))


def _is_among(change: Change, others: Sequence[Change]) -> bool:
    return any(
        (change.step, change.cause) == (other.step, other.cause) and same(change.new, other.new)
        for other in others
    )
