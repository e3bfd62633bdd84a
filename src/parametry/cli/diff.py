"""``parametry diff``: what two models' files, or two recorded runs, hold differently."""

from __future__ import annotations

import click

from parametry.cli.options import ALL, CONTEXT, JSON, PLAIN, addresses

__all__ = ["diff"]

_HELP = """Show what differs between two models: what was chosen, learned and tied.

Exits with 0 where nothing differs, 1 where something does. OLD of --map is an address or pattern of
the first file, NEW the second's; an empty NEW leaves out, a final ^T transposes.

\b
Examples:
  parametry diff monday.keras friday.safetensors
  parametry diff --select 'encoder/**' a.npz b.npz
  parametry diff --tolerance 1e-6 a.safetensors b.safetensors
  parametry diff --no-values --json a.keras b.keras
  parametry diff --map '**/kernel=**/weight' net.keras net.pt
  parametry diff 2026-11-22-digits-amber 2026-11-22-digits-coral
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@click.argument("first", metavar="FILE|RUN", type=click.Path())
@click.argument("second", metavar="FILE|RUN", type=click.Path())
@click.option(
    "--select",
    metavar="PATTERN",
    multiple=True,
    shell_complete=addresses,
    help="Compare only what matches.",
)
@click.option(
    "--ignore",
    metavar="PATTERN",
    multiple=True,
    shell_complete=addresses,
    help="Leave out what matches.",
)
@click.option("--no-values", is_flag=True, help="Compare no values, only what there is.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    help="The largest absolute difference of two elements that does not count.",
)
@click.option("--map", "renames", metavar="OLD=NEW", multiple=True, help="FIRST's OLD is NEW.")
@click.option("--optimizer", is_flag=True, help="Compare the optimizers' slots too.")
@ALL
@JSON
@PLAIN
def diff(
    *,
    first: str,
    second: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    no_values: bool,
    tolerance: float,
    renames: tuple[str, ...],
    optimizer: bool,
    everything: bool,
    as_json: bool,
    plain: bool,
) -> int:
    """Compare two files; see the help text above for what a user is told."""
    import sys

    from parametry.cli.output import put
    from parametry.cli.progress import progress
    from parametry.cli.renames import renames_of
    from parametry.show.detail import EVERYTHING, Detail
    from parametry.sources.comparison import diff as compare

    rules = renames_of(renames)
    with progress(f"comparing {first} and {second}", sys.stderr) as told:
        found = compare(
            first,
            second,
            select=select,
            ignore=ignore,
            values=not no_values,
            tolerance=tolerance,
            map=rules,
            optimizer=optimizer,
            progress=told,
        )
    detail = EVERYTHING if everything else Detail(hint="--all lists everything, --select narrows")
    put(found, kind="difference", detail=detail, as_json=as_json, plain=plain)
    return 1 if found else 0
