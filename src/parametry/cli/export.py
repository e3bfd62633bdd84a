"""``parametry export``: a run as a table for other programs, or told to another tracker."""

from __future__ import annotations

import click

from parametry.cli.options import CONTEXT, RUN

__all__ = ["export"]

_HELP = """Write a run as a file for other programs, or tell it to another tracker.

\b
Examples:
  parametry export run-12 --to csv                   run-12.csv, every point
  parametry export run-12 --to parquet --output points.parquet
  parametry export run-12 --to tensorboard --output logs
  parametry export run-12 --to mlflow --output http://localhost:5000
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@RUN
@click.option(
    "--to",
    required=True,
    metavar="KIND",
    help="csv, json, parquet, or a tracker: tensorboard, mlflow, wandb.",
)
@click.option(
    "--output", "-o", metavar="PATH", help="The file, or the tracker's folder or address."
)
def export(*, run: str, to: str, output: str | None) -> int:
    """Export a run; see the help text above for what a user is told."""
    from parametry.cli.messages import CannotWrite
    from parametry.cli.output import line
    from parametry.recording.export import export as write
    from parametry.recording.run import open_run

    found = open_run(run)
    try:
        place = write(found, to, output)
    except OSError as problem:
        if hasattr(problem, "hint"):  # it says itself what is wrong
            raise
        raise CannotWrite(output or f"{found.name}.{to}", problem) from None
    line(str(place))
    return 0
