"""What a file holds: the same read view as over a live model, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from numpy.typing import NDArray

from parametry.core.manifest import Manifest
from parametry.core.model import Model
from parametry.formats.file_store import FileStore

__all__ = ["Contents"]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A file that was opened: its headers are read and checked, its arrays are not read yet.

    Attributes:
        path: The file.
        format: What kind it is, as ``safetensors``.
        model: The read view, with parameters that `Parameter.numpy` reads when asked.
        manifest: What parametry wrote beside the arrays; None in a file from elsewhere.
        config: The framework's own configuration, where the file has one, as plain data.

    Example:
        >>> contents = open_file("net.safetensors")                  # doctest: +SKIP
        >>> contents.check()                                         # doctest: +SKIP
        >>> contents.model.parameters["dense/kernel"].numpy()        # doctest: +SKIP
    """

    path: str
    format: str
    model: Model
    manifest: Manifest | None
    config: Mapping[str, Any] | None = None
    _checks: tuple[Callable[[], None], ...] = field(default=(), repr=False)

    def check(self) -> None:
        """Read every byte that the values stand in, and let it go.

        After it, reading the values finds no fault, as long as nobody changes the file. Checksums
        are compared where the format has them. At most a megabyte is held at a time, but for arrays
        that are stored compressed.

        Raises:
            FormatError: Some bytes cannot be read, or are not what they should be.
        """
        for check in self._checks:
            check()
        for parameters in (self.model.parameters, self.model.optimizer_parameters):
            for entry in parameters.values():
                cast(FileStore, entry.store).check()

    def view(self, address: str) -> NDArray[Any] | None:
        """The values at an address without a copy, read-only; None where the format has no such.

        Args:
            address: A parameter's address, or an alias.

        Raises:
            UnknownAddress: Nothing is there.
            FormatError: The file was changed since it was opened.
        """
        mapping = self.model.parameters
        if address not in mapping and address in self.model.optimizer_parameters:
            mapping = self.model.optimizer_parameters
        return cast(FileStore, mapping[address].store).view()
