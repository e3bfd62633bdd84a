"""Where the command begins; imports what it needs when it needs it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command with the process's own arguments.

    Returns:
        The exit code: 0 fine, 1 a finding, 2 usage, 3 unreadable, 4 nothing matched.
    """
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # answered without reading how the other commands are called
        from parametry._version import __version__

        sys.stdout.write(f"parametry {__version__}\n")
        return 0
    from parametry.cli.commands import invoke

    return invoke(arguments)
