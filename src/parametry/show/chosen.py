"""What was chosen, scope by scope: explicit values first-class, defaults counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parametry.core.hyperparameter import Hyperparameter
from parametry.core.pattern import compile_pattern
from parametry.show.printable import cut, printable
from parametry.show.tree import Branch, fold, grow, walk
from parametry.show.value import in_effect, one_line

__all__ = ["Choice", "Scope", "by_origin", "first_of_all", "origin_words", "scopes"]

_NUMBER = re.compile(r"_?[0-9]+\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A hyperparameter, or several that are alike.

    Attributes:
        branch: Where it stands in the tree of addresses.
        entry: The hyperparameter; the first of several.
        count: How many it stands for.
    """

    branch: Branch[Hyperparameter]
    entry: Hyperparameter
    count: int

    @property
    def address(self) -> str:
        """Its address, or a pattern for all of them."""
        return self.branch.address

    @property
    def told(self) -> str:
        """The value on one line; of the names of several layers, what they have in common."""
        stem = _stem_of_name(self.entry) if self.count > 1 else None
        return in_effect(self.entry) if stem is None else f"{printable(cut(stem, 60))}…"


class Scope(NamedTuple):
    """The hyperparameters whose addresses begin with one part.

    Attributes:
        name: The part, or a pattern for several scopes that are alike.
        choices: What to show.
        rest: What is not shown, for a screen that has room for it.
    """

    name: str
    choices: list[Choice]
    rest: list[Choice]


def scopes(
    hyperparameters: Mapping[str, Hyperparameter],
    *,
    defaults: bool,
    limit: int,
    folded: bool = True,
) -> list[Scope]:
    """The hyperparameters by scope, in the model's order.

    Args:
        hyperparameters: All of them, by address.
        defaults: Whether to show defaults too, rather than to count them.
        limit: Above how many rows of a scope what the framework passed itself is counted too.
        folded: Whether what is alike in equal blocks is one row.
    """
    alike: Callable[[Hyperparameter], Hashable] = _alike if folded else id
    is_hidden = {
        address: not defaults and _unchanged(entry, "default")
        for address, entry in hyperparameters.items()
    }
    # Defaults are folded apart from the rest: each layer's own name is one, and would otherwise
    # keep apart what was chosen alike.
    shown = fold(grow(item for item in hyperparameters.items() if not is_hidden[item[0]]), alike)
    home = _homes(shown, hyperparameters)
    hidden: dict[str, list[tuple[str, Hyperparameter]]] = {}
    for address, entry in hyperparameters.items():
        at = hidden.setdefault(home[_scope_of(address)], [])
        if is_hidden[address]:
            at.append((address, entry))
    return [
        _scope(
            name, shown.children.get(name), fold(grow(entries), alike), None if defaults else limit
        )
        for name, entries in hidden.items()
    ]


def _scope_of(address: str) -> str:
    return address.partition("/")[0]


def _homes(shown: Branch[Hyperparameter], addresses: Iterable[str]) -> dict[str, str]:
    """Which branch stands for each scope; a scope of which nothing is shown stands for itself."""
    names = dict.fromkeys(map(_scope_of, addresses))
    homes = {name: name for name in names}
    for branch in shown.children.values():
        if branch.is_pattern:
            matches = compile_pattern(branch.name).fullmatch
            homes |= {name: branch.name for name in names if matches(name)}
    return homes


def _alike(entry: Hyperparameter) -> Hashable:
    changes = (len(entry.changes), _written(entry.changes[0].old)) if entry.changes else None
    where = (entry.where.file, entry.where.line) if entry.where else None
    value = _stem_of_name(entry) or _written(entry.value)
    return (value, _written(entry.passed), entry.origin, where, changes)


def _stem_of_name(entry: Hyperparameter) -> str | None:
    """What the names of layers that are alike have in common: ``dense`` of ``dense_7``.

    None unless the value is a layer's own name, which its address tells already.
    """
    above, _, last = entry.address.rpartition("/")
    if last != "name" or not isinstance(entry.value, str):
        return None
    stem = _NUMBER.sub("", entry.value)
    return stem if stem == _NUMBER.sub("", above.rpartition("/")[2]) else None


def _written(value: object) -> Hashable:
    # By type too: 1, 1.0 and True are equal to Python, and NaN is not equal to itself.
    return value if isinstance(value, str) else (type(value), _text(value))


def _text(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python refuses to write an integer of thousands of digits
        return one_line(value)  # type: ignore[arg-type]


def _scope(
    name: str,
    shown: Branch[Hyperparameter] | None,
    hidden: Branch[Hyperparameter],
    limit: int | None,
) -> Scope:
    choices = [] if shown is None else list(_choices(shown))
    rest = [choice for child in hidden.children.values() for choice in _choices(child)]
    if limit is not None and len(choices) > limit:
        minor = [choice for choice in choices if _unchanged(choice.entry, "derived")]
        kept = set(map(id, minor))
        choices = [choice for choice in choices if id(choice) not in kept]
        rest += minor
    return Scope(name, choices, rest)


def _unchanged(entry: Hyperparameter, origin: str) -> bool:
    return entry.origin == origin and not entry.changes


def _choices(top: Branch[Hyperparameter]) -> Iterator[Choice]:
    yield from (Choice(top, entry, top.count) for entry in top.items)
    counts = [top.count]
    for depth, branch in walk(top):
        del counts[depth + 1 :]
        counts.append(counts[-1] * branch.count)
        yield from (Choice(branch, entry, counts[-1]) for entry in branch.items)


def first_of_all(choices: Sequence[Choice], room: int) -> tuple[list[Choice], list[Choice]]:
    """What to show where there is no room for all, in the model's order, and what is left out.

    What somebody chose comes before what nobody knows, and that before what was worked out.
    """
    if len(choices) <= room:
        return list(choices), []
    ranked = sorted(range(len(choices)), key=lambda index: _rank(choices[index].entry))
    kept = set(ranked[:room])
    return (
        [choice for index, choice in enumerate(choices) if index in kept],
        [choice for index, choice in enumerate(choices) if index not in kept],
    )


def _rank(entry: Hyperparameter) -> int:
    if entry.changes:
        return 0
    if entry.origin is None:
        return 1 if entry.value is not None else 3  # most likely a default
    return {"explicit": 0, "live": 0, "derived": 2, "default": 4}[entry.origin]


def by_origin(choices: Iterable[Choice]) -> Counter[str]:
    """How many hyperparameters of each origin the choices stand for."""
    counted: Counter[str] = Counter()
    for choice in choices:
        counted[choice.entry.origin or "of unknown origin"] += choice.count
    return counted


def origin_words(counted: Mapping[str, int]) -> str:
    """How many of each origin there are, in words.

    Example:
        >>> origin_words({"default": 34, "derived": 1})
        '34 defaults, 1 derived'
    """
    words = []
    for origin, count in counted.items():
        plural = "s" if origin == "default" and count != 1 else ""
        words.append(f"{count:,} {origin}{plural}")
    return ", ".join(words)
