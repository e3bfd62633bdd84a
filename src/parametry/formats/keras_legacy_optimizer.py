"""The addresses of an optimizer's variables, by the names that a legacy Keras file gives them.

The slot ``m`` of ``dense/kernel`` is called ``Adam/m/dense/kernel:0`` by Keras 2,
``Adam/dense/kernel/m:0`` by its older optimizers, and ``adam/dense_kernel_m`` by Keras 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from parametry.core.address import join, part
from parametry.formats.keras_legacy_layers import without_output

__all__ = ["slot_addresses"]

_SCOPE: Final = "optimizer"
# Before a weight's name stand the optimizer's and the slot's; more parts are no such name.
_MOST_BEFORE: Final = 3


def slot_addresses(names: Iterable[str], weights: Mapping[str, str]) -> dict[str, str]:
    """The address of each variable of an optimizer, all different.

    Args:
        names: The variables' names in the file.
        weights: The addresses of the model's weights by their names, without ``:0``.

    Example:
        >>> slot_addresses(["Adam/m/d/kernel:0", "Adam/iter:0"], {"d/kernel": "dense/kernel"})
        {'Adam/m/d/kernel:0': 'optimizer/dense/kernel/m', 'Adam/iter:0': 'optimizer/iter'}
    """
    joined = {name.replace("/", "_"): address for name, address in weights.items()}
    out: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = without_output(name)
        below = _slot(plain, weights, joined) or part(plain.rpartition("/")[2])
        address, number = join(_SCOPE, below), 0
        while address in taken:
            number += 1
            address = f"{join(_SCOPE, below)}_{number}"
        taken.add(address)
        out[name] = address
    return out


def _slot(name: str, weights: Mapping[str, str], joined: Mapping[str, str]) -> str | None:
    """``dense/kernel/m``, the place of a slot below the weight that it belongs to, if it is one."""
    steps = name.split("/")
    for before in range(2, min(_MOST_BEFORE, len(steps) - 1) + 1):
        known = weights.get("/".join(steps[before:]))
        if known is not None:
            return join(known, part(steps[before - 1]))
    for before in range(min(_MOST_BEFORE, len(steps) - 1)):
        known = weights.get("/".join(steps[before:-1]))
        if known is not None:
            return join(known, part(steps[-1]))
    words = steps[-1].split("_")
    for taken in range(len(words) - 1, 0, -1):
        known = joined.get("_".join(words[:taken]))
        if known is not None:
            return join(known, part("_".join(words[taken:])))
    return None
