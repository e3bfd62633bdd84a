"""How many samples go into a `tf.data.Dataset`, how many batches come out, and of what shape."""

from __future__ import annotations

from typing import Any, Final

from parametry.core.value import UNSET, Plain
from parametry.errors import ValueUnavailable
from parametry.pipelines.pipeline import Notes
from parametry.pipelines.tensorflow_stages import BATCHES, KEEPS_ROWS, REMAKES, kind_of
from parametry.pipelines.tensorflow_values import cardinality, element, function, plain

__all__ = ["note_element", "note_sizes"]

INFINITE: Final = -1
UNKNOWN: Final = -2

_NOT_A_SIZE: Final = {
    INFINITE: "infinite: the pipeline repeats without end",
    UNKNOWN: "TensorFlow cannot tell it before it has run the pipeline",
}
_MAPS: Final = {"MapDataset", "ParallelMapDataset"}
#: Kinds that make batches of other batches' rows.
_REGROUPS: Final = {"RebatchDataset", "LegacyRebatchDataset"}
_WHOLE_BATCHES: Final = {"BatchDataset", "ParallelBatchDataset", "PaddedBatchDataset"}


def note_sizes(stages: list[Any], notes: Notes, *, below_batch: bool) -> bool:
    """Note ``samples`` and ``steps``, and why ``batch_size`` is not known where it is not.

    Args:
        stages: A trunk, from the training end down.
        notes: Where to note them.
        below_batch: Whether a trunk that this one joins makes batches of its elements.

    Returns:
        Whether the elements of what lies below this trunk are put into batches.
    """
    batch, remade_by = _last_batch(stages)
    if batch is not None:
        _note_size("steps", stages, 0, notes)
        _note_size("samples", stages, batch + 1, notes, rows=kind_of(stages[batch]) in _REGROUPS)
        return True
    if below_batch:
        _note_size("samples", stages, 0, notes)
        return True
    _note_size("steps", stages, 0, notes)
    reason = f"{remade_by} makes its elements anew" if remade_by else "no batch stage here"
    for name in ("batch_size", "samples"):
        notes.miss(name, f"{reason}: each may be one sample or many")
    return False


def note_element(stages: list[Any], notes: Notes) -> None:
    """Note the structure of the elements that come out of a trunk."""
    notes.read("element", lambda: _element(stages))


def _element(stages: list[Any]) -> Plain:
    # A stage that does not change the structure asks the one below, and that one the next: in a
    # long pipeline this ends in a RecursionError, so the one that knows is looked for here.
    for stage in stages:
        knows = next(cls for cls in type(stage).__mro__ if "element_spec" in vars(cls))
        if knows.__name__ != "UnaryUnchangedStructureDataset":
            return element(stage.element_spec)
    raise ValueUnavailable("no stage on the trunk keeps it")


def _last_batch(stages: list[Any]) -> tuple[int | None, str]:
    """The place of the batch stage nearest to the training, or the kind that undoes all of them."""
    for index, stage in enumerate(stages):
        kind = kind_of(stage)
        if kind in BATCHES:
            return index, ""
        if kind in REMAKES:
            return None, kind
    return None, ""


def _note_size(
    name: str, stages: list[Any], index: int, notes: Notes, *, rows: bool = False
) -> None:
    def size() -> object:
        count = _rows(stages, index) if rows else _elements(stages, index)
        if count < 0:
            notes.miss(name, _NOT_A_SIZE[count])
            return UNSET
        return count

    notes.read(name, size)


def _elements(stages: list[Any], index: int) -> int:
    """How many elements come out of a stage. TensorFlow cannot tell it of some `unbatch()`."""
    count = cardinality(stages[index])
    if count != UNKNOWN:
        return count
    for below in range(index, len(stages)):
        kind = kind_of(stages[below])
        if kind == "UnbatchDataset":
            return _rows(stages, below + 1)
        if kind not in KEEPS_ROWS | _MAPS:
            break
    return UNKNOWN


def _rows(stages: list[Any], index: int) -> int:
    """How many rows the batches that come out of a stage have together."""
    for below in range(index, len(stages)):
        stage = stages[below]
        kind = kind_of(stage)
        if kind in _WHOLE_BATCHES:
            count = _elements(stages, below + 1)
            if count > 0 and plain(stage._drop_remainder):
                count -= count % plain(stage._batch_size)
            return count
        # A function of the user's may make more rows of a batch, or fewer.
        keeps = kind in KEEPS_ROWS or (kind in _MAPS and function("_map_func")(stage) is UNSET)
        if not keeps:
            break
    return UNKNOWN
