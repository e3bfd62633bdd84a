"""Values on one line: short, unambiguous, safe to print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from parametry.core.hyperparameter import Hyperparameter
from parametry.core.value import UNSET, Plain, Unset, same
from parametry.show.printable import ELLIPSIS, cut, printable

__all__ = ["in_effect", "one_line"]

LIMIT = 60
_BARE = re.compile(r"[\w./@~+:*\-]+\Z")
# Python refuses to write an integer of thousands of digits, and nobody reads one of a hundred.
_LARGEST_BITS = 256


def one_line(value: Plain | Unset, limit: int = LIMIT) -> str:
    """A value as a short text: as Python would write it, with plain words left unquoted.

    Args:
        value: Plain data, tagged dicts included.
        limit: How many characters to give at most.

    Example:
        >>> one_line("relu"), one_line("None"), one_line({"$array": "ndarray", "shape": [3],
        ...                                               "dtype": "float32"})
        ('relu', "'None'", 'float32[3]')
    """
    if isinstance(value, str) and len(value) <= limit and _is_plain_word(value):
        return value
    return cut(_written(value, limit), limit)


def _is_plain_word(text: str) -> bool:
    if not _BARE.match(text) or not text.isprintable() or text in ("None", "True", "False"):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False  # it would read as a number


def in_effect(entry: Hyperparameter, limit: int = LIMIT) -> str:
    """A hyperparameter's value, with what was passed and what it was before where that differs.

    Example:
        >>> in_effect(Hyperparameter("fit/batch_size", 32, passed=None))
        '32 (passed None)'
    """
    remarks = []
    if not isinstance(entry.passed, Unset):
        remarks.append(f"passed {one_line(entry.passed, limit // 2)}")
    first = entry.changes[0].old if entry.changes else UNSET
    if not isinstance(first, Unset) and not same(first, entry.passed):
        remarks.append(f"at first {one_line(first, limit // 2)}")
    text = one_line(entry.value, limit)
    return f"{text} ({'; '.join(remarks)})" if remarks else text


def _written(value: Plain | Unset, limit: int) -> str:
    if isinstance(value, str):
        return _quoted(value, limit)
    if isinstance(value, int) and not isinstance(value, bool):
        bits = value.bit_length()
        return str(value) if bits <= _LARGEST_BITS else f"<integer of {bits:,} bits>"
    if isinstance(value, list):
        items = (_Item("", item) for item in value)
        return f"[{_sequence(items, len(value), limit - 2)}]"
    if isinstance(value, dict):
        tagged = _tagged(value, limit)
        if tagged is not None:
            return tagged
        items = (_Item(f"{_written(key, limit // 2)}: ", item) for key, item in value.items())
        return f"{{{_sequence(items, len(value), limit - 2)}}}"
    return cut(printable(repr(value)), limit)


def _quoted(text: str, limit: int) -> str:
    quoted = repr(text[:limit])
    if len(text) <= limit and len(quoted) <= limit:
        return quoted
    return cut(quoted[:-1] + ELLIPSIS * (len(text) > limit), limit - 1) + quoted[0]


class _Item:
    """An item of a list or dict with what stands before it."""

    __slots__ = ("label", "value")

    def __init__(self, label: str, value: Plain) -> None:
        self.label = label
        self.value = value


def _sequence(items: Iterable[_Item], length: int, limit: int) -> str:
    out: list[str] = []
    left = limit
    for shown, item in enumerate(items):
        # The last may use what is left; any other leaves room to say how many follow.
        room = left if shown == length - 1 else left - 14
        text = item.label + _written(item.value, max(room - len(item.label), 12))
        if len(text) > room and shown:
            out.append(f"{ELLIPSIS} {length - shown:,} more")
            break
        out.append(text)
        left -= len(text) + 2
    return ", ".join(out)


def _tagged(value: dict[bool | int | float | str | None, Plain], limit: int) -> str | None:
    """What stands for something that has no plain form; None for an ordinary dict."""
    tag = next(iter(value), None)
    if not isinstance(tag, str) or not tag.startswith("$"):
        return None
    match tag:
        case "$array":
            return cut(_array(value), limit)
        case "$object":
            return cut(f"<{' '.join(_object(value))}>", limit)
        case "$bytes":
            return f"bytes[{_written(value[tag], 20)}]"
        case "$long":
            return _long(value, limit)
        case "$withheld":
            return cut(f"<withheld: {printable(str(value[tag]))}>", limit)
        case "$float":
            return cut(printable(str(value[tag])), limit)
        case _:
            return None


def _array(value: dict[bool | int | float | str | None, Plain]) -> str:
    dtype, shape = value.get("dtype"), value.get("shape")
    sizes = (
        ", ".join("?" if size is None else _written(size, 20) for size in shape)
        if isinstance(shape, list)
        else "?"
    )
    return f"{printable(str(dtype))}[{sizes}]"


def _object(value: dict[bool | int | float | str | None, Plain]) -> Iterator[str]:
    yield printable(str(value["$object"])).rpartition(".")[2]
    for key, detail in value.items():
        if key != "$object":
            yield f"{printable(str(key))}={_written(detail, 30)}"


def _long(value: dict[bool | int | float | str | None, Plain], limit: int) -> str:
    length = value["$long"]
    count = f"{length:,}" if isinstance(length, int) else "?"
    start = value.get("start")
    if isinstance(start, str):
        note = f" ({count} characters)"
        return _quoted(start + ELLIPSIS, max(limit - len(note), 12)) + note
    return cut(f"<{printable(str(value.get('class')))} of {count} items>", limit)
