"""Provenance: where a parameter's initial value came from, remembered beside the live variable."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

from parametry.core.value import Plain

__all__ = ["Provenance", "forget", "recall", "remember"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a parameter got its initial value.

    Attributes:
        action: ``initialize``, ``reset`` or ``load``.
        initializer: What made the values, as plain data: ``{"class": "GlorotUniform"}``; None for
            values that came from elsewhere, as a file.
        seed: The seed that was given; None where nothing is random.
        address: The address whose bits they are: that of the parameter at that time.
        rule: The pattern of the rule that set it; None where no rule did.
        source: What the values were taken from: a file's name; None where nothing.

    Example:
        >>> Provenance("initialize", {"class": "Zeros"}, None, "dense/bias", rule="**/bias").rule
        '**/bias'
    """

    action: str
    initializer: dict[str, Plain] | None = field(default=None)
    seed: int | None = None
    address: str | None = None
    rule: str | None = None
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The provenance as JSON-ready data; what does not apply is left out."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in pairs.items() if value is not None}


# Variables of some frameworks compare element by element, so they are kept by identity.
_known: dict[int, tuple[weakref.ref[Any], Provenance]] = {}


def remember(variable: object, provenance: Provenance) -> None:
    """Remember where the values of a framework's variable came from, as long as it lives."""
    identity = id(variable)
    _known[identity] = (weakref.ref(variable, lambda _: _known.pop(identity, None)), provenance)


def recall(variable: object) -> Provenance | None:
    """Where the variable's initial values came from; None where nobody said."""
    found = _known.get(id(variable))
    return found[1] if found is not None and found[0]() is variable else None


def forget(variable: object) -> None:
    """Forget it: the values are from elsewhere now."""
    _known.pop(id(variable), None)
