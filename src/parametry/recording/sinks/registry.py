"""What a sink is, and which there are.

The registry holds dotted names as strings: a tracker's package is imported when a run is told to
it. A third party registers a sink through the entry point group ``parametry.sinks``: a class or a
function that is called with the target, if there is one, and gives a `Sink`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from parametry.core.facts import Fact
from parametry.errors import FrameworkMissing, UnknownSink

if TYPE_CHECKING:
    from parametry.recording.run import Cursor, Run

__all__ = ["Sink", "registered", "require", "resolve"]

_BUILT_IN: Final = {
    "tensorboard": "parametry.recording.sinks.tensorboard:TensorBoard",
    "mlflow": "parametry.recording.sinks.mlflow:MLflow",
    "wandb": "parametry.recording.sinks.wandb:WandB",
}


class Sink(Protocol):
    """Somewhere else that a run is told to, fact by fact.

    All methods are called on one thread, which is none of the training's. Each may raise: it is
    called again, with the same arguments, after a while. So what was done before an error must do
    no harm when it is done again.

    Example:
        >>> class Losses:
        ...     name = location = "losses"
        ...
        ...     def start(self, run):
        ...         self.seen = []
        ...
        ...     def deliver(self, facts, cursor):
        ...         new = [fact.values["loss"] for fact in facts if isinstance(fact, Points)]
        ...         self.seen += new
        ...
        ...     def finish(self):
        ...         pass
        >>> from parametry.core.facts import Points
        >>> sink = Losses()
        >>> sink.start(None)
        >>> sink.deliver([Points("step", 0, None, 0.0, {"loss": 0.5})], 1)
        >>> sink.seen
        [0.5]
    """

    @property
    def name(self) -> str:
        """What it is called where sinks are asked for: ``mlflow:http://localhost:5000``."""
        ...

    @property
    def location(self) -> str:
        """Where the run is to be found, as a folder or an address; before `start` roughly so."""
        ...

    def start(self, run: Run) -> Cursor | None:
        """Make a place for the run, or find the one that it has.

        Args:
            run: The run, most often one that goes on. It may be kept, and read until `finish`.

        Returns:
            What the place holds already: the last cursor that `deliver` was given for it. None for
            nothing, and wherever telling it all again does no harm.
        """
        ...

    def deliver(self, facts: Sequence[Fact], cursor: Cursor) -> None:
        """Take the next facts, in their order.

        Args:
            facts: The facts, each once, unless an earlier attempt with them failed.
            cursor: JSON-ready data that says how far these facts reach.
        """
        ...

    def finish(self) -> None:
        """All is delivered: close what is open, and say how the run stands (``run.status``)."""
        ...


def registered() -> dict[str, str]:
    """The sinks by name, with what makes them as ``module:attribute``; third parties' included."""
    from importlib.metadata import entry_points

    found = {point.name: point.value for point in entry_points(group="parametry.sinks")}
    return {**found, **_BUILT_IN}


def resolve(sinks: Iterable[str | Sink]) -> tuple[Sink, ...]:
    """The sinks that are asked for; no tracker's package is imported yet.

    Args:
        sinks: Names (``tensorboard``), names with a target (``mlflow:http://localhost:5000``), and
            sinks.

    Raises:
        UnknownSink: No sink has that name.
        FrameworkMissing: A tracker's package is not installed.

    Example:
        >>> [sink.name for sink in resolve(["tensorboard:logs"])]    # doctest: +SKIP
        ['tensorboard:logs']
    """
    return tuple(_made(sink) if isinstance(sink, str) else sink for sink in sinks)


def _made(text: str) -> Sink:
    name, _, target = text.partition(":")
    # Other packages' entry points are looked through only for a name that is not ours.
    path = _BUILT_IN.get(name) or registered().get(name)
    if path is None:
        known = sorted(registered())
        near = difflib.get_close_matches(name, known, n=1)
        raise UnknownSink(
            f"there is no sink called {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}",
        )
    module, _, attribute = path.partition(":")
    factory: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return cast(Sink, factory(target) if target else factory())


def require(package: str, tracker: str) -> None:
    """Check that a tracker's package is installed, without importing it.

    Args:
        package: The package, which is also the name of the extra that installs it.
        tracker: What the tracker is called.

    Raises:
        FrameworkMissing: It is not.
    """
    if importlib.util.find_spec(package) is None:
        raise FrameworkMissing(
            f"{tracker} needs the package {package!r}, which is not installed",
            hint=f"pip install 'parametry[{package}]'",
        )
