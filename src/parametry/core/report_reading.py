"""A report back from its JSON form, as a run's file keeps it: everything but values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from parametry.core.coverage import Gap
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.layer import Layer
from parametry.core.manifest_reading import from_json_value, hyperparameter_of, place_of_text
from parametry.core.mappings import Hyperparameters, Layers, Parameters
from parametry.core.model import Model, ties_of
from parametry.core.parameter import Parameter
from parametry.core.phase import Phase, Phases
from parametry.core.provenance import Provenance
from parametry.core.report import Report
from parametry.core.value import Plain
from parametry.errors import ValueUnavailable

__all__ = ["report_from"]

_DECLARED = ("initializer", "regularizer", "constraint")
# Scopes of which each model of a report has its own, numbered as the models are.
_OWN_SCOPES = ("model", "optimizer", "compile", "fit", "data", "callbacks", "load")


def report_from(data: Mapping[str, Any], *, source: str, hint: str) -> Report:
    """The report that `Report.to_dict` made the data of.

    Its models have every address, shape and hyperparameter, and no values: reading one says where
    they may be.

    Args:
        data: The JSON form, as this library wrote it.
        source: What it belongs to, for messages: ``run '2026-11-22-digits-amber'``.
        hint: Where the values of parameters may be had.
    """
    values = _hyperparameters(data["hyperparameters"], source)
    phases = Phases({entry["name"]: _phase(entry, source) for entry in data["phases"]})
    coverage = tuple(Gap(entry["subject"], entry["reason"]) for entry in data["coverage"])
    several = len(data["models"]) > 1
    models = {
        scope: _Reading(data, scope if several else "", source, hint).model(
            _of_model(values, scope, source), _phases_of(phases, scope), coverage
        )
        for scope in data["models"]
    }
    return Report(data["program"], data["outcome"], values, models, phases, coverage)


def _hyperparameters(entries: Mapping[str, Any], source: str) -> Hyperparameters:
    found = {address: hyperparameter_of(address, entry) for address, entry in entries.items()}
    return Hyperparameters(found, source=source)


def _phase(entry: Mapping[str, Any], source: str) -> Phase:
    return Phase(
        entry["name"],
        entry["kind"],
        _hyperparameters(entry["hyperparameters"], f"{entry['name']} of {source}"),
        None if entry["where"] is None else place_of_text(entry["where"]),
        entry["times"],
        entry["subject"],
    )


def _of_model(values: Hyperparameters, scope: str, source: str) -> Hyperparameters:
    """What concerns one model of several, under the addresses that it has alone."""
    number = scope.removeprefix("model")
    found: dict[str, Hyperparameter] = {}
    for address, entry in values.items():
        head, slash, below = address.partition("/")
        base = head.removesuffix(number) if number else head
        if base in _OWN_SCOPES and (base != head or not number):
            own = base + slash + below
            found[own] = replace(entry, address=own)
        elif head in ("script", "environment"):
            found[address] = entry
    return Hyperparameters(found, source=source)


def _phases_of(phases: Phases, scope: str) -> Phases:
    return Phases({name: phase for name, phase in phases.items() if phase.subject == scope})


@dataclass(frozen=True, slots=True)
class _Absent:
    """A parameter's values, which the record has not."""

    address: str
    source: str
    hint: str
    known: Mapping[str, Plain]
    made_by: Provenance | None

    def read(self) -> NDArray[Any]:
        raise ValueUnavailable(
            f"{self.source} does not hold the values of {self.address}", hint=self.hint
        )

    def write(self, array: NDArray[Any]) -> None:
        raise ValueUnavailable(
            f"{self.source} is a record: {self.address} cannot be changed", hint=self.hint
        )

    def declared(self) -> dict[str, Plain]:
        return dict(self.known)

    def provenance(self) -> Provenance | None:
        return self.made_by

    @property
    def native(self) -> Any:
        return None


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one model out of a report; with several, its addresses begin with its scope."""

    data: Mapping[str, Any]
    prefix: str
    source: str
    hint: str

    def model(self, values: Hyperparameters, phases: Phases, coverage: tuple[Gap, ...]) -> Model:
        told = self.data["models"][self.prefix or next(iter(self.data["models"]))]
        transposed = frozenset(alias for tie in self.data["ties"] for alias in tie["transposed"])
        parameters = self._parameters("parameters", transposed)
        return Model(
            name=told["name"],
            class_name=told["class"],
            framework=told["framework"],
            parameters=parameters,
            optimizer_parameters=self._parameters("optimizer_parameters", transposed),
            hyperparameters=values,
            layers=Layers(
                {a: _layer(a, entry) for a, entry in self._own("layers")}, source=self.source
            ),
            ties=ties_of(parameters),
            phases=phases,
            gaps=lambda: coverage,
        )

    def _own(self, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        entries = self.data[kind].items()
        if not self.prefix:
            return list(entries)
        start = self.prefix + "/"
        return [(a.removeprefix(start), entry) for a, entry in entries if a.startswith(start)]

    def _parameters(self, kind: str, transposed: frozenset[str]) -> Parameters:
        found = {a: self._parameter(a, entry, transposed) for a, entry in self._own(kind)}
        aliases = {alias: a for a, entry in found.items() for alias in entry.aliases}
        return Parameters(found, source=self.source, aliases=aliases)

    def _parameter(
        self, address: str, entry: Mapping[str, Any], transposed: frozenset[str]
    ) -> Parameter:
        start = self.prefix + "/" if self.prefix else ""
        aliases = tuple(entry["aliases"])
        known = {name: from_json_value(entry[name]) for name in _DECLARED if name in entry}
        made_by = entry.get("provenance")
        return Parameter(
            address=address,
            native_name=entry["native_name"],
            shape=tuple(entry["shape"]),
            dtype=entry["dtype"],
            role=entry["role"],
            layer=entry["layer"],
            layer_class=entry["layer_class"],
            store=_Absent(
                address,
                self.source,
                self.hint,
                known,
                None if made_by is None else _provenance(made_by),
            ),
            aliases=aliases,
            transposed=frozenset(alias for alias in aliases if start + alias in transposed),
        )


def _provenance(entry: Mapping[str, Any]) -> Provenance:
    told: dict[str, Any] = {name: from_json_value(value) for name, value in entry.items()}
    return Provenance(**told)


def _layer(address: str, entry: Mapping[str, Any]) -> Layer:
    shapes = from_json_value(entry["input_shape"]), from_json_value(entry["output_shape"])
    return Layer(
        address=address,
        class_name=entry["class"],
        native_name=entry["native_name"],
        built=entry["built"],
        uses=entry["uses"],
        aliases=tuple(entry["aliases"]),
        parameters=entry["parameters"],
        nbytes=entry["nbytes"],
        depth=address.count("/") + 1,
        shapes=lambda: shapes,
        native=None,
    )
