"""What capture patches in Keras, each patch an inert pass-through while capture is off."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

from parametry.core.caller import place_of, user_frames
from parametry.core.ledger import ledger
from parametry.core.signature import signature_of
from parametry.core.watch import watch
from parametry.frameworks.keras.attribute import HyperparametersAttribute
from parametry.frameworks.keras.backends.tensorflow import seen_by_autograph, through_autograph
from parametry.frameworks.keras.construction import watch_construction
from parametry.frameworks.keras.freezing import note_flag
from parametry.frameworks.keras.loops import (
    optimizer_applied,
    rate_assigned,
    rate_replaced,
)
from parametry.frameworks.keras.observe import (
    saw_compile,
    saw_fit,
    saw_load,
    snapshot,
)
from parametry.frameworks.keras.taps import rate_taps

__all__ = ["Fitting", "fitting", "install"]

_installed: set[str] = set()
_lock = threading.Lock()


def install(package: str) -> None:
    """Patch a loaded Keras, once.

    Args:
        package: ``keras`` or ``tf_keras``.
    """
    with _lock:
        if package in _installed or package not in sys.modules:
            return
        _installed.add(package)
    root = sys.modules[package]
    families = [
        root.layers.Layer,
        root.callbacks.Callback,
        root.losses.Loss,
        root.metrics.Metric,
        root.initializers.Initializer,
        root.regularizers.Regularizer,
        root.constraints.Constraint,
        root.optimizers.schedules.LearningRateSchedule,
    ]
    if package == "keras":
        families += [_base_optimizer(root), root.utils.PyDataset, root.quantizers.Quantizer]
    else:
        families += [
            root.optimizers.Optimizer,
            root.optimizers.legacy.Optimizer,
            root.utils.Sequence,
        ]
    for family in families:
        watch_construction(family)
    _watch_training(root)
    root.Model.hyperparameters = HyperparametersAttribute()
    if package == "keras":
        _watch_optimizers(root)
    else:
        _watch_optimizers2(root)


def _base_optimizer(root: Any) -> type:
    ancestors: list[type] = [*root.optimizers.Optimizer.__mro__]
    return next(cls for cls in reversed(ancestors) if cls.__name__ == "BaseOptimizer")


def _wrap(owner: Any, name: str, wrapper: Callable[[Any], Callable[..., Any]]) -> None:
    """Replace a method by a wrapper of it, on the class that defines it.

    Keras compares ``type(model).compile`` with its own to tell whether a user overrode it, so a
    subclass must not get a ``compile`` that its base does not have.
    """
    homes = [cls for cls in getattr(owner, "__mro__", ()) if name in cls.__dict__]
    home = homes[0] if homes else owner
    original = getattr(home, name)
    setattr(home, name, functools.update_wrapper(wrapper(original), original))


def _watch_training(root: Any) -> None:
    model = root.Model

    def wrap_compile(original: Any) -> Callable[..., Any]:
        def compile(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if watch.on and not watch.depth:
                with watch.guard("reading compile's arguments"):
                    saw_compile(self, signature_of(original), args, kwargs, sys._getframe(1))
            return result

        return compile

    def wrap_fit(original: Any) -> Callable[..., Any]:
        def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not watch.on:
                return original(self, *args, **kwargs)
            event = None
            with watch.guard("reading fit's arguments"):
                event = saw_fit(self, signature_of(original), args, kwargs, sys._getframe(1))
            with watch.inside():
                running = fitting(self, event)
                try:
                    return original(self, *args, **kwargs)
                finally:
                    running.leave()
                    with watch.guard("describing a fitted model"):
                        snapshot(self)

        return fit

    def wrap_load(original: Any) -> Callable[..., Any]:
        def load_weights(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if watch.on:  # inside fit too: a callback may resume from a backup
                with watch.guard("reading load_weights's arguments"):
                    saw_load(self, signature_of(original), args, kwargs, sys._getframe(1))
            return result

        return load_weights

    _wrap(model, "compile", wrap_compile)
    _wrap(model, "fit", wrap_fit)
    _wrap(model, "load_weights", wrap_load)
    for holder in (root.models, root.saving):
        if hasattr(holder, "load_model"):
            _wrap(holder, "load_model", _wrap_load_model)
    _wrap(root.callbacks.CallbackList, "__init__", _wrap_callbacks)
    _watch_trainable(root.layers.Layer)
    if root.__name__ == "keras":
        adapters = sys.modules.get("keras.src.trainers.epoch_iterator")
        if adapters is not None:
            _wrap(adapters.EpochIterator, "__init__", _wrap_data)
    else:
        adapters = sys.modules.get("tf_keras.src.engine.data_adapter")
        if adapters is not None:
            _wrap(adapters.DataHandler, "__init__", _wrap_data)


def _wrap_load_model(original: Any) -> Callable[..., Any]:
    def load_model(*args: Any, **kwargs: Any) -> Any:
        with watch.inside():  # what loading compiles the file says, not the user
            model = original(*args, **kwargs)
        if watch.on and model is not None:
            with watch.guard("reading load_model's arguments"):
                signature = signature_of(original, method=False)
                saw_load(model, signature, args, kwargs, sys._getframe(1))
        return model

    return load_model


class Fitting:
    """A running ``fit``: the first data that it makes ready is the training data."""

    def __init__(self, stack: list[Fitting], model: Any, event: Any) -> None:
        self.stack = stack
        self.model = model
        self.event = event
        self.followed = False
        stack.append(self)

    def leave(self) -> None:
        """It is over."""
        self.stack.remove(self)


_local = threading.local()


def fitting(model: Any, event: Any) -> Fitting:
    """A ``fit`` begins, in this thread."""
    if not hasattr(_local, "stack"):
        _local.stack = []
    return Fitting(_local.stack, model, event)


def _wrap_data(original: Any) -> Callable[..., Any]:
    def make_ready(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        stack = getattr(_local, "stack", None)
        if watch.on and stack and stack[-1].event is not None:
            with watch.guard("reading what fit trains on"):
                adapter = getattr(self, "data_adapter", None) or getattr(self, "_adapter", None)
                stack[-1].event.data(adapter)

    return make_ready


def _wrap_callbacks(original: Any) -> Callable[..., Any]:
    """Who records the program has a callback in the list that ``fit`` makes of the user's."""

    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        stack = getattr(_local, "stack", None)
        if not watch.on or watch.fit_begins is None or not stack or stack[-1].followed:
            return
        with watch.guard("following a fit"):
            stack[-1].followed = True
            model = stack[-1].model
            follower = watch.fit_begins(model, tuple(self.callbacks))
            if follower is not None:
                follower.set_params(self.params)
                follower.set_model(model)
                self.callbacks.append(follower)

    return make


def _watch_trainable(layer: Any) -> None:
    original = layer.trainable
    depth = threading.local()

    def set_trainable(self: Any, value: Any) -> None:
        if not watch.on or watch.depth or getattr(depth, "value", 0):
            original.fset(self, value)
            return
        before = self.__dict__.get("_trainable")
        depth.value = 1  # setting a model's flag sets its layers' in turn
        try:
            original.fset(self, value)
        finally:
            depth.value = 0
        if before is not bool(value):
            with watch.guard("reading a trainable flag"):
                note_flag(self, bool(value), sys._getframe(1))

    layer.trainable = property(original.fget, set_trainable, original.fdel, original.__doc__)


def _watch_optimizers(root: Any) -> None:
    base = _base_optimizer(root)
    for name in ("base_optimizer", "loss_scale_optimizer", "multi_optimizer"):
        module = sys.modules.get(f"keras.src.optimizers.{name}")
        for cls in list(vars(module).values()) if module else ():
            if isinstance(cls, type) and issubclass(cls, base) and "apply" in cls.__dict__:
                _wrap(cls, "apply", _wrap_apply)
    _wrap(base, "exclude_from_weight_decay", _wrap_exclusions)
    variable = next(
        c for c in root.Variable.__mro__ if "assign" in c.__dict__ and "_value" not in c.__dict__
    )
    _wrap(variable, "assign", _wrap_assign)
    _watch_rate(base)


def _watch_optimizers2(root: Any) -> None:
    base = root.optimizers.Optimizer
    _wrap(base, "apply_gradients", _wrap_apply)
    _wrap(base, "exclude_from_weight_decay", _wrap_exclusions)


def _wrap_apply(original: Any) -> Callable[..., Any]:
    def apply(self: Any, grads: Any, *args: Any, **kwargs: Any) -> Any:
        if watch.on and not watch.depth:
            with watch.guard("reading a training loop"):
                variables = kwargs.get("trainable_variables", args[0] if args else None)
                optimizer_applied(self, grads, variables, sys._getframe(1))
        return through_autograph(original)(self, grads, *args, **kwargs)

    return seen_by_autograph(apply)


def _wrap_exclusions(original: Any) -> Callable[..., Any]:
    def exclude_from_weight_decay(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if watch.on:
            with watch.guard("reading weight-decay exclusions"):
                frame = sys._getframe(1)
                signature = signature_of(original)
                if signature is not None:
                    user = next(user_frames(frame), None)
                    where = None if user is None else place_of(user)
                    call = signature.bind(args, kwargs, ledger, where, user is None)
                    if call is not None:
                        ledger.record(self).calls["exclude_from_weight_decay"] = call
        return result

    return exclude_from_weight_decay


def _wrap_assign(original: Any) -> Callable[..., Any]:
    def assign(self: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if self._name != "learning_rate" or not watch.on:
            return through_autograph(original)(self, value, *args, **kwargs)
        finish = None
        with watch.guard("reading a change of the learning rate"):
            finish = rate_assigned(self, value, sys._getframe(1))
        result = through_autograph(original)(self, value, *args, **kwargs)
        if finish is not None:
            with watch.guard("reading a change of the learning rate"):
                finish()
        return result

    return seen_by_autograph(assign)


def _watch_rate(base: Any) -> None:
    """See a rate or schedule put in the place of another, and which rates are read."""
    original = base.learning_rate

    def set_rate(self: Any, value: Any) -> None:
        before = self.__dict__.get("_learning_rate")
        original.fset(self, value)
        after = self.__dict__.get("_learning_rate")
        if watch.on and before is not after and before is not None:
            with watch.guard("reading a change of the learning rate"):
                rate_replaced(self, before, after, sys._getframe(1))

    def read_rate(self: Any) -> Any:
        rate = original.fget(self)
        if rate_taps and (tap := rate_taps.get(id(self))) is not None:
            tap(rate)
        return rate

    base.learning_rate = property(read_rate, set_rate, original.fdel, original.__doc__)
