"""The names that a torch pickle may mention, and what each builds: the exact allow-list.

A name is never imported. What the file asks to *call* is looked up in `_CALLS`, a table of
functions of our own (`parametry.formats.torch_tensors`, `parametry.formats.torch_plain`) that check
their arguments and give inert data; what is not in it is refused. A class whose object is made
without a call (``NEWOBJ``, as every module of a whole pickled model) becomes an `Instance`: its
name and its state. Names of Python's own library are refused at sight but for those listed here,
and so are torch's and NumPy's where an object is to be made of what is a function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from parametry.formats import torch_plain as plain
from parametry.formats import torch_tensors as tensors
from parametry.formats.torch_values import Fault, Global, Instance, NumpyArray, NumpyDtype, Tensor

__all__ = ["build", "call", "instantiate", "resolve"]

_INERT: Final = "it was not imported and not called"


def _shown(found: Global) -> str:
    return ascii(found.path)[1:-1]


def _typed(args: tuple[Any, ...]) -> Any:
    """A tensor of a subclass, or with attributes: the tensor, and the name of the class."""
    if len(args) != 4 or type(args[1]) is not Global:
        raise Fault("it takes a function, a class, arguments and a state")
    function, of, inner, state = args
    if type(function) is not Global or not function.path.startswith("torch._utils._rebuild_"):
        raise Fault("it is given what is no function that makes a tensor")
    made = call(function, inner)
    if type(made) is Tensor and of.path not in ("torch.Tensor", "torch.nn.parameter.Parameter"):
        made.subclass = of
    if type(made) is Tensor and made.storage is None and type(state) is dict:
        # What a DTensor and its like are made of: the shard that this process held.
        held = {name: item for name, item in state.items() if type(item) is Tensor}
        made.parts = {str(name).strip("_"): item for name, item in held.items()}
    return made


def _reconstructed(args: tuple[Any, ...]) -> Instance:
    """``copyreg._reconstructor(cls, object, None)``: an object of protocol 0 and 1."""
    if len(args) != 3 or type(args[0]) is not Global:
        raise Fault("it takes a class, its base and a state")
    made = instantiate(args[0], ())
    if type(made) is not Instance:
        raise Fault(f"it is given {_shown(args[0])}")
    return made


_CALLS: Final[Mapping[str, Callable[[tuple[Any, ...]], Any]]] = {
    "torch._utils._rebuild_tensor": tensors.rebuilt,
    "torch._utils._rebuild_tensor_v2": tensors.rebuilt_2,
    "torch._utils._rebuild_tensor_v3": tensors.rebuilt_3,
    "torch._utils._rebuild_parameter": tensors.parameter,
    "torch._utils._rebuild_parameter_with_state": tensors.parameter,
    "torch._utils._rebuild_qtensor": tensors.quantized,
    "torch._utils._rebuild_sparse_tensor": tensors.sparse,
    "torch._utils._rebuild_sparse_csr_tensor": tensors.sparse,
    "torch._utils._rebuild_nested_tensor": tensors.nested,
    "torch._utils._rebuild_meta_tensor_no_storage": tensors.meta,
    "torch._utils._rebuild_wrapper_subclass": tensors.wrapper,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": tensors.of_device,
    "torch._utils._rebuild_device_tensor_from_numpy": tensors.of_numpy,
    "torch._utils._rebuild_xla_tensor": tensors.of_numpy,
    "torch._tensor._rebuild_from_type_v2": _typed,
    "torch._tensor._rebuild_from_type": _typed,
    "torch.nn.parameter.Parameter": tensors.parameter,
    "torch.nn.parameter.Buffer": tensors.buffer,
    "torch.Size": plain.tuple_of,
    "torch.device": plain.device,
    "torch.serialization._get_layout": plain.only_text,
    "torch.torch_version.TorchVersion": plain.only_text,
    "torch.jit._pickle.build_intlist": plain.first,
    "torch.jit._pickle.build_doublelist": plain.first,
    "torch.jit._pickle.build_boollist": plain.first,
    "torch.jit._pickle.build_tensorlist": plain.first,
    "torch.jit._pickle.restore_type_tag": plain.first,
    "collections.OrderedDict": plain.mapping,
    "collections.Counter": plain.mapping,
    "collections.defaultdict": plain.mapping_with_default,
    "collections.deque": plain.list_of,
    "builtins.set": plain.set_of,
    "builtins.frozenset": plain.set_of,
    "builtins.list": plain.list_of,
    "builtins.tuple": plain.tuple_of,
    "builtins.dict": plain.mapping,
    "builtins.bytearray": plain.bytes_of,
    "builtins.bytes": plain.bytes_of,
    "builtins.complex": plain.complex_of,
    "builtins.slice": plain.slice_of,
    "builtins.range": plain.range_of,
    "_codecs.encode": plain.encoded,
    "datetime.datetime": plain.date_and_time,
    "datetime.date": plain.date,
    "datetime.time": plain.time,
    "datetime.timedelta": plain.timedelta,
    "pathlib.PosixPath": plain.path,
    "pathlib.PurePosixPath": plain.path,
    "pathlib.WindowsPath": plain.path,
    "pathlib.PureWindowsPath": plain.path,
    "pathlib.Path": plain.path,
    "decimal.Decimal": plain.only_text,
    "fractions.Fraction": plain.only_text,
    "types.SimpleNamespace": lambda args: Instance(Global("types", "SimpleNamespace")),
    "copyreg._reconstructor": _reconstructed,
    **{
        f"numpy.{core}.{name}": function
        for core in ("core", "_core")
        for name, function in {
            "multiarray._reconstruct": plain.empty_array,
            "multiarray.scalar": plain.numpy_scalar,
            "numeric._frombuffer": plain.array_of_bytes,
        }.items()
    },
    "numpy.dtype": plain.numpy_dtype_of,
}
# Of Python's own library: classes of plain objects, and names that stand for themselves.
_PLAIN_NAMES: Final = frozenset(
    {f"builtins.{name}" for name in ("int", "float", "str", "bool", "object", "type", "NoneType")}
    | {f"typing.{name}" for name in ("Any", "Dict", "List", "Tuple", "Optional", "Union", "Set")}
    | {"argparse.Namespace", "types.SimpleNamespace", "uuid.UUID", "enum.Enum", "types.NoneType"}
)
_OLD_MODULES: Final = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "torch.tensor": "torch._tensor",
}
_OLD_NAMES: Final = {"xrange": "range", "long": "int", "unicode": "str"}
_OLD_LIBRARY: Final = frozenset(
    {"commands", "os2", "popen2", "__main__.__builtins__", "exceptions"}
)
_LIBRARIES: Final = frozenset({"torch", "numpy"})
_LONGEST_NAME: Final = 1_024


def resolve(module: str, name: str) -> Global:
    """The name of a class or function, if a torch file may mention it.

    Raises:
        Fault: It is of Python's own library, and none of those that are known to be harmless.

    Example:
        >>> resolve("torch.nn.modules.linear", "Linear").path
        'torch.nn.modules.linear.Linear'
        >>> resolve("os", "system")            # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        parametry.formats.torch_values.Fault: the pickle names os.system, which no model's file ...
    """
    module = _OLD_MODULES.get(module, module)
    name = _OLD_NAMES.get(name, name) if module == "builtins" else name
    if len(module) + len(name) > _LONGEST_NAME:
        raise Fault("the pickle names a global by more than 1,024 characters")
    if not (module + name).isprintable():
        raise Fault("the pickle names a global by what cannot be printed")
    found = Global(module, name)
    root = module.partition(".")[0]
    known = found.path in _CALLS or found.path in _PLAIN_NAMES
    if not known and (root in sys.stdlib_module_names or root in _OLD_LIBRARY):
        raise Fault(f"the pickle names {_shown(found)}, which no model's file needs; {_INERT}")
    return found


def call(function: Any, args: Any) -> Any:
    """What calling a named function would give, as inert data.

    Raises:
        Fault: The function is none of the list, or its arguments are not what it takes.
    """
    if type(function) is not Global:
        raise Fault("the pickle calls what is no function")
    if type(args) is not tuple:
        raise Fault(f"the pickle calls {_shown(function)} without a tuple of arguments")
    known = _CALLS.get(function.path)
    if known is None:
        raise Fault(f"the pickle calls {_shown(function)}, which is not known; {_INERT}")
    try:
        return known(args)
    except Fault as fault:
        raise Fault(f"{_shown(function)}: {fault}") from None


def instantiate(of: Any, args: Any) -> Any:
    """An object of a named class, as inert data.

    Raises:
        Fault: It is no class.
    """
    if type(of) is not Global or type(args) is not tuple:
        raise Fault("the pickle makes an object of what is no class")
    if of.path in _CALLS and of.path != "types.SimpleNamespace":
        return call(of, args)
    root, last = of.module.partition(".")[0], of.name.rpartition(".")[2]
    if root in _LIBRARIES and not last.lstrip("_")[:1].isupper():
        raise Fault(f"the pickle makes an object of {_shown(of)}, which is no class; {_INERT}")
    return Instance(of, args)


def build(value: Any, state: Any) -> None:
    """Give an object its state.

    Raises:
        Fault: It is no object that has a state, or the state is not of its form.
    """
    kind = type(value)
    if kind is Instance:
        value.state = state
    elif kind is Tensor:
        tensors.set_state(value, state)
    elif kind is NumpyArray:
        plain.fill_array(value, state)
    elif kind is NumpyDtype:
        plain.set_order(value, state)
    elif kind is not dict:  # a dict's own attributes, as a state dict's _metadata, tell no value
        raise Fault(f"the pickle sets the state of a {kind.__name__}")
