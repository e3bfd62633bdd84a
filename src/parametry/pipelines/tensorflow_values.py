"""Reading what tf.data keeps behind tensors and type specs, as plain data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from parametry.core.value import UNSET, Plain, class_name, function_name, is_function
from parametry.errors import ValueUnavailable
from parametry.pipelines.registry import family_name

__all__ = [
    "Reader",
    "autotuned",
    "callable_name",
    "cardinality",
    "closure",
    "determinism",
    "element",
    "endless",
    "file_or_memory",
    "function",
    "global_seed",
    "number",
    "op_seed",
    "plain",
]

Reader: TypeAlias = Callable[[Any], object]

AUTOTUNE: Final = -1
INFINITE: Final = -1
#: What TensorFlow keeps as the global seed where only the operation was given one.
NO_GLOBAL_SEED: Final = 87654321

_DETERMINISM: Final = {"true": True, "false": False, "default": UNSET}


def plain(value: Any) -> Any:
    """What stands behind an eager tensor, and behind those in lists, tuples and dicts.

    Args:
        value: A tensor, a Python or NumPy value, or a structure of them.

    Raises:
        ValueUnavailable: It is a tensor in a graph, whose value nobody has computed.
    """
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(type(value), "numpy"):
        value = value.numpy()
    elif hasattr(value, "op") and hasattr(value, "graph"):
        raise ValueUnavailable("a tensor in a graph: its value is known only when the graph runs")
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    # A name of a file is any bytes; what is not UTF-8 stays legible, and can be written as JSON.
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def number(attribute: str) -> Reader:
    """A reader of an attribute: what stands behind it, and nothing where that is None."""

    def read(stage: Any) -> object:
        value = getattr(stage, attribute)
        return UNSET if value is None else plain(value)

    return read


def autotuned(attribute: str) -> Reader:
    """A reader of a number that may be left to tf.data: an int, or ``AUTOTUNE``."""
    return _named(attribute, {AUTOTUNE: "AUTOTUNE"})


def endless(attribute: str) -> Reader:
    """A reader of a count: an int, or ``infinite``."""
    return _named(attribute, {INFINITE: "infinite"})


def file_or_memory(attribute: str) -> Reader:
    """A reader of a cache's file name; True where the cache is in memory."""
    return _named(attribute, {"": True})


def determinism(attribute: str) -> Reader:
    """A reader of a stage's `deterministic`: a bool, and nothing where the options decide."""
    return _named(attribute, _DETERMINISM)


def _named(attribute: str, names: Mapping[Any, object]) -> Reader:
    read = number(attribute)

    def read_and_name(stage: Any) -> object:
        value = read(stage)
        return value if isinstance(value, list) else names.get(value, value)

    return read_and_name


def function(attribute: str) -> Reader:
    """A reader of the name of the user's function that a stage wraps.

    TensorFlow's own, which it puts in to do its work, are nobody's choice, and not told.
    """

    def read(stage: Any) -> object:
        name = callable_name(getattr(stage, attribute)._func)
        return UNSET if name.startswith("tensorflow.") else name

    return read


def callable_name(value: Any) -> str:
    """The qualified name of a function, of a class, or of a callable object's class."""
    while isinstance(value, functools.partial):
        value = value.func
    if is_function(value):
        return function_name(value)
    return class_name(value if isinstance(value, type) else type(value))


def closure(value: Any) -> dict[str, Any]:
    """What a function has taken from the functions around it, by name."""
    return {
        name: cell.cell_contents
        for name, cell in zip(value.__code__.co_freevars, value.__closure__, strict=True)
    }


def op_seed(stage: Any) -> int | None:
    """The seed that an operation draws by, None where it draws differently in each run.

    With a global seed and none of its own, TensorFlow gave it one, which is not to be told from
    one that the user gave. (A seed of 0 under a global seed of 0 is kept as 2147483647.)
    """
    seeds = plain(stage._seed), plain(stage._seed2)
    return None if seeds == (0, 0) else int(seeds[1])


def global_seed(stage: Any) -> object:
    """The global seed that was set when the stage was made; nothing where there was none."""
    seeds = plain(stage._seed), plain(stage._seed2)
    return UNSET if seeds == (0, 0) or seeds[0] == NO_GLOBAL_SEED else seeds[0]


def cardinality(stage: Any) -> int:
    """How many elements come out of a stage, -1 where they never end, -2 where it is not known.

    Raises:
        ValueUnavailable: A graph is being traced, to which the question would add an operation.
    """
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise ValueUnavailable("inside a tf.function, where to ask would add to its graph")
    return int(stage.cardinality().numpy())


def element(spec: Any) -> Plain:
    """The structure of an element: shapes and dtypes in lists and dicts, as the element has it.

    Args:
        spec: A dataset's ``element_spec``.
    """
    if isinstance(spec, tuple) and hasattr(spec, "_fields"):
        return {name: element(item) for name, item in zip(spec._fields, spec, strict=True)}
    if isinstance(spec, (list, tuple)):
        return [element(item) for item in spec]
    if isinstance(spec, Mapping):
        return {str(key): element(item) for key, item in spec.items()}
    family = family_name(type(spec))
    if spec is None or family == "tensorflow.NoneTensorSpec":
        return None
    if family == "tensorflow.DatasetSpec":
        return {"class": family, "element": element(spec._element_spec)}
    if not (hasattr(spec, "shape") and hasattr(spec, "dtype")):
        return {"class": class_name(type(spec))}
    shape = None if spec.shape.rank is None else spec.shape.as_list()
    told: dict[Any, Plain] = {"shape": shape, "dtype": spec.dtype.name}
    if family == "tensorflow.RaggedTensorSpec":
        told["ragged_rank"] = spec.ragged_rank
    if family != "tensorflow.TensorSpec":
        told["class"] = family
    return told
