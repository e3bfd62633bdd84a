"""One parameter: an array that a model holds, with its address, and access to its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parametry.core.dtype import bits, cast
from parametry.core.provenance import Provenance, forget
from parametry.core.value import Plain, to_json_value
from parametry.errors import ShapeMismatch

__all__ = ["Parameter", "Role", "Store"]

Role: TypeAlias = Literal["trainable", "frozen", "state", "optimizer"]


class Store(Protocol):
    """Where a parameter's values are: a framework's variable, later a file's bytes.

    What it answers is read when asked for, so it follows training.
    """

    def read(self) -> NDArray[Any]:
        """A copy of the values, in the parameter's own dtype."""
        ...

    def write(self, array: NDArray[Any]) -> None:
        """Set all values; the array has the right shape and dtype and is not kept."""
        ...

    def declared(self) -> dict[str, Plain]:
        """What the layer declared: ``initializer``, ``regularizer``, ``constraint``."""
        ...

    def provenance(self) -> Provenance | None:
        """Where the initial values came from; None where nobody said."""
        ...

    @property
    def native(self) -> Any:
        """The framework's own object."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """An array that the model holds: a trained weight, or state such as a moving mean.

    Attributes:
        address: The canonical address, as ``encoder/dense_1/kernel``.
        native_name: What the framework calls it.
        shape: Its shape.
        dtype: The dtype's name, as ``float32`` or ``bfloat16``.
        role: ``trainable``; ``frozen`` (a weight that training leaves alone for now); ``state``
            (updated otherwise than by gradients, or fixed by design); ``optimizer`` (a slot).
        layer: The address of the layer that holds it; empty for the root model.
        layer_class: That layer's class, as ``Dense``.
        aliases: Other addresses that lead to the same array.
        transposed: Those of the aliases that see it transposed.

    Example:
        >>> import numpy as np
        >>> parameter.shape                                          # doctest: +SKIP
        (4, 8)
        >>> parameter.assign(np.zeros(parameter.shape, "float32"))   # doctest: +SKIP
    """

    address: str
    native_name: str
    shape: tuple[int, ...]
    dtype: str
    role: Role
    layer: str
    layer_class: str
    store: Store = field(repr=False)
    aliases: tuple[str, ...] = ()
    transposed: frozenset[str] = frozenset()

    @property
    def trainable(self) -> bool:
        """Whether training's gradient changes it now."""
        return self.role == "trainable"

    @property
    def size(self) -> int:
        """How many elements it has."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Its size in bytes; a dtype narrower than a byte counts packed."""
        return (self.size * bits(self.dtype) + 7) // 8

    @property
    def native(self) -> Any:
        """The framework's own object: a Keras variable, a torch tensor."""
        return self.store.native

    @property
    def initializer(self) -> Plain:
        """The declared initializer, as ``{"class": "GlorotUniform", "seed": None}``, or None."""
        return self.store.declared().get("initializer")

    @property
    def regularizer(self) -> Plain:
        """The declared regularizer as plain data, or None."""
        return self.store.declared().get("regularizer")

    @property
    def constraint(self) -> Plain:
        """The declared constraint as plain data, or None."""
        return self.store.declared().get("constraint")

    @property
    def provenance(self) -> Provenance | None:
        """What of parametry's made the initial values: `initialize`, `reset` or `load`, or None.

        It is of the values that training began with; `assign` puts others in their place, and
        then there is none.
        """
        return self.store.provenance()

    def numpy(self) -> NDArray[Any]:
        """A copy of the values: writing to it does not change the model.

        Raises:
            ValueUnavailable: The framework cannot give the value now, as inside a compiled step.
        """
        return self.store.read()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """A copy of the values, for ``numpy.asarray(parameter)``."""
        if copy is False:
            raise ValueError(
                f"{self.address} cannot be given without a copy\n"
                "hint: leave out copy=False, or use parameter.native for the framework's object"
            )
        array = self.store.read()
        return array if dtype is None else array.astype(dtype, copy=False)

    def assign(self, values: ArrayLike) -> None:
        """Set all values of this parameter, and so of its aliases.

        Args:
            values: An array of the same shape; cast within its kind (float64 to float32), copied.

        Raises:
            ShapeMismatch: The shape differs; there is no broadcasting.
            DtypeMismatch: The kind differs (integers for floats) or a value overflows. Nothing is
                changed then.
        """
        array = np.asarray(values)
        if array.shape != self.shape:
            hint = "give an array of that very shape; nothing is broadcast"
            if array.T.shape == self.shape:
                hint = "it would fit transposed: assign(array.T)"
            elif array.size == self.size:
                hint = f"it would fit reshaped: assign(array.reshape({self.shape}))"
            elif array.ndim == 0:
                hint = f"fill it: assign(numpy.full({self.shape}, value, {self.dtype!r}))"
            raise ShapeMismatch(
                f"{self.address} has the shape {self.shape}, the array given has {array.shape}",
                hint=hint,
            )
        self.store.write(cast(array, self.dtype, address=self.address))
        forget(self.native)

    def __eq__(self, other: object) -> bool:
        """Whether address, shape, dtype, role and every bit of the values are equal; reads both."""
        if not isinstance(other, Parameter):
            return NotImplemented
        return (
            self.address == other.address
            and self.shape == other.shape
            and self.dtype == other.dtype
            and self.role == other.role
            and self.numpy().tobytes() == other.numpy().tobytes()
        )

    def __hash__(self) -> int:
        """By address, since values change."""
        return hash(self.address)

    def to_dict(self) -> dict[str, Any]:
        """What is known of it as JSON-ready data; the values are not part of it."""
        out: dict[str, Any] = {
            "shape": list(self.shape),
            "dtype": self.dtype,
            "trainable": self.trainable,
            "role": self.role,
            "nbytes": self.nbytes,
            "layer": self.layer,
            "layer_class": self.layer_class,
            "native_name": self.native_name,
            "aliases": list(self.aliases),
        }
        for name, value in self.store.declared().items():
            if value is not None:
                out[name] = to_json_value(value)
        if (provenance := self.provenance) is not None:
            out["provenance"] = {k: to_json_value(v) for k, v in provenance.to_dict().items()}
        return out
