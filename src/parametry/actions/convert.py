"""`parametry.convert`: a model's file, or a part of it, written in another format."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parametry.actions.renaming import AddressMap, Renamed, renaming
from parametry.actions.save import save
from parametry.core.dtype import numpy_dtype
from parametry.core.mappings import Layers, Parameters
from parametry.core.model import Model
from parametry.core.parameter import Parameter, Store
from parametry.core.provenance import Provenance
from parametry.core.tie import Tie
from parametry.core.value import Plain
from parametry.errors import LoadError

__all__ = ["convert"]


def convert(
    source: Model,
    path: str | os.PathLike[str],
    *,
    select: str | Iterable[str] = (),
    map: AddressMap | None = None,
    dtype: str | None = None,
    optimizer: bool = False,
    overwrite: bool = True,
) -> None:
    """Write what a view holds to a file: another format, another dtype, other names.

    Values are read and written one parameter at a time. Ties are kept, and so are roles, provenance
    and hyperparameters. Nothing is written where anything is wrong.

    Args:
        source: What `parametry.inspect` gave, of a file or a live model.
        path: Where to; ``.safetensors`` or ``.npz``.
        select: Patterns of the parameters to write; none means all.
        map: Other addresses, as `parametry.load` takes them: ``{"model/**": "**"}``; with None for
            the address a parameter is left out, with ``("address", "T")`` it is transposed.
        dtype: What floating-point parameters are rounded to, as ``float16`` or ``bfloat16``; others
            stay as they are.
        optimizer: Whether the optimizer's slots go along.
        overwrite: Whether to replace a file that is there.

    Raises:
        NothingMatched: A pattern matches nothing.
        LoadError: Two parameters would have one address.
        FormatError: The source is damaged, or the format cannot hold what was asked for.
        DtypeMismatch: There is no such dtype.
        OSError: The file cannot be written.

    Example:
        >>> view = pm.inspect("net.keras")                                     # doctest: +SKIP
        >>> pm.convert(view, "net.safetensors", dtype="bfloat16")              # doctest: +SKIP
    """
    patterns = (select,) if isinstance(select, str) else tuple(select)
    chosen = source.parameters.select(*patterns) if patterns else source.parameters
    rename = renaming(map, [*chosen, *(alias for e in chosen.values() for alias in e.aliases)])
    wanted = None if dtype is None else numpy_dtype(dtype).name
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
        entries[goal.address] = _converted(entry, goal, rename, wanted)
    ties = tuple(_tie(tie, rename) for tie in source.ties if tie.address in came_from.values())
    aliases = {alias: at for at, entry in entries.items() for alias in entry.aliases}
    held = {above for entry in entries.values() for above in _above(entry.layer)}
    layers = {address: layer for address, layer in source.layers.items() if address in held}
    written = replace(
        source,
        layers=Layers(layers, source=source.parameters.source),
        parameters=Parameters(entries, source=source.parameters.source, aliases=aliases),
        ties=tuple(tie for tie in ties if tie.aliases),
    )
    save(written, path, overwrite=overwrite, optimizer=optimizer)


def _converted(entry: Parameter, goal: Renamed, rename: Any, dtype: str | None) -> Parameter:
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
        store=_Converted(entry.store, goal.transposed, kind),
    )


def _layer(entry: Parameter, address: str) -> str:
    """The layer's address, which changes as its parameter's does."""
    return entry.layer if address == entry.address else address.rpartition("/")[0]


def _above(layer: str) -> list[str]:
    """A layer's address and those that it lies in."""
    parts = layer.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _others(addresses: Iterable[str], rename: Any) -> tuple[str, ...]:
    goals = (rename(address).address for address in addresses)
    return tuple(goal for goal in goals if goal is not None)


def _tie(tie: Tie, rename: Any) -> Tie:
    goals = [(rename(alias).address, alias in tie.transposed) for alias in tie.aliases]
    kept = [(address, turned) for address, turned in goals if address is not None]
    return Tie(
        rename(tie.address).address or tie.address,
        tuple(address for address, _ in kept),
        frozenset(address for address, turned in kept if turned),
    )


@dataclass(frozen=True, slots=True)
class _Converted:
    """Another store's values, transposed and rounded when they are read."""

    store: Store
    transposed: bool
    dtype: str

    def read(self) -> NDArray[Any]:
        """A copy of the values in the dtype that is asked for."""
        array = self.store.read()
        turned = array.T if self.transposed else array
        rounded = turned.astype(numpy_dtype(self.dtype), copy=False)
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
