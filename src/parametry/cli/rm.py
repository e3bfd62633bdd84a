"""``parametry rm``: delete recorded runs."""

from __future__ import annotations

import click

from parametry.cli.options import CONTEXT

__all__ = ["rm"]

_HELP = """Delete recorded runs, for good. A run that is still running is refused.

\b
Examples:
  parametry rm 2026-11-22-digits-amber
  parametry rm --yes run-12 run-13
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(*, names: tuple[str, ...], yes: bool) -> int:
    """Delete runs; see the help text above for what a user is told."""
    from parametry.cli.messages import say
    from parametry.cli.output import line
    from parametry.recording.run import open_run
    from parametry.recording.runs import check_removable, remove

    found = list(dict.fromkeys(open_run(name) for name in names))
    for run in found:  # all are checked before the first is deleted
        check_removable(run)
    if not yes:
        for run in found:
            say(f"{run.name} ({run.status})")
        question = "delete it" if len(found) == 1 else f"delete these {len(found)} runs"
        if not click.confirm(question, err=True):
            say("nothing was deleted")
            return 0
    for run in found:
        remove(run)
        line(run.name)
    return 0
