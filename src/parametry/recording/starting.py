"""`parametry.record` and `@parametry.recorded`: where the recording of hand-written code starts."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from parametry.core.looking import Looking, checked_every
from parametry.core.watch import watch
from parametry.recording.choosing import calling_place, chosen_values
from parametry.recording.loop import Loop
from parametry.recording.sinks.registry import resolve

__all__ = ["record", "recorded"]

F = TypeVar("F", bound=Callable[..., Any])


def record(
    model: Any = None,
    *,
    optimizer: Any = None,
    name: str | None = None,
    home: str | Path | None = None,
    statistics_every: int | None = None,
    select: Sequence[str] | str = (),
    sinks: Sequence[Any] = (),
    **hyperparameters: Any,
) -> Loop:
    """Record a hand-written training loop as a run.

    Within the block capture is on. The run has every hyperparameter at the start, each change of
    one with its cause, the metrics that ``run.log`` is given, and the learning rate of each step.

    Args:
        model: The model that is trained, or a list of them; None for all that the program makes.
        optimizer: What trains it, where the model was not compiled with it.
        name: The run's name; None for one made of the date, the script and a short word.
        home: The folder of runs; None for ``PARAMETRY_HOME``, or ``.parametry`` here.
        statistics_every: Look at the parameters of ``model`` after every so many steps; None for
            never.
        select: Patterns of the parameters to look at; of all unless given.
        sinks: Where the run is to be told besides, as ``"tensorboard"``.
        **hyperparameters: What was chosen and stands nowhere else, by name: it is recorded under
            ``script/``. For names that this function has itself: ``run.choose``.

    Example:
        >>> import parametry as pm
        >>> with pm.record(net, batch_size=32) as run:              # doctest: +SKIP
        ...     for batch in batches:
        ...         run.log(loss=train_step(batch))
        ...         run.step()
    """
    resolve(sinks)  # a name that is none is said before the training begins
    models = [] if model is None else list(model) if isinstance(model, (list, tuple)) else [model]
    chosen = chosen_values(hyperparameters, calling_place(sys._getframe(1)))
    every = checked_every(statistics_every, epochs=False)
    opening = {"name": name, "home": home, "sinks": sinks}
    patterns = (select,) if isinstance(select, str) else tuple(select)
    looking = Looking(every, select=patterns)
    return Loop(models, optimizer, chosen, opening, looking)


@overload
def recorded(function: F, /) -> F: ...


@overload
def recorded(
    *, name: str | None = None, home: str | Path | None = None, sinks: Sequence[Any] = ()
) -> Callable[[F], F]: ...


def recorded(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    home: str | Path | None = None,
    sinks: Sequence[Any] = (),
) -> Any:
    """Record each call of a training function as a run, with its arguments as hyperparameters.

    A parameter called ``run`` gets the `Loop` to log with; nobody else needs to pass it. Arguments
    stand under ``script/``, those left at their defaults too.

    Args:
        function: The training function.
        name: The run's name; None for one made of the date, the script and a short word.
        home: The folder of runs; None for ``PARAMETRY_HOME``, or ``.parametry`` here.
        sinks: Where the run is to be told besides, as ``"tensorboard"``.

    Example:
        >>> import parametry as pm
        >>> @pm.recorded                                            # doctest: +SKIP
        ... def train(run, learning_rate=0.1, epochs=3):
        ...     run.log(loss=0.5)
        >>> train(epochs=5)                                         # doctest: +SKIP
    """
    resolve(sinks)  # as in `record`
    if function is None:
        return functools.partial(_recorded, name=name, home=home, sinks=sinks)
    return _recorded(function, name=name, home=home, sinks=sinks)


def _recorded(function: Callable[..., Any], **opening: Any) -> Callable[..., Any]:
    signature = inspect.signature(function)
    takes_run = "run" in signature.parameters

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        where = calling_place(sys._getframe(1))
        loop = Loop([], None, {}, opening)
        if takes_run and "run" not in kwargs:
            kwargs["run"] = loop
        # A call that the function would refuse raises here, as it would there.
        bound = signature.bind(*args, **kwargs)
        given = {name for name in bound.arguments if name != "run"}
        bound.apply_defaults()
        values = {name: value for name, value in bound.arguments.items() if name != "run"}
        with watch.guard("reading a training function's arguments"):
            loop._chosen.update(chosen_values(values, where, given))
        with loop:
            return function(*bound.args, **bound.kwargs)

    return call
