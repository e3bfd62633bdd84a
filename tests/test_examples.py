"""Every script in examples/ runs, and shows what it says it shows."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples"
FOUND = sorted(path.name for path in FOLDER.glob("*.py"))

# What the output of each script that uses parametry must hold.
OUTPUTS = {
    "layers.py": [
        r"conv2d +Conv2D +\[None, 26, 26, 8\] +80$",
        r"dense +Dense +\[None, 10\] +13,530$",
    ],
    "targeted_parameters.py": [
        r"^price/bias: float32 \(1,\), trainable, 4 bytes$",
        r"'Zeros'",
        r"^hint: it would fit transposed",
        r"^hint: nearest: price/kernel, ",
    ],
    "all_parameters.py": [
        r"^wide/dense/kernel +frozen +float32 +\(16, 32\)$",
        r"^narrow/batch_normalization/moving_mean +state ",
        r"Totals\(trainable=289, frozen=608, ",
        r"^norm of head/kernel +\d+\.\d{3}$",
        r"^'\*/kernel/weights' matches no parameter ",
    ],
    "shared_layers.py": [
        r"^uses: .*'dense': 2, 'dense_1': 1",
        r"^tie: question/embedding/embeddings = answer/embedding/embeddings$",
    ],
    "tie_parameters.py": [
        r"^tie: embedding/embeddings = head/kernelᵀ$",
        r"^parameters: 944 -> 480$",
        r"^added: hidden/kernel = hidden_too/kernel$",
        r"^differ: embedding/embeddings, hidden/kernel, hidden_too/kernel, head/kernel$",
    ],
    "initialize.py": [
        r"^hidden/kernel  \(4, 4\)  Normal\(mean=0.0, stddev=0.01\)  \*\*/kernel$",
        r"^hint: nearest: head/bias, hidden/bias$",
        r"^hidden/kernel  \(4, 4\)  glorot_uniform, Keras's fans$",
    ],
    "initializers.py": [
        r"^dense/kernel +\{.*'RandomNormal', 'mean': 0.0, 'stddev': 0.01",
        r"^dense_2/kernel +\{.*'Constant', 'value': 42\}$",
    ],
    "constructor_arguments.py": [
        r"^hidden_units = \[64, 32\], passed at .*constructor_arguments\.py:29$",
        r"^model/dense_2/kernel_regularizer/l2 +0.0001 ",
        r"^model/dropout/rate +0.5 ",
    ],
    "hyperparameter_logger.py": [
        r"^epoch=1  optimizer/learning_rate=0.05  fit/batch_size=32  fit/epochs=15  loss=",
        r"^epoch=15  optimizer/learning_rate=0.0[0-4]",
        r": 0.05 -> 0.025, by callbacks/reduce_lr_on_plateau$",
    ],
}


def check_digits(report: dict[str, Any], output: str) -> None:
    accuracy = re.search(r"^test accuracy: (\d\.\d+)$", output, re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) > 0.9
    expect(
        report,
        {
            "model/class": "DigitReader",
            "model/filters": [8, 16],
            "model/dropout_rate": 0.2,
            "model/conv2d_1/filters": 16,
            "model/batch_normalization/momentum": 0.9,
            "optimizer/class": "keras.optimizers.AdamW",
            "optimizer/weight_decay": 0.001,
            "optimizer/clipnorm": 1.0,
            "optimizer/learning_rate/class": "keras.optimizers.schedules.CosineDecay",
            "optimizer/learning_rate/initial_learning_rate": 0.003,
            "optimizer/learning_rate/decay_steps": 43 * 4,
            "compile/loss/label_smoothing": 0.1,
            "fit/batch_size": 32,
            "fit/epochs": 4,
            "fit/validation_split": 0.1,
            "callbacks/early_stopping/patience": 3,
            "callbacks/early_stopping/restore_best_weights": True,
            "script/BATCH_SIZE": 32,
            "script/PEAK_LEARNING_RATE": 0.003,
            "script/arguments/epochs": 4,
            "environment/seed/keras": 7,
        },
    )
    chosen = report["hyperparameters"]
    weights = chosen["fit/class_weight"]["value"]
    assert len(weights.get("$dict", weights)) == 10
    assert chosen["callbacks/terminate_on_na_n/class"]["origin"] == "explicit"
    assert chosen["data/samples"]["value"] == 1212
    assert chosen["optimizer/learning_rate"]["value"] < 0.003
    assert report["parameters"]["dense/kernel"]["shape"] == [64, 10]
    passed_at(report, "model/filters", "digits.py", "model = DigitReader(")
    passed_at(report, "optimizer/weight_decay", "digits.py", "optimizer=keras.optimizers.AdamW(")
    passed_at(report, "script/WEIGHT_DECAY", "digits.py", "WEIGHT_DECAY = ")


def check_training_loop(report: dict[str, Any], output: str) -> None:
    assert "epoch 12: learning rate 0.0050" in output
    expect(
        report,
        {
            "optimizer/class": "keras.optimizers.SGD",
            "optimizer/momentum": 0.8,
            "optimizer/learning_rate": 0.005,
            "script/epochs": 12,
            "script/decay": 0.5,
            "script/decay_every": 4,
            "script/BATCH_SIZE": 32,
            "script/TRUE_SLOPES": [2.0, -1.0, 0.5],
            "script/arguments/momentum": 0.8,
        },
    )
    changes = report["hyperparameters"]["optimizer/learning_rate"]["changes"]
    assert [(c["step"], c["old"], c["new"]) for c in changes] == [
        (32, 0.02, 0.01),
        (64, 0.01, 0.005),
    ]
    assert report["parameters"]["dense/kernel"]["shape"] == [3, 1]
    passed_at(report, "script/decay", "training_loop.py", "    decay = ")
    passed_at(report, "optimizer/momentum", "training_loop.py", "    optimizer = ")


def check_gradient_tape(report: dict[str, Any], output: str) -> None:
    assert "epoch 8: loss 0." in output
    expect(
        report,
        {
            "model/dense/units": 24,
            "model/dense/activation": "tanh",
            "optimizer/class": "keras.optimizers.Adam",
            "optimizer/beta_2": 0.98,
            "optimizer/learning_rate": 0.02,
            "script/settings/hidden_units": 24,
            "script/settings/batch_size": 64,
            "script/settings/epochs": 8,
            "script/WARMUP_EPOCHS": 2,
            "environment/backend": "tensorflow",
            "environment/seed/keras": 13,
        },
    )
    changes = report["hyperparameters"]["optimizer/learning_rate"]["changes"]
    assert [(c["step"], c["old"], c["new"]) for c in changes] == [(0, 0.02, 0.01), (32, 0.01, 0.02)]
    passed_at(report, "optimizer/beta_2", "gradient_tape.py", "    optimizer = ")


# The scripts that know nothing of parametry and are run by it: their arguments, and what must be in
# the report and the output.
Check = Callable[[dict[str, Any], str], None]
PROGRAMS: dict[str, tuple[list[str], Check]] = {
    "digits.py": (["--epochs", "4", "--filters", "8", "16"], check_digits),
    "training_loop.py": (["--momentum", "0.8"], check_training_loop),
    "gradient_tape.py": ([], check_gradient_tape),
}


def run(arguments: list[str], backend: str) -> str:
    """Run Python in the repository's root; what it printed, if it went well."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("PARAMETRY")
    }
    environment |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    told = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, told
    assert "Traceback" not in done.stderr, told
    assert "capture failed" not in done.stderr, told
    return done.stdout


def expect(report: dict[str, Any], values: dict[str, Any]) -> None:
    chosen = report["hyperparameters"]
    assert {address: chosen.get(address, {}).get("value") for address in values} == values


def passed_at(report: dict[str, Any], address: str, script: str, beginning: str) -> None:
    """The report names the line of the script that begins so."""
    lines = (FOLDER / script).read_text(encoding="utf-8").splitlines()
    numbers = [n for n, line in enumerate(lines, 1) if line.strip().startswith(beginning.strip())]
    assert len(numbers) == 1, beginning
    file, _, line = report["hyperparameters"][address]["where"].rpartition(":")
    assert (Path(file).name, int(line)) == (script, numbers[0])


def test_every_example_is_tested_and_listed() -> None:
    assert sorted([*OUTPUTS, *PROGRAMS]) == FOUND
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in FOUND if f"]({name})" not in listed] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_knows_nothing_of_parametry(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert "keras" in imported
    assert "parametry" not in imported


def lacking(name: str, output: str) -> list[str]:
    return [p for p in OUTPUTS[name] if not re.search(p, output, re.MULTILINE)]


@pytest.mark.parametrize("name", OUTPUTS)
def test_script(name: str) -> None:
    output = run([f"examples/{name}"], "tensorflow")
    assert lacking(name, output) == [], output


# Importing the frameworks is most of what a script takes, so on the other backends they run one
# after another in one process. Their addresses do not change by that.
ONE_AFTER_ANOTHER = """
import runpy, sys
for name in sys.argv[1:]:
    print(f"<<<{name}")
    runpy.run_path(f"examples/{name}", run_name="__main__")
    sys.modules.pop("parametry.auto", None)  # so that the next one's import turns capture on again
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_scripts_on_other_backends(backend: str) -> None:
    output = run(["-c", ONE_AFTER_ANOTHER, *OUTPUTS], backend)
    parts = dict(part.split("\n", 1) for part in output.split("<<<")[1:])
    assert list(parts) == list(OUTPUTS)
    assert [(name, p) for name in OUTPUTS for p in lacking(name, parts[name])] == []


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("digits.py", "tensorflow"),
        ("gradient_tape.py", "tensorflow"),
        ("training_loop.py", "tensorflow"),
        ("training_loop.py", "jax"),
        ("training_loop.py", "torch"),
    ],
)
def test_program(name: str, backend: str, tmp_path: Path) -> None:
    arguments, check = PROGRAMS[name]
    file = tmp_path / "report.json"
    command = ["-m", "parametry", "run", "--quiet", "--output", str(file), f"examples/{name}"]
    output = run([*command, *arguments], backend)
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["outcome"] == "finished"
    check(report, output)
