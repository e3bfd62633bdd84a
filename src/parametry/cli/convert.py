"""``parametry convert``: a model's file in another format, dtype, or under other names."""

from __future__ import annotations

import click

from parametry.cli.options import CONTEXT, FILE, addresses

__all__ = ["convert"]

_HELP = """Write a model's file in another format; its suffix decides: .safetensors, .npz,
or .weights.h5, which Keras's load_weights reads.

Ties, frozen parameters and hyperparameters are kept. OLD=NEW of --map are addresses or patterns,
whose wildcards stand for the same; an empty NEW leaves out, and a final ^T transposes.

\b
Examples:
  parametry convert model.keras model.safetensors
  parametry convert --dtype bfloat16 model.pt model.safetensors
  parametry convert --select 'encoder/**' --map 'encoder/**=**' model.keras encoder.npz
"""


@click.command(help=_HELP, context_settings=CONTEXT)
@FILE
@click.argument("target", metavar="TARGET", type=click.Path())
@click.option(
    "--select",
    metavar="PATTERN",
    multiple=True,
    shell_complete=addresses,
    help="Write only what matches.",
)
@click.option("--map", "renames", metavar="OLD=NEW", multiple=True, help="Write under other names.")
@click.option("--dtype", metavar="DTYPE", help="Round floating-point parameters to this dtype.")
@click.option("--optimizer", is_flag=True, help="Write the optimizer's slots too.")
@click.option("--no-overwrite", is_flag=True, help="Refuse to replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written, as JSON.")
def convert(
    *,
    source: str,
    target: str,
    select: tuple[str, ...],
    renames: tuple[str, ...],
    dtype: str | None,
    optimizer: bool,
    no_overwrite: bool,
    as_json: bool,
) -> int:
    """Convert a file; see the help text above for what a user is told."""
    import sys

    from parametry.actions.convert import convert as write
    from parametry.cli import messages
    from parametry.cli.progress import progress
    from parametry.cli.renames import renames_of

    rules = renames_of(renames)
    try:
        with progress(f"writing {target}", sys.stderr) as told:
            write(
                source,
                target,
                select=select,
                map=rules,
                dtype=dtype,
                optimizer=optimizer,
                overwrite=not no_overwrite,
                progress=told,
            )
    except OSError as problem:
        raise messages.CannotWrite(target, problem) from problem
    if as_json:
        from parametry.cli.output import line
        from parametry.sources.inspection import inspect

        line(inspect(target).to_json())
    return 0
