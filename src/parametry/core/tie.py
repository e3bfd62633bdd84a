"""Ties: addresses that are one and the same array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Tie"]


@dataclass(frozen=True, slots=True)
class Tie:
    """Addresses that lead to one array.

    Attributes:
        address: The canonical address.
        aliases: The others, in depth-first order.
        transposed: Those of the aliases that see the array transposed.

    Example:
        >>> tie = Tie("encoder/shared/kernel", ("decoder/shared/kernel",))
        >>> "decoder/shared/kernel" in tie, str(tie)
        (True, 'encoder/shared/kernel = decoder/shared/kernel')
    """

    address: str
    aliases: tuple[str, ...]
    transposed: frozenset[str] = frozenset()

    def __contains__(self, address: object) -> bool:
        """Whether the address is one of the tied."""
        return address == self.address or address in self.aliases

    def __iter__(self) -> Iterator[str]:
        """All tied addresses, the canonical first."""
        yield self.address
        yield from self.aliases

    def __str__(self) -> str:
        """The tied addresses with ``=`` between; a transposed one has ``ᵀ``."""
        return " = ".join(
            name + ("ᵀ" if name in self.transposed else "")
            for name in (self.address, *self.aliases)
        )

    def to_dict(self) -> dict[str, Any]:
        """The tie as JSON-ready data."""
        return {
            "address": self.address,
            "aliases": list(self.aliases),
            "transposed": sorted(self.transposed),
        }
