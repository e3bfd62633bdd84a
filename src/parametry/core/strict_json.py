"""JSON that a stranger wrote: read within bounds, or refused with one kind of error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

__all__ = ["DEEPEST", "JsonRefused", "parse"]

DEEPEST = 100
"""How many lists and objects may lie within each other."""
# The largest number of digits of an unsigned 64-bit integer, and one more for a sign.
_MOST_DIGITS = 21
_BLOCK = 1 << 20
# Any digit as a zero, and as many as no integer may have.
_DIGITS = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG_NUMBER = b"0" * _MOST_DIGITS
# A list of two bytes takes 64 in memory: the text's length alone bounds nothing.
_MOST_VALUES = 4_000_000
# What each character does to the depth, as a signed byte.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_OTHERS = bytes(set(range(256)) - set(b"[{]}"))


class JsonRefused(ValueError):
    """The text is no JSON, or more than this reader takes; the message says which and where.

    Callers turn it into the error of their own format, which names the file.
    """


def parse(text: str | bytes, *, deepest: int = DEEPEST) -> Any:
    """The value that JSON text holds.

    Stricter than `json.loads`: a key that is there twice, NaN and infinities, integers of more than
    20 digits, more than four million values and nesting beyond `deepest` are refused. Nothing is
    recursed into before its depth is known, so that no text can exhaust the C stack, whatever
    recursion limit the program has set.

    Args:
        text: The whole document; bytes are UTF-8.
        deepest: How many lists and objects may lie within each other.

    Raises:
        JsonRefused: It is no JSON, or more than that.

    Example:
        >>> parse('{"shape": [2, 3]}')
        {'shape': [2, 3]}
        >>> parse('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        parametry.core.strict_json.JsonRefused: the key 'a' is there twice
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise JsonRefused(f"not UTF-8 at byte {error.start:,}") from None
    if _is_deeper(text, deepest):
        raise JsonRefused(f"lists and objects lie more than {deepest} deep")
    # Each value but the first stands behind one of these, and names hold few.
    if text.count(",") + text.count("[") + text.count("{") > _MOST_VALUES:
        raise JsonRefused(f"it holds more than {_MOST_VALUES:,} values")
    # A function for each integer takes longer than all else, and hardly any text needs it.
    integer = _integer if _LONG_NUMBER in raw.translate(_DIGITS) else None
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=integer
        )
    except JsonRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonRefused(str(error) or type(error).__name__) from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonRefused(f"the key {twice[:100]!r} is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise JsonRefused(f"{name} is no JSON")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise JsonRefused(f"an integer of {len(digits):,} digits")
    return int(digits)


def _is_deeper(text: str, deepest: int) -> bool:
    """Whether brackets outside of strings nest deeper."""
    if text.count("[") + text.count("{") <= deepest:
        return False
    # Without escaped backslashes, then without escaped quotes, every second piece is a string.
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    depth = 0
    for start in range(0, len(outside), _BLOCK):
        block = outside[start : start + _BLOCK].encode("latin-1", "replace")
        steps = np.frombuffer(block.translate(_STEPS, _OTHERS), dtype=np.int8)
        if not steps.size:
            continue
        depths = depth + np.cumsum(steps, dtype=np.int64)
        if int(depths.max()) > deepest:
            return True
        depth = int(depths[-1])
    return False
