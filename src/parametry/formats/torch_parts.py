"""What a torch file turns out to hold: arrays, slots, layers, and values by address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from parametry.conventions.variable_names import is_state
from parametry.core.address import join, part
from parametry.core.coverage import Gap
from parametry.core.parameter import Role
from parametry.core.value import key_text
from parametry.errors import FormatError
from parametry.formats.torch_values import DTYPES, NumpyArray, Tensor

__all__ = ["Array", "Parts", "address_of_key", "holds_array", "role_of"]

MOST_ITEMS: Final = 250_000
"""How many arrays and other items one file may hold, each counted wherever it stands."""
MOST_VALUES: Final = 20_000
"""How many values beside its arrays are shown."""
LONGEST_ADDRESS: Final = 8_192
DEEPEST: Final = 200
"""How deeply containers or modules may lie within each other."""
_TRAINED: Final = frozenset(
    {"float64", "float32", "float16", "bfloat16", "complex32", "complex64", "complex128"}
)


_TOO_MANY: Final = f"more than {MOST_VALUES:,} values beside the arrays: the rest is not shown"
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
    _met: int = 0

    def add(self, array: Array) -> None:
        """Add an array, and what it is made of: the scales of a quantized one.

        Raises:
            FormatError: It cannot be laid out.
        """
        if len(array.address) > LONGEST_ADDRESS:
            raise FormatError("an address is too long", address=array.address[:80] + "…")
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
                if inner.parts:
                    raise FormatError("it is made of what is made of others", address=below)
                role = array.role if array.role == "optimizer" or name in _VALUES else "state"
                self.add(Array(f"{array.name}.{name}", below, inner, role, array.layer))
            else:
                self.put(join("model", below), inner)

    def put(self, address: str, value: Any) -> None:
        """Add what is to become a hyperparameter; of more than 20,000, a gap says so."""
        if len(self.values) < MOST_VALUES:
            self.values[address] = value
        elif not any(gap.reason == _TOO_MANY for gap in self.gaps):
            self.gaps.append(Gap(address, _TOO_MANY))

    def put_all(self, values: Mapping[str, Any]) -> None:
        """Add several."""
        for address, value in values.items():
            self.put(address, value)

    def enter(self, address: str, depth: int, count: int = 1) -> None:
        """Count items of containers and modules before they are walked.

        Raises:
            FormatError: They are too many, or too deep, as when they lie within themselves.
        """
        self._met += count
        if depth > DEEPEST or len(address) > LONGEST_ADDRESS or self._met > MOST_ITEMS:
            raise FormatError(
                f"what it holds lies more than {DEEPEST} deep, or is more than {MOST_ITEMS:,} "
                "items, shared ones counted wherever they stand",
                address=address[:80] + "…",
            )

    def leaves(
        self, value: Any, name: str, address: str
    ) -> Iterator[tuple[str, str, Tensor | NumpyArray | Any]]:
        """Each leaf of nested containers in order, with the name and the address that lead to it.

        Args:
            value: A dict, list or tuple, or a leaf.
            name: The name that leads to it, with dots between.
            address: The address that leads to it.

        Raises:
            FormatError: The containers lie within themselves or too deeply, or hold too much.
        """
        waiting: list[tuple[str, str, Any, int]] = [(name, address, value, 0)]
        while waiting:
            name, address, found, depth = waiting.pop()
            kind = type(found)
            if kind not in (dict, list, tuple):
                yield name, address, found
                continue
            self.enter(address, depth, len(found))
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
