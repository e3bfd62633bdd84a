"""What an initialisation did: each parameter with the rule and the initializer that set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from parametry.core.address import nearest
from parametry.core.display import render
from parametry.core.export import json_text
from parametry.core.value import Plain, to_json_value
from parametry.errors import UnknownAddress

__all__ = ["Initialization", "Initialized"]


@dataclass(frozen=True, slots=True)
class Initialized:
    """One parameter in the report of an initialisation.

    Attributes:
        address: The canonical address.
        shape: Its shape.
        dtype: The dtype's name.
        aliases: Other addresses of the same array, which got the same values.
        rule: The pattern of the rule that set it, the last that matched; None in a reset, and for
            what was left as it was.
        initializer: What made the values, as plain data: ``{"class": "GlorotUniform"}``; None for
            what was left as it was.
        note: What else there is to say: why it was left, or that its random bits are not ours.
    """

    address: str
    shape: tuple[int, ...]
    dtype: str
    aliases: tuple[str, ...] = ()
    rule: str | None = None
    initializer: Mapping[str, Plain] | None = None
    note: str = ""

    @property
    def touched(self) -> bool:
        """Whether it got new values."""
        return self.initializer is not None

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data; what does not apply is left out."""
        out: dict[str, Any] = {
            "shape": list(self.shape),
            "dtype": self.dtype,
            "aliases": list(self.aliases),
            "touched": self.touched,
        }
        if self.rule is not None:
            out["rule"] = self.rule
        if self.initializer is not None:
            out["initializer"] = {k: to_json_value(v) for k, v in self.initializer.items()}
        if self.note:
            out["note"] = self.note
        return out


@dataclass(frozen=True, slots=True)
class Initialization:
    """The report of `parametry.initialize` and `parametry.reset`: what set each parameter.

    Attributes:
        action: ``initialize`` or ``reset``.
        model: The model's name.
        seed: The seed that was given; None where nothing is random.
        dry_run: Whether it only tells what would be done.
        entries: Every parameter by canonical address, in the model's order, whether it was set or
            not; then the optimizer's, where a reset went over them.
        rules: How many parameters each rule set, by its pattern, in the order of the rules: 0 for
            one that later rules took everything from. Empty in a reset.

    Example:
        >>> bias = Initialized("dense/bias", (2,), "float32", (), "**", {"class": "Zeros"})
        >>> report = Initialization("initialize", "net", 0, False, {bias.address: bias}, {"**": 1})
        >>> report["dense/bias"].rule, list(report.untouched)
        ('**', [])
    """

    action: Literal["initialize", "reset"]
    model: str
    seed: int | None
    dry_run: bool
    entries: Mapping[str, Initialized]
    rules: Mapping[str, int]

    def __getitem__(self, address: str) -> Initialized:
        """The entry at a canonical address or an alias.

        Raises:
            UnknownAddress: There is none.
        """
        found = self.entries.get(address)
        if found is None:
            found = next((each for each in self if address in each.aliases), None)
        if found is None:
            close = ", ".join(nearest(address, self.entries))
            raise UnknownAddress(
                f"the report has no {address!r}", hint=f"nearest: {close}" if close else None
            )
        return found

    def __contains__(self, address: object) -> bool:
        """Whether there is an entry at a canonical address or an alias."""
        return address in self.entries or any(address in each.aliases for each in self)

    def __iter__(self) -> Iterator[Initialized]:
        """The entries, in the model's order."""
        return iter(self.entries.values())

    def __len__(self) -> int:
        """How many parameters there are."""
        return len(self.entries)

    @property
    def touched(self) -> dict[str, Initialized]:
        """What got new values, by address."""
        return {address: entry for address, entry in self.entries.items() if entry.touched}

    @property
    def untouched(self) -> dict[str, Initialized]:
        """What was left as it was, by address."""
        return {address: entry for address, entry in self.entries.items() if not entry.touched}

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data."""
        return {
            "action": self.action,
            "model": self.model,
            "seed": self.seed,
            "dry_run": self.dry_run,
            "rules": dict(self.rules),
            "parameters": {address: entry.to_dict() for address, entry in self.entries.items()},
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def __repr__(self) -> str:
        """A plain table, cut after some lines."""
        return str(render("parametry.show.initialization:text", self))

    def __rich__(self) -> Any:
        """A table for rich."""
        return render("parametry.show.initialization:terminal", self)

    def _repr_html_(self) -> str:
        """A table for notebooks, at most 200 KB."""
        return str(render("parametry.show.initialization:html", self))
