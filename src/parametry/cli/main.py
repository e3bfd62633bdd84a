"""Where the command begins; imports what it needs when it needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["main"]

# These only read files and print: nothing that they made is needed once they have.
_LOOKING: Final = frozenset({"show", "get", "stats", "diff"})
# Objects that are made before Python looks for garbage among them; its own default is 700.
_FEW: Final = 100_000


def main() -> int:
    """Run the command with the process's own arguments.

    Returns:
        The exit code: 0 fine, 1 a finding, 2 usage, 3 unreadable, 4 nothing matched. A command that
        only looks at files ends the process itself, with that code.
    """
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # answered without reading how the other commands are called
        from parametry._version import __version__

        sys.stdout.write(f"parametry {__version__}\n")
        return 0
    from parametry.cli.commands import invoke

    if arguments[:1] and arguments[0] in _LOOKING:
        return _looked(arguments)
    return invoke(arguments)


def _looked(arguments: Sequence[str]) -> int:
    """Run a command whose objects all live until the process ends, and end it without freeing them.

    Looking for garbage among them, and taking them apart one by one, costs as much as reading a
    file does. mypy ends in this way too (``mypy.util.hard_exit``).
    """
    import gc

    from parametry.cli.commands import invoke

    gc.set_threshold(_FEW)
    code = invoke(arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # the end of Python itself says so
        return code
    os._exit(code)
