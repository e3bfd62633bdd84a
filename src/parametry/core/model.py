"""A Model: the read view over both kinds of number that `parametry.inspect` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from parametry.core.coverage import Gap
from parametry.core.display import render
from parametry.core.export import json_text, yaml_text
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.parameter import Parameter
from parametry.core.phase import Phases
from parametry.core.tie import Tie

__all__ = ["SCHEMA", "Model", "Totals", "ties_of"]

SCHEMA = "parametry/1"
"""The version of the one JSON form; ``parametry/core/schema.json`` is its JSON Schema."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How many elements and bytes the parameters have, each array counted once.

    Attributes:
        trainable: Elements that gradients change now.
        frozen: Elements of weights that training leaves alone for now.
        state: Elements of state: moving statistics, seeds.
        optimizer: Elements of the optimizer's slots.
        nbytes: Bytes of the model's own parameters.
        optimizer_nbytes: Bytes of the optimizer's slots.
    """

    trainable: int
    frozen: int
    state: int
    optimizer: int
    nbytes: int
    optimizer_nbytes: int

    @property
    def parameters(self) -> int:
        """Elements of the model's own parameters."""
        return self.trainable + self.frozen + self.state

    def to_dict(self) -> dict[str, int]:
        """The totals as JSON-ready data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=False, eq=False)
class Model:
    """A read view over a model's hyperparameters and parameters, and what they share.

    Structure and hyperparameters are as at `parametry.inspect`; values are read when asked for.

    Attributes:
        name: The model's own name, or the file's.
        class_name: Its class, qualified.
        framework: The framework and backend, as ``keras (jax)``.
        parameters: What was learned.
        optimizer_parameters: The optimizer's slots, which no rule over parameters reaches.
        hyperparameters: What was chosen; worked out on first use.
        layers: The tree of layers.
        ties: Addresses that are one array.
        phases: Each compile, fit, freeze and load that capture saw.
    """

    name: str
    class_name: str
    framework: str
    parameters: Parameters
    optimizer_parameters: Parameters
    hyperparameters: Hyperparameters
    layers: Layers
    ties: tuple[Tie, ...]
    phases: Phases
    gaps: Callable[[], Iterable[Gap]]

    @cached_property
    def coverage(self) -> tuple[Gap, ...]:
        """What could not be seen, and why."""
        return tuple(self.gaps())

    @property
    def totals(self) -> Totals:
        """Elements and bytes, each array counted once."""
        count = {"trainable": 0, "frozen": 0, "state": 0}
        for entry in self.parameters.values():
            count[entry.role] += entry.size
        slots = self.optimizer_parameters.values()
        return Totals(
            **count,
            optimizer=sum(entry.size for entry in slots),
            nbytes=sum(entry.nbytes for entry in self.parameters.values()),
            optimizer_nbytes=sum(entry.nbytes for entry in slots),
        )

    def to_dict(self) -> dict[str, Any]:
        """The one JSON form: what `SCHEMA` names."""
        return {
            "schema": SCHEMA,
            "kind": "model",
            "name": self.name,
            "class": self.class_name,
            "framework": self.framework,
            "totals": self.totals.to_dict(),
            "hyperparameters": self.hyperparameters.to_dict(),
            "parameters": self.parameters.to_dict(),
            "optimizer_parameters": self.optimizer_parameters.to_dict(),
            "layers": self.layers.to_dict(),
            "ties": [tie.to_dict() for tie in self.ties],
            "phases": [phase.to_dict() for phase in self.phases.values()],
            "coverage": [gap.to_dict() for gap in self.coverage],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def to_yaml(self) -> str:
        """`to_dict` as YAML text."""
        return yaml_text(self.to_dict())

    def __eq__(self, other: object) -> bool:
        """Whether hyperparameters, parameters (every bit) and ties are equal."""
        if not isinstance(other, Model):
            return NotImplemented
        return (
            self.hyperparameters == other.hyperparameters
            and self.parameters == other.parameters
            and self.ties == other.ties
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """The tree as plain text, folded and cut after some lines."""
        return str(render("parametry.show.text:model", self))

    def __rich__(self) -> Any:
        """The tree for rich."""
        return render("parametry.show.terminal:model", self)

    def _repr_html_(self) -> str:
        """The tree for notebooks, at most 200 KB."""
        return str(render("parametry.show.html:model", self))


def ties_of(parameters: Mapping[str, Parameter]) -> tuple[Tie, ...]:
    """The ties that the parameters' aliases tell."""
    return tuple(
        Tie(entry.address, entry.aliases, entry.transposed)
        for entry in parameters.values()
        if entry.aliases
    )
