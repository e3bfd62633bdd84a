"""The names of a layer's variables, which Keras's files leave out: they are stored as 0, 1, ..."""

from __future__ import annotations

from typing import Final

__all__ = ["is_state"]

_STATE: Final = frozenset(
    {
        "moving_mean",
        "moving_variance",
        "running_mean",
        "running_var",
        "num_batches_tracked",
        "seed_generator_state",
        "mean",
        "variance",
        "count",
    }
)


def is_state(name: str) -> bool:
    """Whether a variable of that name is state by convention: not changed by gradients.

    Example:
        >>> is_state("moving_mean"), is_state("kernel")
        (True, False)
    """
    return name in _STATE
