"""What an initializer is: values for one place in a model, from that place and a seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from parametry.core.value import Plain

__all__ = ["Initializer", "Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """The place that values are made for.

    Attributes:
        address: The parameter's canonical address; with the seed it decides the random bits.
        shape: Its shape.
        dtype: Its dtype's name, as ``float32`` or ``bfloat16``.
        layer_class: The class of the layer that holds it, as ``Conv2D``.
        name: What the layer calls it, as ``kernel`` or ``recurrent_kernel``.
        fan_in: How many inputs each output sums over.
        fan_out: How many outputs each input reaches.
    """

    address: str
    shape: tuple[int, ...]
    dtype: str
    layer_class: str
    name: str
    fan_in: float
    fan_out: float


@runtime_checkable
class Initializer(Protocol):
    """Makes initial values; equal seed and place give equal bytes, on any machine."""

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """A new C-contiguous array of the site's shape and dtype."""
        ...

    def to_plain(self) -> dict[str, Plain]:
        """The initializer as plain data: ``{"class": "RandomNormal", "mean": 0.0, ...}``."""
        ...
