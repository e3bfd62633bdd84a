"""From the object of a torch file's pickle to `parametry.formats.contents.Contents`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from parametry.core.dtype import numpy_dtype
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.manifest import Manifest
from parametry.core.tie import Tie
from parametry.core.value import Plain, to_plain
from parametry.errors import FormatError
from parametry.formats.assembling import Described, Found, assemble
from parametry.formats.contents import Contents
from parametry.formats.file_store import FileStore, Layout, Span, checked_nbytes
from parametry.formats.torch_bytes import ArrayBytes, backing_of, layout_of
from parametry.formats.torch_checkpoint import parts_of
from parametry.formats.torch_modules import Scripted, add_module
from parametry.formats.torch_parts import Array, Parts
from parametry.formats.torch_plain_values import hyperparameters_of
from parametry.formats.torch_values import Instance, NumpyArray, Storage, Tensor
from parametry.formats.zip_archive import Member

__all__ = ["Storages", "contents_of"]

Storages: TypeAlias = Callable[[Storage], Span | Member]
"""Gives the bytes that a storage's key stands for."""


def contents_of(
    root: Any,
    storages: Storages,
    *,
    path: str,
    format_name: str,
    big_endian: bool = False,
    scripted: Mapping[str, Scripted] | None = None,
) -> Contents:
    """What a torch file holds.

    Args:
        root: The object that its pickle made, as inert data.
        storages: Gives the bytes of each storage.
        path: The file.
        format_name: What kind of file it is.
        big_endian: The file's byte order.
        scripted: The classes of a TorchScript archive; None for another file.

    Raises:
        FormatError: What it holds cannot be laid out as a model.
    """
    try:
        if scripted is not None and type(root) is Instance:
            parts = Parts()
            add_module(parts, root, "", "", scripted)
        else:
            parts = parts_of(root, Path(path).stem)
    except FormatError as error:
        raise FormatError(error.message, path=path) from None
    reader = _Reader(storages, path, big_endian)
    arrays = [reader.found(array) for array in parts.arrays]
    ties = _ties(parts.arrays)
    manifest = Manifest(ties=ties)
    known = Described(
        Path(path).name,
        parts.class_name,
        "torch",
        parts.layers,
        lambda: _hyperparameters(parts, reader),
        tuple(parts.gaps),
    )
    model = assemble(path, arrays, manifest, known)
    checks = tuple(held.check for held in reader.held.values())
    return Contents(path, format_name, model, None, None, checks)


def _hyperparameters(parts: Parts, reader: _Reader) -> Mapping[str, Hyperparameter]:
    return hyperparameters_of(parts.values, reader.scalar)


class _Reader:
    """Where a file's arrays are."""

    def __init__(self, storages: Storages, path: str, big_endian: bool) -> None:
        self._storages = storages
        self._path = path
        self._big_endian = big_endian
        self.held: dict[str, Span | Member] = {}

    def found(self, array: Array) -> Found:
        """The array as `parametry.formats.assembling.assemble` takes it."""
        value = array.value
        if isinstance(value, NumpyArray):
            assert value.array is not None  # what `Parts.add` lets in
            swapped = value.array.dtype.newbyteorder("=")
            kept = value.array.astype(swapped)
            layout, backing = Layout(kept.shape, kept.dtype.name), ArrayBytes(kept)
            return Found(array.name, array.address, layout, backing, array.role, array.layer)
        layout, inner = self._of_tensor(value, array.address)
        return Found(array.name, array.address, layout, inner, array.role, array.layer)

    def scalar(self, tensor: Tensor) -> Plain:
        """The one value of a tensor without axes."""
        layout, backing = self._of_tensor(tensor, "")
        return to_plain(FileStore(self._path, "", layout, backing).read()[()])

    def _of_tensor(self, tensor: Tensor, address: str) -> tuple[Layout, Any]:
        assert tensor.storage is not None  # what `Parts.add` lets in
        layout = layout_of(tensor, big_endian=self._big_endian)
        itemsize = numpy_dtype(layout.dtype).itemsize
        checked_nbytes(layout.shape, itemsize, path=self._path, address=address)
        held = self.held[tensor.storage.key] = self._storages(tensor.storage)
        return layout, backing_of(tensor, held, big_endian=self._big_endian)


def _ties(arrays: list[Array]) -> tuple[Tie, ...]:
    """Arrays that are one view of one storage, as it is or transposed; never empty ones."""
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, list[str]] = {}
    transposed: dict[str, set[str]] = {}
    for array in arrays:
        tensor = array.value
        if isinstance(tensor, NumpyArray) or 0 in tensor.shape or array.role == "optimizer":
            continue
        # The step of an axis of one element says nothing.
        steps = tuple(
            step if length > 1 else 0
            for length, step in zip(tensor.shape, tensor.stride, strict=True)
        )
        seen = (tensor.storage, tensor.offset, tensor.dtype, tensor.conjugate, tensor.negative)
        known = first.get((*seen, tensor.shape, steps))
        turned = False
        if known is None and len(steps) > 1:
            known = first.get((*seen, tensor.shape[::-1], steps[::-1]))
            turned = known is not None
        if known is None:
            first[(*seen, tensor.shape, steps)] = array.address
        elif known != array.address:
            aliases.setdefault(known, []).append(array.address)
            if turned:
                transposed.setdefault(known, set()).add(array.address)
    return tuple(
        Tie(address, tuple(others), frozenset(transposed.get(address, ())))
        for address, others in aliases.items()
    )
