"""What a PyDataset of Keras 3, a Sequence of Keras 2, and the adapters of both tell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import NumpyArrayIterator
from keras.src.trainers.data_adapters import get_data_adapter
from tf_keras.src.engine.data_adapter import DataHandler

from parametry.pipelines import Pipeline, describe

X = np.zeros((10, 4), "float32")
Y = np.zeros(10, "int64")
UNTOLD = "it keeps no attribute of that name, and tells it only by the batches it yields"


class Batches(keras.utils.PyDataset):
    """Three batches, none of which may be asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.batch_size = np.int32(4)
        self._seed = 7

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("a batch was asked for")


class OldBatches(tf_keras.utils.Sequence):
    """Two batches of Keras 2."""

    batch_size = 5
    shuffle = True

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X[:5], Y[:5]


def told(source: object, kind: str) -> Pipeline:
    pipeline = describe(source)
    assert pipeline is not None
    assert pipeline.kind == kind
    assert not pipeline.values.keys() & pipeline.unseen.keys()
    return pipeline


# ---------------------------------------------------------------- datasets


def test_a_py_dataset_tells_what_it_keeps() -> None:
    pipeline = told(Batches(workers=3, use_multiprocessing=True, max_queue_size=20), "PyDataset")
    assert pipeline.values == {
        "class": f"{__name__}.Batches",
        "batch_size": 4,
        "steps": 3,
        "seed": 7,
        "workers": 3,
        "use_multiprocessing": True,
        "max_queue_size": 20,
    }
    assert pipeline.unseen == {"samples": "it tells only how many batches it has"}


def test_a_sequence_of_keras_2_tells_what_it_keeps() -> None:
    pipeline = told(OldBatches(), "PyDataset")
    assert pipeline.values == {
        "class": f"{__name__}.OldBatches",
        "batch_size": 5,
        "steps": 2,
        "shuffle": True,
    }
    assert set(pipeline.unseen) == {"samples"}


def test_a_batch_size_that_is_computed_or_no_number_is_not_told() -> None:
    class Computed(Batches):
        batch_size = property(  # type: ignore[assignment]
            lambda self: pytest.fail("a property was called"), lambda self, value: None
        )

    class Text(Batches):
        def __init__(self) -> None:
            super().__init__()
            self.batch_size = "large"
            self.shuffle = "perhaps"

    for source in (Computed(), Text()):
        pipeline = told(source, "PyDataset")
        assert pipeline.unseen["batch_size"] == UNTOLD
        assert "shuffle" not in pipeline.values


@pytest.mark.parametrize(
    ("batches", "reason"),
    [
        (None, "infinite: num_batches is None"),
        (2.5, "num_batches is not a number of batches"),
        (-1, "num_batches is not a number of batches"),
        (OSError("no such file"), "OSError: no such file"),
        (RecursionError(), "RecursionError"),
    ],
    ids=["none", "fraction", "negative", "error", "recursion"],
)
def test_a_number_of_batches_that_is_none(batches: Any, reason: str) -> None:
    class Odd(Batches):
        @property
        def num_batches(self) -> Any:
            if isinstance(batches, Exception):
                raise batches
            return batches

    pipeline = told(Odd(), "PyDataset")
    assert pipeline.unseen["steps"] == reason
    assert pipeline.values["batch_size"] == 4


def test_a_py_dataset_that_did_not_call_super_is_left_as_it_is() -> None:
    class Careless(Batches):
        def __init__(self) -> None:
            self.images = X

    source = Careless()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline = told(source, "PyDataset")
    assert vars(source) == {"images": X}
    assert {"workers", "use_multiprocessing", "max_queue_size"} <= pipeline.unseen.keys()


def test_the_image_iterator_of_keras_tells_its_samples() -> None:
    generator = keras.src.legacy.preprocessing.image.ImageDataGenerator()
    source = NumpyArrayIterator(
        np.zeros((10, 8, 8, 3)), Y, generator, batch_size=4, shuffle=True, seed=3
    )
    values = told(source, "PyDataset").values
    expected = {"samples": 10, "batch_size": 4, "steps": 3, "shuffle": True, "seed": 3}
    assert {name: values[name] for name in expected} == expected


@settings(deadline=None)
@given(
    steps=st.integers(0, 10**9),
    workers=st.integers(0, 64),
    multiprocessing=st.booleans(),
    queue=st.integers(0, 10**6),
)
def test_any_settings_are_told(steps: int, workers: int, multiprocessing: bool, queue: int) -> None:
    class Sized(Batches):
        def __len__(self) -> int:
            return steps

    source = Sized(workers=workers, use_multiprocessing=multiprocessing, max_queue_size=queue)
    values = told(source, "PyDataset").values
    assert values["steps"] == steps
    assert (values["workers"], values["use_multiprocessing"]) == (workers, multiprocessing)
    assert values["max_queue_size"] == queue


# ---------------------------------------------------------------- what `fit` makes of data


@pytest.mark.parametrize("shuffle", [True, False])
def test_arrays_have_the_batch_size_that_fit_chose(shuffle: bool) -> None:
    adapter = get_data_adapter((X, {"extra": X}), Y, batch_size=4, shuffle=shuffle)
    pipeline = told(adapter, "arrays")
    batch = {"shape": [None, 4], "dtype": "float32"}
    assert pipeline.values == {
        "class": "keras.src.trainers.data_adapters.array_data_adapter.ArrayDataAdapter",
        "batch_size": 4,
        "samples": 10,
        "steps": 3,
        "shuffle": shuffle,
        "element": [[batch, {"extra": batch}], {"shape": [None], "dtype": "int64"}],
    }
    assert pipeline.unseen == {}


def test_arrays_without_a_batch_size_have_the_default() -> None:
    assert told(get_data_adapter(X, Y), "arrays").values["batch_size"] == 32


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 32])
def test_arrays_of_keras_2_tell_their_samples(batch_size: int) -> None:
    adapter = DataHandler(X, Y, batch_size=batch_size)._adapter
    values = told(adapter, "arrays").values
    assert (values["samples"], values["batch_size"]) == (10, batch_size)
    assert values["steps"] == -(-10 // batch_size)


def test_a_py_dataset_is_described_through_its_adapter() -> None:
    source = Batches(workers=2)
    direct, adapted = describe(source), describe(get_data_adapter(source, shuffle=True))
    assert direct is not None and adapted is not None
    assert adapted.values == {**direct.values, "shuffle_batches": True}
    assert adapted.unseen == direct.unseen


def test_a_sequence_is_described_through_its_adapter() -> None:
    adapter = DataHandler(OldBatches(), shuffle=True)._adapter
    values = told(adapter, "PyDataset").values
    assert values["class"] == f"{__name__}.OldBatches"
    assert (values["steps"], values["shuffle_batches"]) == (2, True)


def test_a_data_loader_is_described_through_its_adapter() -> None:
    dataset = torch.utils.data.TensorDataset(torch.zeros(10, 4), torch.zeros(10))
    source = torch.utils.data.DataLoader(dataset, batch_size=3)
    direct = describe(source)
    assert direct is not None
    assert direct.values["steps"] == 4
    assert describe(get_data_adapter(source)) == direct


def test_a_generator_s_adapter_knows_no_sizes() -> None:
    def batches() -> Iterator[Any]:
        for _ in range(3):
            yield X, Y

    for adapter in (get_data_adapter(batches()), DataHandler(batches())._adapter):
        pipeline = told(adapter, "generator")
        assert set(pipeline.unseen) == {"batch_size", "samples", "steps"}


def _pipeline() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(7, seed=0).batch(2).prefetch(3)


def test_a_tensorflow_dataset_is_described_through_its_adapter() -> None:
    source = _pipeline()
    direct = describe(source)
    assert direct is not None
    assert direct.values["steps"] == 5
    assert describe(get_data_adapter(source)) == direct
    assert describe(DataHandler(source)._adapter) == direct


def test_what_class_weights_put_on_top_is_not_the_user_s() -> None:
    source = _pipeline()
    weights = {0: 1.0, 1: 2.0}
    direct = describe(source)
    assert direct is not None
    assert direct.values["prefetch"] == 3
    new = told(get_data_adapter(source, class_weight=weights), "tf.data")
    assert new.values == {**direct.values, "class_weight": True}
    # Keras 2 adds no prefetch, and its adapter does not hold what it adds.
    old = told(DataHandler(source, class_weight=weights)._dataset, "tf.data")
    assert old.values == {
        **direct.values,
        "class": "tensorflow.python.data.ops.map_op._MapDataset",
        "class_weight": True,
    }


def test_what_comes_after_fit_s_own_stages_is_told() -> None:
    weighted = DataHandler(_pipeline(), class_weight={0: 1.0, 1: 2.0})._dataset
    values = told(weighted.take(2), "tf.data").values
    assert (values["take"], values["prefetch"], values["batch_size"]) == (2, 3, 2)
    assert "class_weight" not in values


def test_a_namesake_of_keras_s_function_is_the_user_s() -> None:
    def class_weights_map_fn(x: Any, y: Any) -> Any:
        return x, y

    values = told(_pipeline().map(class_weights_map_fn).prefetch(1), "tf.data").values
    assert "class_weight" not in values
    assert (values["prefetch"], values["prefetch_1"]) == (1, 3)
    assert str(values["map_function"]).endswith("class_weights_map_fn")


@pytest.mark.parametrize("make", [jnp.zeros, tf.zeros], ids=["jax", "tensorflow"])
def test_arrays_of_other_libraries(make: Any) -> None:
    values = told(make((6, 2), "float16"), "arrays").values
    assert values["samples"] == 6
    assert values["element"] == {"shape": [None, 2], "dtype": "float16"}
