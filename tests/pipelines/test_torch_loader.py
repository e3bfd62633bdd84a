"""What a torch DataLoader tells."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from parametry.pipelines import Pipeline, describe


class Untouchable(Dataset[Any]):
    """A dataset of ten whose items must not be read."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("an item was read")


class Stream(IterableDataset[Any]):
    """A dataset that must not be iterated."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("the stream was iterated")


class SizedStream(Stream):
    def __len__(self) -> int:
        return 10


class Backwards(SequentialSampler):
    """Inherits from torch's, and draws in another order."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self))[::-1])


class Quiet(Sampler[int]):
    """Neither tells how many it draws, nor in which order."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("the sampler was iterated")


def collate(rows: list[Any], pad: int = 0) -> Any:
    return rows


def told(source: object) -> Pipeline:
    pipeline = describe(source)
    assert pipeline is not None
    assert pipeline.kind == "DataLoader"
    return pipeline


def test_a_plain_loader_tells_everything() -> None:
    loader = DataLoader(
        Untouchable(),
        batch_size=3,
        shuffle=True,
        drop_last=True,
        num_workers=2,
        prefetch_factor=4,
        persistent_workers=True,
        collate_fn=functools.partial(collate, pad=1),
        generator=torch.Generator().manual_seed(42),
    )
    pipeline = told(loader)
    assert pipeline.unseen == {}
    assert pipeline.values == {
        "class": "torch.utils.data.dataloader.DataLoader",
        "batch_size": 3,
        "drop_last": True,
        "samples": 10,
        "steps": 3,
        "shuffle": True,
        "sampler": "torch.utils.data.sampler.RandomSampler",
        "replacement": False,
        "seed": 42,
        "workers": 2,
        "pin_memory": False,
        "prefetch_factor": 4,
        "persistent_workers": True,
        "in_order": True,
        "timeout": 0,
        "collate_fn": f"{__name__}.collate",
        "dataset": f"{__name__}.Untouchable",
        "dataset_samples": 10,
    }


def test_a_seed_that_was_not_given_is_known_to_be_none() -> None:
    assert told(DataLoader(Untouchable(), shuffle=True)).values["seed"] is None


@pytest.mark.parametrize(
    ("sampler", "shuffle", "samples"),
    [
        (SequentialSampler(Untouchable()), False, 10),
        (RandomSampler(Untouchable(), replacement=True, num_samples=25), True, 25),
        (SubsetRandomSampler([1, 2, 3]), True, 3),
        (WeightedRandomSampler([0.5, 0.5], 7), True, 7),
        (DistributedSampler(Untouchable(), num_replicas=2, rank=0, shuffle=True), True, 5),
        (DistributedSampler(Untouchable(), num_replicas=2, rank=1, shuffle=False), False, 5),
        (Backwards(Untouchable()), None, 10),
        ([3, 1, 2], None, 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_sampler_tells_the_order_and_the_number(
    sampler: Any, shuffle: bool | None, samples: int
) -> None:
    pipeline = told(DataLoader(Untouchable(), batch_size=2, sampler=sampler))
    assert pipeline.values.get("shuffle") is shuffle
    assert ("shuffle" in pipeline.unseen) is (shuffle is None)
    assert pipeline.values["samples"] == samples
    assert pipeline.values["dataset_samples"] == 10
    assert pipeline.values["steps"] == -(-samples // 2)


def test_a_sampler_with_a_seed_of_its_own_tells_it() -> None:
    own = RandomSampler(Untouchable(), generator=torch.Generator().manual_seed(5))
    values = told(DataLoader(Untouchable(), sampler=own)).values
    assert (values["seed"], values["sampler_seed"]) == (None, 5)
    distributed = DistributedSampler(Untouchable(), num_replicas=2, rank=0, seed=6)
    values = told(DataLoader(Untouchable(), sampler=distributed)).values
    assert (values["sampler_seed"], values["replicas"]) == (6, 2)


def test_a_batch_sampler_is_believed_before_the_unused_default_sampler() -> None:
    batches = BatchSampler(RandomSampler(Untouchable()), batch_size=4, drop_last=True)
    pipeline = told(DataLoader(Untouchable(), batch_sampler=batches))
    expected = {"batch_size": 4, "drop_last": True, "steps": 2, "samples": 10, "shuffle": True}
    assert {name: pipeline.values[name] for name in expected} == expected
    assert pipeline.unseen == {}


def test_batches_from_a_list_tell_their_number_alone() -> None:
    pipeline = told(DataLoader(Untouchable(), batch_sampler=[[0, 1], [2]]))
    assert pipeline.values["steps"] == 2
    assert pipeline.values["batch_sampler"] == "list"
    assert set(pipeline.unseen) == {"batch_size", "drop_last", "samples", "shuffle"}
    assert not pipeline.unseen.keys() & pipeline.values.keys()


def test_without_automatic_batches_no_batch_size_is_told() -> None:
    pipeline = told(DataLoader(Untouchable(), batch_size=None))
    assert pipeline.values["steps"] == 10
    assert pipeline.values["shuffle"] is False
    assert set(pipeline.unseen) == {"batch_size", "samples"}


def test_a_sampler_without_a_length() -> None:
    pipeline = told(DataLoader(Untouchable(), batch_size=2, sampler=Quiet()))
    assert pipeline.values["batch_size"] == 2
    assert set(pipeline.unseen) == {"samples", "steps", "shuffle"}
    assert pipeline.unseen["samples"].startswith("TypeError")


@pytest.mark.parametrize(("drop_last", "steps"), [(False, 4), (True, 3)])
def test_a_stream_with_a_length_is_not_made_to_remember_it(drop_last: bool, steps: int) -> None:
    loader = DataLoader(SizedStream(), batch_size=3, drop_last=drop_last)
    pipeline = told(loader)
    assert (pipeline.values["samples"], pipeline.values["steps"]) == (10, steps)
    assert "order is its own" in pipeline.unseen["shuffle"]
    assert loader._IterableDataset_len_called is None


def test_a_stream_without_a_length() -> None:
    pipeline = told(DataLoader(Stream(), batch_size=3))
    assert pipeline.values["batch_size"] == 3
    assert set(pipeline.unseen) == {"samples", "steps", "shuffle"}


def test_a_stream_that_makes_its_own_batches() -> None:
    pipeline = told(DataLoader(SizedStream(), batch_size=None))
    assert pipeline.values["steps"] == 10
    assert not {"batch_size", "samples"} & pipeline.values.keys()
    assert {"batch_size", "samples"} <= pipeline.unseen.keys()


def test_datasets_inside_others_are_branches() -> None:
    inner = ConcatDataset([Untouchable(), Subset(Untouchable(), [1, 2, 3])])
    values = told(DataLoader(Subset(inner, range(5)))).values
    held = {name: value for name, value in values.items() if name.startswith("inputs/")}
    assert held == {
        "inputs/0/class": "torch.utils.data.dataset.ConcatDataset",
        "inputs/0/samples": 13,
        "inputs/0/inputs/0/class": f"{__name__}.Untouchable",
        "inputs/0/inputs/0/samples": 10,
        "inputs/0/inputs/1/class": "torch.utils.data.dataset.Subset",
        "inputs/0/inputs/1/samples": 3,
        "inputs/0/inputs/1/inputs/0/class": f"{__name__}.Untouchable",
        "inputs/0/inputs/1/inputs/0/samples": 10,
    }


@pytest.mark.parametrize(
    "dataset",
    [
        StackDataset(Untouchable(), Untouchable()),
        StackDataset(left=Untouchable(), right=Untouchable()),
        ChainDataset([SizedStream(), SizedStream()]),
    ],
    ids=["tuple", "dict", "chain"],
)
def test_each_dataset_of_a_group_is_a_branch(dataset: Any) -> None:
    values = told(DataLoader(dataset)).values
    assert [values["inputs/0/samples"], values["inputs/1/samples"]] == [10, 10]
    assert "inputs/2/samples" not in values


def test_a_dataset_wrapped_thousands_of_times() -> None:
    dataset: Any = Untouchable()
    for _ in range(3_000):
        dataset = Subset(dataset, [0, 1])
    pipeline = told(DataLoader(dataset))
    assert pipeline.values["samples"] == 2
    assert "1,000" in pipeline.unseen["inputs"]


def test_looking_changes_nothing() -> None:
    loader = DataLoader(Untouchable(), shuffle=True, generator=torch.Generator().manual_seed(1))
    state, own = torch.get_rng_state(), loader.generator.get_state()
    before = dict(vars(loader))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = describe(loader)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(loader.generator.get_state(), own)
    assert dict(vars(loader)) == before
    assert describe(loader) == first


def test_the_seed_is_the_one_that_was_given_also_after_drawing() -> None:
    loader = DataLoader(
        TensorDataset(torch.zeros(4)), shuffle=True, generator=torch.Generator().manual_seed(11)
    )
    for _ in loader:
        pass
    assert told(loader).values["seed"] == 11


def test_a_loader_that_was_never_initialised_does_not_raise() -> None:
    pipeline = told(DataLoader.__new__(DataLoader))
    assert {"samples", "shuffle", "seed", "dataset"} <= pipeline.unseen.keys()


def test_a_subclass_is_recognised_by_its_ancestor() -> None:
    class Mine(DataLoader[Any]):
        pass

    pipeline = told(Mine(Untouchable(), batch_size=5))
    assert pipeline.values["class"].endswith("Mine")
    assert pipeline.values["steps"] == 2


def test_a_tensor_is_an_array() -> None:
    pipeline = describe(torch.zeros(6, 2, dtype=torch.bfloat16))
    assert pipeline is not None
    assert pipeline.kind == "arrays"
    assert pipeline.values["samples"] == 6
    assert pipeline.values["element"] == {"shape": [None, 2], "dtype": "bfloat16"}


@settings(deadline=None)
@given(
    samples=st.integers(1, 50),
    batch_size=st.integers(1, 60),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
    seed=st.none() | st.integers(0, 2**63 - 1),
)
def test_any_loader_tells_what_it_does(
    samples: int, batch_size: int, drop_last: bool, shuffle: bool, seed: int | None
) -> None:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(torch.from_numpy(np.arange(samples))),
        batch_size=batch_size,
        drop_last=drop_last,
        shuffle=shuffle,
        generator=generator,
    )
    pipeline = told(loader)
    assert pipeline.unseen == {}
    batches = [len(batch) for (batch,) in loader]
    values = pipeline.values
    assert values["steps"] == len(batches)
    assert values["samples"] == samples
    assert (values["batch_size"], values["drop_last"]) == (batch_size, drop_last)
    assert (values["shuffle"], values["seed"]) == (shuffle, seed)
