"""What a run says of the code's repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from parametry.recording.surroundings import Surroundings

GIT = shutil.which("git")
PATIENCE = 60.0


def git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is none, as then nothing may be told of it."""
    if GIT is None:
        return ""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    command = [GIT, *who, "-c", "init.defaultBranch=trunk", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def told(folder: Path) -> dict[str, object]:
    surroundings = Surroundings(folder)
    entries = surroundings.hyperparameters(PATIENCE)
    surroundings.close()
    start = "environment/git/"
    return {
        address.removeprefix(start): entry.value
        for address, entry in entries.items()
        if address.startswith(start)
    }


def expected(**values: object) -> dict[str, object]:
    return values if GIT else {}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "net.py").write_text("units = 32\n")
    git(tmp_path, "add", "net.py")
    return tmp_path


def test_a_repository_without_a_commit(repository: Path) -> None:
    assert told(repository) == expected(branch="trunk", dirty=True)


def test_a_commit_a_change_and_a_file_that_git_does_not_know(repository: Path) -> None:
    git(repository, "commit", "-q", "-m", "first")
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "notes.txt").write_text("untracked files count for nothing")
    below = repository / "below"
    below.mkdir()
    clean = expected(commit=commit, branch="trunk", dirty=False)
    assert told(repository) == told(below) == clean
    (repository / "net.py").write_text("units = 64\n")
    assert told(below) == clean | expected(dirty=True)


def test_a_commit_that_no_branch_stands_at(repository: Path) -> None:
    git(repository, "commit", "-q", "-m", "first")
    git(repository, "checkout", "-q", "--detach")
    commit = git(repository, "rev-parse", "HEAD")
    assert told(repository) == expected(commit=commit, branch="HEAD", dirty=False)


def test_looking_writes_nothing(repository: Path) -> None:
    git(repository, "commit", "-q", "-m", "first")
    (repository / "net.py").touch()  # an index that git would refresh
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()}
    told(repository)
    after = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()}
    assert before == after


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert told(tmp_path) == {}


def test_a_git_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "git"
    broken.write_text("#!/bin/sh\necho '# branch.oid 1a2b'\nexit 1\n")
    broken.chmod(0o755)
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setenv("PATH", str(folder))
        assert told(tmp_path) == {}


def test_a_git_that_takes_long_is_asked_again_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "answers"
    slow = tmp_path / "git"
    slow.write_text(f"#!/bin/sh\nread answer < '{pipe}'\necho \"$answer\"\n")
    slow.chmod(0o755)
    os.mkfifo(pipe)
    monkeypatch.setenv("PATH", str(tmp_path))
    surroundings = Surroundings(tmp_path)
    assert "environment/git/commit" not in surroundings.hyperparameters(0.0)
    pipe.write_text("# branch.oid 1a2b\n")
    entries = surroundings.hyperparameters(PATIENCE)
    assert entries["environment/git/commit"].value == "1a2b"
    left = Surroundings(tmp_path)
    left.close()  # ends what nobody answers
    assert "environment/git/commit" not in left.hyperparameters(0.0)
