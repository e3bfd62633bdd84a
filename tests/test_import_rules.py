"""Who may import what, and what `import parametry` gives.

Which room may import which other room is import-linter's business (see pyproject.toml). These
tests guard what it cannot see: other people's packages, and whether they are imported lazily.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

import parametry

SOURCE = Path(__file__).parents[1] / "src" / "parametry"


@dataclass(frozen=True)
class Rule:
    """Which rooms may import a package, and whether only from inside a function."""

    rooms: tuple[str, ...]
    lazily: bool


FRAMEWORK_RULES = {
    "keras": Rule(("frameworks/keras", "pipelines"), lazily=True),
    "tf_keras": Rule(("frameworks/keras", "pipelines"), lazily=True),
    "tensorflow": Rule(("frameworks/keras", "pipelines"), lazily=True),
    "jax": Rule(("frameworks/keras", "frameworks/nnx", "pipelines"), lazily=True),
    "jaxlib": Rule(("frameworks/keras", "frameworks/nnx", "pipelines"), lazily=True),
    "torch": Rule(("frameworks/keras", "frameworks/torch", "pipelines"), lazily=True),
    "flax": Rule(("frameworks/nnx",), lazily=True),
}
RULES = FRAMEWORK_RULES | {
    "h5py": Rule(("formats",), lazily=True),
    "numba": Rule(("kernels",), lazily=True),
    "pyarrow": Rule(("recording",), lazily=True),
    "pandas": Rule(("core",), lazily=True),
    "yaml": Rule(("core", "testing"), lazily=True),
    "click": Rule(("cli",), lazily=False),
    "rich": Rule(("show",), lazily=False),
    "wrapt": Rule(("capture", "frameworks"), lazily=False),
    "tensorboard": Rule(("recording/sinks/event_file.py",), lazily=False),
    "mlflow": Rule(("recording/sinks/mlflow.py",), lazily=True),
    "wandb": Rule(("recording/sinks/wandb.py",), lazily=True),
}


# ---------------------------------------------------------------- the checker


class _Imports(ast.NodeVisitor):
    """Finds every import, by statement or by a call: its package, its line, whether it is lazy."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, bool]] = []
        self._lazy = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module is not None:  # otherwise relative: our own package
            self._add(node.module, node)

    def visit_Call(self, node: ast.Call) -> None:
        function = ast.unparse(node.func).rpartition(".")[2]
        if function in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._add(name.value, node)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        # Decorators and defaults run where the function is defined, its body when it is called.
        for outside in (*node.decorator_list, node.args):
            self.visit(outside)
        self._visit_lazily(node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        self._visit_lazily([node.body])

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":  # never runs
            self._visit_lazily(node.body)
            for other in node.orelse:
                self.visit(other)
        else:
            self.generic_visit(node)

    def _visit_lazily(self, nodes: list[ast.stmt] | list[ast.expr]) -> None:
        before, self._lazy = self._lazy, True
        for node in nodes:
            self.visit(node)
        self._lazy = before

    def _add(self, module: str, node: ast.stmt | ast.expr) -> None:
        self.found.append((module.partition(".")[0], node.lineno, self._lazy))


def violations(source: str, file: PurePosixPath) -> Iterator[str]:
    """What in `source` breaks a rule, where `file` is its place inside the package."""
    imports = _Imports()
    imports.visit(ast.parse(source))
    for package, line, lazy in imports.found:
        rule = RULES.get(package)
        if rule is None:
            continue
        if not any(file.is_relative_to(room) for room in rule.rooms):
            yield f"{file}:{line}: only {' and '.join(rule.rooms)} may import {package}"
        elif rule.lazily and not lazy:
            yield f"{file}:{line}: {package} must be imported inside a function"


# ---------------------------------------------------------------- the checker, checked


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/model.py", "import keras"),
        ("core/model.py", "def f():\n    import keras"),
        ("core/model.py", "def f():\n    from keras import layers"),
        ("core/model.py", "def f():\n    import keras.layers as layers"),
        ("core/model.py", "def f():\n    importlib.import_module('keras.layers')"),
        ("core/model.py", "def f():\n    __import__('keras')"),
        ("core/model.py", "if TYPE_CHECKING:\n    import keras"),
        ("core/model.py", "import os, torch"),
        ("core/value.py", "import pandas as pd"),
        ("core/value.py", "import rich.table"),
        ("core/value.py", "from wrapt import ObjectProxy"),
        ("capture/script.py", "from tensorflow.keras import Model"),
        ("capture/script.py", "import click"),
        ("cli/run.py", "from rich.console import Console"),
        ("frameworks/keras/model.py", "import keras"),
        ("frameworks/keras/model.py", "class A:\n    import keras"),
        ("frameworks/keras/model.py", "try:\n    import keras\nexcept ImportError:\n    pass"),
        ("frameworks/keras/model.py", "with a:\n    from jax import numpy"),
        ("frameworks/keras/model.py", "keras = import_module('keras')"),
        ("frameworks/keras/model.py", "def f(k=__import__('keras')):\n    pass"),
        ("frameworks/keras/model.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import keras"),
        ("frameworks/keras/model.py", "def f():\n    import flax"),
        ("frameworks/keras_like.py", "def f():\n    import keras"),
        ("frameworks/registry.py", "def f():\n    import keras"),
        ("frameworks/torch/model.py", "def f():\n    import keras"),
        ("frameworks/nnx/model.py", "def f():\n    import torch"),
        ("pipelines/tf_data.py", "import tensorflow as tf"),
    ],
)
def test_the_checker_complains(file: str, source: str) -> None:
    assert len(list(violations(source, PurePosixPath(file)))) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/model.py", "import numpy as np\nimport ml_dtypes"),
        ("core/model.py", "from . import keras\nfrom .torch import x"),
        ("core/model.py", "from parametry.frameworks import keras"),
        ("core/model.py", "import kerastuner"),
        ("core/model.py", "sys.modules.get('keras')\nimport_module(name)"),
        ("core/model.py", "def f():\n    import pandas\n    import yaml"),
        ("capture/script.py", "import wrapt"),
        ("cli/run.py", "import click"),
        ("show/tree.py", "from rich.tree import Tree"),
        ("frameworks/keras/model.py", "def f():\n    import keras, tensorflow, jax, torch"),
        ("frameworks/keras/backends/jax.py", "class A:\n    def f(self):\n        import jax"),
        ("frameworks/keras/model.py", "f = lambda: import_module('keras')"),
        ("frameworks/keras/model.py", "async def f():\n    import keras"),
        ("frameworks/keras/model.py", "if typing.TYPE_CHECKING:\n    import keras"),
        ("frameworks/torch/model.py", "def f():\n    import torch"),
        ("frameworks/nnx/model.py", "def f():\n    from flax import nnx"),
        ("pipelines/loader.py", "def f():\n    import torch"),
    ],
)
def test_the_checker_is_content(file: str, source: str) -> None:
    assert list(violations(source, PurePosixPath(file))) == []


# ---------------------------------------------------------------- the package


def test_only_the_right_rooms_import_other_packages() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    assert SOURCE / "__init__.py" in files, "the rule was tried on nothing"
    found = [
        violation
        for file in files
        for violation in violations(
            file.read_text(encoding="utf-8"), PurePosixPath(file.relative_to(SOURCE).as_posix())
        )
    ]
    assert not found, "\n" + "\n".join(found)


def _imported_by(program: str, folder: Path) -> set[str]:
    """The top-level packages that a fresh interpreter holds once it has run `program`."""
    answer = "import json, sys; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{answer}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_parametry_imports_nothing_heavy(tmp_path: Path) -> None:
    imported = _imported_by("import parametry", tmp_path)
    assert "parametry" in imported
    heavy = imported & RULES.keys()
    assert not heavy


def test_reaching_for_every_public_name_imports_no_framework(tmp_path: Path) -> None:
    program = "import parametry\nfor name in parametry.__all__: getattr(parametry, name)"
    frameworks = _imported_by(program, tmp_path) & FRAMEWORK_RULES.keys()
    assert not frameworks


# ---------------------------------------------------------------- the public names


def test_all_is_complete_in_dir() -> None:
    assert parametry.__all__, "parametry.__all__ is empty"
    assert len(set(parametry.__all__)) == len(parametry.__all__), "a name is listed twice"
    assert set(parametry.__all__) <= set(dir(parametry))


@pytest.mark.parametrize("name", parametry.__all__)
def test_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(importlib.import_module("parametry"), name)
    if inspect.ismodule(value) or inspect.isroutine(value) or inspect.isclass(value):
        text = value.__doc__ or ""
        assert text.strip(), f"parametry.{name} has no docstring"
        # What dataclasses write where a docstring is missing: the signature.
        assert not text.startswith(f"{name}("), f"parametry.{name} has no docstring of its own"


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        parametry.no_such_name  # noqa: B018
