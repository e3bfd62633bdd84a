"""Names that a framework gave by itself, and the parts of addresses that siblings get.

Keras counts the layers that a process has made: the first ``Dense`` is ``dense``, the eighth
``dense_7``, whichever model it is for. An address must not depend on that, so a name that *has the
form* of an automatic one is renumbered among its siblings, in the order of its number. The form
alone decides, since a file cannot know who chose the name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from parametry.core.address import part

__all__ = ["automatic", "sibling_parts", "snake_case"]

# Names that Keras gives automatically although the class is called otherwise.
_OTHER_BASES = {
    "Functional": ("model",),
    "InputLayer": ("input",),
    "Variable": ("variable", "keras_variable"),
    "KerasVariable": ("variable",),
    "NnxVariable": ("variable",),
    "ResourceVariable": ("variable",),
}
_PREFIXES = ("forward_", "backward_")
# No process makes more layers, and Python reads no number of thousands of digits.
_MOST_DIGITS = 18


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
        for base in _bases(class_name):
            if rest == base:
                return prefix + base, 0
            number = rest[len(base) + 1 :]
            if rest.startswith(base + "_") and _is_number(number):
                return prefix + base, int(number)
    return None


def _bases(class_name: str) -> tuple[str, ...]:
    base = snake_case(class_name)
    if not base:
        return ()
    # Keras 2 makes the name of a private class safe for TensorFlow.
    private = (f"private{base}",) if base.startswith("_") else ()
    return (base, *private, *_OTHER_BASES.get(class_name, ()))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def sibling_parts(
    siblings: Sequence[tuple[str, str]], path: Callable[[int], str | None]
) -> list[str]:
    """The part of the address that each sibling gets, all different.

    A unique explicit name stays. Automatic names are renumbered in the order of their numbers,
    leaving out what an explicit name holds. Siblings of one explicit name get the path of
    attributes that leads to them, and failing that the name with a number.

    Args:
        siblings: Name and class's name of each child of one parent, in the framework's own order.
        path: Gives the path of attributes, such as ``blocks/0``, that leads from the parent to the
            sibling of an index; None where there is none. Asked only where a name is shared.

    Example:
        >>> names = [("head", "Dense"), ("dense_9", "Dense"), ("dense_10", "Dense")]
        >>> sibling_parts(names, lambda index: None)
        ['head', 'dense', 'dense_1']
    """
    settled = (_settled if len(siblings) > _FEW else _settled_of_few)(tuple(siblings))
    parts = [found for found in settled if found is not None]
    if len(parts) == len(settled):
        return parts
    taken = _Taken()
    for found in parts:
        taken.take(found)
    for index, given in enumerate(settled):
        if given is None:
            way = path(index)
            if way is not None and taken.is_free(way):
                parts.insert(index, taken.take(way))
            else:
                parts.insert(index, taken.free(part(siblings[index][0]), 0)[0])
    return parts


def _settled(siblings: tuple[tuple[str, str], ...]) -> tuple[str | None, ...]:
    """The parts that the names alone decide; None for siblings of one explicit name."""
    if len(siblings) == 1:
        form = automatic(*siblings[0])
        return (part(form[0] if form else siblings[0][0]),)
    forms = [automatic(name, class_name) for name, class_name in siblings]
    explicit = [name for (name, _), form in zip(siblings, forms, strict=True) if form is None]
    counts = Counter(explicit)
    parts: list[str | None] = [None] * len(siblings)
    taken = _Taken()
    groups: dict[str, list[tuple[int, int]]] = {}
    for index, ((name, _), form) in enumerate(zip(siblings, forms, strict=True)):
        if form is not None:
            groups.setdefault(form[0], []).append((form[1], index))
        elif counts[name] == 1:
            parts[index] = taken.take(part(name))
    for base, members in groups.items():
        number = 0
        for _, index in sorted(members):
            parts[index], number = taken.free(part(base), number)
    return tuple(parts)


# Most holders have few variables, and thousands of layers have the same ones.
_FEW = 12
_settled_of_few = lru_cache(maxsize=4096)(_settled)


class _Taken:
    """What siblings are called so far: no two alike, and none that seems to lie below another.

    A path of attributes may have several parts, ``blocks/0``: beside it no other may be ``blocks``,
    whose own child ``0`` would be at the same address.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._above: set[str] = set()

    def is_free(self, name: str) -> bool:
        """Whether a sibling may be called so."""
        return (
            name not in self._names
            and name not in self._above
            and self._names.isdisjoint(_prefixes(name))
        )

    def take(self, name: str) -> str:
        """Call a sibling so; gives the name."""
        self._names.add(name)
        self._above.update(_prefixes(name))
        return name

    def free(self, base: str, number: int) -> tuple[str, int]:
        """Take the first free name from a number on; gives it and the number after it."""
        while True:
            name = base if number == 0 else f"{base}_{number}"
            number += 1
            if self.is_free(name):
                return self.take(name), number


def _prefixes(name: str) -> list[str]:
    if "/" not in name:
        return []
    return [name[:index] for index, character in enumerate(name) if character == "/"]
