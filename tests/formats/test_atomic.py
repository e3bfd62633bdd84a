"""A file is written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from parametry.formats.atomic import replacing, settle, temporary_beside


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    with pytest.raises(stop), replacing(path) as file:
        file.write(b"half")
        raise stop
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.npz").mkdir()
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "net.npz"):
        raise AssertionError("nothing is begun")
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "net.npz"):
        raise AssertionError("nothing is begun")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "net.npz").symlink_to(tmp_path / "real" / "net.npz")
    with replacing(tmp_path / "net.npz") as file:
        file.write(b"new")
    assert (tmp_path / "net.npz").is_symlink()
    assert (tmp_path / "real" / "net.npz").read_bytes() == b"new"


def test_a_temporary_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "net.weights.h5"
    with temporary_beside(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".net.weights.h5")
        temporary.write_bytes(b"whole")
        settle(temporary, path)
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


# A process of its own: the limit on the size of files, and the user, hold for all that it does.
FULL = """
import resource, signal, sys
from parametry.formats.atomic import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    with replacing(sys.argv[1]) as file:
        for _ in range(100):
            file.write(bytes(1 << 12))
except OSError as error:
    print(type(error).__name__, error.errno)
"""
READ_ONLY = """
import os, sys
from parametry.formats.atomic import replacing
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with replacing(sys.argv[1]) as file:
        file.write(b"new")
except OSError as error:
    print(type(error).__name__)
"""


def ran(code: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"old")
    assert ran(FULL, path).startswith("OSError")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_read_only_folder(tmp_path: Path) -> None:
    # Below /tmp rather than pytest's own folder, which another user may not even enter.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        path = folder / "net.npz"
        path.write_bytes(b"old")
        folder.chmod(0o555)
        assert ran(READ_ONLY, path) == "PermissionError"
        assert path.read_bytes() == b"old"
        folder.chmod(0o755)
        assert list(folder.iterdir()) == [path]
