"""Seeing every object being made: which arguments its constructor was given, and by which line.

A ``__new__`` on the base classes sees every subclass, the user's own included, and leaves
``__init__`` alone. A base class that had no ``__new__`` keeps the one that it was given for good:
CPython refuses constructor arguments once a ``__new__`` was removed.
"""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import replace
from types import FrameType
from typing import Any

from parametry.conventions.arguments import INTERNAL_ARGUMENTS
from parametry.core.caller import owner_of, place_of
from parametry.core.ledger import ledger
from parametry.core.signature import constructor_of
from parametry.core.watch import watch

__all__ = ["watch_construction"]

# Functions of Keras's that make an object on the user's behalf: the line that calls them chose.
_FACTORIES = frozenset({"Input"})


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
        kwargs = _passed_through(caller, kwargs)
        caller = caller.f_back or caller
        owner = owner_of(caller.f_code.co_filename)
    signature = constructor_of(type(thing))
    if signature is None:
        return
    by_framework = owner == "framework"
    where = None if by_framework else place_of(caller)
    call = signature.bind(args, kwargs, ledger, where, by_framework)
    if call is not None:
        arguments = {
            name: value
            for name, value in call.arguments.items()
            if name in call.explicit or name not in INTERNAL_ARGUMENTS
        }
        ledger.record(thing).construction = replace(call, arguments=arguments)


def _passed_through(frame: FrameType, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Of the arguments that a factory handed on, those that are not its own defaults."""
    factory = frame.f_globals.get(frame.f_code.co_name)
    if not callable(factory):
        return kwargs
    defaults = {p.name: p.default for p in inspect.signature(factory).parameters.values()}
    return {
        name: value
        for name, value in kwargs.items()
        if not (name in defaults and defaults[name] is value)
    }


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
