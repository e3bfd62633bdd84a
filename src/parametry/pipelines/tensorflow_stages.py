"""What each kind of tf.data stage keeps, and under which names it is told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from parametry.core.value import UNSET
from parametry.errors import ValueUnavailable
from parametry.pipelines.registry import family_name
from parametry.pipelines.tensorflow_values import (
    Reader,
    autotuned,
    callable_name,
    closure,
    determinism,
    endless,
    file_or_memory,
    function,
    global_seed,
    number,
    op_seed,
    plain,
)

__all__ = ["BATCHES", "KEEPS_ROWS", "REMAKES", "STAGES", "Told", "kind_of", "hides_order"]


@dataclass(frozen=True, slots=True)
class Told:
    """Values of a stage that are numbered together.

    Attributes:
        family: What is counted along the pipeline: the second shuffle's seed is
            ``shuffle_seed_1`` also where the first was given none.
        readers: Name to what reads the value from the stage.
    """

    family: str
    readers: Mapping[str, Reader]


def _one(name: str, reader: Reader) -> Told:
    return Told(name, {name: reader})


def _present(name: str) -> Told:
    return _one(name, lambda stage: True)


def _sampling_seed(stage: Any) -> object:
    random = _random(stage)
    return UNSET if random is None else op_seed(random)


def _sampling_global_seed(stage: Any) -> object:
    random = _random(stage)
    return UNSET if random is None else global_seed(random)


def _random(stage: Any) -> Any:
    """The source of random numbers by which `sample_from_datasets` draws, a few stages down."""
    pending = [stage._selector_input]
    for _ in range(16):
        if not pending:
            break
        below = pending.pop()
        if kind_of(below) == "RandomDataset":
            return below
        pending += below._inputs()
    return None


def _sampling_weights(stage: Any) -> object:
    """The weights of `sample_from_datasets`, which keeps their float32 logarithms: six digits."""
    selector = getattr(getattr(stage._selector_input, "_map_func", None), "_func", None)
    if getattr(selector, "__name__", "") != "select_dataset_constant_logits":
        return UNSET
    logits = closure(selector)["logits"]
    if isinstance(logits, list):  # a literal of ones
        return "uniform"
    return [float(f"{math.exp(logit):.6g}") for logit in plain(logits)[0]]


def _generator(stage: Any) -> object:
    """The user's function under `from_generator`, which TensorFlow keeps two closures deep."""
    outer = getattr(getattr(stage, "_map_func", None), "_func", None)
    if getattr(outer, "__qualname__", "") != "_from_generator.<locals>.flat_map_fn":
        return UNSET
    state = closure(closure(outer)["get_iterator_id_fn"])["generator_state"]
    return callable_name(state._generator)


def _divided(stage: Any) -> object:
    raise ValueUnavailable("divided among replicas, whose number the stage does not keep")


def _by_bucket(stage: Any) -> object:
    raise ValueUnavailable("it differs by bucket: see bucket_batch_sizes")


def _bucket(name: str) -> Reader:
    """A reader of an argument of `bucket_by_sequence_length`, kept in its closure alone."""
    return lambda stage: plain(closure(stage._reduce_func._func)[name])


# TensorFlow has two classes of this name: one keeps the calls, the other the determinism.
def _interleave_calls(stage: Any) -> object:
    kept = hasattr(stage, "_num_parallel_calls")
    return autotuned("_num_parallel_calls")(stage) if kept else UNSET


def _interleave_determinism(stage: Any) -> object:
    if hasattr(stage, "_deterministic"):
        return determinism("_deterministic")(stage)
    raise ValueUnavailable("a parallel interleave does not keep it")


def _range(stage: Any) -> object:
    return [plain(stage._start), plain(stage._stop), plain(stage._step)]


_DROP: Final = {"drop_remainder": number("_drop_remainder")}
_BATCH: Final = Told("batch", {"batch_size": number("_batch_size"), **_DROP})
_SHUFFLE: Final = Told(
    "shuffle",
    {
        "shuffle_buffer": number("_buffer_size"),
        "shuffle_seed": op_seed,
        "global_seed": global_seed,
        "reshuffle_each_iteration": number("_reshuffle_each_iteration"),
    },
)
_SHUFFLE_WITHOUT: Final = {
    missing: Told("shuffle", {n: r for n, r in _SHUFFLE.readers.items() if n != missing})
    for missing in ("shuffle_buffer", "reshuffle_each_iteration")
}
_REPEAT: Final = _one("repeat", endless("_count"))
_MAP: Final = _one("map_function", function("_map_func"))
_MAP_CALLS: Final = _one("map_parallel_calls", autotuned("_num_parallel_calls"))
_DETERMINISTIC: Final = _one("deterministic", determinism("_deterministic"))
_INTERLEAVE: Final = Told(
    "interleave",
    {
        "interleave_cycle_length": autotuned("_cycle_length"),
        "interleave_block_length": number("_block_length"),
        "interleave_function": function("_map_func"),
    },
)
_PREFETCH: Final = _one("prefetch", autotuned("_buffer_size"))
_READER: Final = Told(
    "reader", {"compression": number("_compression_type"), "read_buffer": number("_buffer_size")}
)

#: Kind of stage (its class's name, bare) to what it tells. A kind with nothing is known to have
#: nothing to tell; a kind that is not here is reported as unknown.
STAGES: Final[dict[str, tuple[Told, ...]]] = {
    # How many, in which order.
    "BatchDataset": (_BATCH,),
    "ParallelBatchDataset": (
        _BATCH,
        _one("batch_parallel_calls", autotuned("_num_parallel_calls")),
        _DETERMINISTIC,
    ),
    "PaddedBatchDataset": (
        _BATCH,
        Told(
            "padded_batch",
            {
                "padded_shapes": number("_padded_shapes"),
                "padding_values": number("_padding_values"),
            },
        ),
    ),
    "DenseToSparseBatchDataset": (Told("batch", {"batch_size": number("_batch_size")}),),
    "MapAndBatchDataset": (
        Told(
            "batch",
            {"batch_size": number("_batch_size_t"), "drop_remainder": number("_drop_remainder_t")},
        ),
        _MAP,
        _one("map_parallel_calls", autotuned("_num_parallel_calls_t")),
    ),
    "RebatchDataset": (Told("batch", {"batch_size": number("_batch_sizes"), **_DROP}),),
    "LegacyRebatchDataset": (Told("batch", {"batch_size": _divided}),),
    "UnbatchDataset": (_present("unbatch"),),
    "DenseToRaggedDataset": (_present("ragged"),),
    "WindowDataset": (
        Told(
            "window",
            {
                "window_size": number("_size"),
                "window_shift": number("_shift"),
                "window_stride": number("_stride"),
                "window_drop_remainder": number("_drop_remainder"),
            },
        ),
    ),
    "BucketDataset": (
        Told("batch", {"batch_size": _by_bucket, "drop_remainder": _bucket("drop_remainder")}),
        Told(
            "bucket",
            {
                "bucket_boundaries": _bucket("bucket_boundaries"),
                "bucket_batch_sizes": _bucket("bucket_batch_sizes"),
            },
        ),
    ),
    "GroupByWindowDataset": (_one("group_key_function", function("_key_func")),),
    "ShuffleDataset": (_SHUFFLE,),
    "ShuffleAndRepeatDataset": (_REPEAT, _SHUFFLE_WITHOUT["reshuffle_each_iteration"]),
    "GlobalShuffleDataset": (_SHUFFLE_WITHOUT["shuffle_buffer"],),
    "RepeatDataset": (_REPEAT,),
    "TakeDataset": (_one("take", number("_count")),),
    "SkipDataset": (_one("skip", number("_count")),),
    "ShardDataset": (
        Told("shard", {"shards": number("_num_shards"), "shard_index": number("_index")}),
    ),
    "AssertCardinalityDataset": (),
    # Functions.
    "MapDataset": (_MAP,),
    "ParallelMapDataset": (_MAP, _MAP_CALLS, _DETERMINISTIC),
    "FilterDataset": (_one("filter_function", function("_predicate")),),
    "TakeWhileDataset": (_one("take_while_function", function("_predicate")),),
    "ScanDataset": (_one("scan_function", function("_scan_func")),),
    "FlatMapDataset": (
        _one("flat_map_function", function("_map_func")),
        _one("generator_function", _generator),
    ),
    "InterleaveDataset": (_INTERLEAVE,),
    "ParallelInterleaveDataset": (
        _INTERLEAVE,
        _one("interleave_parallel_calls", _interleave_calls),
        _one("deterministic", _interleave_determinism),
    ),
    "UniqueDataset": (_present("unique"),),
    "IgnoreErrorsDataset": (_present("ignore_errors"),),
    # Speed.
    "PrefetchDataset": (_PREFETCH,),
    "CacheDataset": (_one("cache", file_or_memory("_filename")),),
    "SnapshotDataset": (_one("snapshot", number("_path")),),
    "SaveDataset": (),
    "CopyToDeviceDataset": (_one("device", number("_target_device")),),
    "OptionsDataset": (),
    "RestructuredDataset": (),
    # Forks.
    "ZipDataset": (),
    "ConcatenateDataset": (),
    "DirectedInterleaveDataset": (
        Told(
            "sampling",
            {
                "sampling_weights": _sampling_weights,
                "sampling_seed": _sampling_seed,
                "sampling_global_seed": _sampling_global_seed,
                "stop_on_empty_dataset": number("_stop_on_empty_dataset"),
            },
        ),
    ),
    # Sources.
    "RangeDataset": (_one("range", _range),),
    "RandomDataset": (Told("random", {"random_seed": op_seed, "random_global_seed": global_seed}),),
    "TensorDataset": (),
    "TensorSliceDataset": (),
    "SparseTensorSliceDataset": (),
    "ListDataset": (),
    "GeneratorDataset": (),
    "VariantDataset": (),
    "LoadDataset": (_one("load", number("_path")),),
    "TFRecordDataset": (_READER, _one("parallel_reads", autotuned("_num_parallel_reads"))),
    "TextLineDataset": (_READER,),
    "FixedLengthRecordDataset": (_READER, _one("record_bytes", number("_record_bytes"))),
    "CsvDataset": (_READER, _one("files", number("_filenames"))),
}

#: Kinds that put elements together into batches.
BATCHES: Final = {
    "BatchDataset",
    "ParallelBatchDataset",
    "PaddedBatchDataset",
    "DenseToSparseBatchDataset",
    "MapAndBatchDataset",
    "RebatchDataset",
    "LegacyRebatchDataset",
    "BucketDataset",
}

#: Kinds that make elements anew, so that batches made before them are not what they put out.
REMAKES: Final = {
    "UnbatchDataset",
    "WindowDataset",
    "FlatMapDataset",
    "InterleaveDataset",
    "ParallelInterleaveDataset",
    "GroupByWindowDataset",
}

#: Kinds that let every row of every batch through, as it is.
KEEPS_ROWS: Final = {
    "ShuffleDataset",
    "PrefetchDataset",
    "CacheDataset",
    "OptionsDataset",
    "RestructuredDataset",
    "CopyToDeviceDataset",
    "AssertCardinalityDataset",
}


#: Kinds that run a function which makes datasets, and where they keep it.
_MAKERS: Final = {
    "FlatMapDataset": "_map_func",
    "InterleaveDataset": "_map_func",
    "ParallelInterleaveDataset": "_map_func",
    "GroupByWindowDataset": "_reduce_func",
}


def kind_of(stage: object) -> str:
    """A stage's kind: the bare name of TensorFlow's class, or of its own where that is unknown.

    TensorFlow's ``_ShuffleDataset`` and ``TFRecordDatasetV2`` are ``ShuffleDataset`` and
    ``TFRecordDataset``.
    """
    for name in _bare_names(type(stage)):
        if name == "GroupByWindowDataset" and _is_bucketed(stage):
            return "BucketDataset"
        if name in STAGES:
            return name
    return type(stage).__name__.lstrip("_")


def _is_bucketed(stage: Any) -> bool:
    function = getattr(getattr(stage, "_reduce_func", None), "_func", None)
    name = getattr(function, "__qualname__", "")
    return name == "DatasetV2.bucket_by_sequence_length.<locals>.batching_fn"


def _bare_names(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        root, _, name = family_name(base).partition(".")
        if root == "tensorflow":
            yield name.lstrip("_").removesuffix("V2").removesuffix("V1")


def hides_order(stage: Any, kind: str) -> bool:
    """Whether elements come in an order that cannot be seen: from a function or a closed source.

    TensorFlow's own functions, such as those by which it reads files, keep the order they find.
    """
    if kind not in STAGES or kind == "VariantDataset":
        return True
    attribute = _MAKERS.get(kind)
    if attribute is None:
        return False
    return function(attribute)(stage) is not UNSET or _generator(stage) is not UNSET
