"""Text that is safe to print and fits: nothing in it can steer a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["cut", "cut_middle", "printable", "start", "width"]

ELLIPSIS = "…"
# A cell of a terminal can carry any number of combining marks; a text of nothing else has no
# width, and would never be cut.
_CHARACTERS_PER_CELL = 4


def printable(text: str) -> str:
    r"""The text with everything unprintable written as an escape, as Python's ``repr`` does.

    Control characters, escape sequences, direction marks, lone surrogates and line breaks cannot
    reach the screen this way.

    Example:
        >>> printable("a\x1b[31mb\u202e")
        'a\\x1b[31mb\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def width(text: str) -> int:
    """How many cells of a terminal the text takes.

    Example:
        >>> width("dense"), width("層")
        (5, 2)
    """
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, limit: int) -> str:
    """The text, or as much of its start as fits, with an ellipsis.

    Example:
        >>> cut("learning_rate", 8)
        'learnin…'
    """
    if len(text) <= _CHARACTERS_PER_CELL * limit and width(text) <= limit:
        return text
    return start(text, limit - 1) + ELLIPSIS if limit > 1 else ELLIPSIS[:limit]


def cut_middle(text: str, limit: int) -> str:
    """The text, or its start and its end with an ellipsis between: an address's end tells most.

    Example:
        >>> cut_middle("encoder/attention/query/kernel", 18)
        'encod…query/kernel'
    """
    if len(text) <= _CHARACTERS_PER_CELL * limit and width(text) <= limit:
        return text
    if limit < 5:
        return cut(text, limit)
    head = start(text, (limit - 1) // 3)
    tail = start(text[: -limit * _CHARACTERS_PER_CELL : -1], limit - 1 - width(head))[::-1]
    return head + ELLIPSIS + tail


def start(text: str, limit: int) -> str:
    """As much of the start of the text as fits."""
    taken = 0
    text = text[: _CHARACTERS_PER_CELL * limit]
    for index, character in enumerate(text):
        taken += _cells(character)
        if taken > limit:
            return text[:index]
    return text
