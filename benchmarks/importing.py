"""Cold starts: importing parametry, and asking the command for its version.

Each is a process of its own, and all take turns. Ratios are against an empty Python process and
against one that imports NumPy, which parametry itself leaves alone until it is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from measure import Figure, figure, interleaved, paired

PYTHON = sys.executable
COMMAND = str(Path(sysconfig.get_path("scripts")) / "parametry")
NOTHING = "python -c pass"
NUMPY = 'python -c "import numpy"'
KERAS = 'python -c "import keras"'
QUICK = {
    NOTHING: [PYTHON, "-c", "pass"],
    NUMPY: [PYTHON, "-c", "import numpy"],
    'python -c "import parametry"': [PYTHON, "-c", "import parametry"],
    'python -c "import parametry.auto"': [PYTHON, "-c", "import parametry.auto"],
    "python -m parametry --version": [PYTHON, "-m", "parametry", "--version"],
    "parametry --version": [COMMAND, "--version"],
    "parametry --help": [COMMAND, "--help"],
}
SLOW = {
    KERAS: [PYTHON, "-c", "import keras"],
    'python -c "import parametry.auto, keras"': [PYTHON, "-c", "import parametry.auto, keras"],
}


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of cold processes."""
    taken = interleaved({name: partial(start, c) for name, c in QUICK.items()}, 2 if quick else 41)
    for name, times in taken.items():
        yield figure(name, times, "ms", scale=1e3)
        if name not in (NOTHING, NUMPY):
            yield figure(f"{name}, against {NOTHING}", paired(times, taken[NOTHING]), "×")
            yield figure(f"{name}, against {NUMPY}", paired(times, taken[NUMPY]), "×")
    slow = interleaved({name: partial(start, c) for name, c in SLOW.items()}, 1 if quick else 11)
    for name, times in slow.items():
        yield figure(f"{name} (JAX)", times, "ms", scale=1e3)
        if name != KERAS:
            yield figure(f"{name}, against {KERAS} (JAX)", paired(times, slow[KERAS]), "×")


def start(command: list[str]) -> float:
    """Seconds that a process took from its start to its end."""
    began = time.perf_counter()
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, KERAS_BACKEND="jax"),
        check=True,
    )
    return time.perf_counter() - began
