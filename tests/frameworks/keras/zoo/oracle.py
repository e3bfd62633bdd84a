"""An optimizer that writes down, inside the compiled step, the learning rate it is given."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Oracle", "applied"]

_ROOM = 400


class Oracle(keras.optimizers.SGD):
    """SGD that keeps the rate of each of its first 400 steps, NaN where none was applied."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.seen = self.add_variable(
            (_ROOM,), initializer=keras.initializers.Constant(float("nan")), name="seen"
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        place = (ops.cast(self._iterations, "int32"),)
        rate = ops.reshape(ops.cast(learning_rate, "float32"), (1,))
        seen = self.seen
        self.assign(seen, ops.slice_update(getattr(seen, "value", seen), place, rate))


def applied(optimizer: Any) -> dict[int, float]:
    """The rates that were applied, by step."""
    seen: NDArray[np.float32] = ops.convert_to_numpy(optimizer.seen)
    return {int(step): float(seen[step]) for step in np.flatnonzero(~np.isnan(seen))}
