"""What a run was made in: host, process, command line, the commit of the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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

    git is asked in a process of its own that runs beside the program; what it has not said at the
    first look it says at a later one.

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
        process = self._asked
        if process is None:
            return
        try:
            out, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            return
        except (OSError, ValueError):  # its pipes are gone: nothing to be had
            out = b""
        self._asked = None
        if process.returncode == 0:
            self._answers = _said(out[:_LONGEST_STATUS].decode("utf-8", "replace"))

    def close(self) -> None:
        """End what is still being asked."""
        process, self._asked = self._asked, None
        if process is not None:
            process.kill()
            process.communicate()


def _ask_git(folder: Path) -> subprocess.Popen[bytes] | None:
    git = shutil.which("git")
    if git is None:
        return None
    words = ("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
    # Looking must not write: `git status` would refresh the index.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.Popen(
            [git, "-c", "core.fsmonitor=false", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except OSError:
        return None


def _said(status: str) -> dict[str, Plain]:
    r"""Commit, branch and whether files differ from the commit.

    The format is https://git-scm.com/docs/git-status#_porcelain_format_version_2.

    Example:
        >>> _said("# branch.oid 1a2b\n# branch.head main\n1 .M N... 100644 net.py")
        {'git/commit': '1a2b', 'git/branch': 'main', 'git/dirty': True}
    """
    lines = status.splitlines()
    heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit, branch = heads.get("branch.oid"), heads.get("branch.head")
    found: dict[str, Plain] = {}
    if commit and commit != "(initial)":
        found["git/commit"] = commit
    if branch:
        found["git/branch"] = "HEAD" if branch == "(detached)" else branch
    return found | {"git/dirty": any(line[:1] not in ("#", "") for line in lines)}
