"""What the command says, always on standard error, and what its errors mean for the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO

from parametry.errors import (
    NothingMatched,
    ParametryError,
    PatternError,
    UnknownAddress,
    UnknownSink,
)

__all__ = ["CannotWrite", "UsageFault", "error", "exit_code", "fault", "say"]

FAULT_OF_PARAMETRY = 70  # EX_SOFTWARE of sysexits.h


class UsageFault(ParametryError):
    """The command was called in a way that cannot be meant."""


class CannotWrite(ParametryError):
    """A file that was asked for cannot be written.

    Args:
        path: The file.
        problem: What the system said.
    """

    def __init__(self, path: object, problem: OSError) -> None:
        reason = (problem.strerror or str(problem)).lower()
        super().__init__(f"{path} cannot be written: {reason}", hint="name another file")


def exit_code(problem: ParametryError) -> int:
    """What the command exits with for an error of the library."""
    if isinstance(problem, (UsageFault, PatternError, FileNotFoundError, UnknownSink)):
        return 2
    return 4 if isinstance(problem, (NothingMatched, UnknownAddress)) else 3


def error(message: str, hint: str | None = None, *, stream: IO[str] | None = None) -> None:
    """Say what is wrong, and what to do about it."""
    say(f"error: {message}", stream=stream)
    if hint:
        say(f"hint: {hint}", stream=stream)


def fault(problem: Exception, *, stream: IO[str] | None = None) -> None:
    """Say that parametry itself failed, and where, without a traceback."""
    import traceback

    frames = traceback.extract_tb(problem.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    error(
        f"parametry failed: {type(problem).__name__}: {problem}{where}",
        "this is a fault in parametry, not in your program; please report it",
        stream=stream,
    )


def say(text: str, *, stream: IO[str] | None = None) -> None:
    """Write lines to standard error; one that nobody reads any more does no harm.

    Args:
        text: One or more lines; what a terminal could act on is written as an escape.
        stream: Where to instead of standard error.
    """
    from parametry.show.printable import printable

    stream = sys.stderr if stream is None else stream
    if stream is None:  # closed before we were started
        return
    lines = "".join(f"{printable(line)}\n" for line in text.split("\n"))
    try:
        stream.write(lines)
        stream.flush()
    except OSError:  # its reader has gone away, the disk is full, or the program has closed it
        forget(stream)
    except ValueError:  # the same, as Python's own file
        pass


def forget(stream: IO[str]) -> None:
    """Let what is still in a stream's buffer go nowhere, once it cannot be written.

    Python would otherwise try once more at exit, and change the exit code to 120.
    """
    with contextlib.suppress(OSError, ValueError):
        wanted = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != wanted:  # which it is where the program had closed that very one
            os.dup2(nowhere, wanted)
            os.close(nowhere)
