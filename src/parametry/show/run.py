"""A recorded run, a list of runs, and the course of one number, for text and terminal alike."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from parametry.core.coverage import Gap
from parametry.core.facts import Changed, Happened
from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.report import Report
from parametry.core.value import Plain, same
from parametry.show import history, page, tables
from parametry.show.chart import chart
from parametry.show.columns import Block, Cell, Column, Line, Style, Table
from parametry.show.detail import Detail
from parametry.show.quantity import number, plural
from parametry.show.value import one_line

__all__ = [
    "CourseLike",
    "RunLike",
    "RunsLike",
    "SeriesLike",
    "course",
    "duration",
    "metrics",
    "moment",
    "run",
    "runs",
    "series",
    "state",
]

_BLANK = Line()
_MOST_COLUMNS = 6
_CHART_WIDTH, _CHART_HEIGHT, _SMALL_HEIGHT = 70, 10, 4
_STYLES: Mapping[str, Style] = {
    "failed": "warning",
    "interrupted": "warning",
    "lost": "warning",
    "running": "value",
}


class RunLike(Protocol):
    """What is shown of a run; `parametry.recording.run.Run` is one."""

    name: str

    @property
    def status(self) -> str:
        """How it stands."""
        ...

    @property
    def started(self) -> float:
        """When it began."""
        ...

    @property
    def ended(self) -> float | None:
        """When it ended."""
        ...

    @property
    def written(self) -> float:
        """When something was last written."""
        ...

    @property
    def report(self) -> Report:
        """All that is known of it."""
        ...

    @property
    def last_step(self) -> int | None:
        """Its latest step."""
        ...

    @property
    def last_values(self) -> Mapping[str, float]:
        """The latest value of each metric."""
        ...

    @property
    def events(self) -> Sequence[Happened]:
        """What happened."""
        ...


class SummaryLike(Protocol):
    """What is listed of a run; `parametry.recording.summary.Summary` is one."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def status(self) -> str:
        """How it stands."""
        ...

    @property
    def started(self) -> float:
        """When it began."""
        ...

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        ...

    @property
    def steps(self) -> int | None:
        """Its latest step."""
        ...

    @property
    def hyperparameters(self) -> Mapping[str, Plain]:
        """All values."""
        ...

    @property
    def origins(self) -> Mapping[str, Origin | None]:
        """Where each came from."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """The latest values."""
        ...


class RunsLike(Protocol):
    """What is shown of several runs; `parametry.recording.runs.Runs` is one."""

    gaps: tuple[Gap, ...]

    @property
    def summaries(self) -> Sequence[Any]:
        """One `SummaryLike` for each."""
        ...


class SeriesLike(Protocol):
    """Points over steps; `parametry.recording.series.Series` is one."""

    @property
    def key(self) -> str:
        """What was measured."""
        ...

    @property
    def per(self) -> str:
        """Whether a point is of a step or of an epoch."""
        ...

    @property
    def steps(self) -> Any:
        """The steps, an array."""
        ...

    @property
    def values(self) -> Any:
        """The values, an array."""
        ...


class CourseLike(Protocol):
    """How a number went over a run; `parametry.recording.course.Course` is one."""

    @property
    def address(self) -> str:
        """Its address."""
        ...

    @property
    def series(self) -> SeriesLike | None:
        """Its points."""
        ...

    @property
    def changes(self) -> Sequence[Changed]:
        """Its changes."""
        ...


def run(thing: RunLike, detail: Detail) -> list[Block]:
    """A run: how it stands, what it came to, and its report."""
    report = replace(thing.report, program=thing.name, outcome=thing.status)
    blocks = page.report(report, detail)
    about: list[Block] = [Line((Cell(thing.report.program, "dim"),)), Line((Cell(state(thing)),))]
    blocks[1:1] = [*about, *_apart(metrics(thing.last_values, detail))]
    events = list(thing.events)
    if events:
        blocks += [_BLANK, _events(events, detail)]
    return blocks


def state(thing: RunLike) -> str:
    """When it began, how long it took, and how far it came, in words."""
    words = [moment(thing.started)]
    if thing.ended is not None:
        words.append(f"took {duration(thing.ended - thing.started)}")
    elif thing.status == "lost":
        words.append(f"last heard of {moment(thing.written)}")
    if thing.last_step is not None:
        words.append(f"{plural(thing.last_step + 1, 'step')}")
    return " · ".join(words)


def metrics(values: Mapping[str, float], detail: Detail) -> list[Block]:
    """The latest value of each metric, as a table."""
    if not values:
        return []
    table = Table((Column("METRIC", least=12, keeps_end=True), Column("LATEST", right=True)))
    for key, value in list(values.items())[: detail.rows]:
        table.rows.append((Cell(key, "address"), Cell(f"{value:.6g}", "value")))
    table.left_out = len(values) - len(table.rows)
    return [table]


def _events(events: Sequence[Happened], detail: Detail) -> Table:
    table = Table(
        (
            Column("EVENT", least=8),
            Column("STEP", least=4, right=True),
            Column("ADDRESS", least=12, keeps_end=True, yields=1),
            Column("", least=20),
        )
    )
    for event in events[: detail.rows]:
        look: Style = "warning" if event.kind in ("nan", "exception") else "plain"
        table.rows.append(
            (
                Cell(event.kind.replace("_", " "), look),
                Cell("" if event.step is None else str(event.step), "dim"),
                Cell(event.address or "", "address"),
                Cell(event.text),
            )
        )
    table.left_out = len(events) - len(table.rows)
    return table


def runs(thing: RunsLike, detail: Detail) -> list[Block]:
    """Runs as a table: how each stands, its metrics, and the choices in which they differ."""
    every: Sequence[SummaryLike] = thing.summaries
    blocks: list[Block] = []
    if not every:
        words = "no runs; parametry run SCRIPT records one"
        blocks.append(Line((Cell(words, "dim"),)))
    else:
        blocks.append(_listing(every, detail))
        left_out = max(len(every) - detail.rows, 0)
        words = plural(len(every), "run")
        if left_out:
            words += f" · {number(left_out)} not shown · {detail.hint}"
        blocks += [_BLANK, Line((Cell(words, "dim"),))]
    return blocks + _apart(tables.coverage(thing.gaps, detail))


def _listing(every: Sequence[SummaryLike], detail: Detail) -> Table:
    # The latest runs are those that somebody looks for.
    shown = every[-detail.rows :]
    told = _metric_keys(shown)
    differing = _differing(shown)
    table = Table(
        (
            Column("RUN", least=20, keeps_end=True),
            Column("STATUS", least=8),
            Column("STARTED", least=16, yields=9),
            Column("TIME", least=6, right=True, yields=8),
            Column("STEPS", least=5, right=True, yields=7),
            *(Column(key.upper(), least=8, right=True, yields=1 + i) for i, key in enumerate(told)),
            *(Column(address, least=8, yields=2 + i) for i, address in enumerate(differing)),
        )
    )
    for summary in shown:
        seconds, steps = summary.seconds, summary.steps
        table.rows.append(
            (
                Cell(summary.name, "address"),
                Cell(summary.status, _STYLES.get(summary.status, "plain")),
                Cell(moment(summary.started), "dim"),
                Cell("" if seconds is None else duration(seconds)),
                Cell("" if steps is None else number(steps + 1)),
                *(Cell(_metric(summary.metrics.get(key)), "value") for key in told),
                *(Cell(_chosen(summary, address)) for address in differing),
            )
        )
    return table


def _metric_keys(every: Sequence[SummaryLike]) -> list[str]:
    """The metrics that most runs have; what has an address is a hyperparameter."""
    counts: dict[str, int] = {}
    for summary in every:
        for key in summary.metrics:
            if "/" not in key and key != "learning_rate":
                counts[key] = counts.get(key, 0) + 1
    return sorted(counts, key=lambda key: -counts[key])[:_MOST_COLUMNS]


def _differing(every: Sequence[SummaryLike]) -> list[str]:
    """The addresses that somebody chose a value for, and not the same one in all that have it."""
    found: list[str] = []
    for address in dict.fromkeys(a for s in every for a, o in s.origins.items() if o == "explicit"):
        held = [summary.hyperparameters for summary in every]
        values = [values[address] for values in held if address in values]
        if not all(same(value, values[0]) for value in values):
            found.append(address)
    return found[:_MOST_COLUMNS]


def _metric(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def _chosen(summary: SummaryLike, address: str) -> str:
    held = summary.hyperparameters
    return one_line(held[address], 24) if address in held else ""


def course(thing: CourseLike, detail: Detail, *, plain: bool = False) -> list[Block]:
    """How a number went over a run: a chart, and the changes with their causes."""
    blocks: list[Block] = [Line((Cell(thing.address, "title"),))]
    if thing.series is not None:
        blocks += series(thing.series, height=_CHART_HEIGHT, plain=plain)
    if thing.changes:
        changes = tuple(fact.change for fact in thing.changes)
        entry = Hyperparameter(thing.address, None, changes=changes)
        blocks += _apart(history.changes({thing.address: entry}, detail))
    elif thing.series is None:
        blocks.append(Line((Cell("did not change while it was recorded", "dim"),)))
    return blocks


def series(thing: SeriesLike, *, height: int = _SMALL_HEIGHT, plain: bool = False) -> list[Block]:
    """A series as a chart, and its ends in words."""
    drawn = chart(thing.steps, thing.values, width=_CHART_WIDTH, height=height, plain=plain)
    blocks: list[Block] = [Table((Column(""),), [(Cell(row, "value"),) for row in drawn])]
    words = f"{thing.key} · {plural(len(thing.steps), 'point')}, one for each {thing.per}"
    if len(thing.steps):
        words += f" · {thing.values[0]:.6g} at first, {thing.values[-1]:.6g} at last"
    return [*blocks[: len(drawn) > 0], Line((Cell(words, "dim"),))]


def moment(when: float) -> str:
    """A time of day here, to the minute."""
    return datetime.datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    Example:
        >>> duration(0.25), duration(75), duration(7300), duration(200_000)
        ('0.2 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{max(seconds, 0):.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    index = next(i for i, (_, size) in enumerate(units) if seconds >= size)
    (large, size), (small, part) = units[index], units[index + 1]
    whole, rest = divmod(int(seconds), size)
    return f"{whole} {large} {rest // part} {small}"


def _apart(blocks: Sequence[Block]) -> list[Block]:
    return [_BLANK, *blocks] if blocks else []
