"""Which classes are pipelines, and which file of this room describes each."""

from __future__ import annotations

import importlib
from typing import Final

from parametry.core.value import class_name
from parametry.pipelines.pipeline import Notes, Pipeline, fault

__all__ = ["REGISTRY", "describe", "describe_into", "family_name"]

_ROOM: Final = "parametry.pipelines."

#: Root package and class name (what lies between them moves from release to release), to the kind
#: of pipeline and the module whose function `describe(source, notes)` describes it.
REGISTRY: Final[dict[str, tuple[str, str]]] = {
    "tensorflow.DatasetV2": ("tf.data", _ROOM + "tensorflow_data"),
    "tensorflow.DistributedDataset": ("tf.data", _ROOM + "tensorflow_data"),
    "tensorflow.DistributedDatasetsFromFunction": ("tf.data", _ROOM + "tensorflow_data"),
    "keras.PyDataset": ("PyDataset", _ROOM + "keras_dataset"),
    "keras.Sequence": ("PyDataset", _ROOM + "keras_dataset"),
    "tf_keras.Sequence": ("PyDataset", _ROOM + "keras_dataset"),
    "tensorflow.Sequence": ("PyDataset", _ROOM + "keras_dataset"),
    "torch.DataLoader": ("DataLoader", _ROOM + "torch_loader"),
    "builtins.generator": ("generator", _ROOM + "generator"),
    "numpy.ndarray": ("arrays", _ROOM + "arrays"),
    "jaxlib.Array": ("arrays", _ROOM + "arrays"),
    "jaxlib.ArrayImpl": ("arrays", _ROOM + "arrays"),
    "torch.Tensor": ("arrays", _ROOM + "arrays"),
    "tensorflow.EagerTensor": ("arrays", _ROOM + "arrays"),
    # What `fit` makes of any of these.
    "keras.ArrayDataAdapter": ("arrays", _ROOM + "keras_adapter"),
    "keras.TFDatasetAdapter": ("tf.data", _ROOM + "keras_adapter"),
    "keras.PyDatasetAdapter": ("PyDataset", _ROOM + "keras_adapter"),
    "keras.TorchDataLoaderAdapter": ("DataLoader", _ROOM + "keras_adapter"),
    "keras.GeneratorDataAdapter": ("generator", _ROOM + "keras_adapter"),
    "tf_keras.TensorLikeDataAdapter": ("arrays", _ROOM + "keras_adapter"),
    "tf_keras.DatasetAdapter": ("tf.data", _ROOM + "keras_adapter"),
    "tf_keras.KerasSequenceAdapter": ("PyDataset", _ROOM + "keras_adapter"),
    "tf_keras.GeneratorDataAdapter": ("generator", _ROOM + "keras_adapter"),
}


def family_name(cls: type) -> str:
    """A class's root package and its name, whatever lies between them.

    Example:
        >>> import collections.abc
        >>> family_name(collections.abc.Mapping)
        'collections.Mapping'
    """
    # A class may define its own __module__ or __name__, of any type; type's own slots are sound.
    module = type.__dict__["__module__"].__get__(cls)
    name: str = type.__dict__["__name__"].__get__(cls)
    return f"{module.partition('.')[0]}.{name}" if isinstance(module, str) else name


def describe(source: object) -> Pipeline | None:
    """What an input pipeline tells about itself, or None where it is none that is known.

    It never raises and changes nothing: what goes wrong is told in `Pipeline.unseen`.

    Args:
        source: A ``tf.data.Dataset``, a Keras ``PyDataset`` or Keras 2 ``Sequence``, a torch
            ``DataLoader``, an array, a generator, or the data adapter that ``fit`` made of one.

    Example:
        >>> pipeline = describe(number for number in range(3))
        >>> pipeline.kind, sorted(pipeline.unseen)
        ('generator', ['batch_size', 'samples', 'steps'])
        >>> describe("train.csv") is None
        True
    """
    notes = Notes()
    kind = describe_into(source, notes)
    return None if kind is None else Pipeline(kind, notes.values, notes.unseen)


def describe_into(source: object, notes: Notes) -> str | None:
    """Note what a pipeline tells, and return its kind; None where it is none that is known."""
    for cls in type(source).__mro__:
        if (entry := REGISTRY.get(family_name(cls))) is not None:
            kind, module = entry
            notes.tell("class", class_name(type(source)))
            try:
                importlib.import_module(module).describe(source, notes)
            except Exception as error:  # describing is never the reason why a training stops
                notes.miss("pipeline", fault(error))
            return kind
    return None
