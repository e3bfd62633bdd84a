"""What tf.data pipelines tell that fork, are distributed or in a graph, or go wrong."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from parametry.pipelines import Pipeline, describe, tensorflow_data

pytestmark = pytest.mark.usefixtures("no_global_seed")

Dataset = tf.data.Dataset


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


# ---------------------------------------------------------------- forks


def test_each_input_of_a_zip_is_a_branch() -> None:
    left = Dataset.range(6).shuffle(5, seed=1)
    right = Dataset.range(8).batch(2).map(double)
    values = told(Dataset.zip({"left": left, "right": right}).repeat(2)).values
    assert {name: value for name, value in values.items() if not name.endswith("class")} == {
        "repeat": 2,
        "steps": 8,
        "shuffle": True,
        "element": {
            "left": {"shape": [], "dtype": "int64"},
            "right": {"shape": [None], "dtype": "int64"},
        },
        "inputs/0/shuffle_buffer": 5,
        "inputs/0/shuffle_seed": 1,
        "inputs/0/reshuffle_each_iteration": True,
        "inputs/0/range": [0, 6, 1],
        "inputs/0/steps": 6,
        "inputs/0/element": {"shape": [], "dtype": "int64"},
        "inputs/1/map_function": f"{__name__}.double",
        "inputs/1/batch_size": 2,
        "inputs/1/drop_remainder": False,
        "inputs/1/range": [0, 8, 1],
        "inputs/1/samples": 8,
        "inputs/1/steps": 4,
        "inputs/1/element": {"shape": [None], "dtype": "int64"},
    }


def test_the_branches_below_a_batch_have_samples_and_no_steps() -> None:
    source = Dataset.range(6).concatenate(Dataset.range(3).skip(1)).batch(4)
    names = ("samples", "steps", "inputs/0/samples", "inputs/1/samples", "inputs/1/skip")
    assert values_of(source, *names) == (8, 2, 6, 2, 1)
    assert values_of(source, "inputs/0/steps") == ("not told",)


def test_forks_inside_forks() -> None:
    inner = Dataset.zip((Dataset.range(2), Dataset.range(3)))
    source = Dataset.zip((Dataset.range(4), inner.take(1)))
    ranges = {name: value for name, value in told(source).values.items() if name.endswith("range")}
    assert ranges == {
        "inputs/0/range": [0, 4, 1],
        "inputs/1/inputs/0/range": [0, 2, 1],
        "inputs/1/inputs/1/range": [0, 3, 1],
    }


@pytest.mark.parametrize(
    ("weights", "told_weights"), [([0.3, 0.7], [0.3, 0.7]), (None, "uniform"), ([1.0, 4.0], [1, 4])]
)
def test_datasets_that_are_sampled_tell_their_weights(weights: Any, told_weights: Any) -> None:
    source = Dataset.sample_from_datasets(
        [Dataset.range(3), Dataset.range(4)], weights=weights, seed=9, stop_on_empty_dataset=True
    )
    names = ("sampling_weights", "sampling_seed", "stop_on_empty_dataset")
    assert values_of(source, *names) == (told_weights, 9, True)
    assert values_of(source, "inputs/0/range", "inputs/1/range") == ([0, 3, 1], [0, 4, 1])
    assert values_of(source, "inputs/2/range", "batch_size") == ("not told", "not told")


def test_weights_that_change_still_tell_the_seed() -> None:
    weights = Dataset.from_tensors([0.5, 0.5]).repeat()
    source = Dataset.sample_from_datasets([Dataset.range(3), Dataset.range(4)], weights, seed=9)
    assert values_of(source, "sampling_seed", "sampling_weights") == (9, "not told")


def test_a_choice_between_datasets() -> None:
    choice = Dataset.range(2).repeat()
    source = Dataset.choose_from_datasets([Dataset.range(3), Dataset.range(4)], choice)
    assert values_of(source, "inputs/0/range", "inputs/1/range", "stop_on_empty_dataset") == (
        [0, 3, 1],
        [0, 4, 1],
        True,
    )


def test_a_dataset_joined_to_itself_without_end_is_walked_so_far() -> None:
    source = Dataset.range(1)
    for _ in range(25):
        source = source.concatenate(source)
    pipeline = told(source)
    assert "too large" in pipeline.unseen["inputs"]
    assert "not walked" in pipeline.unseen["shuffle"]
    branches = [name for name in pipeline.values if name.endswith("/class")]
    assert len(branches) == tensorflow_data.MOST_BRANCHES
    assert pipeline.values["steps"] == 2**25


def test_a_walk_ends_after_so_many_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_data, "MOST_STAGES", 4)
    whole = Dataset.range(9).take(1).take(2).take(3)
    assert told(whole).unseen.keys() == {"batch_size", "samples"}
    pipeline = told(whole.take(4))
    assert "too large" in pipeline.unseen["inputs"]
    assert (pipeline.values["take"], pipeline.values["take_3"]) == (4, 1)
    fork = told(Dataset.zip((whole, whole)))
    assert "too large" in fork.unseen["inputs"]
    assert [name for name in fork.values if "inputs/1" in name] == []


# ---------------------------------------------------------------- strategies, graphs, old names


def test_a_distributed_dataset_tells_the_batch_over_all_replicas() -> None:
    source = Dataset.range(10).shuffle(3, seed=2).batch(4)
    distributed = tf.distribute.MirroredStrategy(["CPU:0"]).experimental_distribute_dataset(source)
    direct = told(source).values
    assert told(distributed).values == {
        **direct,
        "class": "tensorflow.python.distribute.input_lib.DistributedDataset",
        "replicas": 1,
    }


def test_datasets_that_a_function_distributes() -> None:
    def make(context: Any) -> Any:
        return Dataset.range(10).batch(4)

    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    pipeline = told(strategy.distribute_datasets_from_function(make))
    assert str(pipeline.values["dataset_function"]).endswith("<locals>.make")
    assert pipeline.values["batch_size"] == 4


def test_a_dataset_of_tensorflow_1() -> None:
    source = tf.compat.v1.data.Dataset.range(10).shuffle(3, seed=1).batch(4)
    names = ("batch_size", "shuffle_buffer", "shuffle_seed", "samples", "range")
    assert values_of(source, *names) == (4, 3, 1, 10, [0, 10, 1])


def test_inside_a_graph_nothing_is_added_to_it() -> None:
    outside = Dataset.range(10).batch(4)
    seen = []

    with tf.Graph().as_default() as graph:
        inside = Dataset.range(10).shuffle(3).batch(4)
        operations = len(graph.get_operations())
        seen += [told(inside), told(outside)]
        assert len(graph.get_operations()) == operations

    assert seen[0].values["shuffle"] is True
    assert {"batch_size", "shuffle_buffer", "shuffle_seed", "steps"} <= seen[0].unseen.keys()
    assert seen[1].values["batch_size"] == 4
    assert set(seen[1].unseen) == {"samples", "steps"}


# ---------------------------------------------------------------- looking is harmless


def test_describing_runs_nothing_and_draws_no_random_number(global_seed: int) -> None:
    calls = []

    def count(tensor: Any) -> Any:
        calls.append(1)
        return tensor

    source = (
        Dataset.range(8)
        .map(lambda number: tf.py_function(count, [number], tf.int64))
        .flat_map(lambda number: Dataset.range(tf.py_function(count, [number], tf.int64)))
        .shuffle(4)
        .batch(2)
    )
    first = describe(source)
    assert describe(source) == first
    drawn = int(Dataset.range(1).shuffle(1)._seed2.numpy())
    tf.random.set_seed(global_seed)
    Dataset.range(8).shuffle(4)  # the pipeline's own seed
    assert int(Dataset.range(1).shuffle(1)._seed2.numpy()) == drawn
    assert calls == []


class Foreign(tf.data.Dataset):  # type: ignore[misc]
    """A dataset class of somebody else's, over one of TensorFlow's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        super().__init__(inner._variant_tensor)

    def _inputs(self) -> list[Any]:
        return [self._inner]

    @property
    def element_spec(self) -> Any:
        return self._inner.element_spec


class Broken(Foreign):
    """One that answers no question."""

    asked = False

    def _inputs(self) -> list[Any]:
        if self.asked:
            raise OSError("no inputs today")
        return []

    @property
    def element_spec(self) -> Any:
        raise RecursionError

    def cardinality(self) -> Any:
        raise OSError("not counted")


def test_a_stage_that_is_not_known_is_named_and_passed_over() -> None:
    pipeline = told(Foreign(Dataset.range(10).shuffle(3).batch(2)))
    assert pipeline.values["batch_size"] == 2
    assert pipeline.values["steps"] == 5
    assert pipeline.unseen["stages"] == f"not known here, and passed over: {__name__}.Foreign"
    unshuffled = told(Foreign(Dataset.range(10)))
    assert "Foreign" in unshuffled.unseen["shuffle"]


def test_a_dataset_that_answers_nothing_does_not_raise() -> None:
    source = Broken(Dataset.range(10))
    source.asked = True
    pipeline = told(source)
    assert pipeline.values == {"class": f"{__name__}.Broken"}
    assert pipeline.unseen["inputs"] == "OSError: no inputs today"
    assert pipeline.unseen["steps"] == "OSError: not counted"
    assert pipeline.unseen["element"] == "RecursionError"


def test_a_stage_whose_attributes_are_gone_says_which() -> None:
    source = Dataset.range(10).shuffle(3).batch(2)
    del source._batch_size
    source._input_dataset._buffer_size = object()
    pipeline = told(source)
    assert pipeline.unseen["batch_size"].startswith("AttributeError")
    assert pipeline.values["shuffle_buffer"] == {"$object": "object"}
    assert pipeline.values["drop_remainder"] is False
    assert pipeline.values["samples"] == 10


def test_a_dataset_that_is_its_own_input_is_left() -> None:
    source = Foreign(Dataset.range(3))
    source._inner = source
    assert "too large" in told(source).unseen["inputs"]
