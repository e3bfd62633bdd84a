"""A Report: everything that capture saw of one program, all of its models in one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parametry.core.address import join
from parametry.core.coverage import Gap
from parametry.core.display import render
from parametry.core.export import json_text, yaml_text
from parametry.core.mappings import Hyperparameters
from parametry.core.model import SCHEMA, Model
from parametry.core.phase import Phases

__all__ = ["Report"]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What one program chose, and the models that it made.

    Attributes:
        program: What was run, as ``train.py --epochs 3``.
        outcome: ``finished``, ``exit 3``, ``interrupted``, or the exception: ``ValueError: …``.
        hyperparameters: All of them: ``model/…``, ``model_1/…``, ``optimizer/…``, ``fit/…``,
            ``script/…``, ``environment/…``.
        models: The models by scope: ``model``, ``model_1``; those that are gone by now as they
            were when last seen, without values.
        phases: Each compile, fit, freeze and load, of all models in order.
        coverage: What could not be seen, and why.
    """

    program: str
    outcome: str
    hyperparameters: Hyperparameters
    models: Mapping[str, Model]
    phases: Phases
    coverage: tuple[Gap, ...]

    def _parameters(self, attribute: str) -> Iterator[tuple[str, Any]]:
        several = len(self.models) > 1
        for scope, model in self.models.items():
            for address, entry in getattr(model, attribute).items():
                yield (join(scope, address) if several else address), entry.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """The one JSON form, as a model's; with several models, addresses begin with the scope."""
        several = len(self.models) > 1
        ties = [
            {
                "address": join(scope, tie.address) if several else tie.address,
                "aliases": [join(scope, a) if several else a for a in tie.aliases],
                "transposed": [join(scope, a) if several else a for a in sorted(tie.transposed)],
            }
            for scope, model in self.models.items()
            for tie in model.ties
        ]
        return {
            "schema": SCHEMA,
            "kind": "report",
            "program": self.program,
            "outcome": self.outcome,
            "models": {
                scope: {
                    "name": model.name,
                    "class": model.class_name,
                    "framework": model.framework,
                    "totals": model.totals.to_dict(),
                }
                for scope, model in self.models.items()
            },
            "hyperparameters": self.hyperparameters.to_dict(),
            "parameters": dict(self._parameters("parameters")),
            "optimizer_parameters": dict(self._parameters("optimizer_parameters")),
            "layers": dict(self._parameters("layers")),
            "ties": ties,
            "phases": [phase.to_dict() for phase in self.phases.values()],
            "coverage": [gap.to_dict() for gap in self.coverage],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def to_yaml(self) -> str:
        """`to_dict` as YAML text."""
        return yaml_text(self.to_dict())

    def __repr__(self) -> str:
        """The report as plain text."""
        return str(render("parametry.show.text:report", self))

    def __rich__(self) -> Any:
        """The report for rich."""
        return render("parametry.show.terminal:report", self)

    def _repr_html_(self) -> str:
        """The report for notebooks, at most 200 KB."""
        return str(render("parametry.show.html:report", self))
