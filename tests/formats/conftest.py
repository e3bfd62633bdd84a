"""What the tests of files share: arrays as parameters, and the golden files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from parametry.core.manifest import Manifest
from parametry.errors import FormatError
from parametry.formats.contents import Contents
from parametry.formats.registry import open_file

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


@dataclass
class Given:
    """An array as a writer is given it."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> str:
        return str(self.array.dtype.name)

    def numpy(self) -> Any:
        return self.array.copy()


# What NumPy and ml_dtypes have that a model may hold.
DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64"),
    *("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3b11fnuz"),
    *("int4", "uint4", "float4_e2m1fn"),
]


def array(dtype: str, *shape: int) -> Any:
    """An array of a dtype, its values all over the dtype's bits where they may be."""
    wanted = np.dtype(getattr(ml_dtypes, dtype, dtype))
    size = int(np.prod(shape, dtype=int))
    numbers = np.random.default_rng(len(shape) + size)
    if dtype in ("bool", "int4", "uint4", "float4_e2m1fn"):
        return numbers.integers(0, 2, size).astype(wanted).reshape(shape)
    return numbers.integers(0, 256, size * wanted.itemsize, "uint8").view(wanted).reshape(shape)


def parameters() -> dict[str, Given]:
    """One parameter of each dtype, of several shapes, none of them in an order that sorts."""
    shapes = [(3, 4), (), (5,), (0, 3), (2, 1, 3)]
    return {
        f"layer_{number}/{dtype}": Given(array(dtype, *shapes[number % len(shapes)]))
        for number, dtype in enumerate(DTYPES)
    }


def same(left: Any, right: Any) -> bool:
    """Whether shape, dtype and every byte are equal."""
    return (
        left.shape == right.shape
        and left.dtype == right.dtype
        and left.tobytes() == right.tobytes()
    )


def exhausted(path: Path) -> Contents:
    """What a file holds, with every value read by each of the ways that there are."""
    contents = open_file(path)
    contents.check()
    for found in (contents.model.parameters, contents.model.optimizer_parameters):
        for address, entry in found.items():
            values = entry.numpy()
            assert values.shape == entry.shape
            assert values.dtype.name == entry.dtype
            view = contents.view(address)
            assert view is None or same(np.ascontiguousarray(view).reshape(view.shape), values)
    assert len(contents.model.layers) >= 0
    assert len(contents.model.hyperparameters) >= 0
    return contents


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., FormatError]:
    """Gives the error in which reading some bytes, as a file of a suffix, must end."""

    def of(content: bytes, suffix: str) -> FormatError:
        path = tmp_path / f"hostile{suffix}"
        path.write_bytes(content)
        with pytest.raises(FormatError) as caught:
            exhausted(path)
        assert str(path) in str(caught.value)
        return caught.value

    return of


@pytest.fixture
def manifest() -> Manifest:
    """A manifest that says nothing."""
    return Manifest()
