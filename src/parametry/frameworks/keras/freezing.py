"""Trainable flags that were set: noted at once, told as a phase when the model's life goes on.

Setting a flag must cost next to nothing, since a program may set thousands in a row; which models
hold the layers is found out when one of them is compiled, trained, loaded or looked at.
"""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from parametry.core.address import join
from parametry.core.caller import place_of, user_frames
from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.ledger import Event, Record, ledger
from parametry.core.place import Place
from parametry.core.value import UNSET
from parametry.core.watch import watch
from parametry.frameworks.keras.dialect import dialect_of
from parametry.frameworks.keras.walk import walk

__all__ = ["note_flag", "note_variables", "settle"]


@dataclass(frozen=True, slots=True)
class _Flag:
    layer: weakref.ref[Any]
    value: bool
    origin: Origin
    where: Place | None
    order: int


_flags: deque[_Flag] = deque(maxlen=100_000)
_order = itertools.count()


def note_flag(layer: Any, value: bool, frame: FrameType | None) -> None:
    """A layer's trainable flag was set.

    Args:
        layer: The layer.
        value: What it is now.
        frame: Who set it.
    """
    user = next(user_frames(frame), None)
    where = None if user is None else place_of(user)
    origin: Origin = "derived" if user is None else "explicit"
    _flags.append(_Flag(weakref.ref(layer), value, origin, where, next(_order)))


def settle(model: Any) -> None:
    """Tell, as one phase of the model, the flags that were set in it since it was last asked.

    Args:
        model: A model that the ledger may know; only its record changes.
    """
    record = ledger.find(model)
    if record is None or not _flags or _flags[-1].order <= record.settled:
        return
    fresh = [flag for flag in _flags if flag.order > record.settled]
    record.settled = _flags[-1].order
    nodes = walk(model, dialect_of(model)).nodes
    values: dict[str, Hyperparameter] = {}
    for flag in fresh:
        node = nodes.get(id(flag.layer()))
        if node is not None:
            address = join("model", node.address, "trainable")
            values[address] = Hyperparameter(address, flag.value, UNSET, flag.origin, flag.where)
    _tell(record, values)


def note_variables(model: Any, trainable: Mapping[str, bool], frame: FrameType | None) -> None:
    """The flags of single variables were set, by their addresses.

    Args:
        model: A model that the ledger may know; only its record changes.
        trainable: What each flag is now.
        frame: Who set them.
    """
    record = ledger.find(model)
    if record is None or not watch.on:
        return
    with watch.guard("reading trainable flags"):
        settle(model)
        user = next(user_frames(frame), None)
        where = None if user is None else place_of(user)
        origin: Origin = "derived" if user is None else "explicit"
        names = {join("model", address, "trainable"): flag for address, flag in trainable.items()}
        _tell(
            record,
            {
                name: Hyperparameter(name, flag, UNSET, origin, where)
                for name, flag in names.items()
            },
        )


def _tell(record: Record, values: dict[str, Hyperparameter]) -> None:
    last = record.events[-1] if record.events else None
    if last is not None and last.kind == "freeze":
        last.values.update(values)  # looking in between must not make two phases of one
    elif values:
        first = next(iter(values.values()))
        record.add(Event("freeze", first.where, values))
