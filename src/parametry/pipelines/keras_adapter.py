"""What the data adapter that Keras's `fit` makes of its data tells: mostly what the data tell."""

from __future__ import annotations

from typing import Any, Final

from parametry.pipelines.arrays import element
from parametry.pipelines.generator import sizes_are_unknown
from parametry.pipelines.pipeline import Notes
from parametry.pipelines.registry import describe_into, family_name

__all__ = ["describe"]

#: The attribute under which each adapter keeps the data that it was given, and the one that says
#: whether `fit` shuffles whole batches of it.
_SOURCES: Final = {
    "keras.TFDatasetAdapter": ("_dataset", None),
    "keras.PyDatasetAdapter": ("py_dataset", "shuffle"),
    "keras.TorchDataLoaderAdapter": ("_dataloader", None),
    "tf_keras.DatasetAdapter": ("_dataset", None),
    "tf_keras.KerasSequenceAdapter": ("_keras_sequence", "_shuffle_sequence"),
}
_ARRAYS: Final = {"keras.ArrayDataAdapter", "tf_keras.TensorLikeDataAdapter"}


def describe(source: Any, notes: Notes) -> None:
    """Note what an adapter tells.

    Args:
        source: The adapter. ``EpochIterator`` of Keras 3 keeps it as ``data_adapter``, and
            ``DataHandler`` of Keras 2 as ``_adapter``.
        notes: Where to note it: the data's own values; of arrays, the batch size that `fit` chose.
    """
    families = [family_name(cls) for cls in type(source).__mro__]
    if not _ARRAYS.isdisjoint(families):
        _arrays(source, notes)
        return
    for family in families:
        if family in _SOURCES:
            attribute, shuffle = _SOURCES[family]
            describe_into(getattr(source, attribute), notes)
            if shuffle is not None:
                notes.tell("shuffle_batches", getattr(source, shuffle))
            return
    sizes_are_unknown(notes)


def _arrays(source: Any, notes: Notes) -> None:
    notes.read("batch_size", lambda: source._batch_size)
    notes.read("samples", lambda: _samples(source))
    notes.read("steps", lambda: source._size)
    notes.read("shuffle", lambda: source._shuffle)
    if hasattr(source, "_inputs"):
        notes.read("element", lambda: element(source._inputs))


def _samples(source: Any) -> int:
    if hasattr(source, "_num_samples"):
        return int(source._num_samples)
    # Keras 2 keeps how many batches there are, and how many samples are in a last one that is
    # not full.
    last = source._partial_batch_size or source._batch_size
    return int((source._size - 1) * source._batch_size + last) if source._size else 0
