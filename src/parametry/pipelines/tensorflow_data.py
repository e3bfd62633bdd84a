"""What a `tf.data.Dataset` tells: a walk over its stages, from the training end to the sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Final

from parametry.core.value import UNSET, class_name
from parametry.pipelines.pipeline import Notes, fault
from parametry.pipelines.registry import family_name
from parametry.pipelines.tensorflow_sizes import note_element, note_sizes
from parametry.pipelines.tensorflow_stages import REMAKES, STAGES, hides_order, kind_of
from parametry.pipelines.tensorflow_values import callable_name, plain

__all__ = ["describe"]

#: After so many stages or branches the walk ends, and says so. A dataset that is put together with
#: itself again and again has branches without number.
MOST_STAGES: Final = 20_000
MOST_BRANCHES: Final = 500
#: More names of files than these are counted only.
MOST_FILES: Final = 1_000

_READERS: Final = {"TFRecordDataset", "TextLineDataset", "FixedLengthRecordDataset"}

#: The functions by which `fit` turns class weights into sample weights, in a stage of its own.
_CLASS_WEIGHTS: Final = {"class_weights_map_fn", "_class_weights_map_fn"}


@dataclass(frozen=True, slots=True)
class _Branch:
    """A dataset to walk: the pipeline itself, or one of those that come together in a fork."""

    head: Any
    notes: Notes
    below_batch: bool  # whether the trunk that it joins batches its elements


@dataclass(slots=True)
class _Order:
    """What is known of the order of the elements, over all branches."""

    shuffled: bool = False
    hidden_by: str = ""


def describe(source: Any, notes: Notes) -> None:
    """Note what a tf.data pipeline tells.

    Stages are told from the training end down. Where one name is met twice on a trunk, the stage
    nearest to training has the plain name and those before it are numbered, `shuffle_buffer_1`.
    Where the pipeline forks, each branch is told under `inputs/0/`, `inputs/1/`.

    Args:
        source: The dataset; also a distributed one.
        notes: Where to note it. ``samples`` are the elements that go into the last batch stage,
            ``steps`` those that come out of the pipeline, and ``shuffle`` whether any stage of it
            shuffles, be it that of a branch or of the names of files.
    """
    head = _undistributed(source, notes)
    order = _Order()
    branches = [_Branch(head, notes, below_batch=False)]
    stages_left, branches_left = MOST_STAGES, MOST_BRANCHES
    while branches:
        branch = branches.pop()
        stages, inputs = _trunk(branch, stages_left)
        stages_left -= len(stages)
        out_of_stages = stages_left <= 0 and bool(inputs or branches)
        if out_of_stages or len(inputs) > branches_left:
            notes.miss("inputs", "the pipeline is too large to be walked to its end")
            order.hidden_by = "what was not walked"
        if out_of_stages:
            branches.clear()
            branches_left = 0
        inputs = inputs[:branches_left]
        branches_left -= len(inputs)
        if branch.notes is notes:
            stages = _without_those_of_fit(stages, notes)
            _note_options(stages[0], notes)
        else:
            branch.notes.tell("class", class_name(type(branch.head)))
        _note_stages(stages, branch.notes, order)
        batched = note_sizes(stages, branch.notes, below_batch=branch.below_batch)
        note_element(stages, branch.notes)
        branches += reversed(
            [
                _Branch(each, branch.notes.branch(f"inputs/{index}/"), batched)
                for index, each in enumerate(inputs)
            ]
        )
    if order.shuffled or not order.hidden_by:
        notes.tell("shuffle", order.shuffled)
    else:
        notes.miss(
            "shuffle", f"no shuffle stage is in sight, but {order.hidden_by} hides the order"
        )


def _undistributed(source: Any, notes: Notes) -> Any:
    """The dataset that a strategy distributes, which has the batch size over all replicas."""
    families = {family_name(cls) for cls in type(source).__mro__}
    if "tensorflow.DatasetV2" in families:
        return source
    notes.read("replicas", lambda: source._num_replicas_in_sync or UNSET)
    if "tensorflow.DistributedDatasetsFromFunction" in families:
        notes.read("dataset_function", lambda: callable_name(source._dataset_fn))
        return source._datasets[0]
    original = getattr(source, "_original_dataset", None)
    return source._cloned_datasets[0] if original is None else original


def _trunk(branch: _Branch, most: int) -> tuple[list[Any], list[Any]]:
    """The stages from a branch's head down to its source or to a fork, and the fork's inputs."""
    stages: list[Any] = []
    inputs = [branch.head]
    while len(inputs) == 1 and len(stages) < most:
        stage = inputs[0]
        while any(cls.__name__ == "DatasetV1Adapter" for cls in type(stage).__mro__):
            stage = stage._dataset
        stages.append(stage)
        try:
            inputs = _inputs(stage)
        except Exception as error:  # a user's own dataset class
            branch.notes.miss("inputs", fault(error))
            inputs = []
    return stages, inputs


def _inputs(stage: Any) -> list[Any]:
    match kind_of(stage):
        case "DirectedInterleaveDataset":  # its other input draws which of these is next
            return list(stage._data_inputs)
        case "TextLineDataset" | "FixedLengthRecordDataset":  # which say that they have no input
            names = getattr(stage, "_filenames", None)
            return [names] if hasattr(names, "_inputs") else []
        case "ZipDataset":
            inputs = list(stage._inputs())
            # Dataset.enumerate() is a zip with a counter, that TensorFlow has closed.
            counted = len(inputs) == 2 and kind_of(inputs[0]) == "VariantDataset"
            return inputs[1:] if counted else inputs
        case _:
            return list(stage._inputs())


def _without_those_of_fit(stages: list[Any], notes: Notes) -> list[Any]:
    """The stages without the map (and prefetch) that `fit(class_weight=...)` puts on top."""
    for index, stage in enumerate(stages[:2]):
        function = getattr(getattr(stage, "_map_func", None), "_func", None)
        if _is_of_fit(function):
            notes.tell("class_weight", True)
            return stages[index + 1 :] or stages
        if kind_of(stage) != "PrefetchDataset":
            break
    return stages


def _is_of_fit(function: Any) -> bool:
    module = str(getattr(function, "__module__", ""))
    return (
        module.partition(".")[0] in ("keras", "tf_keras")
        and getattr(function, "__name__", "") in _CLASS_WEIGHTS
    )


def _note_options(stage: Any, notes: Notes) -> None:
    """Note the options that were set, those of all stages and branches merged by TensorFlow."""
    notes.part("options", lambda: _note_options_of(stage._options_attr, notes.branch("options/")))


def _note_options_of(options: Any, notes: Notes) -> None:
    for name, value in options._options.items():  # the attributes would set their own defaults
        if hasattr(value, "_options"):
            _note_options_of(value, notes.branch(f"{name}/"))
        elif value is not None:
            notes.tell(name, value)


def _note_stages(stages: list[Any], notes: Notes, order: _Order) -> None:
    met: Counter[str] = Counter()
    unknown: dict[str, None] = {}
    if (decided := notes.values.pop(f"{notes.prefix}options/deterministic", None)) is not None:
        notes.tell("deterministic", decided)
        met["deterministic"] = 1
    for stage, below in zip_longest(stages, stages[1:]):
        kind = kind_of(stage)
        if kind not in STAGES:
            unknown[class_name(type(stage))] = None
        if kind in REMAKES and met["batch"] == 0:
            met["batch"] = 1  # no batch that was made before is a batch of the training
        for told in STAGES.get(kind, ()):
            number = f"_{met[told.family]}" if met[told.family] else ""
            found = [
                notes.read(name + number, partial(read, stage))
                for name, read in told.readers.items()
            ]
            met[told.family] += any(found)
        if not order.hidden_by and hides_order(stage, kind):
            order.hidden_by = kind
        if kind in _READERS and kind_of(below) == "TensorSliceDataset":
            notes.part("files", partial(_note_files, below, notes))
    order.shuffled |= met["shuffle"] > 0
    if unknown:
        notes.miss("stages", f"not known here, and passed over: {', '.join(unknown)}")


def _note_files(names: Any, notes: Notes) -> None:
    (tensor,) = names._tensors
    if (count := int(tensor.shape[0])) > MOST_FILES:
        notes.miss("files", f"{count:,} names are too many to list")
    else:
        notes.tell("files", plain(tensor))
