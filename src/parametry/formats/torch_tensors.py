"""What torch's functions that rebuild a tensor mean: each gives a view over a storage, no values.

The functions are those of ``torch/_utils.py``; their arguments are checked, and a view that goes
past the end of its storage is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from parametry.formats.torch_values import (
    DTYPES,
    STORAGE_DTYPES,
    Fault,
    Global,
    NumpyArray,
    Storage,
    Tensor,
    shape_of,
)

__all__ = [
    "buffer",
    "meta",
    "nested",
    "of_device",
    "of_numpy",
    "parameter",
    "quantized",
    "rebuilt",
    "rebuilt_2",
    "rebuilt_3",
    "set_state",
    "sparse",
    "storage_of",
    "wrapper",
]

MOST_EXPANDED: Final = 64 << 20
"""How many bytes a view may have that shows some elements of its storage more than once."""
_LARGEST: Final = 2**63 - 1


def storage_of(of: Any, key: Any, numel: Any) -> Storage:
    """The storage that a persistent id speaks of.

    Raises:
        Fault: Its class is no storage's, or its key or length cannot be.
    """
    if type(of) is not Global or not of.module.startswith("torch"):
        raise Fault("a storage's class is no class of torch")
    dtype = STORAGE_DTYPES.get(of.name)
    if dtype is None:
        raise Fault(f"{of.path!a} is no storage that is known")
    if type(key) is not str or type(numel) is not int or not 0 <= numel <= _LARGEST:
        raise Fault("a storage's key is no text, or its length no count")
    return Storage(key, dtype, numel * DTYPES[dtype].itemsize)


def rebuilt(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_tensor(storage, storage_offset, size, stride)``."""
    if len(args) < 4:
        raise Fault("it takes a storage, an offset, a size and a stride")
    return _view(args[0], None, *args[1:4])


def rebuilt_2(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)``."""
    if not 6 <= len(args) <= 7:
        raise Fault("it takes six or seven arguments")
    made = rebuilt(args)
    made.requires_grad = args[4] is True
    _set_metadata(made, args[6:])
    return made


def rebuilt_3(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_tensor_v3``: the same over an untyped storage, with the dtype after the hooks."""
    if not 7 <= len(args) <= 8:
        raise Fault("it takes seven or eight arguments")
    made = _view(args[0], _dtype(args[6]), *args[1:4])
    made.requires_grad = args[4] is True
    _set_metadata(made, args[7:])
    return made


def _set_metadata(made: Tensor, given: tuple[Any, ...]) -> None:
    if given and given[0]:
        if type(given[0]) is not dict or not set(given[0]) <= {"conj", "neg"}:
            raise Fault("its metadata says more than conj and neg")
        made.conjugate = given[0].get("conj") is True
        made.negative = given[0].get("neg") is True


def _dtype(given: Any) -> str:
    if type(given) is Global and given.module == "torch" and given.name in DTYPES:
        return given.name
    raise Fault("its dtype is none of torch's")


def _view(storage: Any, dtype: str | None, offset: Any, size: Any, stride: Any) -> Tensor:
    if type(storage) is not Storage:
        raise Fault("it is given no storage")
    shape, steps = shape_of(size, "shape"), shape_of(stride, "stride")
    if len(shape) != len(steps):
        raise Fault("its stride has another length than its shape")
    if type(offset) is not int or not 0 <= offset <= _LARGEST:
        raise Fault("its offset is no count")
    dtype = dtype or storage.dtype
    itemsize = DTYPES[dtype].itemsize
    count, last = 1, offset
    for length, step in zip(shape, steps, strict=True):
        count *= length
        last += (length - 1) * step
    if count and (last + 1) * itemsize > storage.nbytes:
        raise Fault(
            f"a view over bytes {offset * itemsize:,} to {(last + 1) * itemsize:,} of storage "
            f"{storage.key!r}, which has {storage.nbytes:,}"
        )
    nbytes = count * itemsize
    if nbytes > storage.nbytes and nbytes > MOST_EXPANDED:
        raise Fault(f"a view of {nbytes:,} bytes over a storage of {storage.nbytes:,}")
    return Tensor(storage, dtype, shape, steps, offset)


def parameter(args: tuple[Any, ...]) -> Tensor:
    """``Parameter(data, requires_grad)``, ``_rebuild_parameter(data, requires_grad, hooks)``."""
    if not args:
        raise Fault("it takes a tensor")
    if type(args[0]) is not Tensor:
        raise Fault("it is given what is no tensor")
    wanted = len(args) < 2 or args[1] is not False
    return replace(args[0], parameter=True, requires_grad=wanted)


def buffer(args: tuple[Any, ...]) -> Tensor:
    """``Buffer(data)``: the tensor."""
    if not args or type(args[0]) is not Tensor:
        raise Fault("it is given what is no tensor")
    return args[0]


def of_device(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad)``."""
    return replace(buffer(args), requires_grad=len(args) > 3 and args[3] is True)


def of_numpy(args: tuple[Any, ...]) -> NumpyArray:
    """``_rebuild_device_tensor_from_numpy(data, dtype, device, requires_grad)``: the array."""
    if not args or type(args[0]) is not NumpyArray:
        raise Fault("it is given what is no NumPy array")
    return args[0]


def quantized(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_qtensor(storage, offset, size, stride, quantizer, requires_grad, hooks)``."""
    if len(args) != 7 or type(args[4]) is not tuple or len(args[4]) not in (3, 4):
        raise Fault("it takes seven arguments, the fifth of them a tuple of three or four")
    made = _view(args[0], None, *args[1:4])
    scheme = args[4][0]
    if type(scheme) is not Global:
        raise Fault("its scheme is no name")
    names = (
        ("scale", "zero_point", "axis")
        if len(args[4]) == 3
        else (
            "scales",
            "zero_points",
            "axis",
        )
    )
    made.parts = {"scheme": scheme.name, **dict(zip(names, args[4][1:], strict=False))}
    made.requires_grad = args[5] is True
    return made


def sparse(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_sparse_tensor(layout, (indices, values, size, …))``: its parts, not its values."""
    if len(args) != 2 or type(args[1]) is not tuple or not 3 <= len(args[1]) <= 4:
        raise Fault("it takes a layout and a tuple of three or four")
    layout, data = args
    coordinates = len(data) == 3 or type(data[3]) in (bool, type(None))
    names = ("indices", "values") if coordinates else ("compressed", "plain", "values")
    found = dict(zip(names, data, strict=False))
    size = data[len(names)]
    values = found["values"]
    if not all(type(one) is Tensor for one in found.values()):
        raise Fault("its indices and values are no tensors")
    shape = shape_of(size, "shape")
    missing = (
        f"a sparse tensor (layout {layout!s:.40}), which is not spread out; its indices and values "
        "stand below it"
    )
    return Tensor(None, values.dtype, shape, (), missing=missing, parts=found)


def nested(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_nested_tensor(buffer, sizes, strides, offsets)``: the buffer and its sizes."""
    if len(args) != 4 or not all(type(one) is Tensor for one in args):
        raise Fault("it takes four tensors")
    parts = dict(zip(("values", "sizes", "strides", "offsets"), args, strict=True))
    missing = "a nested tensor: its values and sizes stand below it"
    return Tensor(None, args[0].dtype, (), (), missing=missing, parts=parts)


def meta(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)``."""
    if len(args) != 4:
        raise Fault("it takes four arguments")
    shape, stride = shape_of(args[1], "shape"), shape_of(args[2], "stride")
    missing = "a tensor on the meta device, which has no values"
    return Tensor(None, _dtype(args[0]), shape, stride, 0, args[3] is True, missing=missing)


def wrapper(args: tuple[Any, ...]) -> Tensor:
    """``_rebuild_wrapper_subclass(cls, dtype, size, …)``: a tensor that keeps values elsewhere."""
    if len(args) < 8 or type(args[0]) is not Global:
        raise Fault("it takes a class and seven more arguments")
    missing = (
        f"a {args[0].name:.60}, which keeps its values in its own way: what it holds stands below"
    )
    made = Tensor(None, _dtype(args[1]), shape_of(args[2], "shape"), (), missing=missing)
    made.subclass, made.requires_grad = args[0], args[7] is True
    return made


def set_state(tensor: Tensor, state: Any) -> None:
    """A tensor's state: ``(requires_grad, volatile, hooks)`` of old parameters.

    Raises:
        Fault: It is of another form.
    """
    if type(state) is tuple and len(state) == 3 and type(state[0]) is bool:
        tensor.requires_grad = state[0]
    elif type(state) is not dict:
        raise Fault("the pickle sets a tensor's state to what is none")
