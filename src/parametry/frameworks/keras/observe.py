"""What capture notes when a patched method of Keras's was called."""

from __future__ import annotations

from dataclasses import replace
from types import FrameType
from typing import Any

from parametry.core.address import join
from parametry.core.caller import owner_of, place_of, user_frames
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.ledger import Call, Event, ObjectReference, Record, freeze, ledger
from parametry.core.signature import Signature, passed_in_frame, signature_of
from parametry.core.value import UNSET, Plain
from parametry.core.watch import watch
from parametry.frameworks.keras.attributes import stored_attributes
from parametry.frameworks.keras.describe import Describer, label_of
from parametry.frameworks.keras.freezing import settle
from parametry.frameworks.keras.inspection import frozen_view, optimizer_of
from parametry.frameworks.keras.optimizer import optimizer_hyperparameters, optimizers_of
from parametry.frameworks.keras.training import (
    compile_hyperparameters,
    fit_hyperparameters,
    worked_out_by_fit,
)

__all__ = [
    "FitEvent",
    "constants",
    "root_models",
    "saw_compile",
    "saw_fit",
    "saw_load",
    "snapshot",
]


def _call(
    signature: Signature | None, args: Any, kwargs: Any, frame: FrameType | None
) -> Call | None:
    if signature is None:
        return None
    user = next(user_frames(frame), None)
    where = None if user is None else place_of(user)
    # ``clone_model`` and ``load_model`` hand on what was chosen elsewhere.
    by_framework = frame is not None and owner_of(frame.f_code.co_filename) == "framework"
    return signature.bind(args, kwargs, ledger, where, by_framework or user is None)


def saw_compile(
    model: Any, signature: Signature | None, args: Any, kwargs: Any, frame: FrameType | None
) -> None:
    """A model was compiled."""
    own = None if frame is None else _overriding_compile(model, frame)
    if own is not None and frame is not None:
        # A model with a compile of its own, as of a GAN: what that was given is what was chosen.
        signature, args, kwargs, frame = own, (), passed_in_frame(frame, own), frame.f_back
    call = _call(signature, args, kwargs, frame)
    if call is not None:
        record = ledger.record(model)
        _close_compile(record)
        describer = _describer(model)
        values = compile_hyperparameters(model, describer, call)
        optimizers: dict[str, Record] = {}
        for number, optimizer in enumerate(optimizers_of(model)):
            # The next compile may put another in its place: the phase keeps this one's values.
            scope = f"optimizer_{number}" if number else "optimizer"
            values.update(optimizer_hyperparameters(optimizer, describer, scope))
            optimizers[scope] = ledger.record(optimizer)
        settle(model)
        record.add(Event("compile", call.where, values)).optimizers = optimizers


def _close_compile(record: Record) -> None:
    """Keep what changed in the optimizers that another compile puts out of their place."""
    last = next((event for event in reversed(record.events) if event.kind == "compile"), None)
    for scope, optimizer in ({} if last is None else last.optimizers).items():
        for name, changes in optimizer.changes.items():
            entry = None if last is None else last.values.get(join(scope, name))
            if last is not None and entry is not None and changes:
                last.values[entry.address] = replace(entry, changes=tuple(changes))


def _overriding_compile(model: Any, frame: FrameType) -> Signature | None:
    """The signature of the user's own ``compile`` if it is what runs in the frame."""
    code = frame.f_code
    own = type(model).compile
    if code is not getattr(own, "__code__", None) or not code.co_argcount:
        return None
    return signature_of(own) if frame.f_locals.get(code.co_varnames[0]) is model else None


def _describer(model: Any) -> Describer:
    """Knows the optimizers, which have scopes of their own, by their names."""
    references = {id(found): label_of(type(found).__name__) for found in optimizers_of(model)}
    return Describer({**references, id(model): "model"})


class FitEvent:
    """A ``fit`` that runs; learns what it trains on once Keras has made that ready."""

    def __init__(self, event: Event, call: Call, record: Record) -> None:
        self._event = event
        self._call = call
        self._record = record
        self._waiting = True

    def data(self, adapter: Any) -> None:
        """Data was made ready: the first is the training's, the next the validation's."""
        values = self._event.values
        found, gaps = worked_out_by_fit(adapter, self._call)
        if not self._waiting:
            for address, value in found.items():
                scope, _, below = address.partition("/")
                if scope == "data":
                    moved = f"data/validation/{below}"
                    values.setdefault(moved, Hyperparameter(moved, value, UNSET, "derived"))
            return
        self._waiting = False
        self._record.gaps += [gap for gap in gaps if gap not in self._record.gaps]
        for address, value in found.items():
            entry = values.get(address)
            if entry is None:
                values[address] = Hyperparameter(address, value, UNSET, "derived")
            elif entry.value is None and value is not None:
                # Passed, or left, as None: what is in effect is what Keras worked out.
                values[address] = Hyperparameter(address, value, None, entry.origin, entry.where)


def saw_fit(
    model: Any, signature: Signature | None, args: Any, kwargs: Any, frame: FrameType | None
) -> FitEvent | None:
    """A ``fit`` begins."""
    call = _call(signature, args, kwargs, frame)
    if call is None:
        return None
    names = () if signature is None else signature.positional
    given = dict(zip(names, args, strict=False))
    callbacks = kwargs.get("callbacks", given.get("callbacks"))
    values = fit_hyperparameters(call, callbacks, _describer(model))
    values.update(constants(frame))
    record = ledger.record(model)
    settle(model)
    event = record.add(Event("fit", call.where, values))
    return FitEvent(event, call, record)


def constants(frame: FrameType | None) -> dict[str, Hyperparameter]:
    """The constants of the user's own code at and above a frame, as capture's room finds them."""
    return {} if watch.constants is None else watch.constants(frame)


def saw_load(
    model: Any, signature: Signature | None, args: Any, kwargs: Any, frame: FrameType | None
) -> None:
    """Weights were loaded into a model: training may resume from them."""
    call = _call(signature, args, kwargs, frame)
    if call is None:
        return
    values = {
        f"load/{name}": Hyperparameter(
            f"load/{name}", _plain(value), UNSET, call.origin(name), call.where
        )
        for name, value in call.arguments.items()
    }
    settle(model)
    ledger.record(model).add(Event("load", call.where, values))


def _plain(value: Any) -> Plain:
    return value if not isinstance(value, ObjectReference) else {"$object": value.class_name}


def root_models() -> list[Any]:
    """The live models that capture saw being made and that no other of them holds."""
    models = [thing for thing, _ in ledger.alive() if _is_model(thing)]
    held = {id(below) for model in models for below in model._flatten_layers(include_self=False)}
    # A Sequential keeps a Functional for its graph, which is no layer of its own.
    held |= {id(stored_attributes(model).get("_functional")) for model in models}
    return [model for model in models if id(model) not in held]


def _is_model(thing: Any) -> bool:
    return hasattr(thing, "_flatten_layers") and hasattr(thing, "fit") and _is_ready(thing)


def _is_ready(thing: Any) -> bool:
    # A model whose constructor has not called Keras's own yet has nothing to walk.
    return "_layers" in thing.__dict__ or "_self_tracked_trackables" in thing.__dict__


def snapshot(model: Any) -> None:
    """Keep a model's structure and hyperparameters, without values, for when it is gone.

    Taken again only where a phase came since: a loop of many short fits pays for one.
    """
    record = ledger.find(model)
    if record is None:
        return
    mark = [(event.order, len(event.values)) for event in record.events]
    if record.snapshot is not None and record.snapshot[0] == mark:
        return
    optimizer = optimizer_of(model)
    if optimizer is not None:
        reference = freeze(optimizer, ledger)
        if isinstance(reference, ObjectReference):
            record.optimizer = reference
    record.snapshot = (mark, frozen_view(model))
