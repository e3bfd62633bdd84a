"""Which framework knows a live object: by its class's own ancestry, never by order of import.

The registry maps root packages to dotted names of modules, as strings: nothing is imported until an
object of that package is met. A third party registers through the entry point group
``parametry.frameworks``, with the root package as the name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from parametry.core.model import Model

if TYPE_CHECKING:
    from parametry.core.initializer import Initializer
    from parametry.core.manifest import Manifest
    from parametry.core.parameter import Parameter

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

    def declared(self, thing: Any, parameter: Parameter) -> Initializer | None:
        """The initializer that the parameter's own layer declares for it, as one of ours."""
        ...

    def tie(self, thing: Any, address: str, other: str, *, transpose: bool = False) -> None:
        """Make `other` the array at `address`; both are canonical, checked and not yet tied."""
        ...

    def untie(self, thing: Any, address: str) -> None:
        """Give an alias an array of its own again, with a copy of the values."""
        ...

    def set_trainable(self, thing: Any, trainable: Mapping[str, bool]) -> None:
        """Say of each canonical address whether training changes it, also after compiling."""
        ...

    def save(self, thing: Any, path: Path, manifest: Manifest) -> None:
        """Write the framework's own kind of file, with the manifest within; replaces nothing."""
        ...

    def load_model(self, path: Path, manifest: Manifest | None, custom_objects: Any) -> Any:
        """A new model from the framework's own kind of file, its values not yet loaded."""
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
