"""Stillness: looking changes nothing."""

from __future__ import annotations

from typing import Any

import parametry
from parametry.testing.subject import Subject

__all__ = ["StillnessContract", "look_at"]


def look_at(model: Any) -> parametry.Model:
    """Ask a model for everything that can be asked without writing to it."""
    view = parametry.inspect(model)
    view.to_dict()
    repr(view)
    view._repr_html_()
    for mapping in (view.parameters, view.optimizer_parameters, view.layers, view.hyperparameters):
        mapping.to_dict()
        repr(mapping)
    for entry in view.parameters.values():
        entry.numpy()
    view.parameters.get("no/such/address")
    return view


class StillnessContract(Subject):
    """What is asked of looking."""

    def test_looking_changes_nothing(self) -> None:
        """Neither a fresh model nor a trained one, nor one with ties."""
        trained = self.make()
        self.train(trained)
        for model in (self.make(), trained, self.make_tied()):
            look_at(model)  # the first look may load what the framework loads lazily
            before = self.state_of(model)
            look_at(model)
            assert self.state_of(model) == before

    def test_two_looks_see_the_same(self) -> None:
        """Bit for bit."""
        model = self.make()
        assert look_at(model) == look_at(model)

    def test_a_change_is_seen_by_the_next_look(self) -> None:
        """Two views differ where the model has changed between them, in nothing else."""
        model = self.make()
        before = parametry.inspect(model)
        values = {address: entry.numpy() for address, entry in before.parameters.items()}
        self.train(model)
        after = parametry.inspect(model)
        assert list(after.parameters) == list(values)
        assert any(
            entry.numpy().tobytes() != values[address].tobytes()
            for address, entry in after.parameters.items()
        )
