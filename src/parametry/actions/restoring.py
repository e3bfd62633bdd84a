"""What a load restores beside the values: ties, what training changes, where values came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parametry.actions.matching import Match
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance, forget, recall, remember
from parametry.core.tie import Tie
from parametry.errors import TieError
from parametry.frameworks.registry import Framework

__all__ = ["Restoring"]

_WEIGHTS = ("trainable", "frozen")


@dataclass(frozen=True, slots=True)
class Restoring:
    """What is to be restored, worked out before anything is changed.

    Attributes:
        framework: Knows the model.
        model: The live model.
        ties: What the source has tied and the model has not.
        trainable: The weights that training is to change from now on, or no longer.
        chosen: What is loaded.
    """

    framework: Framework
    model: Any
    ties: tuple[Tie, ...]
    trainable: Mapping[str, bool]
    chosen: tuple[Match, ...]

    @classmethod
    def planned(
        cls,
        framework: Framework,
        model: Any,
        source: Model,
        chosen: list[Match],
        knows_roles: bool,
    ) -> Restoring:
        """Work out what is to be restored.

        Args:
            framework: Knows the model.
            model: The live model.
            source: What the values come from.
            chosen: What is loaded, and where.
            knows_roles: Whether the source knows what was frozen.
        """
        tied = {address for tie in source.ties for address in tie}
        groups: dict[str, list[Match]] = {}
        for each in chosen:
            if each.through in tied or each.source.address in tied:
                groups.setdefault(each.source.address, []).append(each)
        ties = []
        for first, *others in groups.values():
            if others:
                flipped = [e.target.address for e in others if e.transposed != first.transposed]
                aliases = tuple(each.target.address for each in others)
                ties.append(Tie(first.target.address, aliases, frozenset(flipped)))
        gone = {alias for tie in ties for alias in tie.aliases}
        trainable = {
            each.target.address: each.source.role == "trainable"
            for each in chosen
            if knows_roles
            and each.source.role in _WEIGHTS
            and each.target.role in _WEIGHTS
            and each.source.role != each.target.role
            and each.target.address not in gone
        }
        return cls(framework, model, tuple(ties), trainable, tuple(chosen))

    def tie(
        self, undo: list[Callable[[], None]]
    ) -> tuple[tuple[Tie, ...], tuple[tuple[Tie, str], ...]]:
        """Tie what the source has tied.

        Args:
            undo: Gets what takes each step back.

        Returns:
            What was tied; and what could not be, with the reason.
        """
        done: list[Tie] = []
        refused: list[tuple[Tie, str]] = []
        targets = {each.target.address: each.target for each in self.chosen}
        for tie in self.ties:
            odd = [alias for alias in tie if targets[alias].dtype != targets[tie.address].dtype]
            try:
                if odd:
                    raise TieError(f"{odd[0]} is of another dtype than {tie.address}")
                for alias in tie.aliases:
                    self._tie_one(tie, targets[alias], undo)
                done.append(tie)
            except TieError as error:
                refused.append((tie, error.message))
        return tuple(done), tuple(refused)

    def _tie_one(self, tie: Tie, other: Parameter, undo: list[Callable[[], None]]) -> None:
        before, alias = other.numpy(), other.address
        self.framework.tie(self.model, tie.address, alias, transpose=alias in tie.transposed)

        def untie() -> None:
            self.framework.untie(self.model, alias)
            self.framework.inspect(self.model).parameters[alias].store.write(before)

        undo.append(untie)

    def set_trainable(self, undo: list[Callable[[], None]]) -> None:
        """Say of each weight whether training changes it, as it was when the source was saved."""
        if not self.trainable:
            return
        before = {address: not flag for address, flag in self.trainable.items()}
        self.framework.set_trainable(self.model, self.trainable)
        undo.append(lambda: self.framework.set_trainable(self.model, before))

    def remember(self, source: str, undo: list[Callable[[], None]]) -> None:
        """Remember where each parameter's initial values came from."""
        for each in self.chosen:
            if each.target.role != "optimizer":
                self._note(each, source, undo)

    def _note(self, each: Match, source: str, undo: list[Callable[[], None]]) -> None:
        """Remember where the initial values came from: what the source knows, or the source."""
        variable = each.target.native
        before = recall(variable)

        def restore() -> None:
            if before is None:
                forget(variable)
            else:
                remember(variable, before)

        undo.append(restore)
        known = each.source.provenance
        told = known or Provenance("load", address=each.source.address, source=source)
        remember(variable, told)
