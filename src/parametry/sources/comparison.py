"""`parametry.diff`: two models, files or recorded runs, in any mix."""

from __future__ import annotations

from functools import wraps
from typing import Any

from parametry.actions.diff import diff as compare
from parametry.core.difference import Difference
from parametry.sources.resolving import run_of

__all__ = ["diff"]


@wraps(compare, assigned=("__doc__",))
def diff(first: Any, second: Any, **options: Any) -> Difference:  # noqa: D103 - the action's
    runs = run_of(first), run_of(second)
    if any(run is not None for run in runs):
        options["values"] = False  # a run's file has none to compare
    one, two = (
        given if run is None else run.model
        for given, run in zip((first, second), runs, strict=True)
    )
    return compare(one, two, **options)
