"""Binding a call's arguments to names, cheaply: what was passed, what was left at its default."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from parametry.core.ledger import Call, Ledger, freeze
from parametry.core.per_class import per_class
from parametry.core.place import Place
from parametry.core.value import same

__all__ = ["Signature", "constructor_of", "passed_in_frame", "signature_of"]


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's parameters, with their defaults frozen once.

    Attributes:
        positional: The names that can be passed by position, without ``self``.
        required: Those that have no default.
        defaults: Name to frozen default, in order, for parameters of any kind.
        rest: The name of ``*args``, or None.
        keywords: Whether there is ``**kwargs``.
    """

    positional: tuple[str, ...]
    required: frozenset[str]
    defaults: Mapping[str, Any]
    rest: str | None
    keywords: bool

    def bind(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        book: Ledger,
        where: Place | None,
        by_framework: bool,
    ) -> Call | None:
        """A call as the ledger keeps it, or None for one that the function would refuse.

        Args:
            args: Positional arguments, without ``self``; not kept.
            kwargs: Keyword arguments; those that only ``**kwargs`` takes stand beside the others.
            book: The ledger that knows objects among the arguments.
            where: The line that called.
            by_framework: Whether the framework called.
        """
        given: dict[str, Any] = dict(zip(self.positional, args, strict=False))
        if len(args) > len(self.positional):
            if self.rest is None:
                return None
            given[self.rest] = list(args[len(self.positional) :])
        if not given.keys().isdisjoint(kwargs):
            return None
        given.update(kwargs)
        if not self.required <= given.keys():
            return None
        if not self.keywords and not kwargs.keys() <= self.required | self.defaults.keys():
            return None
        frozen = {name: freeze(value, book) for name, value in given.items()}
        ordered = {name: frozen.get(name, default) for name, default in self.defaults.items()}
        for name in self.required:
            ordered[name] = frozen[name]
        ordered.update(frozen)
        names = [*self.positional, *self.defaults]
        arguments = {name: ordered.pop(name) for name in names if name in ordered}
        arguments.update(ordered)
        return Call(arguments, frozenset(given), where, by_framework)


def read_signature(function: Callable[..., Any], *, method: bool = True) -> Signature:
    """The signature of a method without its ``self``, or of a plain function.

    Raises:
        TypeError: It has none that can be read.
        ValueError: Likewise.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if (
        method
        and parameters
        and parameters[0].kind
        in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
    ):
        parameters = parameters[1:]
    positional, required, defaults = [], set(), {}
    rest, keywords = None, False
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = parameter.name
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            keywords = True
            continue
        if parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(parameter.name)
        if parameter.default is parameter.empty:
            required.add(parameter.name)
        else:
            defaults[parameter.name] = freeze(parameter.default)
    return Signature(tuple(positional), frozenset(required), defaults, rest, keywords)


def passed_in_frame(frame: FrameType, signature: Signature) -> dict[str, Any]:
    """The arguments that a running function was given, as far as they are not its defaults.

    Args:
        frame: The function's frame; its names may have been assigned anew since.
        signature: The function's signature, without ``self``.
    """
    local = frame.f_locals
    names = [*signature.required, *signature.defaults]
    given = {name: local[name] for name in names if name in local}
    return {
        name: value
        for name, value in given.items()
        if name in signature.required or not same(freeze(value), signature.defaults[name])
    }


@per_class
def constructor_of(cls: type) -> Signature | None:
    """The signature of a class's constructor, with what it passes on to its bases; None if none.

    Where a constructor takes ``**kwargs``, its base's optional parameters can be passed too, as
    ``name`` and ``dtype`` to every Keras layer.
    """
    merged: Signature | None = None
    for ancestor in cls.__mro__:
        constructor = ancestor.__dict__.get("__init__")
        if constructor is None or ancestor is object:
            continue
        own = signature_of(constructor)
        if own is None:
            return merged
        if merged is None:
            merged = own
        else:
            defaults = {**own.defaults, **merged.defaults}
            ordered = {name: defaults[name] for name in [*merged.defaults, *own.defaults]}
            merged = replace(merged, defaults=ordered)
        if not own.keywords:
            break
    return merged


# Weakly, so that what a notebook's cell defined goes when the cell is run again. The code is part
# of the key, since it may be replaced.
_known: weakref.WeakKeyDictionary[Any, dict[Any, Signature | None]] = weakref.WeakKeyDictionary()


def signature_of(function: Callable[..., Any], *, method: bool = True) -> Signature | None:
    """The signature of a method without its ``self``, or of a function; read once, None if none."""
    try:
        known = _known.setdefault(function, {})
    except TypeError:  # it has no hash, or cannot be referred to weakly
        known = {}
    key = getattr(function, "__code__", None), method
    if key not in known:
        try:
            known[key] = read_signature(function, method=method)
        except (TypeError, ValueError):
            known[key] = None
    return known[key]
