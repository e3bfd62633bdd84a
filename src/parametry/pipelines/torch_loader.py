"""What a torch DataLoader tells about itself, its samplers and its dataset."""

from __future__ import annotations

import functools
from typing import Any, Final

from parametry.core.value import UNSET, class_name, is_function
from parametry.pipelines.pipeline import Notes
from parametry.pipelines.registry import family_name

__all__ = ["describe"]

#: Whether torch's own samplers shuffle.
_SHUFFLES: Final = {
    "torch.RandomSampler": True,
    "torch.SubsetRandomSampler": True,
    "torch.WeightedRandomSampler": True,
    "torch.SequentialSampler": False,
}

#: How many datasets inside others are told.
_MOST_INNER: Final = 1_000

_SETTINGS: Final = {
    "workers": "num_workers",
    "pin_memory": "pin_memory",
    "prefetch_factor": "prefetch_factor",
    "persistent_workers": "persistent_workers",
    "in_order": "in_order",
    "timeout": "timeout",
}


def describe(source: Any, notes: Notes) -> None:
    """Note what a DataLoader tells.

    The lengths of its samplers and its dataset are asked for; no index is drawn, no item read.

    Args:
        source: The DataLoader.
        notes: Where to note it. ``seed`` is the initial seed of its generator, ``sampler_seed``
            that of a sampler that has its own.
    """
    notes.part("samples", lambda: _sizes(source, notes))
    notes.part("shuffle", lambda: _order(source, notes))
    notes.read("seed", lambda: _seed(source.generator))
    for name, attribute in _SETTINGS.items():
        notes.read(name, lambda attribute=attribute: getattr(source, attribute, UNSET))  # type: ignore[misc]
    for name in ("collate_fn", "worker_init_fn"):
        notes.read(name, lambda name=name: _called(getattr(source, name)))  # type: ignore[misc]
    notes.part("dataset", lambda: _dataset(source, notes))


def _is_iterable(source: Any) -> bool:
    return any(family_name(cls) == "torch.IterableDataset" for cls in type(source.dataset).__mro__)


def _sizes(source: Any, notes: Notes) -> None:
    if _is_iterable(source):
        _stream_sizes(source, notes)
    else:
        _batch_sizes(source, notes)


def _stream_sizes(source: Any, notes: Notes) -> None:
    # Not len(source): it makes the loader remember the length, and warn later about it.
    notes.read("samples", lambda: len(source.dataset))
    notes.read("drop_last", lambda: source.drop_last)
    size, samples = source.batch_size, notes.values.get("samples")
    if not isinstance(samples, int):
        notes.miss("steps", notes.unseen["samples"])
    elif size is None:
        notes.tell("steps", samples)
    else:
        notes.tell("steps", samples // size if source.drop_last else -(-samples // size))
    if size is None:
        _without_batches(notes)
    else:
        notes.tell("batch_size", size)


def _batch_sizes(source: Any, notes: Notes) -> None:
    notes.read("steps", lambda: len(source))
    batches = source.batch_sampler
    if batches is None:
        _without_batches(notes)
        return
    for name in ("batch_size", "drop_last"):
        notes.read(name, lambda name=name: getattr(batches, name))  # type: ignore[misc]
    if (sampler := _sampler(source)) is None:
        notes.miss("samples", f"{type(batches).__name__} keeps no sampler")
    else:
        notes.read("samples", lambda: len(sampler))
    if family_name(type(batches)) != "torch.BatchSampler":
        notes.tell("batch_sampler", class_name(type(batches)))


def _without_batches(notes: Notes) -> None:
    for name in ("batch_size", "samples"):
        notes.values.pop(notes.prefix + name, None)
        notes.miss(name, "batch_size=None: the dataset makes its batches itself")


def _sampler(source: Any) -> Any:
    # A loader with a batch sampler keeps another sampler, made by default, which it never uses.
    batches = source.batch_sampler
    return source.sampler if batches is None else getattr(batches, "sampler", None)


def _order(source: Any, notes: Notes) -> None:
    if _is_iterable(source):
        notes.miss("shuffle", "the dataset is iterable: the order is its own")
        return
    if (sampler := _sampler(source)) is None:
        notes.miss("shuffle", f"{type(source.batch_sampler).__name__} keeps no sampler")
        return
    notes.tell("sampler", class_name(type(sampler)))
    shuffle = _shuffles(sampler)
    if shuffle is UNSET:
        notes.miss("shuffle", f"{type(sampler).__name__} does not tell in which order it draws")
    notes.tell("shuffle", shuffle)
    kept = getattr(sampler, "__dict__", {})
    notes.tell("replacement", kept.get("replacement", UNSET))
    notes.tell("replicas", kept.get("num_replicas", UNSET))
    generator = kept.get("generator")
    if generator is not None and generator is not source.generator:
        notes.read("sampler_seed", lambda: _seed(generator))
    elif isinstance(kept.get("seed"), int):
        notes.tell("sampler_seed", kept["seed"])


def _shuffles(sampler: Any) -> object:
    # By the class whose order it is: one that inherits from torch's, and draws in its own way,
    # is not known.
    drawing = next((cls for cls in type(sampler).__mro__ if "__iter__" in vars(cls)), object)
    if (known := _SHUFFLES.get(family_name(drawing))) is not None:
        return known
    # DistributedSampler, and samplers that follow it.
    kept = getattr(sampler, "__dict__", {}).get("shuffle")
    return kept if isinstance(kept, bool) else UNSET


def _seed(generator: Any) -> object:
    return None if generator is None else int(generator.initial_seed())


def _called(function: Any) -> object:
    if function is None:
        return UNSET
    while isinstance(function, functools.partial):
        function = function.func
    return function if is_function(function) else class_name(type(function))


def _dataset(source: Any, notes: Notes) -> None:
    """Note the dataset's class and, of torch's own that hold others, theirs under `inputs/`."""
    notes.tell("dataset", class_name(type(source.dataset)))
    if not _is_iterable(source):
        notes.read("dataset_samples", lambda: len(source.dataset))
    pending = [(notes, source.dataset)]
    seen = 0
    while pending:
        here, dataset = pending.pop()
        for index, inner in enumerate(_inner(dataset)):
            if (seen := seen + 1) > _MOST_INNER:
                notes.miss("inputs", f"the dataset holds more than {_MOST_INNER:,} others")
                return
            branch = here.branch(f"inputs/{index}/")
            branch.tell("class", class_name(type(inner)))
            branch.read("samples", lambda inner=inner: len(inner))  # type: ignore[misc]
            pending.append((branch, inner))


def _inner(dataset: Any) -> list[Any]:
    held = vars(dataset) if hasattr(dataset, "__dict__") else {}
    match family_name(type(dataset)):
        case "torch.Subset":
            return [held["dataset"]]
        case "torch.ConcatDataset" | "torch.ChainDataset":
            return list(held["datasets"])
        case "torch.StackDataset":
            datasets = held["datasets"]
            return list(datasets.values() if isinstance(datasets, dict) else datasets)
        case _:
            return []
