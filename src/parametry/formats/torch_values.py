"""What a torch pickle says, as inert data: names, objects, storages, tensors.

Nothing here is torch's. A class is its name, an object its class's name with the state that the
file gives, a tensor a view over a storage: where its bytes lie, not the bytes themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DTYPES",
    "STORAGE_DTYPES",
    "Fault",
    "Global",
    "Instance",
    "NumpyArray",
    "NumpyDtype",
    "Storage",
    "Tensor",
    "TorchDtype",
    "shape_of",
]


class Fault(ValueError):
    """What a pickle says cannot be; the machine that runs it adds the file and the offset."""


class TorchDtype(NamedTuple):
    """How values of a torch dtype are read.

    Attributes:
        name: The dtype of the array that is given, by NumPy's or ml_dtypes' name.
        itemsize: Bytes of one element in the file.
        note: What the array does not show, for dtypes that NumPy lacks; empty for all others.
    """

    name: str
    itemsize: int
    note: str = ""


_WHOLE_BYTES: Final = "has no NumPy dtype: its bytes are given as they are"
DTYPES: Final[dict[str, TorchDtype]] = {
    **{
        name: TorchDtype(name, np.dtype(name).itemsize)
        for name in (
            *("float64", "float32", "float16", "complex64", "complex128", "bool"),
            *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        )
    },
    "bfloat16": TorchDtype("bfloat16", 2),
    **{
        name: TorchDtype(name, 1)
        for name in (
            *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
            "float8_e8m0fnu",
        )
    },
    "complex32": TorchDtype("float16", 4, "is given as float16 with a last axis (real, imaginary)"),
    "qint8": TorchDtype("int8", 1, "is quantized: the stored integers are given"),
    "quint8": TorchDtype("uint8", 1, "is quantized: the stored integers are given"),
    "qint32": TorchDtype("int32", 4, "is quantized: the stored integers are given"),
    **{
        name: TorchDtype("uint8", 1, _WHOLE_BYTES)
        for name in (
            *("quint4x2", "quint2x4", "float4_e2m1fn_x2"),
            *("bits8", "bits1x8", "bits2x4", "bits4x2"),
            *(f"uint{width}" for width in range(1, 8)),
        )
    },
    **{f"int{width}": TorchDtype("int8", 1, _WHOLE_BYTES) for width in range(1, 8)},
    "bits16": TorchDtype("uint16", 2, _WHOLE_BYTES),
}
"""Every dtype of torch 2.13, by torch's name."""

STORAGE_DTYPES: Final[dict[str, str]] = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "BFloat16Storage": "bfloat16",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "QInt8Storage": "qint8",
    "QInt32Storage": "qint32",
    "QUInt8Storage": "quint8",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
    "_UntypedStorage": "uint8",
}
"""The dtype of a storage by its class, as files name it; an untyped one counts bytes."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name that a pickle mentions: a class or a function, neither imported nor called.

    Attributes:
        module: The module, as ``torch.nn.modules.linear``.
        name: The qualified name in it, as ``Linear``.
    """

    module: str
    name: str

    @property
    def path(self) -> str:
        """Both with a dot between."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a class that was not imported: what the file gives of it.

    Attributes:
        of: The class's name.
        args: What its ``__new__`` was to be given.
        state: What its ``__dict__`` was to be.
        items: Its items, for a subclass of dict.
        elements: Its elements, for a subclass of list.
    """

    of: Global
    args: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


class Storage(NamedTuple):
    """A run of bytes that tensors view.

    Attributes:
        key: What the file calls it.
        dtype: The torch dtype of its elements; ``uint8`` for an untyped one.
        nbytes: How long the pickle says that it is.
        start: Where it begins within the bytes of that key; not 0 for a view (legacy files).
    """

    key: str
    dtype: str
    nbytes: int
    start: int = 0


@dataclass(slots=True, eq=False)
class Tensor:
    """A tensor as a view over a storage; none of its values is read.

    Attributes:
        storage: The storage; None where the file holds no values for it in this form.
        dtype: torch's name of the dtype.
        shape: The lengths of its axes.
        stride: The step of each axis, in elements.
        offset: The first element in the storage, in elements.
        requires_grad: Whether gradients are to be taken.
        parameter: Whether it is an ``nn.Parameter`` rather than a plain tensor.
        conjugate: Whether values are stored as their complex conjugates.
        negative: Whether values are stored negated.
        subclass: The class that it is to become, if not ``torch.Tensor``.
        missing: Why the values cannot be given; empty where they can.
        parts: Tensors that it is made of (quantization scales, the values of a sparse one), and
            plain values beside them.
    """

    storage: Storage | None
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int = 0
    requires_grad: bool = False
    parameter: bool = False
    conjugate: bool = False
    negative: bool = False
    subclass: Global | None = None
    missing: str = ""
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class NumpyDtype:
    """A NumPy dtype on its way: its byte order comes after its code."""

    code: str
    order: str = "|"


@dataclass(slots=True, eq=False)
class NumpyArray:
    """A NumPy array that the pickle holds itself; filled once its state was given."""

    array: NDArray[Any] | None = None


# NumPy has no array of more axes; torch has no such limit and no such tensors either.
_MOST_AXES: Final = 64
_LARGEST: Final = 2**63 - 1


def shape_of(value: Any, what: str) -> tuple[int, ...]:
    """A shape or stride as a tuple of counts.

    Raises:
        Fault: It is no tuple or list of whole numbers from 0 on, or there are too many of them.

    Example:
        >>> shape_of([2, 3], "shape")
        (2, 3)
    """
    if not isinstance(value, (tuple, list)) or len(value) > _MOST_AXES:
        raise Fault(f"a tensor's {what} is no tuple of at most {_MOST_AXES} counts")
    for count in value:
        if type(count) is not int or not 0 <= count <= _LARGEST:
            raise Fault(f"a tensor's {what} holds what is no count from 0 to 2**63 - 1")
    return tuple(value)
