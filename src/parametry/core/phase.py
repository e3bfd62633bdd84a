"""Phases: each compile, fit, freeze and load of one record, with its own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from parametry.core.mappings import Hyperparameters
from parametry.core.place import Place
from parametry.errors import UnknownAddress

__all__ = ["Phase", "PhaseKind", "Phases"]

PhaseKind: TypeAlias = Literal["compile", "fit", "freeze", "load", "train"]


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of a model's life, with the values that it had of its own.

    Attributes:
        name: Its address among the phases: ``fit``, ``fit_1``.
        kind: ``compile``, ``fit``, ``freeze`` (trainable flags changed), ``load`` (weights were
            read), ``train`` (a hand-written loop began).
        hyperparameters: Its own values, under the addresses that they have in the record.
        where: The line that began it.
        times: How often in a row the very same was done.
        subject: The scope of the model that it belongs to: ``model``, ``model_1``.
    """

    name: str
    kind: PhaseKind
    hyperparameters: Hyperparameters
    where: Place | None = None
    times: int = 1
    subject: str = "model"

    def to_dict(self) -> dict[str, Any]:
        """The phase as JSON-ready data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "subject": self.subject,
            "where": None if self.where is None else str(self.where),
            "times": self.times,
            "hyperparameters": self.hyperparameters.to_dict(),
        }


class Phases(Mapping[str, Phase]):
    """The phases of a record in order, by name; by position too: ``phases[-1]``."""

    def __init__(self, phases: Mapping[str, Phase]) -> None:
        self._phases = dict(phases)

    def __getitem__(self, key: str | int) -> Phase:
        """The phase of that name, or at that position.

        Raises:
            UnknownAddress: There is none.
        """
        if isinstance(key, int) and -len(self._phases) <= key < len(self._phases):
            return list(self._phases.values())[key]
        if isinstance(key, str) and key in self._phases:
            return self._phases[key]
        known = ", ".join(self._phases) or "there are none: capture saw neither compile nor fit"
        raise UnknownAddress(f"no phase is called {key!r}", hint=f"phases: {known}")

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._phases)

    def __len__(self) -> int:
        """How many phases there are."""
        return len(self._phases)

    def __repr__(self) -> str:
        """The names with their places."""
        inner = ", ".join(
            f"{name} ({phase.where})" if phase.where else name
            for name, phase in self._phases.items()
        )
        return f"Phases({inner})"
