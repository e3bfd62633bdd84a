"""How much to show."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BRIEF", "EVERYTHING", "Detail"]


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a model or report to show.

    Attributes:
        rows: The most rows of one table.
        defaults: Whether defaults are listed, rather than counted.
        parameters: Whether the parameters are listed below their layers.
        models: Of how many models the layers are shown.
    """

    rows: int = 60
    defaults: bool = False
    parameters: bool = True
    models: int = 4


BRIEF = Detail(parameters=False)
EVERYTHING = Detail(rows=1_000_000, defaults=True, models=1_000)
