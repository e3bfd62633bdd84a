"""Addresses as a tree, in which siblings that are alike become one.

A model of 32 equal blocks is one block, 32 times. What stands for several is written as a pattern
that selects exactly these: ``layers/{0..31}/dense{,_1}/kernel``, ``norm_{1..9..2}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from parametry.core.address import escape

__all__ = ["Branch", "fold", "grow", "walk"]

T = TypeVar("T")

# Names are text from a model; an address of ten thousand parts must not exhaust the stack.
_DEEPEST = 48
# Two of a kind read faster than a pattern that stands for two.
_FEWEST = 3
# How many unlike siblings may take turns, as convolution, normalisation and activation do.
_LONGEST_TURN = 16
_MOST_DIGITS = 9
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(slots=True, eq=False)
class Branch(Generic[T]):
    """A node of the tree.

    Attributes:
        name: Its part of the address, or a pattern for the parts of all that it stands for.
        parts: The parts from the root down to it, each with whether it is a pattern.
        items: What the model has at this address; of the first, if it stands for several.
        last: The same of the last that it stands for.
        children: What lies below, in the model's order.
        count: How many equal siblings it stands for.
        turns: Whether they take turns with other siblings rather than follow each other.
    """

    name: str
    parts: tuple[tuple[str, bool], ...] = ()
    items: tuple[T, ...] = ()
    last: tuple[T, ...] = ()
    children: dict[str, Branch[T]] = field(default_factory=dict)
    count: int = 1
    turns: bool = False

    @property
    def address(self) -> str:
        """The address, or a pattern that matches the addresses of all that it stands for."""
        if any(is_pattern for _, is_pattern in self.parts):
            return "/".join(text if is_pattern else escape(text) for text, is_pattern in self.parts)
        return "/".join(text for text, _ in self.parts)

    @property
    def is_pattern(self) -> bool:
        """Whether the name stands for several."""
        return bool(self.parts) and self.parts[-1][1]


def grow(items: Iterable[tuple[str, T]]) -> Branch[T]:
    """The tree of the items' addresses; branches come in the order in which they were met.

    Args:
        items: Address and item; several items may share an address, the root's is empty.
    """
    root: Branch[T] = Branch("")
    for address, item in items:
        branch = root
        for name in address.split("/", _DEEPEST) if address else ():
            child = branch.children.get(name)
            if child is None:
                child = branch.children[name] = Branch(name)
            branch = child
        branch.items = branch.last = (*branch.items, item)
    return root


def walk(branch: Branch[T], depth: int = 0) -> Iterator[tuple[int, Branch[T]]]:
    """All branches below one with their depth, depth first."""
    for child in branch.children.values():
        yield depth, child
        yield from walk(child, depth + 1)


def fold(root: Branch[T], alike: Callable[[T], Hashable]) -> Branch[T]:
    """The tree with runs of equal siblings made one.

    Siblings are equal when their items are, and all that lies below them; their names must count
    up by equal steps: ``dense, dense_1, dense_2`` or ``0, 2, 4``. A run may be of siblings that
    take turns. Names that a file lists by their letters (``0, 1, 10, 2``) are brought in order.

    Args:
        root: What `grow` gave.
        alike: What must be equal for two items to be shown as one.
    """
    known: dict[Hashable, int] = {}

    def form(branch: Branch[T]) -> tuple[Branch[T], int]:
        if not branch.children:
            alone = (tuple(map(alike, branch.items)), ())
            return branch, known.setdefault(alone, len(known))
        children = _runs([form(child) for child in _counted(list(branch.children.values()))])
        shape = (tuple(map(alike, branch.items)), tuple((c.name, i) for c, i in children))
        folded = Branch(
            branch.name,
            items=branch.items,
            last=branch.last,
            children={child.name: child for child, _ in children},
        )
        return folded, known.setdefault(shape, len(known))

    folded, _ = form(root)
    _place(folded, ())
    return folded


def _place(branch: Branch[T], above: tuple[tuple[str, bool], ...]) -> None:
    for child in branch.children.values():
        child.parts = (*above, (child.name, child.count > 1))
        _place(child, child.parts)


def _counted(siblings: list[Branch[T]]) -> list[Branch[T]]:
    """The siblings, those in the order of their letters brought into that of their numbers.

    Who listed ``0, 1, 10, 2`` has sorted text. An order that letters do not explain is kept: it is
    the model's own.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for index, child in enumerate(siblings):
        pieces = _pieces(child.name)
        if len(pieces) > 1:
            places.setdefault((*pieces[:-2], pieces[-1]), []).append(index)
    out = list(siblings)
    for indices in places.values():
        members = [siblings[index] for index in indices]
        names = [child.name for child in members]
        if len(names) >= _FEWEST and names == sorted(names):
            members.sort(key=lambda child: (len(_pieces(child.name)[-2]), _pieces(child.name)[-2]))
            for index, child in zip(indices, members, strict=True):
                out[index] = child
    return out


def _runs(siblings: list[tuple[Branch[T], int]]) -> list[tuple[Branch[T], int]]:
    out: list[tuple[Branch[T], int]] = []
    at = 0
    while at < len(siblings):
        turn, times = _longest_run(siblings, at)
        for offset in range(turn):
            members = siblings[at + offset : at + turn * times : turn]
            out.append(_one_for_all(members, turns=turn > 1) if times > 1 else members[0])
        at += turn * times
    return out


def _longest_run(siblings: list[tuple[Branch[T], int]], at: int) -> tuple[int, int]:
    """How many siblings take turns from a position on, and how often."""
    best = (1, 1)
    for turn in range(1, _LONGEST_TURN + 1):
        # A sibling of another form than the one `turn` before it ends this at once.
        if at + turn >= len(siblings):
            break
        if siblings[at + turn][1] != siblings[at][1]:
            continue
        # What ends a run of equal siblings ends one of them that take turns, too.
        if best[0] == 1 and best[1] >= 2 * turn > 2:
            continue
        times = _repeats(siblings, at, turn)
        if times >= _FEWEST and turn * times > best[0] * best[1]:
            best = (turn, times)
    return best


def _repeats(siblings: list[tuple[Branch[T], int]], at: int, turn: int) -> int:
    times = 1
    varies: list[tuple[int, int] | None] = [None] * turn
    while at + turn * (times + 1) <= len(siblings):
        start = at + turn * times
        for offset in range(turn):
            before, now = siblings[start - turn + offset], siblings[start + offset]
            if before[1] != now[1]:
                return times
            step = _counts_up(before[0].name, now[0].name)
            if step is None or varies[offset] not in (None, step):
                return times
            varies[offset] = step
        times += 1
    return times


def _counts_up(before: str, now: str) -> tuple[int, int] | None:
    """Which piece of the second name is a larger number than in the first, and by how much."""
    old, new = _pieces(before), _pieces(now)
    if now.startswith(f"{before}_") and len(new) == len(old) + 2 and not new[-1]:
        old = (*_pieces(f"{before}_")[:-1], new[-3], "0", "")
    if len(old) != len(new):
        return None
    different = [index for index, piece in enumerate(old) if piece != new[index]]
    if len(different) != 1 or different[0] % 2 == 0:
        return None
    position = different[0]
    low, high = old[position], new[position]
    if max(len(low), len(high)) > _MOST_DIGITS or _padded(low) or _padded(high):
        return None
    step = int(high) - int(low)
    return (position, step) if step > 0 else None


def _padded(digits: str) -> bool:
    return len(digits) > 1 and digits[0] == "0"


@lru_cache(maxsize=4096)
def _pieces(name: str) -> tuple[str, ...]:
    # Text and digits in turn: digits stand at the odd positions.
    return tuple(_DIGITS.split(name)) if len(name) < 200 else (name,)


def _one_for_all(members: list[tuple[Branch[T], int]], *, turns: bool) -> tuple[Branch[T], int]:
    first, form = members[0]
    last = members[-1][0]
    return (
        Branch(
            _pattern([branch.name for branch, _ in members]),
            items=first.items,
            last=last.last,
            children=first.children,
            count=len(members),
            turns=turns,
        ),
        # A folded branch equals none that it has not been folded like, which its name says.
        form,
    )


def _pattern(names: list[str]) -> str:
    old, new = _pieces(names[0]), _pieces(names[1])
    if len(old) != len(new):  # the first has no number: dense, dense_1
        numbers = [int(_pieces(name)[-2]) for name in names[1:]]
        told = f"_{_range(numbers)}" if len(numbers) > 2 else ",".join(f"_{n}" for n in numbers)
        return f"{escape(names[0])}{{,{told}}}"
    position = next(index for index, piece in enumerate(old) if piece != new[index])
    before, after = "".join(old[:position]), "".join(old[position + 1 :])
    numbers = [int(_pieces(name)[position]) for name in names]
    return f"{escape(before)}{_range(numbers)}{escape(after)}"


def _range(numbers: list[int]) -> str:
    step = numbers[1] - numbers[0]
    return f"{{{numbers[0]}..{numbers[-1]}" + (f"..{step}}}" if step > 1 else "}")
