"""The identity of a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.constants import Zeros
from parametry.initializers.limits import whole

__all__ = ["Dirac", "dirac"]

_DEPTHWISE: Final = "depthwise_kernel"


@dataclass(frozen=True, slots=True)
class Dirac:
    """Ones where they make a convolution pass its input on, zeros elsewhere.

    Attributes:
        groups: The convolution's groups.
    """

    groups: int = 1

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "groups", whole("groups", self.groups))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The kernel.

        Raises:
            RuleError: The shape is not that of a convolution's kernel in one to three dimensions,
                or its outputs cannot be parted into the groups.
        """
        if not 3 <= len(site.shape) <= 5:
            raise RuleError(
                f"{site.address} has the shape {site.shape}: a convolution's kernel has 3 "
                f"to 5 axes",
                hint="identity() is for matrices",
            )
        *spatial, inputs, outputs = site.shape
        if outputs % self.groups:
            raise RuleError(
                f"{site.address} has {outputs} outputs, which {self.groups} groups cannot share",
                hint="groups is the layer's own",
            )
        out = Zeros().values(site, seed)
        if out.size == 0:
            return out
        # The tap that stands on the output's own place, with padding="same".
        centre = out[tuple((size - 1) // 2 for size in spatial)]
        if site.name == _DEPTHWISE or site.layer_class.startswith("Depthwise"):
            centre[...] = 1
            return out
        each = outputs // self.groups
        through = np.arange(min(inputs, each))
        for group in range(self.groups):
            centre[through, group * each + through] = 1
        return out

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Dirac", "groups": …}``."""
        return {"class": "Dirac", "groups": self.groups}


def dirac(groups: int = 1) -> Dirac:
    """The delta of a convolution: output ``i`` is input ``i``, as far as there are both.

    1 at the centre tap of input ``i`` and output ``i``, within each group; 0 elsewhere. With
    ``padding="same"`` and stride 1 the layer then passes its input on. A depthwise kernel has a 1
    at the centre of every channel. Kernels are laid out as Keras's: space, inputs, outputs.

    Args:
        groups: The convolution's groups.

    Raises:
        RuleError: It is no positive integer.

    Example:
        >>> from parametry.core.initializer import Site
        >>> site = Site("conv/kernel", (3, 1, 1), "float32", "Conv1D", "kernel", 3, 3)
        >>> dirac().values(site, seed=0).ravel()
        array([0., 1., 0.], dtype=float32)

    Source: Sergey Zagoruyko, Nikos Komodakis, "DiracNets: Training Very Deep Neural Networks
    Without Skip-Connections", arXiv:1706.00388; as ``torch.nn.init.dirac_``.
    """
    return Dirac(groups)
