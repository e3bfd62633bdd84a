"""A Difference: what `parametry.diff` found between two models, as data.

Everything has a kind. From the first model to the second, what stands at an address was
``removed`` (the second has nothing there), ``added``, or ``changed``. A hyperparameter whose value
is the same but came about in another way is of the kind ``origin`` and stands apart, in
`Difference.origins`: it is no difference of the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from parametry.core.array_difference import ArrayDifference
from parametry.core.display import render
from parametry.core.export import json_text, yaml_text
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.mapping import AddressMapping
from parametry.core.model import SCHEMA, Model
from parametry.core.parameter import Parameter
from parametry.core.tie import Tie
from parametry.core.value import same

__all__ = [
    "Aspect",
    "Compared",
    "Difference",
    "HyperparameterDifference",
    "HyperparameterDifferences",
    "Kind",
    "ParameterDifference",
    "ParameterDifferences",
    "Side",
    "TieDifference",
]

Kind: TypeAlias = Literal["removed", "added", "changed", "origin"]
Aspect: TypeAlias = Literal["shape", "dtype", "role", "values"]


@dataclass(frozen=True, slots=True)
class HyperparameterDifference:
    """One hyperparameter that is not the same on both sides.

    Attributes:
        address: Where it stands.
        first: The first model's; None where that has none, which is not a value of None.
        second: The second model's; None where that has none.

    Example:
        >>> found = HyperparameterDifference("fit/epochs", Hyperparameter("fit/epochs", 3), None)
        >>> found.kind
        'removed'
    """

    address: str
    first: Hyperparameter | None
    second: Hyperparameter | None

    @property
    def kind(self) -> Kind:
        """``removed``, ``added``, ``changed``; ``origin`` where the values are the same."""
        if self.second is None:
            return "removed"
        if self.first is None:
            return "added"
        return "origin" if same(self.first.value, self.second.value) else "changed"

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data."""
        return {
            "kind": self.kind,
            "first": None if self.first is None else self.first.to_dict(),
            "second": None if self.second is None else self.second.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ParameterDifference:
    """One parameter that is not the same on both sides.

    Attributes:
        address: Where it stands in the first model, or in the second where that alone has it; an
            alias where it is tied to another on one side.
        first: The first model's; None where that has none.
        second: The second model's; None where that has none.
        differs: In what those that both have differ.
        values: How far the values are apart; None where they are the same, were not compared, or
            cannot be because the shapes differ.
        axes: The order of the second's axes in which shapes and values are compared, as NumPy's
            ``transpose`` takes it; None where it is as it is.
        nearest: For what one side alone has: the address of the parameter of the same shape that
            the other side alone has and that is most likely the same under another name; else None.
        ambiguous: Whether its axes may well be meant in another order: a square kernel, say, of
            which nothing tells whether it lies as the other framework's do.
    """

    address: str
    first: Parameter | None
    second: Parameter | None
    differs: tuple[Aspect, ...] = ()
    values: ArrayDifference | None = None
    axes: tuple[int, ...] | None = None
    nearest: str | None = None
    ambiguous: bool = False

    @property
    def transposed(self) -> bool:
        """Whether the second is compared with its axes reversed."""
        return self.axes is not None and self.axes == tuple(reversed(range(len(self.axes))))

    @property
    def kind(self) -> Kind:
        """``removed``, ``added`` or ``changed``."""
        if self.second is None:
            return "removed"
        return "added" if self.first is None else "changed"

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data."""
        return {
            "kind": self.kind,
            "differs": list(self.differs),
            "first": _held(self.first),
            "second": _held(self.second),
            "transposed": self.transposed,
            "axes": None if self.axes is None else list(self.axes),
            "ambiguous": self.ambiguous,
            "values": None if self.values is None else self.values.to_dict(),
            "nearest": self.nearest,
        }


def _held(entry: Parameter | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "address": entry.address,
        "shape": list(entry.shape),
        "dtype": entry.dtype,
        "role": entry.role,
    }


@dataclass(frozen=True, slots=True)
class TieDifference:
    """Addresses that are one array on one side alone.

    Attributes:
        kind: ``removed``: the first model's alone; ``added``: the second's.
        tie: The tied addresses.
    """

    kind: Literal["removed", "added"]
    tie: Tie

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data."""
        return {"kind": self.kind, **self.tie.to_dict()}


class HyperparameterDifferences(AddressMapping[HyperparameterDifference]):
    """Differences of hyperparameters by address."""

    noun = "differing hyperparameter"
    plural = "differing hyperparameters"


class ParameterDifferences(AddressMapping[ParameterDifference]):
    """Differences of parameters by address."""

    noun = "differing parameter"
    plural = "differing parameters"


@dataclass(frozen=True, slots=True)
class Side:
    """Which model was compared.

    Attributes:
        name: The model's own name, or the file's.
        class_name: Its class, qualified.
        framework: The framework and backend.
    """

    name: str
    class_name: str
    framework: str

    @classmethod
    def of(cls, model: Model) -> Side:
        """The side that a model is."""
        return cls(model.name, model.class_name, model.framework)

    def to_dict(self) -> dict[str, str]:
        """The side as JSON-ready data."""
        return {"name": self.name, "class": self.class_name, "framework": self.framework}


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and how.

    Attributes:
        hyperparameters: How many hyperparameters, those of one side alone included.
        parameters: How many parameters, likewise.
        optimizer_parameters: How many of the optimizer's slots; 0 where they were left out.
        values: Whether parameters' values were.
        tolerance: The largest absolute difference of two elements that does not count.
        select: The patterns of the addresses that were compared; none means all.
        ignore: The patterns of those that were left out.
    """

    hyperparameters: int
    parameters: int
    optimizer_parameters: int
    values: bool
    tolerance: float
    select: tuple[str, ...]
    ignore: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """What was compared as JSON-ready data."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return pairs | {"select": list(self.select), "ignore": list(self.ignore)}


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What `parametry.diff` found; false where the two are equal.

    Everything stands in the first model's order, and what the second alone has after it.

    Attributes:
        first: Which model was first.
        second: Which was second.
        hyperparameters: Those that one side alone has, or that differ in value.
        origins: Those of one value that came about differently: passed on one side and a default on
            the other. They do not make the models differ.
        parameters: Those that one side alone has, or that differ in shape, dtype, role or values.
        optimizer_parameters: The same of the optimizer's slots, where these were asked for.
        ties: Which addresses are one array on one side alone.
        compared: What was compared, and how.
    """

    first: Side
    second: Side
    hyperparameters: HyperparameterDifferences
    origins: HyperparameterDifferences
    parameters: ParameterDifferences
    optimizer_parameters: ParameterDifferences
    ties: tuple[TieDifference, ...]
    compared: Compared

    def __bool__(self) -> bool:
        """Whether anything differs; another origin of the same value does not count."""
        return any((self.hyperparameters, self.parameters, self.optimizer_parameters, self.ties))

    def to_dict(self) -> dict[str, Any]:
        """The one JSON form, of the kind ``diff``."""
        return {
            "schema": SCHEMA,
            "kind": "diff",
            "equal": not self,
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "compared": self.compared.to_dict(),
            "hyperparameters": self.hyperparameters.to_dict(),
            "origins": self.origins.to_dict(),
            "parameters": self.parameters.to_dict(),
            "optimizer_parameters": self.optimizer_parameters.to_dict(),
            "ties": [tie.to_dict() for tie in self.ties],
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def to_yaml(self) -> str:
        """`to_dict` as YAML text."""
        return yaml_text(self.to_dict())

    def __repr__(self) -> str:
        """The differences as plain tables, cut after some lines."""
        return str(render("parametry.show.text:difference", self))

    def __rich__(self) -> Any:
        """The differences as tables for rich."""
        return render("parametry.show.terminal:difference", self)

    def _repr_html_(self) -> str:
        """The differences for notebooks, at most 200 KB."""
        return str(render("parametry.show.html:difference", self))
