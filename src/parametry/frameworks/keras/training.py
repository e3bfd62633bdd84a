"""What a Keras model is trained with: ``compile/``, ``fit/``, ``data/`` and ``callbacks/``.

Values of `fit` exist only while it runs, so capture asks for them then and keeps the answer; what
`compile` was given the model keeps, so that it can be read without capture too.
"""

from __future__ import annotations

from typing import Any

from parametry.core.coverage import Gap
from parametry.core.described import Described, Flattener, merge
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.ledger import Call, described_call, ledger
from parametry.core.value import UNSET, Plain, to_plain
from parametry.frameworks.keras.describe import Describer, constructed, label_of
from parametry.pipelines import describe as describe_pipeline

__all__ = [
    "compile_hyperparameters",
    "fit_hyperparameters",
    "fitted_hyperparameters",
    "worked_out_by_fit",
]

_FLAGS = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")


def compile_hyperparameters(
    model: Any, describer: Describer, call: Call | None = None
) -> dict[str, Hyperparameter]:
    """What ``compile`` was given, by address, with the flags as they are in effect.

    Args:
        model: The model; not changed.
        describer: Describes losses and metrics.
        call: The call to ``compile``, where capture saw it.
    """
    kept = _kept_by_compile(model)
    if not kept and call is None:
        return {}
    effective = Flattener(describer)
    effective.add("compile", Described(None, UNSET, kept))
    passed = None
    if call is not None:
        seen = Flattener(describer)
        seen.add("compile", described_call(call))
        passed = seen.rows
    return merge(effective.rows, passed)


def _kept_by_compile(model: Any) -> dict[str, Any]:
    stored = model.__dict__
    config = stored.get("_compile_config")
    kept = dict(getattr(config, "config", None) or {})
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and ("optimizer" in kept or _compiled(stored)):
        # The optimizer has a scope of its own; here it is told by its name.
        kept["optimizer"] = label_of(type(optimizer).__name__)
    if not kept:
        return {}
    for name in _FLAGS:
        value = stored.get("_" + name, stored.get(name))
        if isinstance(value, (bool, int)):
            kept[name] = value
    return kept


def _compiled(stored: dict[str, Any]) -> bool:
    return bool(stored.get("compiled") or stored.get("_is_compiled"))


def fit_hyperparameters(
    call: Call, callbacks: Any, describer: Describer
) -> dict[str, Hyperparameter]:
    """What a ``fit`` that begins was given.

    Args:
        call: The call to ``fit``.
        callbacks: The callbacks that were passed.
        describer: Describes callbacks and other objects.
    """
    seen = Flattener(describer)
    arguments = {name: value for name, value in call.arguments.items() if name != "callbacks"}
    explicit = call.explicit - {"callbacks"}
    seen.add("fit", described_call(Call(arguments, explicit, call.where, call.by_framework)))
    out = merge({}, seen.rows)
    out.update(_callbacks(callbacks, describer))
    return out


def _callbacks(callbacks: Any, describer: Describer) -> dict[str, Hyperparameter]:
    """The settings of each callback, under its class's name."""
    given = getattr(callbacks, "callbacks", callbacks)
    if given is None:
        return {}
    if not isinstance(given, (list, tuple)):
        given = [given]
    out: dict[str, Hyperparameter] = {}
    counts: dict[str, int] = {}
    for callback in given:
        base = label_of(type(callback).__name__)
        number = counts[base] = counts.get(base, -1) + 1
        scope = f"callbacks/{base}" + (f"_{number}" if number else "")
        effective = Flattener(describer)
        live = describer.live(callback)
        fields = {
            name: value
            for name, value in live.fields.items()
            # Keras hands each callback its model and its params; these are nobody's choice.
            if name not in ("model", "params")
        }
        effective.add(scope, Described(live.class_name, UNSET, fields))
        record = ledger.find(callback)
        passed = None
        call = None if record is None else constructed(record.construction, callback)
        if call is not None:
            seen = Flattener(describer)
            seen.add(scope, call)
            passed = seen.rows
        out.update(merge(effective.rows, passed))
    return out


def worked_out_by_fit(adapter: Any, call: Call) -> tuple[dict[str, Plain], list[Gap]]:
    """The values that Keras works out of its data: batch size, samples, steps, shuffling.

    Args:
        adapter: The data adapter that ``fit`` made, or None.
        call: The call to ``fit``.

    Returns:
        Values by address, and what the data do not tell.
    """
    pipeline = None if adapter is None else describe_pipeline(adapter)
    if pipeline is None:
        return {}, []
    out: dict[str, Plain] = {"data/kind": pipeline.kind}
    for name, value in pipeline.values.items():
        # Keras's own adapter is nobody's class; a user's PyDataset or DataLoader is.
        if not (name == "class" and "adapter" in str(value)):
            out[f"data/{name}"] = value
    if "data/batch_size" in out:
        out["fit/batch_size"] = out["data/batch_size"]
    steps = call.arguments.get("steps_per_epoch")
    steps = out.get("data/steps") if steps is None else steps
    if isinstance(steps, int):
        out["fit/steps_per_epoch"] = steps
    gaps = [Gap(f"data/{name}", reason) for name, reason in pipeline.unseen.items()]
    return out, gaps


def fitted_hyperparameters(model: Any) -> dict[str, Hyperparameter]:
    """What a model keeps of its last ``fit`` without capture: epochs and steps."""
    history = model.__dict__.get("history")
    params = getattr(history, "__dict__", {}).get("params")
    out: dict[str, Hyperparameter] = {}
    if isinstance(params, dict):
        names = {"epochs": "epochs", "steps_per_epoch": "steps", "verbose": "verbose"}
        for name, key in names.items():
            value = to_plain(params.get(key))
            if value is not None:
                out[f"fit/{name}"] = Hyperparameter(f"fit/{name}", value)
    return out
