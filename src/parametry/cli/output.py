"""Printing what was asked for on standard output: in colour, as plain text, or as JSON."""

from __future__ import annotations

import os
import sys
from typing import IO, Protocol

from parametry.cli import messages
from parametry.show.detail import Detail

__all__ = ["Page", "columns", "in_colour", "line", "put"]

_WIDTH = 160  # of text that goes to no terminal


class Page(Protocol):
    """What can be printed: a model, a mapping, a difference."""

    def to_json(self) -> str:
        """It as JSON text."""
        ...


def put(
    thing: Page, *, kind: str, detail: Detail, as_json: bool = False, plain: bool = False
) -> None:
    """Print a thing on standard output.

    Args:
        thing: What to print.
        kind: Which function of `parametry.show.text` and `parametry.show.terminal` shows it.
        detail: How much of it.
        as_json: Whether to print JSON, which has all of it.
        plain: Whether to leave out colours.
    """
    stream = sys.stdout
    try:
        if as_json:
            stream.write(thing.to_json() + "\n")
        elif in_colour(stream, plain):
            from parametry.show import terminal

            terminal.write(getattr(terminal, kind)(thing, detail=detail), stream)
        else:
            from parametry.show import text

            stream.write(getattr(text, kind)(thing, width=columns(stream), detail=detail) + "\n")
        stream.flush()
    except BrokenPipeError:  # the reader, as ``head``, has seen enough
        messages.forget(stream)


def line(text: str) -> None:
    """Print text on standard output as it is, with a line's end."""
    stream = sys.stdout
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        messages.forget(stream)


def in_colour(stream: IO[str], plain: bool) -> bool:
    """Whether a stream is a terminal that colours are wanted on."""
    if plain or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def columns(stream: IO[str]) -> int:
    """How many columns a stream has."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH
