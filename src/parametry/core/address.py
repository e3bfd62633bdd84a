"""Addresses: the ``/``-separated path of one number or array.

A part of an address is a name that somebody gave, so it may hold anything. What would be read as a
separator or disturb a terminal is percent-escaped (as UTF-8 bytes, RFC 3986), and nothing else:
``Größe`` stays as it is. The empty name is written as a lone ``%``, which no escaped text can be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["escape", "join", "levels", "nearest", "parent", "part", "split", "unpart"]

_PLAIN = re.compile(r"[A-Za-z0-9_.\-:]+\Z")
# Direction overrides and isolates can make a terminal show another address than the one printed.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_EMPTY = "%"


@lru_cache(maxsize=16384)
def part(name: str) -> str:
    """Escape one name so that it can stand as a part of an address.

    Args:
        name: Any string; what a layer, variable or argument is called.

    Returns:
        The name with ``/``, ``%``, control characters, line separators and direction marks
        percent-escaped; ``%`` alone for the empty name.

    Example:
        >>> part("conv/1"), part("Größe"), part("")
        ('conv%2F1', 'Größe', '%')
    """
    if _PLAIN.match(name):
        return name
    if not name:
        return _EMPTY
    return "".join(_percent(c) if _must_escape(c) else c for c in name)


def _must_escape(character: str) -> bool:
    return (
        character in "/%"
        or character in _DIRECTION
        or unicodedata.category(character) in _ESCAPED_CATEGORIES
    )


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def unpart(escaped: str) -> str:
    """The name that `part` escaped; text that no `part` gives stays as it is.

    Example:
        >>> unpart("conv%2F1")
        'conv/1'
    """
    if escaped == _EMPTY:
        return ""
    if "%" not in escaped:
        return escaped
    raw = re.sub(
        rb"%([0-9A-F]{2})",
        lambda match: bytes([int(match[1], 16)]),
        escaped.encode("utf-8", "surrogatepass"),
    )
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return escaped


def join(*addresses: str) -> str:
    """Join addresses, leaving out empty ones.

    Example:
        >>> join("", "encoder", "dense/kernel")
        'encoder/dense/kernel'
    """
    return "/".join(address for address in addresses if address)


def split(address: str) -> tuple[str, ...]:
    """The parts of an address, still escaped; of the empty address, none.

    Example:
        >>> split("encoder/dense/kernel")
        ('encoder', 'dense', 'kernel')
    """
    return tuple(address.split("/")) if address else ()


def parent(address: str) -> str:
    """The address without its last part.

    Example:
        >>> parent("encoder/dense/kernel"), parent("kernel")
        ('encoder/dense', '')
    """
    return address.rpartition("/")[0]


def levels(address: str) -> list[str]:
    """The address and those that it lies in, the highest first; of the empty address, none.

    Example:
        >>> levels("encoder/dense/kernel")
        ['encoder', 'encoder/dense', 'encoder/dense/kernel']
    """
    parts = split(address)
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]


def escape(address: str) -> str:
    """Quote an address so that a pattern matches it literally.

    Example:
        >>> escape("layer[0]/kernel*")
        'layer[[]0]/kernel[*]'
    """
    return re.sub(r"([*?\[{])", r"[\1]", address)


def nearest(wanted: str, addresses: Iterable[str], count: int = 3) -> list[str]:
    """The addresses most like the one that was asked for, best first.

    Works on at most 20,000 candidates, so that an error message about a huge model is not slow.

    Args:
        wanted: What was asked for.
        addresses: What there is.
        count: How many to give at most.
    """
    import difflib
    from itertools import islice

    candidates = list(islice(addresses, 20_000))
    last = split(wanted)[-1] if wanted else ""
    # An address that differs by its depth only (kernel for dense/kernel) is further away by ratio
    # than by meaning, so those that end in the same part come first.
    ending = [c for c in candidates if c == last or c.endswith("/" + last)] if last else []
    pool = ending if len(ending) >= count else candidates
    pool = sorted(pool, key=lambda c: abs(len(c) - len(wanted)))[:2_000]
    close = difflib.get_close_matches(wanted, pool, n=count, cutoff=0.5)
    return (close + [c for c in ending if c not in close])[:count]
