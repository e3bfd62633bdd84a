"""What several commands take: a file, patterns, and how to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["ADDRESS", "ALL", "CONTEXT", "FILE", "JSON", "PATTERNS", "PLAIN", "RUN", "addresses"]


def addresses(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers for an address or pattern over the file that was named before.

    Args:
        context: What was typed before.
        parameter: What is being typed.
        incomplete: As much of it as there is.
    """
    from parametry.cli.completion import addresses_of

    # Where an option lacks its value still, click has not told files from the rest.
    given = [context.params.get(name) for name in ("source", "first")] + context.args
    source = next(filter(None, given), None)
    return addresses_of(source, incomplete) if source else []


CONTEXT = {"help_option_names": ["-h", "--help"]}
FILE = click.argument("source", metavar="FILE", type=click.Path())
RUN = click.argument("run", metavar="RUN")
ADDRESS = click.argument("address", metavar="ADDRESS", shell_complete=addresses)
PATTERNS = click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=addresses)
ALL = click.option("--all", "everything", is_flag=True, help="Leave nothing out, however long.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON; it has everything.")
PLAIN = click.option("--plain", is_flag=True, help="Print without colours; NO_COLOR does too.")
