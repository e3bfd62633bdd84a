"""One hyperparameter: a value that somebody chose, how it got there, and how it changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from parametry.core.value import UNSET, Plain, Unset, same, to_json_value

if TYPE_CHECKING:
    from parametry.core.place import Place

__all__ = ["Change", "Hyperparameter", "Origin"]

Origin: TypeAlias = Literal["explicit", "default", "derived", "live"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a hyperparameter while a program ran.

    Attributes:
        step: The optimizer's own count of steps at the change; None where it could not be read.
        old: The value before.
        new: The value after; `UNSET` where it was set inside a compiled function.
        cause: The callback's address, or ``assignment``.
        where: The line that did it.
    """

    step: int | None
    old: Plain | Unset
    new: Plain | Unset
    cause: str
    where: Place | None

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON-ready data."""
        return {
            "step": self.step,
            "old": None if isinstance(self.old, Unset) else to_json_value(self.old),
            "new": None if isinstance(self.new, Unset) else to_json_value(self.new),
            "cause": self.cause,
            "where": None if self.where is None else str(self.where),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Hyperparameter:
    """A value chosen outside training's gradient.

    Two are equal when address and value are: how a value came about is not part of what it is.

    Attributes:
        address: Where it stands, as ``optimizer/learning_rate``.
        value: The value in effect: plain data.
        passed: What was given, where that differs from the value in effect (``batch_size=None``,
            in effect 32); else `UNSET`.
        origin: ``explicit`` (someone passed it), ``default``, ``derived`` (worked out, or passed by
            the framework itself), ``live`` (read from a variable); None where it cannot be known.
        where: The line that passed it, if known.
        changes: What is known of its changes, oldest first.
    """

    address: str
    value: Plain
    passed: Plain | Unset = UNSET
    origin: Origin | None = None
    where: Place | None = None
    changes: tuple[Change, ...] = field(default=())
    # Worked out once: a run of many fits tells of all phases each time.
    _data: dict[str, Any] | None = field(default=None, init=False, repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether address and value are equal; NaN equals NaN, 1 does not equal True."""
        if not isinstance(other, Hyperparameter):
            return NotImplemented
        return self.address == other.address and same(self.value, other.value)

    def __hash__(self) -> int:
        """By address, since a value may be a list."""
        return hash(self.address)

    def to_dict(self) -> dict[str, Any]:
        """The hyperparameter as JSON-ready data: ``passed``, ``changes`` only where they tell."""
        if self._data is None:
            object.__setattr__(self, "_data", self._as_data())
        return dict(cast(dict[str, Any], self._data))

    def _as_data(self) -> dict[str, Any]:
        out: dict[str, Any] = {"value": to_json_value(self.value), "origin": self.origin}
        if not isinstance(self.passed, Unset):
            out["passed"] = to_json_value(self.passed)
        if self.where is not None:
            out["where"] = str(self.where)
        if self.changes:
            out["changes"] = [change.to_dict() for change in self.changes]
        return out
