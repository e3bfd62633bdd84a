"""What capture notes in hand-written training loops, and of learning rates wherever they change."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from parametry.core.caller import frames_above, place_of, user_frames
from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Change
from parametry.core.ledger import Call, Event, ObjectReference, Record, freeze, ledger
from parametry.core.place import Place
from parametry.core.value import UNSET, Plain, Unset, class_name, shortest
from parametry.core.watch import watch
from parametry.frameworks.keras.describe import label_of, read_scalar
from parametry.frameworks.keras.freezing import settle
from parametry.frameworks.keras.observe import constants, root_models, snapshot
from parametry.frameworks.keras.optimizer import optimizer_step

__all__ = [
    "MOST_CHANGES",
    "gradient_taken",
    "optimizer_applied",
    "rate_assigned",
    "rate_replaced",
    "torch_optimizer_applied",
]

MOST_CHANGES = 10_000
"""So many changes of one rate are kept."""


def optimizer_applied(optimizer: Any, grads: Any, variables: Any, frame: FrameType | None) -> None:
    """An optimizer takes a step outside of ``fit``; its first one begins a hand-written loop."""
    record = ledger.record(optimizer)
    if "apply" in record.calls:
        return
    record.calls["apply"] = _NOTED
    if watch.loop_begins is not None:
        watch.loop_begins(optimizer)
    trained = {id(v) for v in _trained(optimizer, grads, variables)}
    user = next(user_frames(frame), None)
    where = None if user is None else place_of(user)
    values = constants(frame)
    reference = freeze(optimizer, ledger)
    for model in root_models():
        if not trained & {id(v) for v in model.trainable_variables}:
            continue
        owner = ledger.record(model)
        owner.events[:] = [event for event in owner.events if not event.provisional]
        settle(model)
        owner.add(Event("train", where, dict(values)))
        if isinstance(reference, ObjectReference):
            owner.optimizer = reference
        snapshot(model)
        trained = set()
    if trained or not variables:
        record.add(Event("train", where, dict(values)))


def torch_optimizer_applied(optimizer: Any, frame: FrameType | None) -> None:
    """An optimizer of torch's own took a step; its first one may begin a Keras model's training."""
    record = ledger.record(optimizer)
    if "apply" in record.calls:
        return
    record.calls["apply"] = _NOTED
    trained = {id(tensor) for group in optimizer.param_groups for tensor in group["params"]}
    user = next(user_frames(frame), None)
    where = None if user is None else place_of(user)
    for model in root_models():
        variables = model.trainable_variables
        if not trained & {id(getattr(variable, "_value", None)) for variable in variables}:
            continue
        owner = ledger.record(model)
        settle(model)
        owner.add(Event("train", where, constants(frame)))
        reason = f"{class_name(type(optimizer))} trains the model: its settings are not told"
        owner.gaps.append(Gap("optimizer/", reason))
        snapshot(model)


def gradient_taken(sources: Any, frame: FrameType | None) -> None:
    """A gradient was taken outside of ``fit``: perhaps a loop that does without an optimizer."""
    if not isinstance(sources, (list, tuple)) or not sources or id(sources[0]) in _differentiated:
        return
    if len(_differentiated) > 10_000:
        _differentiated.clear()
    _differentiated.add(id(sources[0]))
    wanted = {id(variable) for variable in sources}
    for model in root_models():
        record = ledger.record(model)
        if record.events or not wanted & {id(v) for v in model.trainable_variables}:
            continue
        user = next(user_frames(frame), None)
        where = None if user is None else place_of(user)
        event = Event("train", where, constants(frame), provisional=True)
        record.add(event)
        snapshot(model)


_differentiated: set[int] = set()

_NOTED = Call({}, frozenset(), None, False)


def _trained(optimizer: Any, grads: Any, variables: Any) -> list[Any]:
    """The variables that a step changes, without using up an iterator that the caller passed."""
    if isinstance(variables, (list, tuple)):
        return list(variables)
    if isinstance(grads, (list, tuple)) and grads and isinstance(grads[0], (list, tuple)):
        return [pair[1] for pair in grads if len(pair) == 2]
    return list(optimizer.__dict__.get("_trainable_variables") or ())


def _owner_of_rate(variable: Any) -> Any:
    """The optimizer whose learning rate a variable is; found once, since rates may change often."""
    known = _owners.get(id(variable))
    owner = None if known is None else known()
    if owner is not None and owner.__dict__.get("_learning_rate") is variable:
        return owner
    for thing, _ in ledger.alive():
        if getattr(thing, "__dict__", {}).get("_learning_rate") is variable:
            if len(_owners) > 1_000:
                _owners.clear()
            _owners[id(variable)] = weakref.ref(thing)
            return thing
    return None


_owners: dict[int, weakref.ref[Any]] = {}


def rate_assigned(variable: Any, value: Any, frame: FrameType | None) -> Callable[[], None] | None:
    """A learning rate is about to be assigned; what is returned notes the change afterwards."""
    optimizer = _owner_of_rate(variable)
    if optimizer is None:
        return None
    record = ledger.record(optimizer)
    old = read_scalar(variable)
    if isinstance(old, Unset):
        old = _last_rate(record)
    step = optimizer_step(optimizer)
    cause, where = _cause(frame)

    def finish() -> None:
        new = read_scalar(variable)
        if isinstance(new, Unset):
            new = read_scalar(value)
        record.rate = new
        if not isinstance(new, Unset) and (new == old or (isinstance(old, Unset) and not where)):
            # The JAX backend puts every value back into its variable after some steps.
            return
        if isinstance(new, Unset):
            record.gaps.append(
                Gap(
                    "optimizer/learning_rate",
                    "assigned inside a compiled function: its values there are not seen",
                )
            )
        _add_change(record, Change(step, old, new, cause, where))

    return finish


def _last_rate(record: Record) -> Plain | Unset:
    """The rate as last known, for when a running ``fit`` has taken it out of its variable."""
    if not isinstance(record.rate, Unset):
        return record.rate
    call = record.construction
    passed = None if call is None else call.arguments.get("learning_rate")
    return shortest(np.float32(passed)) if isinstance(passed, float) else UNSET


def rate_replaced(optimizer: Any, before: Any, after: Any, frame: FrameType | None) -> None:
    """A learning rate or schedule was put in the place of another."""
    record = ledger.record(optimizer)
    cause, where = _cause(frame)
    change = Change(
        optimizer_step(optimizer), _rate_label(before), _rate_label(after), cause, where
    )
    _add_change(record, change)


def _rate_label(rate: Any) -> Plain | Unset:
    scalar = read_scalar(rate)
    return class_name(type(rate)) if isinstance(scalar, Unset) else scalar


def _add_change(record: Record, change: Change) -> None:
    changes = record.changes.setdefault("learning_rate", [])
    if len(changes) < MOST_CHANGES:
        changes.append(change)
    elif len(changes) == MOST_CHANGES:
        reason = f"changed more than {MOST_CHANGES:,} times: the later changes are not kept"
        gap = Gap("optimizer/learning_rate", reason)
        if gap not in record.gaps:
            record.gaps.append(gap)


def _cause(frame: FrameType | None) -> tuple[str, Place | None]:
    """What changed a value: the callback that is at work, or an assignment in the user's code."""
    where = None
    for found in frames_above(frame, most=60):
        code = found.f_code
        if not code.co_argcount:
            continue
        first = found.f_locals.get(code.co_varnames[0])
        if first is not None and _is_callback(type(first)):
            user = next(user_frames(frame), None)
            where = None if user is None else place_of(user)
            return f"callbacks/{label_of(type(first).__name__)}", where
        if code.co_name == "fit":
            break
    user = next(user_frames(frame), None)
    return "assignment", None if user is None else place_of(user)


def _is_callback(cls: type) -> bool:
    return any(
        ancestor.__name__ == "Callback" and ancestor.__module__.startswith(("keras.", "tf_keras."))
        for ancestor in cls.__mro__
    )
