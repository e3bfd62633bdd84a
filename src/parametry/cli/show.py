"""``parametry show``: what is in a model's file, without its framework, or in a recorded run."""

from __future__ import annotations

from dataclasses import replace

import click

from parametry.cli.options import ALL, CONTEXT, FILE, JSON, PATTERNS, PLAIN

__all__ = ["show"]

_HELP = """Show what a model's file holds: layers, parameters, ties, and what was chosen.

No framework is imported, and nothing in the file is executed. With PATTERNs, only what they match.

\b
Examples:
  parametry show model.keras
  parametry show model.safetensors 'encoder/**'
  parametry show --hyperparameters model.keras
  parametry show --json model.npz > model.json
  parametry show 2026-11-22-digits-amber             (a recorded run)
"""

_HINT = "--all lists everything, a PATTERN narrows"


@click.command(help=_HELP, context_settings=CONTEXT)
@FILE
@PATTERNS
@click.option("--hyperparameters", is_flag=True, help="Only what was chosen.")
@click.option("--parameters", is_flag=True, help="Only what was learned, one row for each array.")
@ALL
@JSON
@PLAIN
def show(
    *,
    source: str,
    patterns: tuple[str, ...],
    hyperparameters: bool,
    parameters: bool,
    everything: bool,
    as_json: bool,
    plain: bool,
) -> int:
    """Show a file; see the help text above for what a user is told."""
    from parametry.cli.output import Page, put
    from parametry.show.detail import EVERYTHING, SELECTED, Detail
    from parametry.sources.inspection import inspect
    from parametry.sources.resolving import run_of

    run = run_of(source)
    model = inspect(source if run is None else run)
    detail = EVERYTHING if everything else SELECTED if patterns else Detail()
    detail = replace(detail, hint=_HINT)
    if patterns:
        from parametry.cli.narrowing import narrowed_model

        model = narrowed_model(model, patterns)
    if hyperparameters == parameters:
        if run is not None and not patterns:
            put(run, kind="run", detail=detail, as_json=as_json, plain=plain)
            return 0
        put(model, kind="model", detail=detail, as_json=as_json, plain=plain)
        return 0
    page: Page = model.hyperparameters if hyperparameters else model.parameters
    put(page, kind="mapping", detail=detail, as_json=as_json, plain=plain)
    return 0
