"""How counts, bytes and shapes are written."""

from __future__ import annotations

from parametry.core.value import Plain
from parametry.show.value import one_line

__all__ = ["byte_size", "number", "plural", "shape"]


def number(count: int) -> str:
    """A count with its thousands apart.

    Example:
        >>> number(1234567)
        '1,234,567'
    """
    return f"{count:,}"


def plural(count: int, noun: str) -> str:
    """A count and its noun, in the plural but for one.

    Example:
        >>> plural(1, "layer"), plural(1200, "layer")
        ('1 layer', '1,200 layers')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def byte_size(count: int) -> str:
    """A number of bytes in the largest binary unit that leaves at least one.

    Example:
        >>> byte_size(512), byte_size(38056)
        ('512 B', '37.2 KiB')
    """
    if count < 1024:
        return f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:,.1f} PiB"


def shape(sizes: Plain | tuple[int, ...]) -> str:
    """A shape as Python writes it; several shapes with their names or in a row; unknown is empty.

    Example:
        >>> shape([None, 64]), shape([[None, 4], [None, 8]]), shape(None)
        ('(None, 64)', '(None, 4), (None, 8)', '')
    """
    if sizes is None:
        return ""
    if isinstance(sizes, dict):
        return ", ".join(f"{one_line(key)}: {shape(inner)}" for key, inner in sizes.items())
    if not isinstance(sizes, (list, tuple)):
        return one_line(sizes)
    if sizes and any(isinstance(size, (list, tuple, dict)) for size in sizes):
        return ", ".join(shape(inner) for inner in sizes)
    comma = "," if len(sizes) == 1 else ""
    return f"({', '.join(one_line(size) for size in sizes)}{comma})"
