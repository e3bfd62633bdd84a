"""``parametry stats``: the statistics of every array in a model's file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from parametry.cli.options import ALL, CONTEXT, FILE, JSON, PATTERNS, PLAIN

if TYPE_CHECKING:
    from parametry.core.statistics import ArrayStatistics

__all__ = ["stats"]

_SORTS = ("address", "size", "min", "max", "mean", "std", "zeros", "nonfinite")

_HELP = """Show counts, extremes, moments and quantiles of every parameter in a model's file.

\b
Examples:
  parametry stats model.safetensors
  parametry stats model.keras '**/kernel' --sort std
  parametry stats --nonfinite model.pt       exits with 1 where there is a NaN or an infinity
  parametry stats --exact --json model.npz
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@FILE
@PATTERNS
@click.option(
    "--sort", type=click.Choice(_SORTS), default="address", help="By a figure, the largest first."
)
@click.option("--nonfinite", is_flag=True, help="Only those with a NaN or an infinity.")
@click.option("--exact", is_flag=True, help="Quantiles of all values, not of a sample.")
@ALL
@JSON
@PLAIN
def stats(
    *,
    source: str,
    patterns: tuple[str, ...],
    sort: str,
    nonfinite: bool,
    exact: bool,
    everything: bool,
    as_json: bool,
    plain: bool,
) -> int:
    """Work out statistics; see the help text above for what a user is told."""
    from parametry.actions.stats import stats as work_out
    from parametry.cli.output import put
    from parametry.cli.progress import progress
    from parametry.show.detail import EVERYTHING, Detail

    with progress(f"reading {source}", sys.stderr) as told:
        found = work_out(source, select=patterns, exact=exact, progress=told)
    if sort != "address":
        ordered = sorted(found.items(), key=lambda pair: _figure(pair[1], sort), reverse=True)
        found = found.of(dict(ordered), source=found.source, gaps=found.gaps)
    if nonfinite:
        found = found.nonfinite()
    detail = EVERYTHING if everything else Detail(hint="--all lists everything, a PATTERN narrows")
    put(found, kind="mapping", detail=detail, as_json=as_json, plain=plain)
    return 1 if nonfinite and found else 0


def _figure(entry: ArrayStatistics, name: str) -> float:
    """A figure to sort by; one that is not there comes last."""
    found = getattr(entry, "count" if name == "size" else name)
    return float("-inf") if found is None else float(found)
