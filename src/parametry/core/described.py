"""Objects as subtrees, and how a tree of them becomes flat rows by address.

One mechanism serves for the arguments that capture saw, for live objects, for constants of a
script, and for the configurations in files: each is described as a `Described`, and `Flattener`
turns it into rows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from parametry.core.address import join, part
from parametry.core.fields import fields_of, function_fields
from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.value import (
    DEEPEST,
    LONGEST_LIST,
    UNSET,
    Plain,
    Unset,
    class_name,
    function_name,
    is_array,
    is_function,
    key_text,
    keyed,
    same,
    to_plain,
)
from parametry.core.watch import watch

if TYPE_CHECKING:
    from parametry.core.place import Place

__all__ = ["Describe", "Described", "Flattener", "Row", "describe_general", "merge"]


@dataclass(frozen=True, slots=True)
class Described:
    """An object as a subtree: its class, its fields, and a plain value of its own if it has one.

    Attributes:
        class_name: The class, which becomes ``…/class``; None for a function.
        label: The value at the object's own address (``glorot_uniform``, a rate as it is now).
        fields: Its arguments by name, each anything that can be described in turn.
        origins: How each field got its value, where that is known.
        where: The line that made the object.
        origin: How the object itself came about.
    """

    class_name: str | None
    label: Plain | Unset = UNSET
    fields: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Origin | None] | None = None
    where: Place | None = None
    origin: Origin | None = None


class Row(NamedTuple):
    """A value on its way to becoming a hyperparameter."""

    value: Plain
    origin: Origin | None
    where: Place | None


class Describe(Protocol):
    """Tells what an object is: described, a plain value that stands for it, or UNSET: unknown."""

    def __call__(self, value: Any, /) -> Described | Plain | Unset:
        """Describe one object."""
        ...


def _describe_nothing(value: Any, /) -> Described | Plain | Unset:
    return UNSET


_SCALARS = frozenset({type(None), bool, int, float})
# Nobody wrote these down anywhere.
_UNPLACED = frozenset({"default", "live"})
_MOST_ITEMS = 1_000
_MOST_ROWS = 20_000


class Flattener:
    """Turns values into rows by address.

    Args:
        describe: Knows the objects of a framework; general ones are known here.

    Example:
        >>> flattener = Flattener()
        >>> flattener.add("fit", Described(None, fields={"epochs": 3}))
        >>> flattener.rows["fit/epochs"].value
        3
    """

    def __init__(self, describe: Describe = _describe_nothing) -> None:
        self.rows: dict[str, Row] = {}
        self._describe = describe
        self._inside: set[int] = set()
        self._before = 0

    def add(
        self,
        address: str,
        value: Any,
        origin: Origin | None = None,
        where: Place | None = None,
    ) -> None:
        """Add the rows of one value.

        Args:
            address: Where it stands.
            value: Anything.
            origin: How it got there.
            where: The line that passed it.
        """
        kind = type(value)
        if kind in _SCALARS or kind is str:
            self.rows[address] = Row(to_plain(value) if kind is str else value, origin, where)
        elif kind is Described:
            self._add_described(address, value, origin, where)
        elif id(value) in self._inside:
            self.rows[address] = Row(_recursive(value), origin, where)
        elif len(self._inside) > DEEPEST or self._is_full():
            self.rows[address] = Row({"$object": class_name(kind)}, origin, where)
        else:
            if not self._inside:
                self._before = len(self.rows)
            self._inside.add(id(value))
            try:
                self._add_object(address, value, origin, where)
            except Exception as error:  # an object may raise from anything that is asked of it
                watch.fault("describing an object", error)
                self.rows[address] = Row({"$object": class_name(kind)}, origin, where)
            finally:
                self._inside.discard(id(value))

    def _is_full(self) -> bool:
        """Whether one value has become so many rows that its objects are no longer opened."""
        return bool(self._inside) and len(self.rows) - self._before > _MOST_ROWS

    def _add_described(
        self, address: str, value: Described, origin: Origin | None, where: Place | None
    ) -> None:
        where = value.where or where
        own = value.origin or origin
        if not isinstance(value.label, Unset):
            self.rows[address] = Row(value.label, origin or own, where)
        if value.class_name is not None:
            self.rows[f"{address}/class"] = Row(value.class_name, own, where)
        prefix, origins, rows = f"{address}/" if address else "", value.origins, self.rows
        for name, item in value.fields.items():
            known = own if origins is None else origins.get(name)
            place = None if known in _UNPLACED else where
            if type(item) in _SCALARS:  # nearly all are: a call for each would double the time
                rows[prefix + part(name)] = Row(item, known, place)
            else:
                self.add(prefix + part(name), item, known, place)

    def _add_object(
        self, address: str, value: Any, origin: Origin | None, where: Place | None
    ) -> None:
        if isinstance(value, (list, tuple, dict)) and not hasattr(type(value), "_fields"):
            if not self._add_items(address, value, origin, where):
                self.rows[address] = Row(self._plain(value, [LONGEST_LIST]), origin, where)
            return
        described = self._describe(value)
        if isinstance(described, Unset):
            described = describe_general(value)
        if isinstance(described, Described):
            self._add_described(address, described, origin, where)
        else:
            self.rows[address] = Row(described, origin, where)

    def _add_items(
        self,
        address: str,
        value: list[Any] | tuple[Any, ...] | dict[Any, Any],
        origin: Origin | None,
        where: Place | None,
    ) -> bool:
        """Add a container's items as a subtree; False where it holds plain data alone."""
        if len(value) > _MOST_ITEMS or not self._holds_object(value, [LONGEST_LIST]):
            return False
        taken: set[str] = set()
        pairs: Iterable[tuple[Any, Any]] = enumerate(list(value))
        if isinstance(value, dict):
            pairs = keyed(list(value.items())).items()
        for key, item in pairs:
            name = key_text(key) if isinstance(value, dict) else self._item_name(key, item)
            unique, count = name, 0
            while unique in taken:
                count += 1
                unique = f"{name}_{count}"
            taken.add(unique)
            self.add(join(address, part(unique)), item, origin, where)
        return True

    def _plain(self, value: Any, room: list[int]) -> Plain:
        """A value without objects: what describes itself as a plain value is told by that."""
        kind = type(value)
        if kind in _SCALARS or kind is str:
            return to_plain(value)
        if not isinstance(value, (list, tuple, dict)) or hasattr(kind, "_fields"):
            found = self._describe(value)
            return to_plain(value) if isinstance(found, (Unset, Described)) else found
        room[0] -= len(value)
        if room[0] < 0 or len(self._inside) > DEEPEST:
            return to_plain(value) if room[0] >= 0 else _too_long(value)
        if isinstance(value, dict):
            pairs = list(value.items())
            return keyed((key, self._plain_below(item, room)) for key, item in pairs)
        return [self._plain_below(item, room) for item in list(value)]

    def _plain_below(self, value: Any, room: list[int]) -> Plain:
        kind = type(value)
        if kind in _SCALARS or kind is str:
            return to_plain(value)
        if id(value) in self._inside:
            return _recursive(value)
        self._inside.add(id(value))
        try:
            return self._plain(value, room)
        finally:
            self._inside.discard(id(value))

    def _holds_object(self, value: Any, room: list[int], depth: int = 0) -> bool:
        """Whether a container, or one within it, holds what becomes a subtree."""
        items = list(value.values() if isinstance(value, dict) else value)
        room[0] -= len(items)
        return room[0] >= 0 and any(self._is_object(item, room, depth) for item in items)

    def _is_object(self, value: Any, room: list[int], depth: int) -> bool:
        kind = type(value)
        if kind in _SCALARS or kind is str:
            return False
        if isinstance(value, (list, tuple, dict)) and not hasattr(kind, "_fields"):
            short = depth < DEEPEST and len(value) <= _MOST_ITEMS
            return short and self._holds_object(value, room, depth + 1)
        if is_array(value):
            return False
        if kind is Described:
            return True
        found = self._describe(value)
        if isinstance(found, Unset):
            found = describe_general(value)
        return isinstance(found, Described)

    def _item_name(self, index: int, item: Any) -> str:
        if isinstance(item, str) and 0 < len(item) <= 64:
            return item
        found: Any = item if type(item) is Described else self._describe(item)
        if isinstance(found, Unset):
            found = describe_general(item)
        if isinstance(found, Described) and isinstance(found.label, str):
            return found.label
        return str(index)


def _recursive(value: Any) -> Plain:
    return {"$object": class_name(type(value)), "recursive": True}


def _too_long(value: Any) -> Plain:
    return {"$long": len(value), "class": class_name(type(value))}


def describe_general(value: Any) -> Described | Plain:
    """Describe what every Python program has: functions, dataclasses, configurations; else plain.

    Example:
        >>> describe_general(len).label
        'len'
    """
    if is_function(value) or isinstance(value, functools.partial):
        inner = value
        while isinstance(inner, functools.partial):
            inner = inner.func
        name = function_name(inner) if callable(inner) else class_name(type(inner))
        return Described(None, label=name, fields=function_fields(value))
    if not is_array(value):
        fields = fields_of(value)
        if fields is not None:
            return Described(class_name(type(value)), fields=fields)
    return to_plain(value)


def merge(
    effective: Mapping[str, Row], passed: Mapping[str, Row] | None
) -> dict[str, Hyperparameter]:
    """Hyperparameters from what is in effect and what was seen to be passed.

    Args:
        effective: Rows of the live object.
        passed: Rows of the call that made it; None if no call was seen, and then no origin is
            known either.

    Example:
        >>> merge({"m/name": Row("dense", None, None)}, {"m/name": Row(None, "default", None)})
        {'m/name': Hyperparameter(address='m/name', value='dense', passed=None, origin='default', \
where=None, changes=())}
    """
    if passed is None:
        return {
            address: Hyperparameter(address, row.value, UNSET, row.origin, row.where)
            for address, row in effective.items()
        }
    out: dict[str, Hyperparameter] = {}
    for address, row in effective.items():
        given = passed.get(address)
        if given is None:
            origin = row.origin or _inherited(address, passed)
            out[address] = Hyperparameter(address, row.value, UNSET, origin, row.where)
        else:
            # What the framework handed on to itself nobody passed.
            value, was, how, where = row.value, given.value, given.origin, given.where
            agrees = value is was or how == "derived" or same(value, was)
            out[address] = Hyperparameter(address, value, UNSET if agrees else was, how, where)
    for address, given in passed.items():
        if address not in out:
            out[address] = Hyperparameter(address, given.value, UNSET, given.origin, given.where)
    return out


def _inherited(address: str, passed: Mapping[str, Row]) -> Origin:
    """The origin of a value that nobody passed: worked out if what it belongs to was passed."""
    above = address.rpartition("/")[0]
    while above:
        row = passed.get(above)
        if row is not None:
            return "default" if row.origin == "default" else "derived"
        above = above.rpartition("/")[0]
    return "default"
