"""The corpus: files of every format that are broken or mean harm, made when the tests run."""

from __future__ import annotations

from typing import Final

from . import (
    addresses,
    hdf5,
    hugging_face,
    keras_archive,
    keras_legacy,
    keras_sharded,
    names,
    npy,
    safetensors,
    tensorflow,
    torch_older,
    torch_pickle,
    torch_zip,
    zip_archive,
)
from .case import Case

__all__ = ["CORPUS", "Case"]

_ALL: Final = [
    *safetensors.CASES,
    *npy.CASES,
    *zip_archive.CASES,
    *hdf5.CASES,
    *keras_archive.CASES,
    *keras_legacy.CASES,
    *keras_sharded.CASES,
    *hugging_face.CASES,
    *torch_pickle.CASES,
    *torch_zip.CASES,
    *torch_older.CASES,
    *tensorflow.CASES,
    *names.CASES,
    *addresses.CASES,
]
CORPUS: Final = {case.name: case for case in _ALL}
"""Every case by its name."""

assert len(CORPUS) == len(_ALL), "two cases have one name"
