"""Which objects are pipelines, and what holds for all of them; no framework is needed here."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from parametry.pipelines import Pipeline, describe
from parametry.pipelines.pipeline import Notes, fault
from parametry.pipelines.registry import REGISTRY


class Sly:
    """Whose class lies about where it is from, and which nothing may be asked of."""

    __module__ = 7  # type: ignore[assignment]

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("not to be asked")


class DataLoader:
    """A namesake of torch's."""

    batch_size = 3


def numbers(upto: int) -> Iterator[int]:
    yield from range(upto)


def test_what_is_no_pipeline_is_none() -> None:
    sources = [None, 5, "train.csv", [1, 2], (np.zeros(3),), {"x": 1}, np.float32(1), int]
    for source in [*sources, DataLoader(), Sly()]:
        assert describe(source) is None, type(source)


@pytest.mark.parametrize("module", sorted({module for _, module in REGISTRY.values()}))
def test_every_registered_module_describes(module: str) -> None:
    assert callable(importlib.import_module(module).describe)


def test_every_kind_is_one_of_the_five() -> None:
    kinds = {kind for kind, _ in REGISTRY.values()}
    assert kinds == {"tf.data", "PyDataset", "DataLoader", "arrays", "generator"}


def test_a_generator_is_not_advanced() -> None:
    source = numbers(3)
    pipeline = describe(source)
    assert pipeline == Pipeline(
        "generator",
        {"class": "generator", "function": f"{__name__}.numbers"},
        dict.fromkeys(
            ("batch_size", "samples", "steps"),
            "a generator tells it only by the batches that it yields",
        ),
    )
    assert list(source) == [0, 1, 2]


def test_a_generator_that_has_ended_has_a_name_still() -> None:
    source = numbers(0)
    assert list(source) == []
    pipeline = describe(source)
    assert pipeline is not None
    assert pipeline.values["function"] == "numbers"


def test_an_array_tells_its_samples() -> None:
    pipeline = describe(np.zeros((7, 28, 28), "float32"))
    assert pipeline is not None
    assert pipeline.kind == "arrays"
    assert pipeline.values == {
        "class": "numpy.ndarray",
        "samples": 7,
        "element": {"shape": [None, 28, 28], "dtype": "float32"},
    }
    assert set(pipeline.unseen) == {"batch_size", "steps"}


def test_an_array_without_a_first_dimension_has_no_samples() -> None:
    pipeline = describe(np.zeros(()))
    assert pipeline is not None
    assert "samples" not in pipeline.values
    assert pipeline.unseen["samples"].startswith("IndexError")


def test_a_description_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: object, notes: Notes) -> None:
        notes.tell("batch_size", 3)
        raise OSError("disk on fire")

    monkeypatch.setattr("parametry.pipelines.generator.describe", fail)
    pipeline = describe(numbers(3))
    assert pipeline == Pipeline(
        "generator",
        {"class": "generator", "batch_size": 3},
        {"pipeline": "OSError: disk on fire"},
    )


def test_a_fault_is_one_short_line() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert fault(ValueError("first\nsecond")) == "ValueError: first"
    assert fault(KeyError()) == "KeyError"
    assert fault(Mute()) == "Mute"
    assert len(fault(ValueError("x" * 10_000))) < 300


def test_describing_imports_no_framework() -> None:
    program = """
import sys, numpy
from parametry.pipelines import describe
from parametry.pipelines.registry import REGISTRY
import importlib
for _, module in REGISTRY.values():
    importlib.import_module(module)
assert describe(numpy.zeros(3)).values["samples"] == 3
assert describe(n for n in "ab").kind == "generator"
roots = {name.partition(".")[0] for name in sys.modules}
print(sorted(roots & {"tensorflow", "keras", "tf_keras", "torch", "jax", "jaxlib"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
