"""What the tests of core share: what plain data is, and parameters whose values lie in an array."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parametry.core.dtype import numpy_dtype
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.mappings import Hyperparameters, Parameters
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance, recall
from parametry.core.value import Plain, to_json_value


def _is_plain(value: Any) -> bool:
    """Whether a value is built of exactly the types that a value may have."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return True
    if kind is list:
        return all(map(_is_plain, value))
    if kind is dict:
        keys = all(key is None or type(key) in (bool, int, float, str) for key in value)
        return keys and all(map(_is_plain, value.values()))
    return False


def _check_plain(value: Any) -> Any:
    """Assert that a value is plain and that JSON can hold it; gives it back."""
    assert _is_plain(value), value
    text = json.dumps(to_json_value(value), allow_nan=False)
    json.loads(text)
    return value


@pytest.fixture(scope="session")
def check_plain() -> Callable[[Any], Any]:
    return _check_plain


@dataclass
class MemoryStore:
    """A parameter's values in an ordinary array."""

    array: NDArray[Any]
    declarations: dict[str, Plain] = field(default_factory=dict)
    reads: int = 0

    def read(self) -> NDArray[Any]:
        self.reads += 1
        return self.array.copy()

    def write(self, array: NDArray[Any]) -> None:
        assert array.shape == self.array.shape
        assert array.dtype == self.array.dtype
        self.array[...] = array

    def declared(self) -> dict[str, Plain]:
        return self.declarations

    def provenance(self) -> Provenance | None:
        return recall(self.array)

    @property
    def native(self) -> Any:
        return self.array


class Make:
    """Makes core's objects with only what a test cares about."""

    @staticmethod
    def parameter(
        address: str = "dense/kernel", values: Any = (1.0, 2.0), **known: Any
    ) -> Parameter:
        dtype = known.pop("dtype", "float32")
        array = np.asarray(values).astype(numpy_dtype(dtype))
        store = MemoryStore(array, known.pop("declared", {}))
        settings: dict[str, Any] = {
            "native_name": address,
            "role": "trainable",
            "layer": address.rpartition("/")[0],
            "layer_class": "Dense",
        }
        return Parameter(
            address=address, shape=array.shape, dtype=dtype, store=store, **(settings | known)
        )

    @staticmethod
    def parameters(*entries: Parameter, **known: Any) -> Parameters:
        return Parameters({entry.address: entry for entry in entries}, **known)

    @staticmethod
    def hyperparameters(entries: Iterable[Hyperparameter], **known: Any) -> Hyperparameters:
        return Hyperparameters({entry.address: entry for entry in entries}, **known)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
