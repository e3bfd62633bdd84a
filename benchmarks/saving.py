"""Saving and loading a gibibyte of float32, against the package ``safetensors``.

The model is one of Keras's on JAX with four large matrices. *safetensors* is the least that a
program would do with the package: ``save_file`` of the weights as arrays, ``load_file`` and
``assign``. `parametry.save` also writes the manifest, and forces the bytes to the disk before the
file takes its name; *with fsync* gives the package's file the same. `parametry.load` also reads all
bytes once to check them, and keeps the old values until the last is written. Each way has processes
of its own, which take turns; the fastest of three counts. Memory is the process's peak over what it
held before, in sizes of the model.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measure import Figure, child, figure, interleaved, paired, tell

UNITS = 8192
MATRICES = 4
SAVE, LOAD = "save", "load"
WAYS = {
    SAVE: ["parametry.save", "safetensors", "safetensors with fsync"],
    LOAD: ["parametry.load", "safetensors"],
}


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of saving and of loading."""
    units, rounds = (64, 1) if quick else (UNITS, 3)
    nbytes = MATRICES * units * units * 4
    size = f"{nbytes / 2**30:g} GiB" if not quick else f"{nbytes:,} bytes"
    for work, names in WAYS.items():
        ways = {
            name: partial(child, "saving.py", work, name, units, backend="jax") for name in names
        }
        taken = interleaved(ways, rounds)
        for name in names:
            seconds = [told["seconds"] for told in taken[name]]
            yield figure(f"{work} {size}: {name}", seconds, "ms", scale=1e3)
        for name in names[1:]:
            ours, theirs = ([told["seconds"] for told in taken[way]] for way in (names[0], name))
            yield figure(f"{work} {size}: {names[0]} against {name}", paired(ours, theirs), "×")
        for name in names[: 2 if work == LOAD else 1]:
            peaks = [told["peak"] / nbytes for told in taken[name]]
            yield figure(f"{work} {size}: {name}, memory in sizes of the model", peaks, "×")


def model(units: int) -> Any:
    """A model of a few large matrices."""
    import keras

    dense = [
        keras.layers.Dense(units, use_bias=False, kernel_initializer="ones")
        for _ in range(MATRICES)
    ]
    return keras.Sequential([keras.Input((units,)), *dense])


def work_of(work: str, name: str, net: Any, path: Path) -> Callable[[], object]:
    """What is timed; the file is there already where it is to be loaded."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    import parametry as pm

    def save_theirs(sync: bool) -> None:
        save_file({variable.path: np.asarray(variable.value) for variable in net.variables}, path)
        if sync:
            with path.open("rb+") as file:
                os.fsync(file.fileno())

    def load_theirs() -> None:
        found = load_file(path)
        for variable in net.variables:
            variable.assign(found[variable.path])

    if work == SAVE:
        if name == "parametry.save":
            return lambda: pm.save(net, path)
        return lambda: save_theirs(name.endswith("fsync"))
    if name == "parametry.load":
        pm.save(net, path)
        return lambda: pm.load(net, path)
    save_theirs(sync=False)
    return load_theirs


class Peak:
    """The most memory that the process held within a block, over what it held before, in bytes.

    Looked at every few milliseconds, since the system's own record cannot be set back.
    """

    def __enter__(self) -> Peak:
        self.before = self.most = held()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.most = max(self.most, held())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.most = max(self.most, held())


def held() -> int:
    """The bytes that the process holds, without the pages of mapped files."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(fields[1]) - int(fields[2])) * resource.getpagesize()


def main(work: str, name: str, units: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        net = model(int(units))
        action = work_of(work, name, net, Path(folder) / "net.safetensors")
        action()  # the first of everything imports, and fills the system's cache
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            action()
            taken.append(time.perf_counter() - began)
        with Peak() as peak:
            action()
        tell({"seconds": min(taken), "peak": max(peak.most - peak.before, 0)})


if __name__ == "__main__":
    main(*sys.argv[1:])
