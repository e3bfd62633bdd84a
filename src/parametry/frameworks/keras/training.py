"""What a Keras model is trained with: ``compile/``, ``fit/``, ``data/`` and ``callbacks/``.

Values of `fit` exist only while it runs, so capture asks for them then and keeps the answer; what
`compile` was given the model keeps, so that it can be read without capture too.
"""

from __future__ import annotations

from typing import Any

from parametry.core.described import Described, Flattener, merge
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.ledger import Call, described_call, ledger
from parametry.core.value import UNSET, Plain, Unset, to_plain
from parametry.frameworks.keras.describe import Describer, constructed, label_of
from parametry.pipelines import describe as describe_pipeline

__all__ = ["compile_hyperparameters", "fit_hyperparameters", "fitted_hyperparameters"]

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
    optimizer = getattr(model, "optimizer", None) if "optimizer" in kept or _compiled(stored) else None
    if optimizer is not None:
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
    model: Any, call: Call, adapter: Any, callbacks: Any, describer: Describer
) -> dict[str, Hyperparameter]:
    """What a ``fit`` that is running was given, and what was worked out.

    Args:
        model: The model; not changed.
        call: The call to ``fit``.
        adapter: Keras's own adapter of the training data, or None if it is not made yet.
        callbacks: The callbacks that were passed.
        describer: Describes callbacks and other objects.
    """
    seen = Flattener(describer)
    arguments = {name: value for name, value in call.arguments.items() if name != "callbacks"}
    explicit = call.explicit - {"callbacks"}
    seen.add(
        "fit", described_call(Call(arguments, explicit, call.where, call.by_framework))
    )
    worked_out = worked_out_by_fit(adapter, call)
    out = merge({}, seen.rows)
    for address, value in worked_out.items():
        entry = out.get(address)
        if entry is None:
            out[address] = Hyperparameter(address, value, UNSET, "derived")
        elif entry.value is None and value is not None:
            # Passed, or left, as None: what is in effect is what Keras worked out.
            out[address] = Hyperparameter(address, value, None, entry.origin, entry.where)
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


def worked_out_by_fit(adapter: Any, call: Call) -> dict[str, Plain]:
    """The values that Keras works out of its data: batch size, samples, steps, shuffling.

    Args:
        adapter: The data adapter that ``fit`` made, or None.
        call: The call to ``fit``.
    """
    out: dict[str, Plain] = {}
    if adapter is None:
        return out
    stored = getattr(adapter, "__dict__", {})
    batch_size = stored.get("_batch_size")
    samples = stored.get("_num_samples")
    if isinstance(batch_size, int):
        out["fit/batch_size"] = batch_size
        out["data/batch_size"] = batch_size
    if isinstance(samples, int):
        out["data/samples"] = samples
    if "_shuffle" in stored:
        out["data/shuffle"] = to_plain(stored["_shuffle"])
    steps = call.arguments.get("steps_per_epoch")
    if steps is None:
        steps = _steps(adapter)
    if isinstance(steps, int) and steps >= 0:
        out["fit/steps_per_epoch"] = steps
        out["data/steps"] = steps
    for name, value in _pipeline_values(stored).items():
        out[f"data/{name}"] = value
        if name == "batch_size":
            out["fit/batch_size"] = value
        if name == "steps":
            out.setdefault("fit/steps_per_epoch", value)
    return out


def _steps(adapter: Any) -> Any:
    try:
        return adapter.num_batches
    except Exception:  # a user's PyDataset computes it, and may raise
        return None


def _pipeline_values(stored: dict[str, Any]) -> dict[str, Plain]:
    for name in ("_dataset", "_dataloader", "py_dataset"):
        source = stored.get(name)
        if source is not None:
            pipeline = describe_pipeline(source)
            return {} if pipeline is None else dict(pipeline.values)
    return {}


def fitted_hyperparameters(model: Any) -> dict[str, Hyperparameter]:
    """What a model keeps of its last ``fit`` without capture: epochs and steps."""
    history = model.__dict__.get("history")
    params = getattr(history, "__dict__", {}).get("params")
    out: dict[str, Hyperparameter] = {}
    if isinstance(params, dict):
        for name, key in (("epochs", "epochs"), ("steps_per_epoch", "steps"), ("verbose", "verbose")):
            value = to_plain(params.get(key))
            if value is not None:
                out[f"fit/{name}"] = Hyperparameter(f"fit/{name}", value)
    return out


