"""Steps like the one before: taken with as little beside them as can be.

Beside a step of less than a millisecond, and after one that left nothing of what this works on in
the processor's caches, each line and each call counts: here is what is done at every step, in one
function, and nothing that can be done for some hundred of them at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from parametry.core.watch import watch
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.rates import Still
from parametry.frameworks.keras.recording.waiting import Waiting

__all__ = ["NOT_TAKEN", "Takes", "taking_alike"]

NOT_TAKEN: Final = object()
"""Given in place of a step's result: it is to be taken, and told of, as any other."""

Takes: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...]], Any]
"""Takes a step with its arguments; gives its result, or `NOT_TAKEN`. What a step raises passes."""


def taking_alike(
    still: Sequence[Still],
    state: Any,
    waiting: Waiting,
    backend: Backend,
    *,
    stir: Callable[[Any], None],
    unlike: Callable[[Any], None],
    read: Callable[[float], bool],
) -> Takes:
    """A function that takes steps for as long as they differ in nothing but what they give.

    Args:
        still: What stays as it is, of each rate.
        state: On JAX what the last step gave to be the next one's first argument.
        waiting: Where steps wait to be told.
        backend: How numbers are read.
        stir: Is told, with the state, that this function takes no further step.
        unlike: Is told then of the result of a step that gave something else.
        read: Reads the steps that wait, when they are enough, or have waited long; takes the
            seconds since 1970, and gives whether this function is to go on.
    """
    has_state, reads = backend.name == "jax", backend.reads_each_step
    alike, most, until = waiting.room()
    append, now = alike.append, time.time

    def take(step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        nonlocal state, until
        try:
            goes_on = not has_state or arguments[0] is state
            for stored, rule, changes, known, number in still:
                goes_on = (
                    goes_on
                    and stored.get("_learning_rate") is rule
                    and len(changes) == known
                    and (number is None or backend.number(rule) == number)
                )
        except Exception as error:
            watch.fault("recording a step", error)
            goes_on = False
        if not goes_on:
            stir(state)
            return NOT_TAKEN
        result = step(*arguments)
        try:
            logs = result
            if has_state:
                logs, state = result
            if reads and (logs := backend.read_now(logs)) is None:
                stir(state)
                unlike(result)
                return result
            when = now()
            append((when, logs))
            if len(alike) >= most or when > until:
                if not read(when):
                    stir(state)
                until = waiting.until
        except Exception as error:
            watch.fault("recording a step", error)
        return result

    return take
