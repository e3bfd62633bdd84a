"""``parametry stats``: the statistics of every array in a model's file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

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


@click.command(help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", metavar="FILE", type=click.Path())
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option(
    "--sort", type=click.Choice(_SORTS), default="address", help="By a figure, the largest first."
)
@click.option("--nonfinite", is_flag=True, help="Only those with a NaN or an infinity.")
@click.option("--exact", is_flag=True, help="Quantiles of all values, not of a sample.")
@click.option("--all", "everything", is_flag=True, help="Leave nothing out, however long.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; it has everything.")
@click.option("--plain", is_flag=True, help="Print without colours; NO_COLOR does too.")
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

    with progress(f"reading {source}", sys.stderr):
        found = work_out(source, select=patterns, exact=exact)
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
