"""A model's totals and class in words."""

from __future__ import annotations

from parametry.core.model import Totals
from parametry.show.quantity import byte_size, number, plural

__all__ = ["short_class", "totals_words"]


def totals_words(totals: Totals) -> list[str]:
    """What the model holds, and what its optimizer holds, where it holds anything.

    Example:
        >>> totals_words(Totals(9450, 0, 64, 0, 38056, 0))
        ['9,514 parameters (9,450 trainable, 64 state), 37.2 KiB']
    """
    if totals.parameters == 0:
        words = ["no parameters"]
    else:
        roles = {"trainable": totals.trainable, "frozen": totals.frozen, "state": totals.state}
        held = [f"{number(count)} {role}" for role, count in roles.items() if count]
        parts = f"({', '.join(held)})" if len(held) > 1 else f"({held[0].split()[-1]})"
        count = plural(totals.parameters, "parameter")
        words = [f"{count} {parts}, {byte_size(totals.nbytes)}"]
    if totals.optimizer:
        size = byte_size(totals.optimizer_nbytes)
        words.append(f"{number(totals.optimizer)} in the optimizer, {size}")
    return words


def short_class(name: str) -> str:
    """A class's own name, without its modules.

    Example:
        >>> short_class("keras.src.models.functional.Functional")
        'Functional'
    """
    return name.rpartition(".")[2]
