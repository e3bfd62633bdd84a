"""The three mappings that a model is made of: what was chosen, what was learned, and its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.mapping import AddressMapping
from parametry.core.parameter import Parameter
from parametry.core.value import Plain

__all__ = ["Hyperparameters", "Layers", "Parameters"]


class Hyperparameters(AddressMapping[Hyperparameter]):
    """Hyperparameters by address.

    Example:
        >>> chosen = Hyperparameters({"fit/epochs": Hyperparameter("fit/epochs", 3)})
        >>> chosen["fit/epochs"].value, "fit/batch_size" in chosen
        (3, False)
    """

    noun = "hyperparameter"
    plural = "hyperparameters"

    def explicit(self) -> Hyperparameters:
        """What somebody chose: those that were passed, without defaults and what was worked out."""
        return self.select(where=lambda entry: entry.origin == "explicit", missing_ok=True)

    def values_by_address(self) -> dict[str, Plain]:
        """A flat dict from address to the value in effect, as trackers want it."""
        return {address: entry.value for address, entry in self.items()}


class Parameters(AddressMapping[Parameter]):
    """Parameters by address; a shared one is there once.

    ``native`` maps the framework's own spelling to the same parameters.
    """

    noun = "parameter"
    plural = "parameters"

    def select(
        self,
        *patterns: str,
        where: Callable[[Any], bool] | None = None,
        missing_ok: bool = False,
        layer: str | Iterable[str] | None = None,
        trainable: bool | None = None,
        dtype: str | Iterable[str] | None = None,
        rank: int | None = None,
        role: Literal["trainable", "frozen", "state", "optimizer"] | None = None,
    ) -> Parameters:
        """The parameters that match any of the patterns and all of the filters.

        Args:
            *patterns: Globs over addresses and aliases; none means all.
            where: A predicate over `Parameter`.
            missing_ok: Give an empty mapping where nothing is left, instead of an error.
            layer: The layer's class, or several: ``"Dense"``.
            trainable: Whether gradients change it now.
            dtype: The dtype's name, or several.
            rank: How many axes it has: 2 for a matrix.
            role: ``trainable``, ``frozen``, ``state`` or ``optimizer``.

        Raises:
            NothingMatched: Nothing is left and ``missing_ok`` is false.
            PatternError: A pattern cannot be read.

        Example:
            >>> kernels = model.parameters.select("**/kernel", layer="Dense")  # doctest: +SKIP
        """
        tests: list[Callable[[Any], bool]] = []
        if layer is not None:
            classes = {layer} if isinstance(layer, str) else set(layer)
            tests.append(lambda entry: entry.layer_class in classes)
        if trainable is not None:
            tests.append(lambda entry: entry.trainable == trainable)
        if dtype is not None:
            dtypes = {dtype} if isinstance(dtype, str) else set(dtype)
            tests.append(lambda entry: entry.dtype in dtypes)
        if rank is not None:
            tests.append(lambda entry: entry.rank == rank)
        if role is not None:
            tests.append(lambda entry: entry.role == role)
        if where is not None:
            tests.append(where)
        return self._select(patterns, tests, missing_ok)

    @property
    def native(self) -> Parameters:
        """The same parameters under the framework's own names; a name met twice has its count."""
        named: dict[str, Parameter] = {}
        for entry in self.values():
            name, count = entry.native_name, 1
            while name in named:
                name, count = f"{entry.native_name}#{count}", count + 1
            named[name] = entry
        return Parameters(named, source=f"{self.source} (native names)")


class Layers(AddressMapping[Layer]):
    """Layers by address, the root model's own under the empty address left out."""

    noun = "layer"
    plural = "layers"
