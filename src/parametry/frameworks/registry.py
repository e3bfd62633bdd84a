"""Which framework knows a live object: by its class's own ancestry, never by order of import.

The registry maps root packages to dotted names of modules, as strings: nothing is imported until an
object of that package is met. A third party registers through the entry point group
``parametry.frameworks``, with the root package as the name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Protocol, cast

from parametry.core.model import Model

__all__ = ["Framework", "find", "registered"]

_BUILT_IN = {
    "keras": "parametry.frameworks.keras",
    "tf_keras": "parametry.frameworks.keras",
}


class Framework(Protocol):
    """What a framework's module offers."""

    def is_model(self, thing: object) -> bool:
        """Whether it is a model or layer that `inspect` can walk."""
        ...

    def inspect(self, thing: Any, *, sample: Any = None, input_shape: Any = None) -> Model:
        """The read view over a live model."""
        ...


def registered() -> dict[str, str]:
    """Root package to the module that knows it, third parties' included."""
    from importlib.metadata import entry_points

    found = {point.name: point.value for point in entry_points(group="parametry.frameworks")}
    return {**found, **_BUILT_IN}


def find(thing: object) -> Framework | None:
    """The framework that knows the object, or None.

    Walks the class's ancestors and takes the first whose root package is registered: a Keras layer
    on the torch backend *is* a torch module, and is Keras's all the same.
    """
    for root in _roots(type(thing)):
        if root in _BUILT_IN:
            return cast(Framework, importlib.import_module(_BUILT_IN[root]))
    known = registered()
    for root in _roots(type(thing)):
        if root in known:
            return cast(Framework, importlib.import_module(known[root]))
    return None


def _roots(cls: type) -> Iterator[str]:
    for ancestor in cls.__mro__:
        module = ancestor.__dict__.get("__module__")
        if isinstance(module, str):
            yield module.partition(".")[0]
