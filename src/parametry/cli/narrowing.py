"""``--show PATTERN``: a report with only the numbers whose addresses match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from parametry.core.address import join, nearest
from parametry.core.model import Model
from parametry.core.parameter import Parameter
from parametry.core.pattern import compile_pattern
from parametry.core.phase import Phases
from parametry.core.report import Report
from parametry.errors import NothingMatched

__all__ = ["narrowed", "narrowed_model", "nearest_addresses"]


def narrowed(report: Report, patterns: Sequence[str]) -> tuple[Report, list[str]]:
    """The report narrowed to what any of the patterns matches, and the patterns that match nothing.

    Args:
        report: What to narrow.
        patterns: Over the addresses of hyperparameters, parameters and layers as the report's JSON
            has them: with several models, those of a model begin with its scope.
    """
    several = len(report.models) > 1
    useless = [
        pattern
        for pattern in patterns
        if not report.hyperparameters.select(pattern, missing_ok=True)
        and not any(
            _is_in(model, scope if several else "", [pattern])
            for scope, model in report.models.items()
        )
    ]
    models = {
        scope: _narrowed(model, scope if several else "", patterns)
        for scope, model in report.models.items()
    }
    phases = {
        name: replace(
            phase, hyperparameters=phase.hyperparameters.select(*patterns, missing_ok=True)
        )
        for name, phase in report.phases.items()
    }
    hyperparameters = report.hyperparameters.select(*patterns, missing_ok=True)
    return (
        replace(report, hyperparameters=hyperparameters, models=models, phases=Phases(phases)),
        useless,
    )


def narrowed_model(model: Model, patterns: Sequence[str]) -> Model:
    """The model with only the numbers whose addresses match any of the patterns.

    Raises:
        NothingMatched: A pattern matches nothing at all.
    """
    for pattern in patterns:
        known = [*model.hyperparameters, *model.parameters, *model.optimizer_parameters]
        if not _is_in(model, "", [pattern]) and not model.hyperparameters.select(
            pattern, missing_ok=True
        ):
            near = ", ".join(nearest(_words(pattern), known))
            hint = f"nearest: {near}" if near else "leave the pattern out to see all"
            raise NothingMatched(f"{pattern!r} matches nothing in {model.name}", hint=hint)
    part = _narrowed(model, "", patterns)
    return replace(part, hyperparameters=model.hyperparameters.select(*patterns, missing_ok=True))


def _words(pattern: str) -> str:
    return pattern.replace("**/", "").replace("*", "")


def nearest_addresses(pattern: str, report: Report) -> list[str]:
    """The addresses in a report most like a pattern that matches none."""
    several = len(report.models) > 1
    addresses = list(report.hyperparameters)
    for scope, model in report.models.items():
        addresses += [join(scope if several else "", address) for address in model.parameters]
    return nearest(_words(pattern), addresses)


def _wanted(scope: str, patterns: Sequence[str]) -> Callable[..., bool]:
    matches = [compile_pattern(pattern).fullmatch for pattern in patterns]

    def wanted(*addresses: str) -> bool:
        return any(match(join(scope, address)) for address in addresses for match in matches)

    return wanted


def _is_in(model: Model, scope: str, patterns: Sequence[str]) -> bool:
    part = _narrowed(model, scope, patterns)
    return bool(part.parameters or part.optimizer_parameters or part.layers)


def _narrowed(model: Model, scope: str, patterns: Sequence[str]) -> Model:
    wanted = _wanted(scope, patterns)

    def held(entry: Parameter) -> bool:
        return wanted(entry.address, *entry.aliases)

    return replace(
        model,
        parameters=model.parameters.select(where=held, missing_ok=True),
        optimizer_parameters=model.optimizer_parameters.select(where=held, missing_ok=True),
        layers=model.layers.select(
            where=lambda layer: wanted(layer.address, *layer.aliases), missing_ok=True
        ),
        ties=tuple(tie for tie in model.ties if wanted(*tie)),
    )
