"""`parametry.convert`: a model's file, or a part of it, written in another format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.actions.renaming import AddressMap, Rename, Renamed, renaming
from parametry.actions.save import write_arrays
from parametry.actions.uncopied import uncopied
from parametry.actions.viewing import view_of
from parametry.core.address import levels
from parametry.core.dtype import numpy_dtype
from parametry.core.mappings import Layers, Parameters
from parametry.core.model import Model
from parametry.core.parameter import Parameter, Store
from parametry.core.progress import Progress, unwatched
from parametry.core.provenance import Provenance
from parametry.core.tie import Tie
from parametry.core.value import Plain, class_name
from parametry.errors import LoadError, NotAModel
from parametry.formats.keras_layout import is_laid_out

__all__ = ["convert"]

_OF_KERAS = ".weights.h5"


def convert(
    source: Any,
    path: str | os.PathLike[str],
    *,
    select: str | Iterable[str] = (),
    map: AddressMap | None = None,
    dtype: str | None = None,
    optimizer: bool = False,
    overwrite: bool = True,
    progress: Progress = unwatched,
) -> None:
    """Write what a model holds to a file: another format, another dtype, other names.

    Values are read and written one parameter at a time. Ties are kept, and so are roles, provenance
    and hyperparameters. Nothing is written where anything is wrong.

    A ``.weights.h5`` file is one that Keras's `load_weights` reads. Where Keras looks for each
    variable is known of a source that Keras wrote; of others ``map`` has to say it, with goals as
    ``layers/dense/vars/0``.

    Args:
        source: The path of a file, what `parametry.inspect` gave, or a live model.
        path: Where to; ``.safetensors``, ``.npz`` or ``.weights.h5``.
        select: Patterns of the parameters to write; none means all.
        map: Other addresses, as `parametry.load` takes them: ``{"model/**": "**"}``; with None for
            the address a parameter is left out, with ``("address", "T")`` it is transposed.
        dtype: What floating-point parameters are rounded to, as ``float16`` or ``bfloat16``; others
            stay as they are.
        optimizer: Whether the optimizer's slots go along.
        overwrite: Whether to replace a file that is there.
        progress: Told the bytes of the source that are written and all that will be.

    Raises:
        NotAModel: The source is none of these.
        NothingMatched: A pattern matches nothing.
        LoadError: Two parameters would have one address.
        FormatError: The source is damaged, or the format cannot hold what was asked for.
        DtypeMismatch: There is no such dtype.
        OSError: The file cannot be written.

    Example:
        >>> pm.convert("net.keras", "net.safetensors", dtype="bfloat16")       # doctest: +SKIP
        >>> pm.convert("net.keras", "net.weights.h5", dtype="float16")         # doctest: +SKIP
    """
    view, known = _opened(source)
    patterns = (select,) if isinstance(select, str) else tuple(select)
    chosen = view.parameters.select(*patterns) if patterns else view.parameters
    rename = renaming(map, [*chosen, *(alias for e in chosen.values() for alias in e.aliases)])
    wanted = None if dtype is None else numpy_dtype(dtype).name
    told = _Told(progress, sum(entry.nbytes for entry in chosen.values()))
    entries: dict[str, Parameter] = {}
    came_from: dict[str, str] = {}
    for address, entry in chosen.items():
        goal = rename(address)
        if goal.address is None:
            continue
        if goal.address in entries:
            raise LoadError(
                f"{came_from[goal.address]!r} and {address!r} would both be at {goal.address!r}",
                hint="give them different addresses, or leave one out with None",
            )
        came_from[goal.address] = address
        entries[goal.address] = _converted(entry, goal, rename, wanted, told)
    ties = tuple(_tie(tie, rename) for tie in view.ties if tie.address in came_from.values())
    aliases = {alias: at for at, entry in entries.items() for alias in entry.aliases}
    held = {above for entry in entries.values() for above in levels(entry.layer)}
    layers = {address: layer for address, layer in view.layers.items() if address in held}
    written = replace(
        view,
        layers=Layers(layers, source=view.parameters.source),
        parameters=Parameters(entries, source=view.parameters.source, aliases=aliases),
        ties=tuple(tie for tie in ties if tie.aliases),
    )
    names = None
    if os.fsdecode(path).lower().endswith(_OF_KERAS):
        slots = view.optimizer_parameters.values() if optimizer else ()
        names = _places(known, (*entries.values(), *slots), rename)
    write_arrays(written, path, overwrite=overwrite, optimizer=optimizer, names=names)


def _opened(source: Any) -> tuple[Model, Mapping[str, str]]:
    """The view over a source, and what its file calls what it holds, where that is told apart."""
    if isinstance(source, (str, os.PathLike)):
        from parametry.formats.registry import open_file

        contents = open_file(source)
        return contents.model, {} if contents.manifest is None else contents.manifest.names
    view = view_of(source)
    if view is None:
        raise NotAModel(
            f"an object of class {class_name(type(source))} is no model to convert",
            hint="give a file's path, what parametry.inspect gave, or a live model",
        )
    return view, {}


def _places(
    known: Mapping[str, str], entries: Iterable[Parameter], rename: Rename
) -> dict[str, str]:
    """Where Keras looks for each in its own layout, by address, as far as that is known.

    A file of Keras's calls its arrays by their places; who maps an array to one says it, too.
    """
    places = {entry.address: entry.native_name for entry in entries}
    for address, place in known.items():  # a tied address may have a place of its own
        goal = rename(address).address
        if goal is not None:
            places[goal] = place
    return {address: address if is_laid_out(address) else at for address, at in places.items()}


def _converted(
    entry: Parameter, goal: Renamed, rename: Rename, dtype: str | None, told: _Told
) -> Parameter:
    shape = entry.shape[::-1] if goal.transposed else entry.shape
    floating = entry.dtype.startswith(("float", "bfloat"))
    kind = dtype if dtype is not None and floating else entry.dtype
    assert goal.address is not None
    return replace(
        entry,
        address=goal.address,
        shape=shape,
        dtype=kind,
        layer=_layer(entry, goal.address),
        aliases=_others(entry.aliases, rename),
        store=_Converted(entry, goal.transposed, kind, told),
    )


def _layer(entry: Parameter, address: str) -> str:
    """The layer's address, which changes as its parameter's does."""
    return entry.layer if address == entry.address else address.rpartition("/")[0]


def _others(addresses: Iterable[str], rename: Rename) -> tuple[str, ...]:
    goals = (rename(address).address for address in addresses)
    return tuple(goal for goal in goals if goal is not None)


def _tie(tie: Tie, rename: Rename) -> Tie:
    goals = [(rename(alias).address, alias in tie.transposed) for alias in tie.aliases]
    kept = [(address, turned) for address, turned in goals if address is not None]
    return Tie(
        rename(tie.address).address or tie.address,
        tuple(address for address, _ in kept),
        frozenset(address for address, turned in kept if turned),
    )


class _Told:
    """Tells how many bytes were read of all."""

    def __init__(self, progress: Progress, whole: int) -> None:
        self._progress = progress
        self._whole = whole
        self._done = 0

    def read(self, nbytes: int) -> None:
        """So many more."""
        self._done += nbytes
        self._progress(self._done, self._whole)


@dataclass(frozen=True, slots=True)
class _Converted:
    """Another store's values, transposed and rounded when they are read."""

    entry: Parameter
    transposed: bool
    dtype: str
    told: _Told

    @property
    def store(self) -> Store:
        """The other store."""
        return self.entry.store

    def read(self) -> NDArray[Any]:
        """A copy of the values in the dtype that is asked for."""
        array = uncopied(self.entry).numpy()
        self.told.read(self.entry.nbytes)
        turned = array.T if self.transposed else array
        rounded = turned.astype(numpy_dtype(self.dtype))
        return np.ascontiguousarray(rounded).reshape(rounded.shape)  # it gives no 0-d arrays

    def write(self, array: NDArray[Any]) -> None:
        """Hand on to the other store."""
        self.store.write(array.T if self.transposed else array)

    def declared(self) -> dict[str, Plain]:
        """What the layer declared."""
        return self.store.declared()

    def provenance(self) -> Provenance | None:
        """Where the initial values came from."""
        return self.store.provenance()

    @property
    def native(self) -> Any:
        """The framework's own object, if there is one."""
        return self.store.native
