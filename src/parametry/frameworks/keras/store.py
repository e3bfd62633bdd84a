"""A Keras variable as a place of values: read as a copy, written through a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.conventions.arguments import declared_names
from parametry.core.dtype import numpy_dtype
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance, recall
from parametry.core.value import Plain
from parametry.errors import ValueUnavailable

__all__ = ["GoneStore", "VariableStore", "borrowed", "to_numpy"]


class VariableStore:
    """The values of one Keras variable, and what its layer declared of it.

    Args:
        variable: The ``keras.Variable``, or Keras 2's ``tf.Variable``.
        layer: The layer that holds it.
        address: Its canonical address.
        others: Other layers that hold it too.

    Attributes:
        layer: The layer that holds it.
        others: Other layers that hold it too.
    """

    __slots__ = ("_address", "_variable", "layer", "others")

    def __init__(
        self, variable: Any, layer: Any, address: str, others: tuple[Any, ...] = ()
    ) -> None:
        self._variable = variable
        self.layer = layer
        self._address = address
        self.others = others

    @property
    def native(self) -> Any:
        """The ``keras.Variable``, or Keras 2's ``tf.Variable``."""
        return self._variable

    def read(self) -> NDArray[Any]:
        """A copy of the values in the variable's own dtype, bfloat16 and float8 included."""
        self._must_be_there("read")
        try:
            return to_numpy(self._held())
        except Exception as error:
            raise ValueUnavailable(
                f"{self._address} cannot be read at this moment: {type(error).__name__}: {error}",
                hint="read it outside of compiled functions and stateless scopes",
            ) from error

    def view(self) -> NDArray[Any] | None:
        """The values without a copy, to be looked at before anything else is done with them.

        None where the backend gives no such (TensorFlow, an accelerator, torch's own dtypes).
        """
        value: Any = self._held()
        root = type(value).__module__.partition(".")[0]
        if root in ("jax", "jaxlib"):
            return np.asarray(value)
        if root == "torch" and value.device.type == "cpu":
            name = str(value.dtype).removeprefix("torch.")
            if numpy_dtype(name).isbuiltin == 1:
                return np.asarray(value.detach().numpy())
        return None

    def _held(self) -> Any:
        """What the variable holds: within a stateless scope, what that has in its place."""
        held = getattr(self._variable, "_value", self._variable)
        in_jax = type(held).__module__.partition(".")[0] in ("jax", "jaxlib")
        return self._variable.value if in_jax else held

    def _must_be_there(self, what: str) -> None:
        if getattr(self._variable, "_value", self._variable) is None:
            raise ValueUnavailable(
                f"{self._address} has no value at this moment: the JAX backend takes the values "
                "out of the variables while fit runs",
                hint=f"{what} it before or after fit, or in a callback's on_epoch_end",
            )

    def write(self, array: NDArray[Any]) -> None:
        """Set all values. The framework gets an array of its own: JAX may share a buffer else."""
        self._must_be_there("assign")
        value = getattr(self._variable, "_value", None)
        in_torch = type(value).__module__.partition(".")[0] == "torch"
        if in_torch and array.dtype.isbuiltin != 1:
            self._variable.assign(self._torch_from_bits(array))
        else:
            self._variable.assign(array.copy())

    @staticmethod
    def _torch_from_bits(array: NDArray[Any]) -> Any:
        """A tensor of a dtype that NumPy does not have itself: torch takes its bits alone."""
        import torch

        bits = array.copy().view(f"int{array.dtype.itemsize * 8}")
        return torch.from_numpy(bits).view(getattr(torch, array.dtype.name))

    def declared(self) -> dict[str, Plain]:
        """The initializer, regularizer and constraint that the layer or variable declares."""
        from parametry.frameworks.keras.describe import summary

        out: dict[str, Plain] = {}
        # The last part of the address may be the path of an attribute instead of the name.
        own = str(self._variable.name).rpartition("/")[2].partition(":")[0]
        for what in ("initializer", "regularizer", "constraint"):
            found = getattr(self._variable, what, None) if what != "initializer" else None
            if found is None:
                found = self._of_layer(own, what)
            out[what] = None if found is None else summary(found)
        return out

    def provenance(self) -> Provenance | None:
        """Where the initial values came from; None where nobody said."""
        return recall(self._variable)

    def _of_layer(self, variable: str, what: str) -> Any:
        for layer in (self.layer, *self.others):
            stored = getattr(layer, "__dict__", {})
            for name in declared_names(variable, what):
                if stored.get(name) is not None:
                    return stored[name]
        return None


def to_numpy(value: Any) -> NDArray[Any]:
    """A copy of a backend's tensor, or of a variable, as a NumPy array of the same dtype."""
    return np.array(borrowed(value))


def borrowed(value: Any) -> NDArray[Any]:
    """A backend's tensor, or a variable, as a NumPy array that shares its memory where it can.

    It is to be read at once, before the next step, and never written to.
    """
    if type(value).__module__.partition(".")[0] == "torch":
        return _torch_numpy(value)
    if hasattr(value, "numpy"):
        # A variable of TensorFlow's own gives a copy, the tensor that it holds does not.
        is_own = callable(getattr(type(value), "value", None))
        if is_own or hasattr(value, "assign"):
            value = value.value() if is_own else value.numpy()
    return np.asarray(value)


def _torch_numpy(value: Any) -> NDArray[Any]:
    import torch

    tensor = value.detach().cpu()
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "bfloat16" or name.startswith("float8"):
        # torch gives these to NumPy in no other way; the bits are taken as they are.
        integer = torch.int16 if name == "bfloat16" else torch.int8
        bits: NDArray[Any] = tensor.contiguous().view(integer).numpy()
        return bits.view(numpy_dtype(name))
    array: NDArray[Any] = tensor.numpy()
    return array


class GoneStore:
    """Stands for the values of a model that no longer exists."""

    __slots__ = ("_address", "_declared", "_model", "_provenance")

    def __init__(
        self,
        model: str,
        address: str = "",
        declared: dict[str, Plain] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self._model = model
        self._address = address
        self._declared = declared or {}
        self._provenance = provenance

    def of(self, parameter: Parameter) -> GoneStore:
        """The store of one parameter, from what is known of it while it lives."""
        known = parameter.store
        return GoneStore(self._model, parameter.address, known.declared(), known.provenance())

    @property
    def native(self) -> Any:
        """None: the framework's object is gone."""
        return None

    def read(self) -> NDArray[Any]:
        """Raises: there is nothing to read."""
        raise self._gone()

    def write(self, array: NDArray[Any]) -> None:
        """Raises: there is nothing to write to."""
        raise self._gone()

    def _gone(self) -> ValueUnavailable:
        return ValueUnavailable(
            f"{self._address} of model {self._model!r} has no values: the model itself is gone, "
            "this is what was known of it",
            hint="inspect the model while the program still holds it",
        )

    def declared(self) -> dict[str, Plain]:
        """The initializer, regularizer and constraint, as they were."""
        return self._declared

    def provenance(self) -> Provenance | None:
        """Where the initial values came from, as it was known."""
        return self._provenance
