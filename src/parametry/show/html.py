"""A model, a mapping and a report as HTML, for notebooks and for files: at most 200 KB.

No script, nothing from elsewhere, every text escaped, colours taken from the page around it. What
is long is folded; what would not fit is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parametry.core.coverage import Gap
from parametry.core.difference import (
    Difference,
    HyperparameterDifferences,
    ParameterDifferences,
)
from parametry.core.mapping import AddressMapping
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model
from parametry.core.phase import Phase
from parametry.core.report import Report
from parametry.core.statistics import Statistics
from parametry.core.tie import Tie
from parametry.show import difference as differences
from parametry.show import html_chosen, html_layers, statistics
from parametry.show import run as recorded
from parametry.show.columns import Table
from parametry.show.detail import Detail
from parametry.show.history import differing_values, subjects
from parametry.show.html_table import table
from parametry.show.markup import Markup, address, section, text
from parametry.show.quantity import byte_size, number
from parametry.show.tables import tie_words
from parametry.show.totals import short_class, totals_words

__all__ = ["difference", "document", "mapping", "model", "report", "run", "runs"]

_LIMIT = 190_000  # the rest of 200 KB is for what `document` puts around it
_MOST_ROWS = 2_000  # of one table of differences: more would not fit

STYLE = """<style>
.parametry{font-size:13px;line-height:1.5;overflow-x:auto}
.parametry code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;background:none;\
color:inherit;padding:0}
.parametry b{font-weight:600}
.parametry .dim{opacity:.6}
.parametry .v{color:#0b7285}
.parametry summary{cursor:pointer}
.parametry details,.parametry .row{margin-left:1.2em}
.parametry .row{padding-left:1em}
.parametry .n{display:inline-block;min-width:calc(22em - 1.2em*var(--d,0))}
.parametry .t{display:inline-block;min-width:13em}
.parametry .s{display:inline-block;min-width:11em}
.parametry table{border-collapse:collapse;margin:.2em 0 .6em 1em}
.parametry .c td:first-child{min-width:26em}
.parametry .c td:nth-child(2){min-width:15em}
.parametry .c td:nth-child(3){min-width:4em}
.parametry td{text-align:left!important;background:none!important;border:0;padding:0 1.5em 0 0;\
vertical-align:top;white-space:nowrap}
@media (prefers-color-scheme:dark){.parametry .v{color:#66d9e8}}
[data-jp-theme-light="false"] .parametry .v{color:#66d9e8}
[data-jp-theme-light="true"] .parametry .v{color:#0b7285}
</style>"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def mapping(thing: AddressMapping[Any]) -> str:
    """Hyperparameters, parameters or layers, folded."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        count = f"{number(len(thing))} {thing.noun if len(thing) == 1 else thing.plural}"
        of = f" in {thing.source}" if thing.source else ""
        page.add(f"<div><b>{text(count)}</b>{text(of)}</div>")
        if isinstance(thing, Hyperparameters):
            html_chosen.hyperparameters(page, thing)
        elif isinstance(thing, Parameters):
            html_layers.tree(page, {}, thing)
        elif isinstance(thing, Layers):
            html_layers.tree(page, thing, {})
        elif isinstance(thing, HyperparameterDifferences):
            table(page, differences.hyperparameters(thing, _MOST_ROWS))
        elif isinstance(thing, ParameterDifferences):
            table(page, differences.parameters(thing, _MOST_ROWS))
        elif isinstance(thing, Statistics):
            table(page, statistics.table(thing, _MOST_ROWS))
            if words := statistics.words(thing):
                page.add(f'<div class="dim">{text(words, 400)}</div>')
        else:
            _rows(page, ((address(each),) for each in thing), len(thing))
    return str(page)


def model(thing: Model) -> str:
    """A model: totals, layers with their parameters, what was chosen, ties, phases, coverage."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        _title(page, thing)
        with page.share(80_000):
            html_layers.section(page, thing.layers, thing.parameters)
        with page.share(80_000):
            _chosen(page, thing.hyperparameters)
        _ties(page, thing.ties)
        _phases(page, list(thing.phases.values()))
        _coverage(page, thing.coverage)
    return str(page)


def report(thing: Report) -> str:
    """A report: the program and its models, what was chosen, ties, phases, coverage."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        page.add(f"<div><b>{text(thing.program, 400)}</b> · {text(thing.outcome, 400)}</div>")
        _reported(page, thing)
    return str(page)


def _reported(page: Markup, thing: Report) -> None:
    with page.share(90_000):
        _chosen(page, thing.hyperparameters)
    with page.share(60_000):
        _models(page, thing.models)
    _ties(page, [tie for made in thing.models.values() for tie in made.ties])
    _phases(page, list(thing.phases.values()))
    _coverage(page, thing.coverage)


def run(thing: recorded.RunLike) -> str:
    """A recorded run: how it stands, what it came to, what was chosen."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        page.add(f"<div><b>{text(thing.name, 400)}</b> · {text(thing.status)}</div>")
        page.add(f"<div>{text(recorded.state(thing), 400)}</div>")
        for found in recorded.metrics(thing.last_values, Detail(rows=_MOST_ROWS)):
            if isinstance(found, Table):
                _table(page, "Metrics", found, 20_000)
        _reported(page, thing.report)
    return str(page)


def runs(thing: recorded.RunsLike) -> str:
    """Recorded runs as a table."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        for found in recorded.runs(thing, Detail(rows=_MOST_ROWS)):
            if isinstance(found, Table):
                _table(page, "Runs", found, 180_000)
    return str(page)


def difference(thing: Difference) -> str:
    """What differs between two models: what was chosen, learned and tied."""
    page = Markup(_LIMIT)
    page.add(STYLE)
    with page.element('<div class="parametry">', "</div>"):
        names, kind = differences.title(thing)
        page.add(f'<div><b>{text(names, 400)}</b><span class="dim">{text(kind, 400)}</span></div>')
        for words in differences.summary(thing):
            page.add(f"<div>{text(words, 400)}</div>")
        found = differences.hyperparameters(thing.hyperparameters, _MOST_ROWS)
        _table(page, "Hyperparameters", found, 70_000)
        found = differences.parameters(thing.parameters, _MOST_ROWS)
        _table(page, "Parameters", found, 60_000)
        found = differences.parameters(thing.optimizer_parameters, _MOST_ROWS)
        _table(page, "Optimizer", found, 20_000)
        lines = differences.ties(thing.ties)
        if lines:
            _folded(page, "Tied", ((text(line, 400),) for line in lines), len(lines), 10_000)
        found = differences.hyperparameters(thing.origins, _MOST_ROWS)
        _table(page, "Same value, other origin", found, 20_000, opened=False)
    return str(page)


def _table(page: Markup, title: str, made: Table, size: int, *, opened: bool = True) -> None:
    if made.rows:
        opening = section(title, number(len(made.rows) + made.left_out), opened=opened)
        with page.share(size), page.element(opening, "</details>") as has_room:
            if has_room:
                table(page, made)


def document(title: str, body: str) -> str:
    """A whole page around what `model`, `mapping` or `report` gave, to be written to a file.

    Args:
        title: The page's title.
        body: HTML that is escaped already.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{text(title)}</title>"
        "<style>body{margin:2em;font-family:system-ui,sans-serif}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _title(page: Markup, thing: Model) -> None:
    kind = f"{text(short_class(thing.class_name))} · {text(thing.framework)}"
    page.add(f'<div><b>{text(thing.name)}</b> <span class="dim">· {kind}</span></div>')
    page.add(f"<div>{text(' · '.join(totals_words(thing.totals)))}</div>")


def _chosen(page: Markup, entries: Hyperparameters) -> None:
    if entries:
        with page.element(section("Hyperparameters", number(len(entries))), "</details>") as opened:
            if opened:
                html_chosen.hyperparameters(page, entries)


def _models(page: Markup, models: Mapping[str, Model]) -> None:
    most = 12
    for scope, made in list(models.items())[:most]:
        size = byte_size(made.totals.nbytes)
        about = f"{short_class(made.class_name)} · {made.framework} · {size}"
        opening = section(address(scope), about, opened=len(models) == 1)
        room = 60_000 // min(len(models), most)
        with page.share(room), page.element(opening, "</details>") as opened:
            if opened:
                page.add(f"<div>{text(' · '.join(totals_words(made.totals)))}</div>")
                html_layers.tree(page, made.layers, made.parameters)
    page.left_out(len(models) - most)


def _ties(page: Markup, ties: Iterable[Tie]) -> None:
    every = list(ties)
    if every:
        rows = ((f"<code>{text(tie_words(tie), 400)}</code>",) for tie in every)
        _folded(page, "Tied", rows, len(every), 10_000)


def _phases(page: Markup, phases: list[Phase]) -> None:
    if phases:
        rows = (
            (
                address(phase.name),
                f"×{number(phase.times)}" if phase.times > 1 else "",
                text(subject),
                "" if phase.where is None else text(str(phase.where)),
                text(values, 400),
            )
            for phase, subject, values in zip(
                phases, subjects(phases), differing_values(phases), strict=True
            )
        )
        _folded(page, "Phases", rows, len(phases), 10_000)


def _coverage(page: Markup, gaps: Iterable[Gap]) -> None:
    every = list(gaps)
    if every:
        rows = ((f"<code>{text(gap.subject)}</code>", text(gap.reason, 400)) for gap in every)
        _folded(page, "Not seen", rows, len(every), 10_000)


def _folded(
    page: Markup, title: str, rows: Iterable[tuple[str, ...]], count: int, size: int
) -> None:
    opening = section(title, number(count), opened=count <= 12)
    with page.share(size), page.element(opening, "</details>") as opened:
        if opened:
            _rows(page, rows, count)


def _rows(page: Markup, rows: Iterable[tuple[str, ...]], count: int) -> None:
    shown = 0
    with page.element("<table>", "</table>") as opened:
        if opened:
            for row in rows:
                if not page.add("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"):
                    break
                shown += 1
            page.left_out(count - shown, "tr")
