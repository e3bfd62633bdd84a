"""What somebody chose outside of any framework, as hyperparameters under ``script/``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import FrameType
from typing import Any

from parametry.core.address import join, part
from parametry.core.caller import place_of, user_frames
from parametry.core.described import Flattener
from parametry.core.hyperparameter import Hyperparameter, Origin
from parametry.core.place import Place
from parametry.core.secrets import withhold
from parametry.core.value import UNSET

__all__ = ["calling_place", "chosen_values"]


def chosen_values(
    values: Mapping[str, Any], where: Place | None, given: Collection[str] | None = None
) -> dict[str, Hyperparameter]:
    """Values by their addresses under ``script/``, objects as subtrees, secrets withheld.

    Args:
        values: Values by name.
        where: The line that gave them.
        given: The names of those that somebody passed, the others being defaults; None for all.
    """
    flattener = Flattener()
    for name, value in values.items():
        explicit = given is None or name in given
        origin: Origin = "explicit" if explicit else "default"
        flattener.add(join("script", part(name)), value, origin, where if explicit else None)
    return {
        address: Hyperparameter(
            address, withhold(address.partition("/")[2], row.value), UNSET, row.origin, row.where
        )
        for address, row in flattener.rows.items()
    }


def calling_place(frame: FrameType | None) -> Place | None:
    """The line of the user's own code at or above a frame; None where there is none."""
    user = next(user_frames(frame), None)
    return None if user is None else place_of(user)
