"""What the writers have in common: what they are given, and where it goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parametry.core.dtype import numpy_dtype
from parametry.core.manifest import Manifest
from parametry.errors import FormatError
from parametry.formats.atomic import replacing

__all__ = ["Destination", "Written", "array_of", "bytes_of", "opened", "with_dtypes"]

Destination: TypeAlias = "str | os.PathLike[str] | BinaryIO"


class Written(Protocol):
    """What a writer asks of a parameter: `parametry.core.parameter.Parameter` answers it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        ...

    @property
    def dtype(self) -> str:
        """Its dtype's name."""
        ...

    def numpy(self) -> NDArray[Any]:
        """A copy of its values."""
        ...


@contextmanager
def opened(destination: Destination) -> Iterator[BinaryIO]:
    """The file to write to: a path is replaced whole or not at all, a file is written to."""
    if isinstance(destination, (str, os.PathLike)):
        with replacing(destination) as file:
            yield file
    else:
        yield destination


def array_of(address: str, parameter: Written) -> NDArray[Any]:
    """The parameter's values, C-contiguous, the least significant byte first.

    Raises:
        FormatError: They are not of the shape or dtype that the parameter told before.
    """
    array = np.asarray(parameter.numpy())
    wanted = numpy_dtype(parameter.dtype)
    if array.shape != tuple(parameter.shape) or array.dtype != wanted:
        raise FormatError(
            f"its values are {array.dtype.name} {array.shape}, it told "
            f"{parameter.dtype} {tuple(parameter.shape)}",
            address=address,
        )
    contiguous = np.ascontiguousarray(array).reshape(array.shape)
    if np.dtype(">i2").isnative:  # pragma: no cover  # both formats are little-endian
        return contiguous.byteswap()
    return contiguous


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of a C-contiguous array, of ml_dtypes' kinds too, without a copy."""
    return array.reshape(-1).view(np.uint8).data


def with_dtypes(manifest: Manifest, dtypes: Mapping[str, str]) -> Manifest:
    """The manifest, telling also the dtypes that the format has no name for."""
    return replace(manifest, dtypes={**manifest.dtypes, **dtypes})
