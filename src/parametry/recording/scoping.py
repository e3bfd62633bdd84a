"""Facts of one of several models, under addresses of their own.

The first model's stand as the model itself has them: ``loss``, ``optimizer/learning_rate``,
``dense/kernel``. Another one's stand where a report has its hyperparameters,
``optimizer_1/learning_rate``, or below its name: ``model_1/loss``, ``model_1/dense/kernel``.
"""

from __future__ import annotations

from dataclasses import replace

from parametry.capture.report import moved_address, moved_change
from parametry.core.facts import Changed, Fact, Happened, Measured, PointColumns, Points

__all__ = ["of_model"]


def of_model(fact: Fact | PointColumns, number: int) -> Fact | PointColumns:
    """A fact that a model's training told, as one of a run of several models.

    Args:
        fact: The fact, with addresses as the model itself has them.
        number: Which of the models it is, from 0 on.

    Example:
        >>> of_model(Points("epoch", 9, 0, 1.0, {"loss": 0.5}), 1).values
        {'model_1/loss': 0.5}
    """
    if not number:
        return fact
    if isinstance(fact, Points):
        return replace(fact, values={_moved(k, number): v for k, v in fact.values.items()})
    if isinstance(fact, PointColumns):
        return replace(fact, keys=tuple(_moved(key, number) for key in fact.keys))
    if isinstance(fact, Changed):
        change = moved_change(fact.change, number)
        return replace(fact, address=_moved(fact.address, number), change=change)
    if isinstance(fact, Happened) and fact.address is not None:
        return replace(fact, address=_moved(fact.address, number))
    if isinstance(fact, Measured):
        address = _moved(fact.statistics.address, number)
        return replace(fact, statistics=replace(fact.statistics, address=address))
    return fact


def _moved(key: str, number: int) -> str:
    moved = moved_address(key, number) if "/" in key else key
    return f"model_{number}/{key}" if moved == key else moved
