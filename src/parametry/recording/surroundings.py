"""What a run was made in: host, process, command line, the commit of the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from parametry._version import __version__
from parametry.core.hyperparameter import Hyperparameter
from parametry.core.secrets import withhold_arguments
from parametry.core.value import UNSET, Plain

__all__ = ["Surroundings", "command_line", "script_of_program"]

_LONGEST_STATUS = 1 << 20


def command_line() -> list[str]:
    """What the process was started with, secrets withheld, as the program sees it."""
    told = withhold_arguments([str(word) for word in sys.argv])
    return [word if isinstance(word, str) else "…" for word in told] if told else []


def script_of_program() -> str | None:
    """The file that runs as ``__main__``; None in a notebook or at a prompt."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    return file if isinstance(file, str) else None


class Surroundings:
    """Looks at the host and the code's repository, without holding up the program.

    git is asked in processes of its own that run beside the program; what they have not said at the
    first look they say at a later one.

    Args:
        folder: A folder of the code: its repository is asked.
    """

    def __init__(self, folder: Path) -> None:
        self._asked = _ask_git(folder)
        self._answers: dict[str, Plain] = {}

    def hyperparameters(self, patience: float) -> dict[str, Hyperparameter]:
        """What is known by now, under ``environment/``.

        Args:
            patience: How many seconds git may take at most.
        """
        self._collect(patience)
        found: dict[str, Plain] = {
            "host": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME"),
            "folder": str(Path.cwd()),
            "versions/parametry": __version__,
            **self._answers,
        }
        return {
            address: Hyperparameter(address, value, UNSET, "derived")
            for address, value in (("environment/" + name, value) for name, value in found.items())
        }

    def _collect(self, patience: float) -> None:
        for name, process in list(self._asked.items()):
            try:
                out, _ = process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                continue
            except (OSError, ValueError):  # its pipes are gone: nothing to be had
                out = b""
            del self._asked[name]
            if process.returncode == 0:
                text = out[:_LONGEST_STATUS].decode("utf-8", "replace").strip()
                self._answers[f"git/{name}"] = bool(text) if name == "dirty" else text

    def close(self) -> None:
        """End what is still being asked."""
        for process in self._asked.values():
            process.kill()
            process.communicate()
        self._asked.clear()


def _ask_git(folder: Path) -> dict[str, subprocess.Popen[bytes]]:
    git = shutil.which("git")
    if git is None:
        return {}
    questions: dict[str, Sequence[str]] = {
        "commit": ("rev-parse", "--verify", "HEAD"),
        "branch": ("rev-parse", "--abbrev-ref", "HEAD"),
        "dirty": ("status", "--porcelain", "--untracked-files=no"),
    }
    # Looking must not write: `git status` would refresh the index.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    asked: dict[str, subprocess.Popen[bytes]] = {}
    for name, words in questions.items():
        try:
            asked[name] = subprocess.Popen(
                [git, "-c", "core.fsmonitor=false", "-C", str(folder), *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError:
            return asked
    return asked
