"""A parameter whose values are read without a copy, where its store can give them so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from parametry.core.parameter import Parameter, Store
from parametry.core.provenance import Provenance
from parametry.core.value import Plain

__all__ = ["uncopied"]


def uncopied(parameter: Parameter) -> Parameter:
    """The parameter, whose `numpy` gives values to be looked at before anything is written.

    They may change with the parameter; whoever wants to keep them copies them.

    Args:
        parameter: Of a live model or a file.
    """
    return replace(parameter, store=_Viewed(parameter.store))


class _Viewed:
    """A store that reads without a copy where the one below has ``view``."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> NDArray[Any]:
        """The values; read-only or not, and shared or not."""
        view = getattr(self._store, "view", None)
        found: NDArray[Any] | None = None if view is None else view()
        return self._store.read() if found is None else found

    def write(self, array: NDArray[Any]) -> None:
        """See `Store.write`."""
        self._store.write(array)

    def declared(self) -> dict[str, Plain]:
        """See `Store.declared`."""
        return self._store.declared()

    def provenance(self) -> Provenance | None:
        """See `Store.provenance`."""
        return self._store.provenance()

    @property
    def native(self) -> Any:
        """See `Store.native`."""
        return self._store.native
