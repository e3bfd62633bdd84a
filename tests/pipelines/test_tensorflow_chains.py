"""Any chain of tf.data stages tells what was asked of it: checked against a model of the chain."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.pipelines import Pipeline, describe

pytestmark = pytest.mark.usefixtures("no_global_seed")

AUTOTUNE = tf.data.AUTOTUNE


def told(source: object) -> Pipeline:
    pipeline = describe(source)
    assert pipeline is not None
    assert pipeline.kind == "tf.data"
    assert not pipeline.values.keys() & pipeline.unseen.keys()
    return pipeline


def same(tensor: Any) -> Any:
    return tensor


@dataclass(frozen=True)
class Stage:
    """One call of a Dataset's method, and the names by which it should be told."""

    method: str
    arguments: dict[str, Any]
    names: dict[str, Any]


def _call(value: int) -> object:
    return "AUTOTUNE" if value == AUTOTUNE else value


COUNTS = st.integers(0, 40)
SIZES = st.integers(1, 12)
SEEDS = st.none() | st.integers(0, 2**31 - 2)
CALLS = st.sampled_from([AUTOTUNE, 1, 4])
STAGES = st.one_of(
    st.builds(
        lambda size, seed, again: Stage(
            "shuffle",
            {"buffer_size": size, "seed": seed, "reshuffle_each_iteration": again},
            {"shuffle_buffer": size, "shuffle_seed": seed, "reshuffle_each_iteration": again},
        ),
        SIZES,
        SEEDS,
        st.booleans(),
    ),
    st.builds(
        lambda size, drop: Stage(
            "batch",
            {"batch_size": size, "drop_remainder": drop},
            {"batch_size": size, "drop_remainder": drop},
        ),
        SIZES,
        st.booleans(),
    ),
    st.builds(
        lambda count: Stage(
            "repeat", {"count": count}, {"repeat": "infinite" if count is None else count}
        ),
        st.none() | st.integers(0, 4),
    ),
    st.builds(
        lambda size: Stage("prefetch", {"buffer_size": size}, {"prefetch": _call(size)}),
        st.sampled_from([AUTOTUNE, 0, 1, 8]),
    ),
    st.builds(lambda count: Stage("take", {"count": count}, {"take": count}), COUNTS),
    st.builds(lambda count: Stage("skip", {"count": count}, {"skip": count}), COUNTS),
    st.builds(
        lambda file: Stage("cache", {"filename": file}, {"cache": file or True}),
        st.sampled_from(["", "no-such-folder/cache"]),
    ),
    st.builds(
        lambda calls, ordered: Stage(
            "map",
            {"map_func": same, "num_parallel_calls": calls, "deterministic": ordered},
            {
                "map_function": f"{__name__}.same",
                "map_parallel_calls": _call(calls),
                **({} if ordered is None else {"deterministic": ordered}),
            },
        ),
        CALLS,
        st.none() | st.booleans(),
    ),
)


def _after(count: float, stage: Stage) -> float:
    """How many elements a stage makes of `count`."""
    match stage.method, next(iter(stage.arguments.values())):
        case "batch", size:
            whole = stage.arguments["drop_remainder"]
            return count if count == float("inf") else count // size if whole else -(-count // size)
        case "repeat", times:
            return 0 if count == 0 or times == 0 else count * (times or float("inf"))
        case "take", upto:
            return min(count, upto)
        case "skip", first:
            return max(count - first, 0)
        case _:
            return count


@settings(deadline=None, max_examples=100)
@given(elements=st.integers(0, 60), stages=st.lists(STAGES, max_size=8))
def test_any_chain_tells_what_was_asked(elements: int, stages: list[Stage]) -> None:
    dataset = tf.data.Dataset.range(elements)
    count: float = elements
    samples: float | None = None
    for stage in stages:
        dataset = getattr(dataset, stage.method)(**stage.arguments)
        if stage.method == "batch":
            samples = count
        count = _after(count, stage)

    expected: dict[str, Any] = {"range": [0, elements, 1]}
    met: Counter[str] = Counter()
    for stage in reversed(stages):
        for name, value in stage.names.items():
            expected[f"{name}_{met[name]}" if met[name] else name] = value
            met[name] += 1
    expected["shuffle"] = met["shuffle_buffer"] > 0
    if count != float("inf"):
        expected["steps"] = count
    if samples is not None and samples != float("inf"):
        expected["samples"] = samples

    pipeline = told(dataset)
    assert {
        name: value for name, value in pipeline.values.items() if name not in ("class", "element")
    } == expected
    assert ("steps" in pipeline.unseen) is (count == float("inf"))
    assert ("samples" in pipeline.unseen) is (samples in (None, float("inf")))
    assert ("batch_size" in pipeline.unseen) is (samples is None)


@pytest.mark.parametrize("seed", [None, 0, 5])
@pytest.mark.parametrize("first", [None, 9])
def test_a_seed_is_numbered_with_its_shuffle(first: int | None, seed: int | None) -> None:
    dataset = tf.data.Dataset.range(9).shuffle(3, seed=first).shuffle(4, seed=seed)
    values = told(dataset).values
    assert (values["shuffle_buffer"], values["shuffle_seed"]) == (4, seed)
    assert (values["shuffle_buffer_1"], values["shuffle_seed_1"]) == (3, first)
    assert "global_seed" not in values


def test_a_chain_of_two_thousand_stages() -> None:
    dataset = tf.data.Dataset.range(10).batch(2)
    for index in range(2_000):
        # TensorFlow itself cannot make a longer row of stages that keep the structure.
        dataset = dataset.map(same) if index % 100 == 0 else dataset.take(1_000 + index)
    values = told(dataset).values
    assert (values["batch_size"], values["samples"], values["steps"]) == (2, 10, 5)
    assert (values["take"], values["take_1979"]) == (2_999, 1_001)
    assert values["map_function_19"] == f"{__name__}.same"
    assert values["element"] == {"shape": [None], "dtype": "int64"}


def test_a_chain_deeper_than_python_s_recursion_tells_its_element() -> None:
    limit = sys.getrecursionlimit()
    dataset = tf.data.Dataset.range(10).batch(2)
    sys.setrecursionlimit(50_000)  # for TensorFlow, which asks stage after stage for the structure
    try:
        for _ in range(limit + 100):
            dataset = dataset.prefetch(1)
    finally:
        sys.setrecursionlimit(limit)
    with pytest.raises(RecursionError):
        _ = dataset.element_spec
    values = told(dataset).values
    assert values["element"] == {"shape": [None], "dtype": "int64"}
    assert values[f"prefetch_{limit + 99}"] == 1
