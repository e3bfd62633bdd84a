"""Every named value that a realistic training passes is found, in a model and in a loop."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parametry.core.value import same, to_json_value, to_plain

BACKENDS = ("tensorflow", "jax", "torch")


@pytest.fixture(scope="module", params=BACKENDS)
def everything(
    request: pytest.FixtureRequest, run_watched: Callable[..., Any], programs: Any
) -> Any:
    ran = run_watched(programs / "everything.py", backend=request.param)
    assert ran.exit_code == 0, ran.err
    return ran


def _passed(path: Any, skipped: set[str]) -> Iterator[tuple[int, str, str | None, Any]]:
    """Each argument of a call in a program that is a literal: line, callee, name, value."""
    tree = ast.parse(path.read_text())
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in ("call", "apply", "step")
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in inner:
            continue
        callee = ast.unparse(node.func)
        if any(callee.endswith(end) for end in skipped):
            continue
        values: list[tuple[str | None, ast.expr]] = [(None, value) for value in node.args]
        values += [(word.arg, word.value) for word in node.keywords]
        for name, value in values:
            try:
                yield node.lineno, callee, name, ast.literal_eval(value)
            except ValueError:
                continue


def _everywhere(report: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The record's values, and each phase's own."""
    yield from report["hyperparameters"].items()
    for phase in report["phases"]:
        yield from phase["hyperparameters"].items()


# Calls that choose nothing of a training: they make the data, or are Python's own.
_NO_CHOICE = {
    "default_rng",
    "normal",
    "astype",
    "eye",
    "arange",
    "super().__init__",
    "max",
    "range",
    "ones",
    "zeros",
    "add_argument",
    "dataclass",
    "float",
}


def test_every_literal_argument_of_the_source_is_found(everything: Any, programs: Any) -> None:
    found = list(_everywhere(everything.report))
    missing = []
    total = 0
    for line, callee, name, value in _passed(programs / "everything.py", _NO_CHOICE):
        total += 1
        wanted = to_json_value(to_plain(value))
        for address, entry in found:
            values = [entry["value"], entry.get("passed", entry["value"])]
            last = address.rpartition("/")[2]
            # Data pipelines and seeds have names of their own: `batch(12)` is a batch_size.
            own_names = address.startswith(("data/", "environment/seed"))
            if name not in (None, last) and not own_names:
                continue
            if any(same(value, wanted) for value in values):
                break
            # A list of plain and described items is told item by item.
            items = wanted if isinstance(wanted, list) and name in (None, last) else None
            if items and all(any(same(e["value"], item) for _, e in found) for item in items):
                break
        else:
            missing.append((line, callee, name, value))
    assert total > 50
    assert missing == []


WANTED = {
    "model/class": "Net",
    "model/hidden": 8,
    "model/depth": 3,
    "model/shared": "stem/shared",
    "model/rate": 0.2,
    "model/act": "relu",
    "model/notes": {"run": 4, "tags": ["a", "b"]},
    "model/name": "net",
    "model/stem/dense/units": 8,
    "model/stem/dense/kernel_initializer": "he_normal",
    "model/stem/apply/function": "scaled_by.<locals>.apply",
    "model/stem/apply/function/amount": 3,
    "model/stem/apply/function/offset": 0.75,
    "model/stem/apply/strength": 0.5,
    "model/stem/shared/activation": "tanh",
    "model/block/width": 8,
    "model/block_2/rate": 0.2,
    "model/block_1/dense/kernel_regularizer/l2": 0.003,
    "model/block/dropout/rate": 0.2,
    "model/block/dropout/seed": 5,
    "model/head/units": 3,
    "model/head/use_bias": False,
    "optimizer/class": "keras.optimizers.SGD",
    "optimizer/momentum": 0.9,
    "compile/loss": "categorical_crossentropy",
    "compile/metrics": ["mae"],
    "fit/epochs": 2,
    "fit/initial_epoch": 1,
    "fit/batch_size": 12,
    "fit/steps_per_epoch": 5,
    "data/shuffle_buffer": 40,
    "data/shuffle_seed": 23,
    "data/batch_size": 12,
    "data/drop_remainder": True,
    "data/prefetch": 3,
    "data/samples": 64,
    "callbacks/learning_rate_scheduler/schedule": "rate_of",
    "callbacks/learning_rate_scheduler/schedule/floor": 0.0001,
    "script/CLASSES": 3,
    "script/WARMUP": 4,
    "script/batch_size": 16,
    "script/epochs": 2,
    "script/seed": 17,
    "environment/seed/keras": 11,
}


def test_values_stand_under_sensible_addresses(everything: Any) -> None:
    wrong = {
        address: everything.values.get(address, {}).get("value", "missing")
        for address, value in WANTED.items()
        if not same(everything.values.get(address, {}).get("value", "missing"), value)
    }
    assert wrong == {}


FIRST_FIT = {
    "fit/batch_size": 16,
    "fit/epochs": 2,
    "fit/validation_split": 0.25,
    "fit/class_weight": {"0": 1.0, "1": 2.0, "2": 0.5},
    "fit/steps_per_epoch": 3,
    "data/samples": 48,
    "data/validation/samples": 16,
    "callbacks/early_stopping/patience": 7,
    "callbacks/early_stopping/min_delta": 0.001,
    "callbacks/early_stopping/monitor": "loss",
    "callbacks/lambda_callback/on_epoch_end": "main.<locals>.<lambda>",
}
FIRST_COMPILE = {
    "compile/loss/label_smoothing": 0.05,
    "compile/loss/from_logits": True,
    "compile/metrics/accuracy": "accuracy",
    "compile/metrics/top_k_categorical_accuracy/k": 2,
    "compile/metrics/categorical_crossentropy/label_smoothing": 0.15,
    "compile/steps_per_execution": 1,
}


def test_repeated_compiles_and_fits_are_phases_with_their_own_values(everything: Any) -> None:
    phases = {phase["name"]: phase for phase in everything.report["phases"]}
    assert list(phases) == ["compile", "fit", "compile_1", "fit_1"]
    for name, wanted in (("fit", FIRST_FIT), ("compile", FIRST_COMPILE)):
        values = phases[name]["hyperparameters"]
        for address, value in wanted.items():
            assert same(values[address]["value"], value), (name, address)
    assert phases["fit_1"]["hyperparameters"]["data/kind"]["value"] == "tf.data"


def test_origin_and_line_are_those_of_the_source(everything: Any, programs: Any) -> None:
    lines = (programs / "everything.py").read_text().splitlines()
    for address, text in {
        "model/hidden": "net = Net(",
        "model/stem/apply/strength": "strength=0.5",
        "optimizer/momentum": "momentum=0.9",
        "fit/epochs": "net.fit(",
        "callbacks/learning_rate_scheduler/schedule": "LearningRateScheduler(",
        "script/batch_size": "batch_size = 16",
        "script/epochs": "main(epochs=2)",
        "environment/seed/keras": "set_random_seed",
    }.items():
        entry = everything.values[address]
        assert entry["origin"] == "explicit", address
        file, _, line = entry["where"].rpartition(":")
        assert file.endswith("everything.py")
        assert text in lines[int(line) - 1], (address, lines[int(line) - 1])
    assert everything.values["model/stem/dense/use_bias"]["origin"] == "default"
    assert everything.values["data/samples"]["origin"] == "derived"


def test_none_that_became_something_keeps_both(everything: Any) -> None:
    batch_size = everything.values["fit/batch_size"]
    assert (batch_size["value"], batch_size["passed"], batch_size["origin"]) == (
        12,
        None,
        "default",
    )
    name = everything.values["model/stem/dense/name"]
    assert name["value"].startswith("dense")
    assert name["passed"] is None


def test_a_rate_that_a_callback_changes_tells_step_and_cause(everything: Any) -> None:
    rate = everything.values["optimizer/learning_rate"]
    assert (rate["value"], rate["passed"]) == (0.05, 0.1)
    assert [(c["old"], c["new"], c["cause"]) for c in rate["changes"]] == [
        (0.1, 0.05, "callbacks/learning_rate_scheduler")
    ]


def test_there_is_one_model_and_nothing_failed(everything: Any) -> None:
    assert list(everything.report["models"]) == ["model"]
    assert [gap for gap in everything.report["coverage"] if gap["subject"] == "capture"] == []


LOOP = {
    "script/batch_size": 8,
    "script/epochs": 2,
    "script/lr": 0.05,
    "script/decay": 0.5,
    "script/samples": 32,
    "script/warm": False,
    "script/settings/noise": 0.125,
    "script/settings/layers": [8, 4],
    "script/args/width": 5,
    "script/args/name": "plain",
    "model/dense/units": 5,
    "model/dense_1/units": 1,
    "optimizer/class": "keras.optimizers.SGD",
    "optimizer/momentum": 0.75,
    "optimizer/learning_rate": 0.025,
}


def test_a_loop_of_local_variables_is_found_whole(
    run_watched: Callable[..., Any], programs: Any
) -> None:
    ran = run_watched(programs / "loop.py", "--width", "5")
    assert ran.exit_code == 0, ran.err
    for address, value in LOOP.items():
        assert same(ran.values.get(address, {}).get("value"), value), address
    rate = ran.values["optimizer/learning_rate"]
    assert rate["passed"] == 0.05
    assert [(c["step"], c["old"], c["new"]) for c in rate["changes"]] == [(4, 0.05, 0.025)]
    line = int(rate["changes"][0]["where"].rpartition(":")[2])
    source = (programs / "loop.py").read_text().splitlines()
    assert "optimizer.learning_rate.assign" in source[line - 1]
    for counter in ("total", "seen", "losses", "epoch", "start", "x", "y"):
        assert f"script/{counter}" not in ran.values
    assert [phase["kind"] for phase in ran.report["phases"]] == ["train"]
