"""What single tf.data pipelines tell: sizes, seeds, batches, stages, sources, elements."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from parametry.pipelines import Pipeline, describe

pytestmark = pytest.mark.usefixtures("no_global_seed")

Dataset = tf.data.Dataset
UNKNOWN = "TensorFlow cannot tell it before it has run the pipeline"
INFINITE = "infinite: the pipeline repeats without end"


def told(source: object) -> Pipeline:
    pipeline = describe(source)
    assert pipeline is not None
    assert pipeline.kind == "tf.data"
    assert not pipeline.values.keys() & pipeline.unseen.keys()
    return pipeline


def values_of(source: object, *names: str) -> tuple[Any, ...]:
    values = told(source).values
    return tuple(values.get(name, "not told") for name in names)


def double(tensor: Any) -> Any:
    return tensor * 2


def row(tensor: Any) -> Any:
    return tf.range(tensor)


# ---------------------------------------------------------------- whole pipelines


def test_an_ordinary_pipeline_tells_everything() -> None:
    source = (
        Dataset.from_tensor_slices({"x": np.zeros((100, 3), "float32"), "y": np.zeros(100, "int8")})
        .cache()
        .shuffle(50, seed=5, reshuffle_each_iteration=False)
        .batch(32, drop_remainder=True)
        .map(lambda row: row, num_parallel_calls=tf.data.AUTOTUNE, deterministic=False)
        .prefetch(tf.data.AUTOTUNE)
    )
    pipeline = told(source)
    assert pipeline.unseen == {}
    function = pipeline.values["map_function"]
    assert function == f"{__name__}.test_an_ordinary_pipeline_tells_everything.<locals>.<lambda>"
    assert pipeline.values == {
        "class": "tensorflow.python.data.ops.prefetch_op._PrefetchDataset",
        "batch_size": 32,
        "drop_remainder": True,
        "samples": 100,
        "steps": 3,
        "shuffle": True,
        "shuffle_buffer": 50,
        "shuffle_seed": 5,
        "reshuffle_each_iteration": False,
        "cache": True,
        "map_function": function,
        "map_parallel_calls": "AUTOTUNE",
        "deterministic": False,
        "prefetch": "AUTOTUNE",
        "element": {
            "x": {"shape": [32, 3], "dtype": "float32"},
            "y": {"shape": [32], "dtype": "int8"},
        },
    }


def test_samples_are_those_below_the_batch() -> None:
    above = Dataset.range(100).batch(32).repeat()
    assert values_of(above, "samples", "repeat") == (100, "infinite")
    assert told(above).unseen == {"steps": INFINITE}
    below = told(Dataset.range(100).repeat().batch(32).take(5))
    assert below.values["steps"] == 5
    assert below.unseen == {"samples": INFINITE}
    unknown = told(Dataset.range(100).filter(lambda number: number > 3).batch(32))
    assert unknown.unseen == {"samples": UNKNOWN, "steps": UNKNOWN}


def test_without_a_batch_stage_nothing_is_guessed() -> None:
    pipeline = told(Dataset.from_tensors(np.zeros((8, 3))))
    assert pipeline.values["steps"] == 1
    assert set(pipeline.unseen) == {"batch_size", "samples"}


# ---------------------------------------------------------------- seeds


def test_a_shuffle_without_a_seed_is_known_to_have_none() -> None:
    assert values_of(Dataset.range(9).shuffle(3), "shuffle_seed", "global_seed") == (
        None,
        "not told",
    )


def test_a_global_seed_is_told_beside_the_shuffle_s(global_seed: int) -> None:
    source = Dataset.range(9).shuffle(3, seed=11)
    assert values_of(source, "shuffle_seed", "global_seed") == (11, global_seed)


def test_a_seed_that_tensorflow_drew_is_the_one_in_effect(global_seed: int) -> None:
    source = Dataset.range(9).shuffle(3)
    assert values_of(source, "shuffle_seed") == (int(source._seed2.numpy()),)


def test_two_zero_seeds_are_as_tensorflow_keeps_them(global_seed: int) -> None:
    tf.random.set_seed(0)  # the fixture takes it away again
    source = Dataset.range(9).shuffle(3, seed=0)
    assert values_of(source, "shuffle_seed", "global_seed") == (2**31 - 1, 0)


def test_random_numbers_tell_their_seed() -> None:
    assert values_of(Dataset.random(seed=4).take(3), "random_seed", "take") == (4, 3)


# ---------------------------------------------------------------- kinds of batches


def test_parallel_batches() -> None:
    source = Dataset.range(9).batch(2, num_parallel_calls=3, deterministic=True)
    names = ("batch_size", "batch_parallel_calls", "deterministic", "steps")
    assert values_of(source, *names) == (2, 3, True, 5)


def test_padded_batches() -> None:
    source = (
        Dataset.range(9).map(row).padded_batch(4, padded_shapes=[20], padding_values=np.int64(-5))
    )
    names = ("batch_size", "padded_shapes", "padding_values", "samples")
    assert values_of(source, *names) == (4, [20], -5, 9)


def test_ragged_batches() -> None:
    source = Dataset.range(9).map(row).ragged_batch(4, drop_remainder=True)
    assert values_of(source, "batch_size", "ragged", "samples", "steps") == (4, True, 9, 2)
    assert told(source).values["element"] == {
        "shape": [4, None],
        "dtype": "int64",
        "ragged_rank": 1,
        "class": "tensorflow.RaggedTensorSpec",
    }


def test_sparse_batches() -> None:
    source = (
        Dataset.range(9)
        .map(row)
        .apply(tf.data.experimental.dense_to_sparse_batch(4, row_shape=[20]))
    )
    assert values_of(source, "batch_size", "samples") == (4, 9)
    assert told(source).values["element"]["class"] == "tensorflow.SparseTensorSpec"


def test_batches_of_batches_are_numbered_from_the_training() -> None:
    source = Dataset.range(100).batch(5).batch(4)
    assert values_of(source, "batch_size", "batch_size_1", "samples") == (4, 5, 20)


@pytest.mark.parametrize(("drop", "samples"), [(False, 10), (True, 8)])
def test_a_rebatch_has_the_samples_of_what_it_regroups(drop: bool, samples: int) -> None:
    source = Dataset.range(10).batch(4, drop_remainder=drop).prefetch(1).rebatch([2, 3])
    names = ("batch_size", "batch_size_1", "samples")
    assert values_of(source, *names) == ([2, 3], 4, samples)


def test_a_rebatch_after_the_user_s_function_may_have_any_number_of_samples() -> None:
    pipeline = told(Dataset.range(10).batch(4).map(lambda batch: batch[:1]).rebatch(2))
    assert pipeline.unseen["samples"] == UNKNOWN


def test_a_batch_of_what_was_unbatched_has_all_samples() -> None:
    source = Dataset.range(10).batch(4).unbatch().shuffle(3).batch(3)
    names = ("batch_size", "batch_size_1", "unbatch", "samples")
    assert values_of(source, *names) == (3, 4, True, 10)
    # One that TensorFlow cannot count, since the rows of a batch need not be so many.
    cut = Dataset.range(10).batch(4).map(lambda batch: batch[:1]).unbatch().batch(3)
    assert told(cut).unseen["samples"] == UNKNOWN


@pytest.mark.parametrize(
    "undo",
    [
        lambda dataset: dataset.unbatch(),
        lambda dataset: dataset.flat_map(Dataset.from_tensor_slices),
        lambda dataset: dataset.interleave(Dataset.from_tensor_slices, cycle_length=1),
        lambda dataset: dataset.window(2),
    ],
    ids=["unbatch", "flat_map", "interleave", "window"],
)
def test_batches_that_come_apart_are_not_the_training_s(undo: Any) -> None:
    pipeline = told(undo(Dataset.range(10).batch(4)))
    assert "batch_size" not in pipeline.values
    assert pipeline.values["batch_size_1"] == 4
    assert "anew" in pipeline.unseen["batch_size"]
    assert "anew" in pipeline.unseen["samples"]


def test_buckets_by_length() -> None:
    source = (
        Dataset.range(10)
        .map(row)
        .bucket_by_sequence_length(
            lambda line: tf.shape(line)[0], [3, 6], [8, 4, 2], drop_remainder=True
        )
    )
    names = ("bucket_boundaries", "bucket_batch_sizes", "drop_remainder", "samples", "shuffle")
    assert values_of(source, *names) == ([3, 6], [8, 4, 2], True, 10, False)
    assert "bucket_batch_sizes" in told(source).unseen["batch_size"]


def test_windows() -> None:
    source = Dataset.range(10).window(5, shift=2, stride=3, drop_remainder=True)
    names = ("window_size", "window_shift", "window_stride", "window_drop_remainder")
    assert values_of(source, *names) == (5, 2, 3, True)


# ---------------------------------------------------------------- other stages


def test_functions_are_told_by_name_and_tensorflow_s_own_are_not() -> None:
    source = Dataset.range(10).map(double).filter(lambda number: number > 2).batch(2).unbatch()
    assert values_of(source, "map_function", "map_function_1") == (f"{__name__}.double", "not told")
    assert str(told(source).values["filter_function"]).endswith("<lambda>")


def test_small_stages_are_told() -> None:
    source = (
        Dataset.range(50).shard(4, 1).unique().ignore_errors().take_while(lambda n: n < 9).skip(2)
    )
    names = ("shards", "shard_index", "unique", "ignore_errors", "skip")
    assert values_of(source, *names) == (4, 1, True, True, 2)
    assert "take_while_function" in told(source).values


def test_an_interleave_hides_the_order() -> None:
    source = Dataset.range(4).interleave(
        lambda number: Dataset.range(number).shuffle(3),
        cycle_length=2,
        block_length=3,
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    names = ("cycle_length", "block_length", "parallel_calls")
    assert values_of(source, *(f"interleave_{name}" for name in names)) == (2, 3, "AUTOTUNE")
    assert "ParallelInterleaveDataset" in told(source).unseen["shuffle"]
    assert told(source.shuffle(3)).values["shuffle"] is True


def test_options_are_told_and_leave_no_trace() -> None:
    options = tf.data.Options()
    options.deterministic = False
    options.threading.private_threadpool_size = 3
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    source = Dataset.range(4).map(double, 2, deterministic=True).with_options(options)
    kept = dict(source._options_attr._options)
    values = told(source).values
    assert (values["deterministic"], values["deterministic_1"]) == (False, True)
    assert {name: value for name, value in values.items() if name.startswith("options/")} == {
        "options/threading/private_threadpool_size": 3,
        "options/experimental_distribute/auto_shard_policy": "DATA",
    }
    assert source._options_attr._options == kept


def test_enumerate_and_snapshot_are_no_forks(tmp_path: Path) -> None:
    source = Dataset.range(10).shuffle(4).enumerate().snapshot(str(tmp_path / "kept")).batch(2)
    names = ("shuffle_buffer", "snapshot", "samples")
    assert values_of(source, *names) == (4, str(tmp_path / "kept"), 10)
    assert not [name for name in told(source).values if name.startswith("inputs/")]
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- sources


def test_a_generator_is_named_and_not_called() -> None:
    def images() -> Iterator[int]:
        raise AssertionError("the generator was called")

    source = Dataset.from_generator(images, output_signature=tf.TensorSpec([], tf.int32)).batch(4)
    pipeline = told(source)
    assert str(pipeline.values["generator_function"]).endswith("<locals>.images")
    assert pipeline.values["batch_size"] == 4
    assert set(pipeline.unseen) == {"samples", "steps", "shuffle"}


@pytest.mark.parametrize("reads", [None, 3, tf.data.AUTOTUNE])
def test_record_files_are_listed(tmp_path: Path, reads: int | None) -> None:
    files = [str(tmp_path / name) for name in ("a.rec", "b.rec")]
    source = tf.data.TFRecordDataset(
        files, compression_type="GZIP", buffer_size=1024, num_parallel_reads=reads
    ).batch(2)
    values = told(source).values
    assert (values["files"], values["compression"], values["read_buffer"]) == (files, "GZIP", 1024)
    assert values.get("parallel_reads") == {None: None, 3: 3}.get(reads, "AUTOTUNE")
    assert values["shuffle"] is False
    assert told(source).unseen["samples"] == UNKNOWN


def test_text_csv_and_fixed_length_files_are_listed(tmp_path: Path) -> None:
    file = str(tmp_path / "caf\u00e9.txt")
    assert values_of(tf.data.TextLineDataset([file]), "files") == ([file],)
    assert values_of(tf.data.FixedLengthRecordDataset([file], 16), "files", "record_bytes") == (
        [file],
        16,
    )
    assert values_of(tf.data.experimental.CsvDataset([file], [0.0]), "files") == ([file],)


def test_names_of_files_that_are_no_text_stay_legible() -> None:
    assert values_of(tf.data.TFRecordDataset([b"\xff.rec"]), "files") == (["\\xff.rec"],)


def test_very_many_files_are_counted_alone() -> None:
    pipeline = told(tf.data.TFRecordDataset([f"{index}.rec" for index in range(1_001)]))
    assert pipeline.unseen["files"] == "1,001 names are too many to list"


def test_files_that_are_shuffled_shuffle_the_pipeline(tmp_path: Path) -> None:
    for name in ("a.rec", "b.rec"):
        (tmp_path / name).touch()
    files = Dataset.list_files(str(tmp_path / "*.rec"), seed=3)
    source = files.interleave(tf.data.TFRecordDataset, cycle_length=2)
    names = ("shuffle", "shuffle_buffer", "shuffle_seed")
    assert values_of(source.shuffle(100, seed=4), *names) == (True, 100, 4)
    assert values_of(source, *names) == (True, 2, 3)


# ---------------------------------------------------------------- elements


def test_the_structure_of_an_element() -> None:
    Pair = collections.namedtuple("Pair", ["left", "right"])
    source = Dataset.from_tensors(
        {
            "pair": Pair(np.zeros(2, "float16"), "text"),
            "nothing": None,
            "sparse": tf.sparse.from_dense([[1.0]]),
            "dataset": Dataset.range(3),
        }
    )
    assert told(source).values["element"] == {
        "pair": {
            "left": {"shape": [2], "dtype": "float16"},
            "right": {"shape": [], "dtype": "string"},
        },
        "nothing": None,
        "sparse": {"shape": [1, 1], "dtype": "float32", "class": "tensorflow.SparseTensorSpec"},
        "dataset": {"class": "tensorflow.DatasetSpec", "element": {"shape": [], "dtype": "int64"}},
    }


def test_a_shape_of_unknown_rank() -> None:
    source = Dataset.from_generator(
        lambda: iter([]), output_signature=tf.TensorSpec(None, tf.float32)
    )
    assert told(source).values["element"] == {"shape": None, "dtype": "float32"}
