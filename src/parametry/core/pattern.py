"""Patterns over addresses: a glob whose ``*`` stays within a part.

==========  =====================================================
``*``       any characters within one part
``**``      any parts, also none: ``**/kernel``, ``encoder/**``
``?``       one character within a part
``[0-9]``   one character of a set; ``[!0-9]`` one not of it
``{a,b}``   either; may be nested and hold other signs
``{0..31}`` a whole number of the range
==========  =====================================================

A pattern without any of these is an address and matches itself alone. `parametry.escape` quotes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from parametry.errors import PatternError

__all__ = ["compile_pattern", "is_pattern"]

_RANGE = re.compile(r"(\d+)\.\.(\d+)\Z")
_LARGEST_RANGE = 100_000


def is_pattern(text: str) -> bool:
    """Whether the text holds any sign that makes it more than an address."""
    return any(sign in text for sign in "*?[{")


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; use its ``fullmatch``.

    Args:
        pattern: A pattern as drawn in the module's table.

    Raises:
        PatternError: A bracket or brace is not closed, or a range is larger than 100,000.

    Example:
        >>> bool(compile_pattern("**/kernel").fullmatch("encoder/dense/kernel"))
        True
        >>> bool(compile_pattern("*/kernel").fullmatch("encoder/dense/kernel"))
        False
    """
    expression, rest = _translate(pattern, 0, depth=0)
    assert rest == len(pattern)
    return re.compile(expression, re.DOTALL)


def _translate(pattern: str, at: int, depth: int) -> tuple[str, int]:
    out: list[str] = []
    while at < len(pattern):
        sign = pattern[at]
        if sign == "*":
            piece, at = _star(pattern, at)
        elif sign == "?":
            piece, at = "[^/]", at + 1
        elif sign == "[":
            piece, at = _character_set(pattern, at)
        elif sign == "{":
            piece, at = _alternatives(pattern, at, depth)
        elif depth and sign in ",}":
            break
        else:
            piece, at = re.escape(sign), at + 1
        out.append(piece)
    return "".join(out), at


def _star(pattern: str, at: int) -> tuple[str, int]:
    if not pattern.startswith("**", at):
        return "[^/]*", at + 1
    end = at
    while pattern.startswith("*", end):
        end += 1
    starts_part = at == 0 or pattern[at - 1] in "/{,"
    if starts_part and pattern.startswith("/", end):
        return "(?:[^/]+/)*", end + 1
    return ".*", end


def _character_set(pattern: str, at: int) -> tuple[str, int]:
    start = at + 1
    negated = pattern.startswith("!", start)
    if negated:
        start += 1
    # As in every shell, a closing bracket that comes first is a member of the set.
    end = pattern.find("]", start + 1)
    if end < 0:
        raise PatternError(
            f"the pattern {pattern!r} opens '[' at character {at + 1} and never closes it",
            hint="a literal '[' is written '[[]'; parametry.escape(address) quotes a whole address",
        )
    members = pattern[start:end].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    expression = f"[^/{members}]" if negated else f"[{members}]"
    try:
        re.compile(expression)
    except re.error as error:
        raise PatternError(
            f"the pattern {pattern!r} has a set that cannot be read: {error}",
            hint="a range goes upward, as in '[0-9]'",
        ) from None
    return expression, end + 1


def _alternatives(pattern: str, at: int, depth: int) -> tuple[str, int]:
    start = at
    closing = pattern.find("}", at)
    numbers = _RANGE.match(pattern[at + 1 : closing]) if closing > 0 else None
    if numbers:
        low, high = sorted((int(numbers[1]), int(numbers[2])))
        if high - low >= _LARGEST_RANGE:
            raise PatternError(
                f"the pattern {pattern!r} holds a range of more than {_LARGEST_RANGE:,} numbers",
                hint="use '*' and a predicate: select(pattern, where=...)",
            )
        return f"(?:{'|'.join(map(str, range(low, high + 1)))})", closing + 1
    choices: list[str] = []
    while True:
        choice, at = _translate(pattern, at + 1, depth + 1)
        choices.append(choice)
        if at >= len(pattern):
            raise PatternError(
                f"the pattern {pattern!r} opens '{{' at character {start + 1} and never closes it",
                hint="a literal '{' is written '[{]'; parametry.escape(address) quotes",
            )
        if pattern[at] == "}":
            return f"(?:{'|'.join(choices)})", at + 1
