"""Hyperparameters as HTML: a folded section for each scope, in it another for its defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parametry.core.hyperparameter import Hyperparameter
from parametry.show.chosen import Choice, Scope, by_origin, origin_words, scopes
from parametry.show.history import first_and_last, moment
from parametry.show.markup import Markup, address, text
from parametry.show.quantity import number, plural
from parametry.show.tables import shares

__all__ = ["hyperparameters"]

# A scope of more rows than this is closed until somebody opens it.
_MOST_OPEN = 40
_LEAST_SHARE = 2_000


def hyperparameters(page: Markup, entries: Mapping[str, Hyperparameter]) -> None:
    """Add what was chosen, scope by scope.

    Args:
        page: What to add to, as far as its room goes.
        entries: Hyperparameters by address.
    """
    found = scopes(entries, defaults=False, limit=_MOST_OPEN)
    # A guess at each scope's size shares the room out, so that the first does not take it all.
    wanted = [400 + 260 * (len(scope.choices) + len(scope.rest)) for scope in found]
    shown = 0
    for scope, room in zip(found, shares(wanted, page.room), strict=True):
        with page.share(max(room, _LEAST_SHARE)):
            if not _scope(page, scope):
                break
        shown += 1
    page.left_out(len(found) - shown)


def _scope(page: Markup, scope: Scope) -> bool:
    few = " open" if 0 < len(scope.choices) <= _MOST_OPEN else ""
    counts = origin_words(by_origin([*scope.choices, *scope.rest]))
    summary = f'<summary>{address(scope.name)} <span class="dim">{text(counts)}</span></summary>'
    with page.element(f"<details{few}>{summary}", "</details>") as opened:
        if opened and scope.choices:
            _choices(page, scope.choices)
        if opened and scope.rest:
            words = text(origin_words(by_origin(scope.rest)))
            opening = f'<details><summary class="dim">{words}</summary>'
            with page.element(opening, "</details>") as rest:
                if rest:
                    _choices(page, scope.rest)
    return opened


def _choices(page: Markup, choices: Sequence[Choice]) -> None:
    shown = 0
    with page.element('<table class="c">', "</table>") as opened:
        if not opened:
            return
        for choice in choices:
            if not page.add(_row(choice)):
                break
            shown += 1
        page.left_out(sum(choice.count for choice in choices[shown:]), "tr")


def _row(choice: Choice) -> str:
    entry = choice.entry
    times = f' <span class="dim">×{number(choice.count)}</span>' if choice.count > 1 else ""
    look = "dim" if entry.origin == "default" else "v"
    where = "" if entry.where is None else text(str(entry.where))
    cells = (
        f"<td>{address(choice.address)}{times}</td>",
        f'<td><code class="{look}">{text(choice.told)}</code>{_changes(entry)}</td>',
        f'<td class="dim">{entry.origin or ""}</td>',
        f'<td class="dim">{where}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _changes(entry: Hyperparameter) -> str:
    if not entry.changes:
        return ""
    rows = []
    for change in first_and_last(entry.changes):
        if isinstance(change, int):
            rows.append(f"<div>… {number(change)} more</div>")
            continue
        step = "" if change.step is None else f"step {change.step}: "
        place = "" if change.where is None else f", {change.where}"
        told = f"{step}{moment(change.old)} → {moment(change.new)}"
        rows.append(f"<div>{text(told)} <span>{text(change.cause + place)}</span></div>")
    count = plural(len(entry.changes), "change")
    return f'<details class="dim"><summary>{count}</summary>{"".join(rows)}</details>'
