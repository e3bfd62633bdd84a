"""Structure: layers, counts and hyperparameters agree with each other."""

from __future__ import annotations

import parametry
from parametry.testing.subject import Subject

__all__ = ["StructureContract"]


class StructureContract(Subject):
    """What is asked of the tree of layers and of hyperparameters."""

    def test_every_parameter_lies_below_its_layer(self) -> None:
        """And names the layer's class."""
        view = parametry.inspect(self.make())
        for address, entry in view.parameters.items():
            assert not entry.layer or address.startswith(entry.layer + "/")
            if entry.layer in view.layers:
                assert view.layers[entry.layer].class_name == entry.layer_class

    def test_layers_count_what_lies_below_them(self) -> None:
        """Each array once, however many addresses it has."""
        for model in (self.make(), self.make_tied()):
            view = parametry.inspect(model)
            for address, layer in view.layers.items():
                below = [
                    entry
                    for entry in view.parameters.values()
                    if any(
                        name.startswith(address + "/") for name in (entry.address, *entry.aliases)
                    )
                ]
                assert layer.parameters == sum(entry.size for entry in below)
                assert layer.nbytes == sum(entry.nbytes for entry in below)
                assert layer.depth >= 1
                assert layer.uses >= 1

    def test_some_layer_lies_within_another(self) -> None:
        """And comes after it."""
        found = list(parametry.inspect(self.make()).layers)
        nested = [address for address in found if address.rpartition("/")[0] in found]
        assert nested
        for address in nested:
            assert found.index(address.rpartition("/")[0]) < found.index(address)

    def test_totals_count_each_array_once(self) -> None:
        """By role."""
        for model in (self.make(), self.make_tied()):
            view = parametry.inspect(model)
            arrays = [self.to_numpy(array) for array in self.arrays_of(model)]
            assert view.totals.parameters == sum(array.size for array in arrays)
            assert view.totals.nbytes == sum(array.nbytes for array in arrays)
            trainable = view.parameters.select(trainable=True)
            assert view.totals.trainable == sum(entry.size for entry in trainable.values())

    def test_every_layer_tells_its_class_among_the_hyperparameters(self) -> None:
        """At ``model/<address>/class``; the model's own at ``model/class``."""
        view = parametry.inspect(self.make())
        assert view.hyperparameters["model/class"].value == view.class_name
        for address, layer in view.layers.items():
            told = str(view.hyperparameters[f"model/{address}/class"].value)
            assert told.rpartition(".")[2] == layer.class_name

    def test_without_capture_nothing_is_called_explicit(self) -> None:
        """What could not be known is not guessed, and the record says so."""
        view = parametry.inspect(self.make())
        assert len(view.hyperparameters.explicit()) == 0
        assert view.coverage
