"""Which framework knows a live object: by its class's own ancestry, never by order of import.

The registry maps root packages to dotted names of modules, as strings: nothing is imported until an
object of that package is met. A third party registers through the entry point group
``parametry.frameworks``, with the root package as the name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from numpy.typing import NDArray

from parametry.core.model import Model
from parametry.errors import NotSupported

if TYPE_CHECKING:
    from parametry.core.facts import Measured
    from parametry.core.hyperparameter import Change
    from parametry.core.initializer import Initializer
    from parametry.core.parameter import Parameter

__all__ = ["Framework", "LoopMeasurer", "LoopRate", "find", "registered"]

_BUILT_IN = {
    "keras": "parametry.frameworks.keras",
    "tf_keras": "parametry.frameworks.keras",
}


class Framework(Protocol):
    """What a framework's module offers: `is_model` and `inspect` at least.

    What a third party's module leaves out is `NotSupported`, or nothing where nothing can be known.
    """

    def is_model(self, thing: object) -> bool:
        """Whether it is a model or layer that `inspect` can walk."""
        ...

    def inspect(self, thing: Any, *, sample: Any = None, input_shape: Any = None) -> Model:
        """The read view over a live model."""
        ...

    def declared(self, thing: Any, parameter: Parameter) -> Initializer | None:
        """The initializer that the parameter's own layer declares for it, as one of ours."""
        ...

    def initializer(self, value: Any) -> Initializer | None:
        """The framework's own initializer, its name, or a function written for it, as ours."""
        ...

    def initial_slots(self, thing: Any) -> list[tuple[Parameter, NDArray[Any]]]:
        """The optimizer's variables with what they held before the first step; not its rate."""
        ...

    def outputs(
        self, thing: Any, layers: Iterable[str], sample: Any
    ) -> AbstractContextManager[Callable[[], dict[str, NDArray[Any]]]]:
        """Within it, a function that runs the model and gives the layers' outputs, as called."""
        ...

    def tie(self, thing: Any, address: str, other: str, *, transpose: bool = False) -> None:
        """Make `other` the array at `address`: any addresses, that fit and are two arrays yet.

        What is tied to `other` comes along. The variable at `address` stays, with its values and
        slots. A compiled model follows.
        """
        ...

    def untie(self, thing: Any, address: str) -> None:
        """Give an address an array of its own again, with a copy of the values.

        The canonical address keeps the old one; asked for that, all others leave together.
        """
        ...

    def set_trainable(
        self,
        thing: Any,
        trainable: Mapping[str, bool],
        *,
        layers: Mapping[str, bool] | None = None,
    ) -> None:
        """Say of each weight's address whether training changes it, also after compiling.

        Before that, say it of whole `layers`, in the framework's own sense: more than weights.
        """
        ...

    def write(self, thing: Any, path: Path) -> None:
        """Write the framework's own kind of file, which the suffix tells; replaces nothing."""
        ...

    def names_in_file(self, thing: Any) -> dict[str, str]:
        """What the framework's own file calls each parameter and slot, by address and alias."""
        ...

    def structure(self, thing: Any) -> dict[str, Any]:
        """What the framework's own configuration loses, for `Manifest.structure`."""
        ...

    def load_model(
        self,
        config: Mapping[str, Any],
        *,
        structure: Mapping[str, Any],
        custom_objects: Mapping[str, Any],
        path: str,
        nbytes: int,
    ) -> Any:
        """A new model from the framework's own configuration, without values, not compiled.

        The configuration is a stranger's: only the framework's own classes and `custom_objects` are
        made, and no more memory is taken than a file of `nbytes` bytes of arrays explains.
        """
        ...

    def compile_model(
        self,
        thing: Any,
        config: Mapping[str, Any],
        *,
        custom_objects: Mapping[str, Any],
        path: str,
    ) -> None:
        """Compile what `load_model` gave, as the configuration says."""
        ...

    def loop_rates(
        self, optimizer: Any, scope: str, note: Callable[[str, str], None]
    ) -> Sequence[LoopRate]:
        """What tells the learning rates of an optimizer in a hand-written loop.

        `scope` is the first part of their addresses; `note` takes what cannot be told.
        """
        ...

    def loop_measurer(
        self, thing: Any, select: Sequence[str], note: Callable[[str, str], None]
    ) -> LoopMeasurer:
        """What looks at a model's parameters before and after steps of a hand-written loop.

        `select` are patterns, none for all; `note` takes what cannot be told.
        """
        ...


class LoopMeasurer(Protocol):
    """Looks at a model's parameters around steps."""

    def before(self) -> None:
        """Keep the values before a step, to know how far it moves them."""
        ...

    def after(self, step: int, epoch: int | None, when: float) -> list[Measured]:
        """The statistics of all parameters after a step."""
        ...


class LoopRate(Protocol):
    """Tells one learning rate, step by step, as it was applied."""

    @property
    def address(self) -> str:
        """The address of the rate."""
        ...

    @property
    def next(self) -> int:
        """The count of the step that is next."""
        ...

    @property
    def schedule(self) -> str | None:
        """The class of what gives the rate; None where it is a variable."""
        ...

    def counted(self) -> int | None:
        """The optimizer's own count of steps by now; None where it cannot be read."""
        ...

    def took(self, step: int, count: int = 1) -> None:
        """Steps were taken, the first of them at that count."""
        ...

    def take(self) -> list[tuple[int, float]]:
        """Step and rate of each step since it was last asked, where the rate is known."""
        ...

    def changes(self) -> Iterator[Change]:
        """The changes since it was last asked."""
        ...

    def leave(self) -> None:
        """The loop is over."""
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
            module = importlib.import_module(known[root])
            return cast(Framework, _Partly(root, module))
    return None


# What is answered for a module that does not say.
_UNKNOWN: Mapping[str, Callable[..., Any]] = {
    "declared": lambda *_: None,
    "initializer": lambda *_: None,
    "initial_slots": lambda *_: [],
    "loop_rates": lambda *_: [],
    "names_in_file": lambda *_: {},
    "structure": lambda *_: {},
}
_REQUIRED = frozenset({"is_model", "inspect"})


class _Partly:
    """A third party's module, complete: what it does not offer is answered for it."""

    def __init__(self, root: str, module: ModuleType) -> None:
        self._root = root
        self._module = module

    def __getattr__(self, name: str) -> Any:
        """The module's own function, or what stands for it."""
        found = getattr(self._module, name, None)
        if found is not None:
            return found
        if name in _UNKNOWN:
            return _UNKNOWN[name]
        if name in _REQUIRED or name not in vars(Framework):
            raise AttributeError(f"module {self._module.__name__!r} has no function {name!r}")

        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise NotSupported(
                f"{self._root} models cannot do this: {self._module.__name__} has no {name!r}",
                hint=f"its authors may add the function: parametry.frameworks.registry.Framework."
                f"{name} says what it does",
            )

        return refuse


def _roots(cls: type) -> Iterator[str]:
    for ancestor in cls.__mro__:
        module = ancestor.__dict__.get("__module__")
        if isinstance(module, str):
            yield module.partition(".")[0]
