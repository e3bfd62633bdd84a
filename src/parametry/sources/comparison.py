"""`parametry.diff`: two models, files or recorded runs, in any mix."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, cast

from parametry.actions.diff import diff as compare
from parametry.core.difference import Difference
from parametry.sources.resolving import run_of

__all__ = ["diff"]

P = ParamSpec("P")
Comparison: TypeAlias = Callable[Concatenate[Any, Any, P], Difference]


def _of_runs_too(action: Comparison[P]) -> Comparison[P]:
    """The action, which takes recorded runs and their names as well.

    A run's file has no values of parameters, so none are compared with it.
    """

    @wraps(action, assigned=("__doc__", "__name__", "__qualname__"))
    def over(first: Any, second: Any, *args: P.args, **options: P.kwargs) -> Difference:
        one, two = run_of(first), run_of(second)
        if one is None and two is None:
            return action(first, second, *args, **options)
        chosen: dict[str, Any] = {**options, "values": False}
        return action(
            first if one is None else one.model,
            second if two is None else two.model,
            *args,
            **chosen,
        )

    return cast(Comparison[P], over)


diff = _of_runs_too(compare)
