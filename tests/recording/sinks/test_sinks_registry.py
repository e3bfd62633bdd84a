"""Sinks by name: ours, third parties', and those that are not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import parametry as pm
from parametry.recording.sinks.registry import registered, resolve


def test_names_targets_and_sinks() -> None:
    given = pm.TensorBoard("elsewhere")
    sinks = resolve(["tensorboard", "tensorboard:C:\\logs", "mlflow:http://localhost:5000", given])
    assert [sink.name for sink in sinks] == [
        "tensorboard:logs",
        "tensorboard:C:\\logs",
        "mlflow:http://localhost:5000",
        "tensorboard:elsewhere",
    ]
    assert sinks[3] is given
    assert {"tensorboard", "mlflow", "wandb"} <= set(registered())


def test_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(pm.UnknownSink, match="no sink called 'tensorbord'") as caught:
        resolve(["tensorbord:logs"])
    assert caught.value.hint == "did you mean 'tensorboard'?"
    with pytest.raises(pm.UnknownSink, match="there are mlflow, tensorboard, wandb"):
        resolve(["#"])


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_missing_package_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(pm.FrameworkMissing, match=f"{name}.* is not installed") as caught:
        resolve([name])
    assert caught.value.hint == f"pip install 'parametry[{name}]'"


def test_nothing_is_imported_before_it_is_used(tmp_path: Path) -> None:
    program = """
import sys
import parametry as pm
from parametry.recording.sinks.registry import resolve
resolve(["tensorboard", "mlflow", "wandb", pm.TensorBoard("logs")])
print(sorted({"tensorboard", "mlflow", "wandb", "tensorflow"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []


def test_third_party_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_sink.py").write_text(
        "class Acme:\n"
        "    def __init__(self, target='home'):\n"
        "        self.name = self.location = f'acme at {target}'\n"
    )
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[parametry.sinks]\nacme = acme_sink:Acme\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [sink.name for sink in resolve(["acme", "acme:sea"])] == ["acme at home", "acme at sea"]
    assert registered()["acme"] == "acme_sink:Acme"
