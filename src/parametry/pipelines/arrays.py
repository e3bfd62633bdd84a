"""What an array given to `fit` tells: how many samples it holds, and of what shape."""

from __future__ import annotations

from typing import Any

from parametry.core.value import Plain, is_array
from parametry.pipelines.pipeline import Notes

__all__ = ["describe", "element"]


def describe(source: Any, notes: Notes) -> None:
    """Note what one array tells.

    Args:
        source: An array of NumPy, JAX, TensorFlow or torch.
        notes: Where to note it. The batch size is not the array's to know.
    """
    notes.read("samples", lambda: int(source.shape[0]))
    notes.read("element", lambda: element(source))
    for name in ("batch_size", "steps"):
        notes.miss(name, "an array has no batches of its own: `fit` makes them")


def element(source: Any) -> Plain:
    """The shape and dtype of a batch of arrays, in the structure that they come in.

    Args:
        source: An array, None, or tuples, lists and dicts of them.

    Raises:
        TypeError: There is something else in the structure.

    Example:
        >>> import numpy as np
        >>> element((np.zeros((8, 3)), None))
        [{'shape': [None, 3], 'dtype': 'float64'}, None]
    """
    if source is None:
        return None
    if isinstance(source, (tuple, list)):
        return [element(item) for item in source]
    if isinstance(source, dict):
        return {str(key): element(item) for key, item in source.items()}
    if not is_array(source):
        raise TypeError(f"{type(source).__name__} is not an array")
    dtype = getattr(source.dtype, "name", None) or str(source.dtype).removeprefix("torch.")
    return {"shape": [None, *(int(size) for size in source.shape[1:])], "dtype": dtype}
