"""The rates of a schedule at many steps, worked out off the step, to the last bit those applied.

A schedule that is evaluated eagerly differs in its last bits from the same one inside a compiled
step: compilers reorder and fuse. So it is compiled here as the step is, and multiplied with a few
values, as the step does; the steps go in many at a time where that was found to change nothing, and
else one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from parametry.frameworks.keras.dialect import is_of_keras

__all__ = ["evaluator", "holds_variables"]

# Evaluated in a loop inside one compiled function these give what they give one by one. Those with
# a power of a constant (CosineDecayRestarts) do not on XLA, and a user's class may be anything.
_ALIKE_IN_A_LOOP: Final = frozenset(
    {
        "CosineDecay",
        "ExponentialDecay",
        "InverseTimeDecay",
        "PiecewiseConstantDecay",
        "PolynomialDecay",
    }
)
# So many steps go in at a time; fewer are filled up, so that nothing is compiled twice.
_AT_ONCE: Final = 256
# A rate is multiplied with so many ones.
_ONES: Final = 8

Evaluator = Callable[[Sequence[int]], list[float]]


def evaluator(schedule: Any, backend: str, jit_compile: bool) -> Evaluator:
    """A function from the optimizer's counts of steps to the rates applied there.

    Args:
        schedule: A schedule, called with a count as the optimizer does.
        backend: ``tensorflow`` or ``jax``.
        jit_compile: Whether TensorFlow's step is compiled by XLA.
    """
    make = _in_jax if backend == "jax" else _in_tensorflow
    cls = type(schedule)
    if is_of_keras(cls) and cls.__name__ in _ALIKE_IN_A_LOOP:
        return _padded(make(schedule, jit_compile, True))
    one = make(schedule, jit_compile, False)
    return lambda counts: [float(one(count)) for count in counts]


def holds_variables(schedule: Any) -> bool:
    """Whether what a schedule gives may depend on more than the step: it holds a variable."""
    held = getattr(schedule, "__dict__", {}).values()
    return any(hasattr(value, "assign") for value in held)


def _padded(many: Callable[[Any], Any]) -> Evaluator:
    def rates(counts: Sequence[int]) -> list[float]:
        out: list[float] = []
        for start in range(0, len(counts), _AT_ONCE):
            part = np.asarray(counts[start : start + _AT_ONCE])
            filled = np.full(_AT_ONCE, part[-1])
            filled[: part.size] = part
            out += [float(rate) for rate in np.asarray(many(filled))[: part.size]]
        return out

    return rates


def _in_jax(schedule: Any, jit_compile: bool, many: bool) -> Callable[[Any], Any]:
    import jax

    def rates(steps: Any, ones: Any) -> Any:
        if many:
            return jax.lax.map(lambda step: ones * schedule(step), steps)[:, 0]
        return (ones * schedule(steps))[0]

    compiled = jax.jit(rates)
    ones = np.ones(_ONES, np.float32)
    return lambda steps: compiled(np.asarray(steps, np.int32), ones)


def _in_tensorflow(schedule: Any, jit_compile: bool, many: bool) -> Callable[[Any], Any]:
    import tensorflow as tf

    def rates(steps: Any, ones: Any) -> Any:
        def rate(step: Any) -> Any:
            return (ones * schedule(step))[0]

        if many:
            return tf.map_fn(rate, steps, fn_output_signature=tf.float32)
        return rate(steps)

    compiled = tf.function(rates, jit_compile=jit_compile, autograph=False)
    with tf.device("CPU:0"):
        ones = tf.ones(_ONES)

    def evaluate(steps: Any) -> Any:
        return compiled(tf.constant(steps, tf.int64), ones).numpy()

    return evaluate
