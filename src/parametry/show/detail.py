"""How much to show."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BRIEF", "EVERYTHING", "SELECTED", "Detail"]


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a model or report to show.

    Attributes:
        rows: The most rows of one table.
        defaults: Whether defaults are listed, rather than counted.
        parameters: Whether the parameters are listed below their layers.
        models: Of how many models the layers are shown.
        around: Whether to show what surrounds the numbers: models, phases, coverage.
        changes: Whether every change is listed, rather than the first and last ones.
        folded: Whether equal blocks are one row that stands for all of them.
        hint: How to get at what is left out, if anything is.
    """

    rows: int = 60
    defaults: bool = False
    parameters: bool = True
    models: int = 4
    around: bool = True
    changes: bool = False
    folded: bool = True
    hint: str = "select(pattern) narrows, to_dict() has all"


BRIEF = Detail(parameters=False)
"""A report at the end of a program: short enough to be read."""

SELECTED = Detail(rows=200, defaults=True, models=1_000, around=False)
"""What somebody has asked for by its addresses, and nothing else."""

EVERYTHING = Detail(rows=1_000_000, defaults=True, models=1_000, changes=True, folded=False)
"""All there is, however long."""
