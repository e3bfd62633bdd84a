"""One layer of a model: what it is, how large, and how often it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parametry.core.value import Plain, to_json_value

__all__ = ["Layer"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, a nested model, an RNN cell: a node of the model's tree.

    Attributes:
        address: Its canonical address; empty for the root.
        class_name: The class's name, as ``Dense``.
        native_name: What the framework calls it.
        built: Whether its parameters exist.
        uses: How often the model uses it; more than 1 for a shared layer.
        aliases: Other addresses that lead to it.
        parameters: How many elements its own parameters have, those of its sublayers included and
            shared ones counted once.
        nbytes: Their size in bytes.
        depth: How many layers it lies within; 0 for the root.
        shapes: Works out the input and output shape when asked; part of no comparison.
    """

    address: str
    class_name: str
    native_name: str
    built: bool
    uses: int
    aliases: tuple[str, ...]
    parameters: int
    nbytes: int
    depth: int
    shapes: Callable[[], tuple[Plain, Plain]] = field(repr=False, compare=False)
    native: Any = field(repr=False, compare=False)

    @property
    def input_shape(self) -> Plain:
        """The shape of its input as a list, None where unknown; nested for several inputs."""
        return self.shapes()[0]

    @property
    def output_shape(self) -> Plain:
        """The shape of its output as a list, None where unknown; nested for several outputs."""
        return self.shapes()[1]

    def to_dict(self) -> dict[str, Any]:
        """The layer as JSON-ready data."""
        input_shape, output_shape = self.shapes()
        return {
            "class": self.class_name,
            "native_name": self.native_name,
            "built": self.built,
            "uses": self.uses,
            "aliases": list(self.aliases),
            "parameters": self.parameters,
            "nbytes": self.nbytes,
            "input_shape": to_json_value(input_shape),
            "output_shape": to_json_value(output_shape),
        }
