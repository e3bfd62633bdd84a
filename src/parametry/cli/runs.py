"""``parametry runs``: the recorded runs as a table."""

from __future__ import annotations

import click

from parametry.cli.options import ALL, CONTEXT, JSON, PLAIN

__all__ = ["runs"]

_HELP = """List the recorded runs: how each stands, its metrics, and the choices that differ.

\b
Examples:
  parametry runs
  parametry runs '*-digits-*' --sort val_loss
  parametry runs --sort=-started             the latest first
  parametry runs --json
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@click.argument("pattern", default="*")
@click.option(
    "--sort",
    metavar="KEY",
    default="started",
    help="name, status, started, seconds, steps, a metric, or an address; -KEY turns it around.",
)
@ALL
@JSON
@PLAIN
def runs(*, pattern: str, sort: str, everything: bool, as_json: bool, plain: bool) -> int:
    """List runs; see the help text above for what a user is told."""
    from parametry.cli.output import put
    from parametry.recording.runs import runs as listed
    from parametry.show.detail import EVERYTHING, Detail

    detail = EVERYTHING if everything else Detail(hint="--all lists them, a PATTERN narrows")
    put(listed(pattern, sort=sort), kind="runs", detail=detail, as_json=as_json, plain=plain)
    return 0
