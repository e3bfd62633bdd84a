"""Statistics of a model's parameters in a hand-written loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from parametry.core.facts import Measured
from parametry.frameworks.keras.recording.backend import Backend
from parametry.frameworks.keras.recording.measuring import Measurer

__all__ = ["LoopMeasurer", "loop_measurer"]


class LoopMeasurer:
    """Looks at a model before and after steps that a hand-written loop takes.

    Args:
        model: A Keras model, built by its first step at the latest.
        select: Patterns of the parameters to look at; of all unless given.
        note: Takes what cannot be told: an address, and why.
    """

    def __init__(self, model: Any, select: Sequence[str], note: Callable[[str, str], None]) -> None:
        self._model = model
        self._select = tuple(select)
        self._note = note
        self._backend = Backend(model)
        self._measurer: Measurer | None = None
        self._held: list[Any] | None = None
        self._noted = False

    def before(self) -> None:
        """Keep the values before a step, to know how far it moves them."""
        measurer = self._ready()
        if measurer is not None:
            measurer.before(None)
            self._held = [getattr(each, "_value", None) for each in measurer.variables]

    def after(self, step: int, epoch: int | None, when: float) -> list[Measured]:
        """The statistics of the parameters after a step; none where it left the model alone.

        Args:
            step: The step.
            epoch: The epoch; None outside of epochs.
            when: The time.
        """
        measurer = self._ready()
        if measurer is None:
            return []
        held, self._held = self._held, None
        if self._backend.name == "jax" and held is not None and self._is_stateless(measurer, held):
            if not self._noted:
                self._noted = True
                reason = "the loop holds the values itself: the model's were not looked at"
                self._note("model", reason)
            return []
        return measurer.after(None, step, epoch, when)

    def _ready(self) -> Measurer | None:
        if self._measurer is None and self._model.built:
            self._measurer = Measurer(self._model, self._select, self._backend)
        return self._measurer

    @staticmethod
    def _is_stateless(measurer: Measurer, held: list[Any]) -> bool:
        """Whether a step of JAX's, whose arrays never change, left every one in its place."""
        now = [getattr(each, "_value", None) for each in measurer.variables]
        return len(now) == len(held) and all(one is two for one, two in zip(held, now, strict=True))


def loop_measurer(
    model: Any, select: Sequence[str], note: Callable[[str, str], None]
) -> LoopMeasurer:
    """What looks at a model's parameters in a hand-written loop; see `LoopMeasurer`."""
    return LoopMeasurer(model, select, note)
