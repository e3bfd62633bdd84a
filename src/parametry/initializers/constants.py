"""Values that are the same everywhere, and the identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import cast, kind, numpy_dtype
from parametry.core.initializer import Site
from parametry.core.value import Plain
from parametry.errors import RuleError
from parametry.initializers.limits import finite

__all__ = ["Constant", "Identity", "Ones", "Zeros", "constant", "identity", "ones", "zeros"]


@dataclass(frozen=True, slots=True)
class Zeros:
    """All values are 0."""

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Zeros, of any dtype that has one."""
        return _full(site, 0)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Zeros"}``."""
        return {"class": "Zeros"}


@dataclass(frozen=True, slots=True)
class Ones:
    """All values are 1."""

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """Ones, of any dtype."""
        return _full(site, 1)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Ones"}``."""
        return {"class": "Ones"}


@dataclass(frozen=True, slots=True)
class Constant:
    """All values are one number.

    Attributes:
        value: The number; whole for integer dtypes, 0 or 1 for bool.
    """

    value: float

    def __post_init__(self) -> None:
        """Check the number."""
        if not isinstance(self.value, (bool, int)):
            object.__setattr__(self, "value", finite("value", self.value))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The number everywhere, rounded to the site's dtype.

        Raises:
            RuleError: The dtype is an integer one or bool and cannot hold the number.
            DtypeMismatch: The number is beyond the dtype's range.
        """
        return _full(site, self.value)

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Constant", "value": …}``."""
        return {"class": "Constant", "value": self.value}


@dataclass(frozen=True, slots=True)
class Identity:
    """A number on the main diagonal, zeros elsewhere.

    Attributes:
        gain: The number on the diagonal.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "gain", finite("gain", self.gain))

    def values(self, site: Site, seed: int) -> NDArray[Any]:
        """The scaled identity; what goes beyond the square part of a matrix is zero.

        Raises:
            RuleError: The shape is not that of a matrix.
        """
        if len(site.shape) != 2:
            raise RuleError(
                f"{site.address} has the shape {site.shape}: an identity is a matrix",
                hint="dirac() is the identity of a convolution",
            )
        out = _full(site, 0)
        np.fill_diagonal(out, _full(site, self.gain, shape=()))
        return out

    def to_plain(self) -> dict[str, Plain]:
        """``{"class": "Identity", "gain": …}``."""
        return {"class": "Identity", "gain": self.gain}


def _full(site: Site, value: float, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """An array of one number, which must be one of the dtype's."""
    shape = site.shape if shape is None else shape
    dtype = numpy_dtype(site.dtype)
    one: NDArray[Any] = np.array(value)
    match kind(dtype):
        case "bool" if value in (0, 1):
            one = one.astype(bool)
        case "integer" if value == int(value):
            one = np.array(int(value))
        case "float":
            one = np.array(float(value))
        case "complex":
            one = np.array(complex(value))
        case _:
            raise RuleError(
                f"{site.address} is {site.dtype}, which cannot hold {value!r}",
                hint="give a value of its kind, or name fewer parameters in the pattern",
            )
    return np.full(shape, cast(one, site.dtype, address=site.address))


def zeros() -> Zeros:
    """All values 0, as biases usually start.

    Example:
        >>> from parametry.core.initializer import Site
        >>> zeros().values(Site("dense/bias", (2,), "float32", "Dense", "bias", 2, 2), seed=0)
        array([0., 0.], dtype=float32)
    """
    return Zeros()


def ones() -> Ones:
    """All values 1, as scales usually start.

    Example:
        >>> from parametry.core.initializer import Site
        >>> ones().values(Site("norm/gamma", (2,), "int8", "X", "gamma", 2, 2), seed=0)
        array([1, 1], dtype=int8)
    """
    return Ones()


def constant(value: float) -> Constant:
    """All values one number.

    Args:
        value: The number; whole for integer dtypes, 0 or 1 for bool.

    Raises:
        RuleError: It is no finite number.

    Example:
        >>> from parametry.core.initializer import Site
        >>> constant(0.5).values(Site("a/b", (2,), "float16", "X", "b", 2, 2), seed=0)
        array([0.5, 0.5], dtype=float16)
    """
    return Constant(value)


def identity(gain: float = 1.0) -> Identity:
    """``gain`` times the identity matrix: a linear layer that starts by passing its input on.

    With a recurrent kernel and ReLU this is the IRNN.

    Args:
        gain: The number on the diagonal.

    Raises:
        RuleError: It is no finite number.

    Example:
        >>> from parametry.core.initializer import Site
        >>> identity(2).values(Site("a/kernel", (2, 3), "float32", "Dense", "kernel", 2, 3), seed=0)
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)

    Source: Quoc V. Le, Navdeep Jaitly, Geoffrey E. Hinton, "A Simple Way to Initialize Recurrent
    Networks of Rectified Linear Units", arXiv:1504.00941.
    """
    return Identity(gain)
