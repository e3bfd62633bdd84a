"""What a shell offers while a command is being typed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "formats" / "golden"

Offered = Callable[[str], list[str]]


@pytest.fixture
def offered(parametry: Any, environment: Any, tmp_path: Path) -> Offered:
    """What bash offers for the last word of a line."""
    shutil.copy(GOLDEN / "mlp.keras", tmp_path)

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        done = parametry(env=environment(_PARAMETRY_COMPLETE="bash_complete", **asked))
        assert (done.returncode, done.stderr) == (0, "")
        return [text.partition(",")[2] for text in done.stdout.split()]

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how_to_ask(parametry: Any, environment: Any, shell: str) -> None:
    done = parametry(env=environment(_PARAMETRY_COMPLETE=f"{shell}_source"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_PARAMETRY_COMPLETE={shell}_complete" in done.stdout


def test_commands_and_options(offered: Offered) -> None:
    assert offered("parametry con") == ["convert"]
    assert offered("parametry show --par") == ["--parameters"]
    assert "nonfinite" in offered("parametry stats --sort n")


def test_addresses_of_the_file(offered: Offered) -> None:
    assert offered("parametry get mlp.keras dense/") == ["dense/kernel", "dense/bias"]
    assert offered("parametry get mlp.keras optimizer/learning_r") == ["optimizer/learning_rate"]
    assert offered("parametry show mlp.keras head/k") == ["head/kernel"]
    assert offered("parametry stats mlp.keras head/kernel head/b") == ["head/bias"]
    assert offered("parametry convert mlp.keras a.npz --select head/b") == ["head/bias"]
    assert offered("parametry diff mlp.keras mlp.keras --ignore head/b") == ["head/bias"]


@pytest.mark.parametrize("file", ["gone.keras", "no.txt", ""])
def test_no_addresses_of_what_cannot_be_read(offered: Offered, tmp_path: Path, file: str) -> None:
    (tmp_path / "no.txt").write_text("no model")
    assert offered(f"parametry get {file} d") == []
