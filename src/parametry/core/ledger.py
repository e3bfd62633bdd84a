"""The ledger: what capture learned of objects, held weakly and by identity.

An entry never keeps an object of the user's alive: the arguments of a call are frozen to plain data
when they are seen, and another object among them is remembered by a weak reference, its class, and
its own entry.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parametry.core.coverage import Gap
from parametry.core.described import Described, describe_general
from parametry.core.hyperparameter import Change, Hyperparameter, Origin
from parametry.core.phase import PhaseKind
from parametry.core.place import Place
from parametry.core.value import (
    DEEPEST,
    LONGEST_LIST,
    UNSET,
    Plain,
    Unset,
    class_name,
    is_array,
    is_function,
    keyed,
    to_plain,
)

__all__ = [
    "Call",
    "Event",
    "Ledger",
    "ObjectReference",
    "Record",
    "described_call",
    "freeze",
    "ledger",
]


_MOST_DEPARTED = 100
_MOST_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call that capture saw: a constructor's, ``compile``'s, ``fit``'s.

    Attributes:
        arguments: Every parameter of the signature with its frozen value, defaults included.
        explicit: The names of those that were passed.
        where: The line that called.
        by_framework: Whether the framework itself called, so that nobody chose the values.
    """

    arguments: Mapping[str, Any]
    explicit: frozenset[str]
    where: Place | None
    by_framework: bool

    def origin(self, name: str) -> Origin:
        """How the argument got its value."""
        if name not in self.explicit:
            return "default"
        return "derived" if self.by_framework else "explicit"

    @property
    def origins(self) -> dict[str, Origin | None]:
        """The origin of each argument."""
        return {name: self.origin(name) for name in self.arguments}


@dataclass(slots=True)
class Event:
    """A stretch of a model's life as capture saw it; becomes a `Phase`.

    Attributes:
        kind: What began.
        where: The line that began it.
        values: Its own hyperparameters, by address.
        times: How often in a row the very same happened.
        order: Its place among all events of the process.
        optimizers: What a compile put in place, by scope: their records hold what changed since.
        provisional: Whether a surer sign of the same beginning may take its place.
    """

    kind: PhaseKind
    where: Place | None
    values: dict[str, Hyperparameter]
    times: int = 1
    order: int = field(default_factory=itertools.count().__next__)
    provisional: bool = False
    optimizers: dict[str, Record] = field(default_factory=dict)
    begun_with: dict[str, Hyperparameter] = field(init=False)

    def __post_init__(self) -> None:
        """Remember the values before what is only worked out later comes to them."""
        self.begun_with = dict(self.values)

    def same_as(self, other: Event) -> bool:
        """Whether both began alike."""
        same_place = (self.kind, self.where) == (other.kind, other.where)
        return same_place and self.begun_with == other.begun_with


@dataclass(slots=True)
class Record:
    """What the ledger holds of one object.

    Attributes:
        construction: The constructor call.
        calls: Other calls by name, the last of each: ``exclude_from_weight_decay``.
        events: A model's phases in order.
        changes: Changes by the name of what changed: ``learning_rate``.
        rate: An optimizer's learning rate as it was last read.
        snapshot: A model as it was when last seen, without values.
        settled: Up to which of the trainable flags set in this process a model's events tell.
        optimizer: What trains a model, where the model does not hold it itself.
        gaps: What could not be seen of it.
        class_name: The object's class.
        order: When it was first seen, counted.
        number: Which of the program's models it is, once that was told.
    """

    construction: Call | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    rate: Plain | Unset = UNSET
    snapshot: Any = None
    optimizer: ObjectReference | None = None
    gaps: list[Gap] = field(default_factory=list)
    class_name: str = ""
    order: int = 0
    number: int | None = None
    settled: int = -1

    def add(self, event: Event) -> Event:
        """Add an event; the very same in a row becomes one that counts."""
        if self.events and self.events[-1].same_as(event):
            self.events[-1].times += 1
            return self.events[-1]
        if len(self.events) < _MOST_EVENTS:
            self.events.append(event)
            return event
        gap = Gap("phases", f"more than {_MOST_EVENTS:,} phases: the later ones are not kept")
        if gap not in self.gaps:
            self.gaps.append(gap)
        return event


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """An object among a call's arguments: weakly held, with what is known should it be gone."""

    reference: weakref.ref[Any] | None
    class_name: str
    record: Record | None

    def get(self) -> Any:
        """The object, or None if it is gone or could never be referred to."""
        return None if self.reference is None else self.reference()


_LONGEST_OPENED = 1_000


class Ledger:
    """Records by object identity; an object's record goes when the object does.

    Attributes:
        departed: The records of the last 100 models that are gone, with what was last seen of them.

    Example:
        >>> class Net: pass
        >>> book, net = Ledger(), Net()
        >>> book.record(net).construction = Call({"units": 8}, frozenset({"units"}), None, False)
        >>> book.find(net).construction.arguments["units"]
        8
        >>> del net; len(book)
        0
    """

    def __init__(self) -> None:
        self._records: dict[int, tuple[weakref.ref[Any], Record]] = {}
        self.departed: deque[Record] = deque(maxlen=_MOST_DEPARTED)
        # The same thread may come back: making a record may set off a finalizer of the user's.
        self._lock = threading.RLock()
        self._count = 0

    def record(self, thing: object) -> Record:
        """The record of an object, made if there is none yet.

        Raises:
            TypeError: The object cannot be referred to weakly.
        """
        found = self.find(thing)
        if found is not None:
            return found
        key = id(thing)
        records, departed = self._records, self.departed

        def forget(reference: weakref.ref[Any]) -> None:
            # The identity may belong to a new object by now: forget only what this reference wrote.
            entry = records.get(key)
            if entry is not None and entry[0] is reference:
                del records[key]
                if entry[1].snapshot is not None:
                    departed.append(entry[1])

        with self._lock:
            found = self.find(thing)  # another thread may have been here meanwhile
            if found is not None:
                return found
            self._count += 1
            record = Record(class_name=class_name(type(thing)), order=self._count)
            records[key] = (weakref.ref(thing, forget), record)
        return record

    def find(self, thing: object) -> Record | None:
        """The record of an object, or None."""
        entry = self._records.get(id(thing))
        if entry is None or entry[0]() is not thing:
            return None
        return entry[1]

    def alive(self) -> Iterator[tuple[Any, Record]]:
        """Every object that still lives, with its record, in the order of their first sight."""
        entries = sorted(list(self._records.values()), key=lambda entry: entry[1].order)
        for reference, record in entries:
            thing = reference()
            if thing is not None:
                yield thing, record

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self.departed.clear()

    def __len__(self) -> int:
        """How many objects it knows."""
        return len(self._records)


def freeze(value: Any, book: Ledger | None = None, depth: int = 0) -> Any:
    """A value as it is now: plain data, or objects described and referred to weakly.

    Args:
        value: Anything that was passed; not changed and not kept.
        book: The ledger that may know the objects.
        depth: How deep within containers the value lies.
    """
    return _Freezer(book).freeze(value, depth)


class _Freezer:
    """Freezes one argument: each object once on a way down, and not more than a bounded number."""

    def __init__(self, book: Ledger | None) -> None:
        self._book = book
        self._room = LONGEST_LIST
        self._inside: set[int] = set()

    def freeze(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is float:
            return value
        if kind is str or is_array(value):
            return to_plain(value)
        if id(value) in self._inside:
            return {"$object": class_name(kind), "recursive": True}
        if depth >= DEEPEST:
            return {"$object": class_name(kind), "deeper_than": DEEPEST}
        self._inside.add(id(value))
        try:
            if isinstance(value, (list, tuple, dict)) and not hasattr(kind, "_fields"):
                return self._container(value, depth)
            if isinstance(value, (set, frozenset)):
                return to_plain(value)
            return self._object(value, depth)
        except Exception:  # any attribute of a foreign object may raise
            return {"$object": class_name(kind)}
        finally:
            self._inside.discard(id(value))

    def _container(self, value: Any, depth: int) -> Any:
        length = len(value)
        if length > _LONGEST_OPENED:
            return to_plain(value)
        if length > self._room:
            return {"$long": length, "class": class_name(type(value))}
        self._room -= length
        if isinstance(value, dict):
            pairs = list(value.items())
            return keyed((key, self.freeze(item, depth + 1)) for key, item in pairs)
        return [self.freeze(item, depth + 1) for item in list(value)]

    def _object(self, value: Any, depth: int) -> Any:
        record = None if self._book is None else self._book.find(value)
        if record is None:
            general = describe_general(value)
            if isinstance(general, Described):
                self._room -= len(general.fields)
                if self._room < 0:
                    return {"$object": class_name(type(value))}
                fields = {name: self.freeze(v, depth + 1) for name, v in general.fields.items()}
                return Described(general.class_name, general.label, fields)
            if not (isinstance(general, dict) and "$object" in general) or is_function(value):
                return general
        try:
            reference = weakref.ref(value)
        except TypeError:
            return to_plain(value)
        return ObjectReference(reference, class_name(type(value)), record)


def described_call(call: Call, label: Plain | Unset = UNSET, name: str | None = None) -> Described:
    """A call as a described object.

    Args:
        call: What was seen.
        label: The plain value that stands for the object.
        name: The class, or None for a function's call.
    """
    return Described(
        name,
        label,
        call.arguments,
        call.origins,
        call.where,
        "derived" if call.by_framework else "explicit",
    )


ledger = Ledger()
"""What this process has seen. Empty unless capture was turned on."""
