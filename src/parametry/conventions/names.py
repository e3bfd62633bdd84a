"""Names that a framework gave by itself, and the parts of addresses that siblings get.

Keras counts the layers that a process has made: the first ``Dense`` is ``dense``, the eighth
``dense_7``, whichever model it is for. An address must not depend on that, so a name that *has the
form* of an automatic one is renumbered among its siblings, in the order of its number. The form
alone decides, since a file cannot know who chose the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from parametry.core.address import part

__all__ = ["Sibling", "automatic", "sibling_parts", "snake_case"]

# Names that Keras gives automatically although the class is called otherwise.
_OTHER_BASES = {
    "Functional": ("model",),
    "Variable": ("variable", "keras_variable"),
    "KerasVariable": ("variable",),
    "NnxVariable": ("variable",),
    "ResourceVariable": ("variable",),
}
_PREFIXES = ("forward_", "backward_")


@lru_cache(maxsize=4096)
def snake_case(name: str) -> str:
    """A class's name as Keras writes it in automatic names.

    Source: ``keras.src.utils.naming.to_snake_case``, whose result is part of file formats.

    Example:
        >>> snake_case("MultiHeadAttention"), snake_case("Conv2D"), snake_case("LSTMCell")
        ('multi_head_attention', 'conv2d', 'lstm_cell')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


@lru_cache(maxsize=65536)
def automatic(name: str, class_name: str) -> tuple[str, int] | None:
    """The base and number of a name that has the form of an automatic one, else None.

    Args:
        name: The name, as ``dense_7``, ``forward_lstm_1``.
        class_name: The class's own name, as ``Dense``.

    Returns:
        The base without number, and the number; 0 for a name without one.

    Example:
        >>> automatic("dense_7", "Dense"), automatic("dense", "Dense"), automatic("head", "Dense")
        (('dense', 7), ('dense', 0), None)
    """
    for prefix in ("", *_PREFIXES):
        if not name.startswith(prefix):
            continue
        rest = name[len(prefix) :]
        for base in (snake_case(class_name), *_OTHER_BASES.get(class_name, ())):
            if rest == base:
                return prefix + base, 0
            number = rest[len(base) + 1 :]
            if rest.startswith(base + "_") and number.isascii() and number.isdigit():
                return prefix + base, int(number)
    return None


@dataclass(frozen=True, slots=True)
class Sibling:
    """One of several things under the same parent.

    Attributes:
        name: What the framework calls it.
        class_name: Its class's own name.
        path: Gives the path of attributes that leads to it from the parent, such as ``blocks/0``;
            None where there is none.
    """

    name: str
    class_name: str
    path: Callable[[], str | None]


def sibling_parts(siblings: Sequence[Sibling]) -> list[str]:
    """The part of the address that each sibling gets, all different.

    A unique explicit name stays. Automatic names are renumbered in the order of their numbers,
    leaving out what an explicit name holds. Siblings of one explicit name get the path of
    attributes that leads to them, and failing that the name with a number.

    Args:
        siblings: All children of one parent, in the framework's own order.

    Example:
        >>> none = lambda: None
        >>> names = [("head", "Dense"), ("dense_9", "Dense"), ("dense_10", "Dense")]
        >>> sibling_parts([Sibling(name, cls, none) for name, cls in names])
        ['head', 'dense', 'dense_1']
    """
    if len(siblings) == 1:
        only = siblings[0]
        form = automatic(only.name, only.class_name)
        return [part(form[0] if form else only.name)]
    counts: dict[str, int] = {}
    groups: dict[str, list[tuple[int, int]]] = {}
    for index, sibling in enumerate(siblings):
        form = automatic(sibling.name, sibling.class_name)
        if form is None:
            counts[sibling.name] = counts.get(sibling.name, 0) + 1
        else:
            groups.setdefault(form[0], []).append((form[1], index))
    parts: list[str | None] = [None] * len(siblings)
    taken: set[str] = set()
    for index, sibling in enumerate(siblings):
        if counts.get(sibling.name) == 1 and automatic(sibling.name, sibling.class_name) is None:
            parts[index] = part(sibling.name)
            taken.add(part(sibling.name))
    for base, members in groups.items():
        number = 0
        for _, index in sorted(members):
            parts[index], number = _free(part(base), number, taken)
    for index, sibling in enumerate(siblings):
        if parts[index] is None:
            path = sibling.path()
            if path is None or path in taken:
                parts[index], _ = _free(part(sibling.name), 0, taken)
            else:
                parts[index] = path
                taken.add(path)
    return [found for found in parts if found is not None]


def _free(base: str, number: int, taken: set[str]) -> tuple[str, int]:
    """The first free name from a number on, and the number after it."""
    while True:
        name = base if number == 0 else f"{base}_{number}"
        number += 1
        if name not in taken:
            taken.add(name)
            return name, number
