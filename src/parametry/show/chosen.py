"""What was chosen, scope by scope: explicit values first-class, defaults counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from parametry.core.hyperparameter import Hyperparameter
from parametry.show.tree import Branch, fold, grow, walk
from parametry.show.value import one_line

__all__ = ["Choice", "Scope", "by_origin", "origin_words", "scopes"]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Scope:
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
    hyperparameters: Mapping[str, Hyperparameter], *, defaults: bool, limit: int
) -> list[Scope]:
    """The hyperparameters by scope, in the model's order.

    Args:
        hyperparameters: All of them, by address.
        defaults: Whether to show defaults too, rather than to count them.
        limit: Above how many rows of a scope what the framework passed itself is counted too.
    """
    tree = fold(grow(hyperparameters.items()), _alike)
    return [_scope(branch, defaults, limit) for branch in tree.children.values()]


def _alike(entry: Hyperparameter) -> Hashable:
    changes = (len(entry.changes), _written(entry.changes[0].old)) if entry.changes else None
    where = (entry.where.file, entry.where.line) if entry.where else None
    return (_written(entry.value), _written(entry.passed), entry.origin, where, changes)


def _written(value: object) -> Hashable:
    # By type too: 1, 1.0 and True are equal to Python, and NaN is not equal to itself.
    return value if isinstance(value, str) else (type(value), _text(value))


def _text(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python refuses to write an integer of thousands of digits
        return one_line(value)  # type: ignore[arg-type]


def _scope(branch: Branch[Hyperparameter], defaults: bool, limit: int) -> Scope:
    choices = list(_choices(branch))
    shown = [choice for choice in choices if defaults or not _unchanged(choice, "default")]
    if not defaults and len(shown) > limit:
        shown = [choice for choice in shown if not _unchanged(choice, "derived")]
    kept = {id(choice) for choice in shown}
    return Scope(branch.name, shown, [choice for choice in choices if id(choice) not in kept])


def _unchanged(choice: Choice, origin: str) -> bool:
    return choice.entry.origin == origin and not choice.entry.changes


def _choices(scope: Branch[Hyperparameter]) -> Iterator[Choice]:
    yield from (Choice(scope, entry, scope.count) for entry in scope.items)
    counts = [scope.count]
    for depth, branch in walk(scope):
        del counts[depth + 1 :]
        counts.append(counts[-1] * branch.count)
        yield from (Choice(branch, entry, counts[-1]) for entry in branch.items)


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
