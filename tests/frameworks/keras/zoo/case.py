"""One model of the zoo: how it is made, and what its addresses must be, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

__all__ = ["CASES", "Case", "case", "made", "of"]


@dataclass(frozen=True)
class Case:
    """How a model is made and what must be found in it.

    Attributes:
        make: Makes the model; each call makes another.
        addresses: Its parameters' canonical addresses, in order.
        aliases: Another address of a parameter, to the canonical one.
        uses: The layers that are used more than once, and how often.
    """

    make: Callable[[], Any]
    addresses: list[str]
    aliases: dict[str, str] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)


CASES: dict[str, Case] = {}


@cache
def made(name: str) -> Any:
    """A model of the zoo, made once for all tests that do not change it."""
    return CASES[name].make()


def case(
    addresses: list[str],
    *,
    aliases: dict[str, str] | None = None,
    uses: dict[str, int] | None = None,
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enter the function that makes a model into `CASES`, under its own name."""

    def enter(make: Callable[[], Any]) -> Callable[[], Any]:
        assert make.__name__ not in CASES, f"two models are called {make.__name__}"
        CASES[make.__name__] = Case(make, addresses, aliases or {}, uses or {})
        return make

    return enter


def of(layer: str, variables: str = "kernel bias") -> list[str]:
    """The addresses of a layer's variables, which are named with spaces between."""
    return [f"{layer}/{name}" for name in variables.split()]
