"""What capture patches in Keras, each patch an inert pass-through while capture is off.

Construction is seen by a ``__new__`` on the base classes: it sees every subclass, the user's own
included, and leaves ``__init__`` alone. A base class that had no ``__new__`` keeps the one that it
was given for good, since CPython refuses constructor arguments once a ``__new__`` was removed.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from parametry.core.caller import owner_of, place_of, user_frames
from parametry.core.ledger import ledger
from parametry.core.signature import signature_of
from parametry.core.value import same
from parametry.core.watch import watch
from parametry.frameworks.keras.attribute import HyperparametersAttribute
from parametry.frameworks.keras.backends.tensorflow import seen_by_autograph, through_autograph
from parametry.frameworks.keras.observe import (
    optimizer_applied,
    rate_assigned,
    rate_replaced,
    saw_compile,
    saw_fit,
    saw_load,
    saw_trainable,
    snapshot,
)

__all__ = ["install"]

_installed: set[str] = set()
_lock = threading.Lock()

# Functions of Keras's that make an object on the user's behalf: the line that calls them chose.
_FACTORIES = frozenset({"Input"})


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


def watch_construction(family: type) -> None:
    """See every construction of a class and its subclasses."""
    own = family.__dict__.get("__new__")
    if own is not None:
        original = own.__func__ if isinstance(own, staticmethod) else own

        @functools.wraps(original)
        def wrapped_new(cls: Any, *args: Any, **kwargs: Any) -> Any:
            thing = original(cls, *args, **kwargs)
            if watch.on:
                with watch.guard("reading a constructor's arguments"):
                    _constructed(thing, args, kwargs, sys._getframe(1))
            return thing

        family.__new__ = staticmethod(wrapped_new)  # type: ignore[assignment]
        return

    def added_new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        following = super(family, cls).__new__  # type: ignore[arg-type]
        if following is not object.__new__:
            thing = following(cls, *args, **kwargs)
        elif (args or kwargs) and cls.__init__ is object.__init__:
            # What CPython says of a class that takes no arguments; a __new__ here hides it else.
            raise TypeError(f"{cls.__name__}() takes no arguments")
        else:
            thing = object.__new__(cls)
        if watch.on:
            with watch.guard("reading a constructor's arguments"):
                _constructed(thing, args, kwargs, sys._getframe(1))
        return thing

    family.__new__ = staticmethod(added_new)  # type: ignore[assignment]


def _constructed(thing: Any, args: Any, kwargs: Any, frame: FrameType | None) -> None:
    caller, args, kwargs = _outermost_new(frame, args, kwargs)
    if caller is None:
        return
    filename = caller.f_code.co_filename
    if caller.f_code.co_name in ("__newobj__", "__newobj_ex__"):
        return  # copying and unpickling make objects without their arguments
    owner = owner_of(filename)
    if owner == "framework" and caller.f_code.co_name in _FACTORIES:
        defaults = signature_of(_factory(caller))
        if defaults is not None:
            known = defaults.defaults
            kwargs = {k: v for k, v in kwargs.items() if not (k in known and same(known[k], v))}
        caller = caller.f_back or caller
        owner = owner_of(caller.f_code.co_filename)
    cls = type(thing)
    signature = signature_of(cls.__init__)
    if signature is None:
        return
    by_framework = owner == "framework"
    where = None if by_framework else place_of(caller)
    call = signature.bind(args, kwargs, ledger, where, by_framework)
    if call is not None:
        ledger.record(thing).construction = call


def _factory(frame: FrameType) -> Callable[..., Any]:
    """The function that a frame runs, in a form whose first parameter may be left out."""
    function = frame.f_globals.get(frame.f_code.co_name)

    def shifted(_: Any, *args: Any, **kwargs: Any) -> Any:
        """Stands for the function with a ``self`` before its parameters."""

    if not callable(function):
        return shifted
    parameters = list(inspect.signature(function).parameters.values())
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shifted.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [first, *parameters]
    )
    return shifted


def _outermost_new(
    frame: FrameType | None, args: Any, kwargs: Any
) -> tuple[FrameType | None, Any, Any]:
    """The frame that called the class, with the arguments that it gave.

    Classes have a ``__new__`` of their own that passes nothing on (Keras's Model, or a user's): the
    arguments are then those of the outermost of these frames.
    """
    while frame is not None and frame.f_code.co_name in ("__new__", "wrapped_new", "added_new"):
        code = frame.f_code
        if owner_of(code.co_filename) != "parametry":
            local = frame.f_locals
            names = code.co_varnames[: code.co_argcount]
            args = tuple(local[name] for name in names[1:] if name in local)
            at = code.co_argcount + code.co_kwonlyargcount
            kwargs = {n: local[n] for n in code.co_varnames[code.co_argcount : at] if n in local}
            if code.co_flags & 0x04:  # *args
                args += tuple(local.get(code.co_varnames[at], ()))
                at += 1
            if code.co_flags & 0x08:  # **kwargs
                kwargs.update(local.get(code.co_varnames[at], {}))
        frame = frame.f_back
    if frame is not None and frame.f_code.co_name == "__call__":
        first = (
            frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None
        )
        if isinstance(first, type):  # a metaclass that calls the class
            frame = frame.f_back
    return frame, args, kwargs


def _wrap(owner: Any, name: str, wrapper: Callable[[Any], Callable[..., Any]]) -> None:
    """Replace a method by a wrapper of it, looked up through inheritance, set on the owner."""
    original = getattr(owner, name)
    setattr(owner, name, functools.update_wrapper(wrapper(original), original))


def _watch_training(root: Any) -> None:
    model = root.Model

    def wrap_compile(original: Any) -> Callable[..., Any]:
        def compile(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if watch.on and not watch.depth:
                with watch.guard("reading compile's arguments"):
                    saw_compile(self, original, args, kwargs, sys._getframe(1))
            return result

        return compile

    def wrap_fit(original: Any) -> Callable[..., Any]:
        def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            if not watch.on:
                return original(self, *args, **kwargs)
            event = None
            with watch.guard("reading fit's arguments"):
                event = saw_fit(self, original, args, kwargs, sys._getframe(1))
            with watch.inside():
                fitting = _fitting(self, event)
                try:
                    return original(self, *args, **kwargs)
                finally:
                    fitting.leave()
                    with watch.guard("describing a fitted model"):
                        snapshot(self)

        return fit

    def wrap_load(original: Any) -> Callable[..., Any]:
        def load_weights(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            if watch.on and not watch.depth:
                with watch.guard("reading load_weights's arguments"):
                    saw_load(self, original, args, kwargs, sys._getframe(1))
            return result

        return load_weights

    _wrap(model, "compile", wrap_compile)
    _wrap(model, "fit", wrap_fit)
    _wrap(model, "load_weights", wrap_load)
    _watch_trainable(root.layers.Layer)
    if root.__name__ == "keras":
        adapters = sys.modules.get("keras.src.trainers.epoch_iterator")
        if adapters is not None:
            _wrap(adapters.EpochIterator, "__init__", _wrap_data)
    else:
        adapters = sys.modules.get("tf_keras.src.engine.data_adapter")
        if adapters is not None:
            _wrap(adapters.DataHandler, "__init__", _wrap_data)


class _Fitting:
    """A running ``fit``: the first data that it makes ready is the training data."""

    def __init__(self, stack: list[_Fitting], model: Any, event: Any) -> None:
        self.stack = stack
        self.model = model
        self.event = event
        stack.append(self)

    def leave(self) -> None:
        self.stack.remove(self)


_local = threading.local()


def _fitting(model: Any, event: Any) -> _Fitting:
    if not hasattr(_local, "stack"):
        _local.stack = []
    return _Fitting(_local.stack, model, event)


def _wrap_data(original: Any) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        stack = getattr(_local, "stack", None)
        if watch.on and stack and stack[-1].event is not None:
            with watch.guard("reading what fit trains on"):
                adapter = getattr(self, "data_adapter", None) or getattr(self, "_adapter", None)
                stack[-1].event.data(adapter)

    return __init__


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
        with watch.guard("reading a trainable flag"):
            saw_trainable(self, before, bool(value), sys._getframe(1))

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
    """See a rate or schedule put in the place of another."""
    original = base.learning_rate

    def set_rate(self: Any, value: Any) -> None:
        before = self.__dict__.get("_learning_rate")
        original.fset(self, value)
        after = self.__dict__.get("_learning_rate")
        if watch.on and before is not after and before is not None:
            with watch.guard("reading a change of the learning rate"):
                rate_replaced(self, before, after, sys._getframe(1))

    base.learning_rate = property(original.fget, set_rate, original.fdel, original.__doc__)
