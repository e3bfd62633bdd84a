"""Objects as subtrees, and how a tree of them becomes flat rows by address.

One mechanism serves for the arguments that capture saw, for live objects, for constants of a
script, and for the configurations in files: each is described as a `Described`, and `Flattener`
turns it into rows.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from parametry.core.address import join, part
from parametry.core.fields import fields_of, function_fields
from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.place import Place
from parametry.core.value import (
    DEEPEST,
    UNSET,
    Plain,
    Unset,
    class_name,
    function_name,
    is_array,
    is_function,
    same,
    to_plain,
)

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
        elif id(value) in self._inside or len(self._inside) > DEEPEST:
            self.rows[address] = Row(
                {"$object": class_name(kind), "recursive": True}, origin, where
            )
        else:
            self._inside.add(id(value))
            try:
                self._add_object(address, value, origin, where)
            finally:
                self._inside.discard(id(value))

    def _add_described(
        self, address: str, value: Described, origin: Origin | None, where: Place | None
    ) -> None:
        where = value.where or where
        own = value.origin or origin
        if not isinstance(value.label, Unset):
            self.rows[address] = Row(value.label, origin or own, where)
        if value.class_name is not None:
            self.rows[f"{address}/class"] = Row(value.class_name, own, where)
        for name, item in value.fields.items():
            known = own if value.origins is None else value.origins.get(name)
            place = where if known in ("explicit", "derived", None) else None
            self.add(f"{address}/{part(name)}" if address else part(name), item, known, place)

    def _add_object(
        self, address: str, value: Any, origin: Origin | None, where: Place | None
    ) -> None:
        if isinstance(value, (list, tuple, dict)) and not hasattr(type(value), "_fields"):
            if not self._add_items(address, value, origin, where):
                self.rows[address] = Row(self._plain_items(value), origin, where)
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
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        if len(items) > 1_000 or not any(self._is_object(item) for _, item in items):
            return False
        taken: set[str] = set()
        for key, item in items:
            name = str(key) if isinstance(value, dict) else self._item_name(key, item)
            unique, count = name, 0
            while unique in taken:
                count += 1
                unique = f"{name}_{count}"
            taken.add(unique)
            self.add(join(address, part(unique)), item, origin, where)
        return True

    def _plain_items(self, value: Any, depth: int = 0) -> Plain:
        """A container without objects: what describes itself as a plain value is told by that."""
        if isinstance(value, (list, tuple)) and len(value) <= 1_000 and depth < DEEPEST:
            return [self._plain_items(item, depth + 1) for item in value]
        if isinstance(value, dict) and len(value) <= 1_000 and depth < DEEPEST:
            return {key: self._plain_items(item, depth + 1) for key, item in value.items()}
        if type(value) in _SCALARS or type(value) is str:
            return to_plain(value)
        found = self._describe(value)
        return to_plain(value) if isinstance(found, (Unset, Described)) else found

    def _is_object(self, value: Any) -> bool:
        kind = type(value)
        if kind in _SCALARS or kind is str:
            return False
        if isinstance(value, (list, tuple)) and not hasattr(kind, "_fields"):
            return len(value) <= 1_000 and any(map(self._is_object, value))
        if isinstance(value, dict):
            return len(value) <= 1_000 and any(map(self._is_object, value.values()))
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
            agrees = given.origin == "derived" or same(row.value, given.value)
            differs = UNSET if agrees else given.value
            out[address] = Hyperparameter(address, row.value, differs, given.origin, given.where)
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
