"""``parametry log``: how one number went over a run, as a chart with the causes of its changes."""

from __future__ import annotations

import click

from parametry.cli.options import ALL, CONTEXT, JSON, PLAIN, RUN

__all__ = ["log"]

_HELP = """Show how one number went over a run: a chart, and each change with its cause.

ADDRESS is a metric, or a hyperparameter's address.

\b
Examples:
  parametry log 2026-11-22-digits-amber val_loss
  parametry log 2026-11-22-digits-amber optimizer/learning_rate
  parametry log run-12 loss --plain          drawn in ASCII
  parametry log run-12 loss --json           every point
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@RUN
@click.argument("address")
@ALL
@JSON
@PLAIN
def log(*, run: str, address: str, everything: bool, as_json: bool, plain: bool) -> int:
    """Show a number's course; see the help text above for what a user is told."""
    from parametry.cli.output import line, put
    from parametry.recording.course import course_of
    from parametry.recording.run import open_run
    from parametry.show.detail import EVERYTHING, Detail

    course = course_of(open_run(run), address)
    detail = EVERYTHING if everything else Detail(hint="--all lists every change")
    if plain and not as_json:
        from parametry.show import text

        line(text.course(course, detail=detail, plain=True))
        return 0
    put(course, kind="course", detail=detail, as_json=as_json, plain=plain)
    return 0
