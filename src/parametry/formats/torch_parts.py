"""What a torch file turns out to hold: arrays, slots, layers, and values by address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from parametry.conventions.variable_names import is_state
from parametry.core.address import join, part
from parametry.core.coverage import Gap
from parametry.core.parameter import Role
from parametry.core.value import key_text
from parametry.errors import FormatError
from parametry.formats.torch_values import DTYPES, NumpyArray, Tensor

__all__ = ["Array", "Parts", "address_of_key", "arrays_below", "holds_array", "role_of"]

MOST_ARRAYS: Final = 500_000
"""How many arrays one file may hold, each under one address."""
DEEPEST: Final = 200
"""How deeply containers or modules may lie within each other."""
_TRAINED: Final = frozenset(
    {"float64", "float32", "float16", "bfloat16", "complex32", "complex64", "complex128"}
)


# What of a tensor's parts holds its values; the others (indices, scales) are book-keeping.
_VALUES: Final = frozenset({"values", "local_tensor"})


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a torch file, with what is known of its place.

    Attributes:
        name: What torch calls it, as ``layers.0.weight``.
        address: Its address, as ``layers/0/weight``.
        value: The tensor or array.
        role: Its role.
        layer: The address of its layer; None where the address tells it.
    """

    name: str
    address: str
    value: Tensor | NumpyArray
    role: Role
    layer: str | None = None


@dataclass(slots=True)
class Parts:
    """What a file holds, as it is found.

    Attributes:
        arrays: Parameters and the optimizer's slots in the file's order.
        layers: The class of each layer, by address.
        values: All else, by the address of a hyperparameter.
        gaps: What is not shown, and why.
        class_name: The root model's class.
    """

    arrays: list[Array] = field(default_factory=list)
    layers: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    class_name: str = ""

    def add(self, array: Array) -> None:
        """Add an array, and what it is made of: the scales of a quantized one.

        Raises:
            FormatError: There are too many.
        """
        if len(self.arrays) >= MOST_ARRAYS:
            raise FormatError(f"it holds more than {MOST_ARRAYS:,} arrays", address=array.address)
        value = array.value
        if isinstance(value, NumpyArray):
            if value.array is None or value.array.dtype.kind not in "biufc":
                self.gaps.append(Gap(array.address, "a NumPy array of no numbers is not shown"))
            else:
                self.arrays.append(array)
            return
        if value.storage is None:
            self.gaps.append(Gap(array.address, f"not shown: it is {value.missing}"))
        else:
            self.arrays.append(array)
            if DTYPES[value.dtype].note:
                self.gaps.append(Gap(array.address, f"{value.dtype} {DTYPES[value.dtype].note}"))
        for name, inner in value.parts.items():
            below = f"{array.address}/{part(name)}"
            if isinstance(inner, Tensor):
                role = array.role if array.role == "optimizer" or name in _VALUES else "state"
                self.add(Array(f"{array.name}.{name}", below, inner, role, array.layer))
            else:
                self.values[join("model", below)] = inner


def address_of_key(key: str) -> str:
    """The address of a state dict's key: the names of attributes, taken apart at the dots.

    Example:
        >>> address_of_key("layers.0.weight")
        'layers/0/weight'
    """
    return "/".join(map(part, key.split(".")))


def role_of(name: str, tensor: Tensor | NumpyArray) -> Role:
    """The role of a state dict's entry.

    A ``Parameter`` says whether it is trained. A plain tensor, as state dicts hold, says nothing:
    numbers that no gradient can reach, and what torch.nn calls its own buffers, are state.
    """
    if isinstance(tensor, NumpyArray):
        kind = "" if tensor.array is None else tensor.array.dtype.kind
        return "state" if is_state(name.rpartition(".")[2]) or kind not in "fc" else "trainable"
    if tensor.parameter:
        return "trainable" if tensor.requires_grad else "frozen"
    if is_state(name.rpartition(".")[2]):
        return "state"
    quantized = tensor.dtype.startswith(("qint", "quint", "float8", "float4"))
    return "trainable" if tensor.dtype in _TRAINED or quantized else "state"


def holds_array(value: Any) -> bool:
    """Whether a value is an array or a container that holds one; each container is met once."""
    met: set[int] = set()
    waiting = [value]
    while waiting:
        found = waiting.pop()
        kind = type(found)
        if kind in (Tensor, NumpyArray):
            return True
        if kind in (dict, list, tuple) and id(found) not in met:
            met.add(id(found))
            waiting.extend(found.values() if kind is dict else found)
    return False


def arrays_below(
    value: Any, name: str, address: str
) -> Iterator[tuple[str, str, Tensor | NumpyArray | Any]]:
    """Each leaf of nested containers in order, with the name and the address that lead to it.

    Args:
        value: A dict, list or tuple, or a leaf.
        name: The name that leads to it, with dots between.
        address: The address that leads to it.

    Raises:
        FormatError: The containers lie within themselves, or too deeply.
    """
    waiting: list[tuple[str, str, Any, int]] = [(name, address, value, 0)]
    while waiting:
        name, address, found, depth = waiting.pop()
        kind = type(found)
        if kind not in (dict, list, tuple):
            yield name, address, found
            continue
        if depth > DEEPEST:
            raise FormatError(f"containers lie more than {DEEPEST} deep", address=address[:500])
        if len(waiting) + len(found) > 2 * MOST_ARRAYS:
            raise FormatError("containers hold too many items", address=address[:500])
        pairs = found.items() if kind is dict else enumerate(found)
        items = [
            (
                f"{name}.{key_text(key)}" if name else key_text(key),
                join(address, address_of_key(key_text(key))),
                item,
                depth + 1,
            )
            for key, item in pairs
            if key is None or type(key) in (str, int, float, bool)
        ]
        waiting.extend(reversed(items))
