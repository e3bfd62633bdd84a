"""What several commands take: a file, patterns, and how to print."""

from __future__ import annotations

import click

__all__ = ["CONTEXT", "ALL", "FILE", "JSON", "PATTERNS", "PLAIN", "RUN"]

CONTEXT = {"help_option_names": ["-h", "--help"]}
FILE = click.argument("source", metavar="FILE", type=click.Path())
RUN = click.argument("run", metavar="RUN")
PATTERNS = click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
ALL = click.option("--all", "everything", is_flag=True, help="Leave nothing out, however long.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON; it has everything.")
PLAIN = click.option("--plain", is_flag=True, help="Print without colours; NO_COLOR does too.")
