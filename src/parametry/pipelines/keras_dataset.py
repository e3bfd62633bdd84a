"""What a PyDataset of Keras 3, or a Sequence of Keras 2, tells about itself."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable
from typing import Any

from parametry.core.value import UNSET
from parametry.errors import ValueUnavailable
from parametry.pipelines.pipeline import Notes
from parametry.pipelines.registry import family_name

__all__ = ["describe"]

_ONLY_BY_BATCHES = "it keeps no attribute of that name, and tells it only by the batches it yields"


def describe(source: Any, notes: Notes) -> None:
    """Note what a PyDataset or Sequence tells.

    Its length is asked for, since `fit` asks too; no batch is. ``batch_size``, ``shuffle`` and
    ``seed`` are read from attributes of these names where it keeps them, as Keras's own classes
    and the examples in its documentation do. A PyDataset's ``shuffle`` attribute is its own affair;
    the shuffling of whole batches by `fit` is `fit`'s.

    Args:
        source: The PyDataset or Sequence.
        notes: Where to note it.
    """
    families = {family_name(cls) for cls in type(source).__mro__}
    is_py_dataset = "keras.PyDataset" in families
    notes.read("batch_size", lambda: _kept(source, "batch_size", _is_count))
    if "batch_size" not in notes.values:
        notes.unseen.setdefault("batch_size", _ONLY_BY_BATCHES)
    _samples(source, families, notes)
    _steps(source, is_py_dataset, notes)
    notes.read("shuffle", lambda: _kept(source, "shuffle", lambda value: isinstance(value, bool)))
    notes.read(
        "seed", lambda: _kept(source, "seed", lambda value: value is None or _is_whole(value))
    )
    if is_py_dataset:
        for name in ("workers", "use_multiprocessing", "max_queue_size"):
            notes.read(name, lambda name=name: _setting(source, name))  # type: ignore[misc]


def _setting(source: Any, name: str) -> object:
    # The property of that name warns, and sets a default, where the constructor of the base class
    # was not called; looking must do neither.
    kept = vars(source)
    if f"_{name}" not in kept:
        raise ValueUnavailable("the class does not call super().__init__()")
    return kept[f"_{name}"]


def _samples(source: Any, families: set[str], notes: Notes) -> None:
    # Keras's image iterators keep the number of their samples under this name. Elsewhere an `n`
    # may be anything.
    if families & {"keras.Iterator", "tf_keras.Iterator"}:
        notes.read("samples", lambda: _kept(source, "n", _is_count))
    if "samples" not in notes.values:
        notes.unseen.setdefault("samples", "it tells only how many batches it has")


def _steps(source: Any, is_py_dataset: bool, notes: Notes) -> None:
    notes.read("steps", lambda: source.num_batches if is_py_dataset else len(source))
    steps = notes.values.get("steps", 0)
    if steps is None:
        notes.miss("steps", "infinite: num_batches is None")
    elif not _is_count(steps):
        notes.miss("steps", "num_batches is not a number of batches")
    if "steps" in notes.unseen:
        notes.values.pop("steps", None)


def _kept(source: Any, name: str, fits: Callable[[Any], bool]) -> object:
    """An attribute of that name, or of it with an underscore: held, not computed by a property."""
    for key in (name, f"_{name}"):
        value = inspect.getattr_static(source, key, UNSET)
        if fits(value):
            return value
    return UNSET


def _is_count(value: object) -> bool:
    return _is_whole(value) and int(value) >= 0  # type: ignore[call-overload]


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
