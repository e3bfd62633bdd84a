"""`diff` of two files of 1 GiB of float32 each, against reading both once on all cores.

Reading is to map both files and to add up their values, with ``numpy.add.reduce`` over stretches in
as many threads as there are cores. The files are in the system's cache. *Equal*: byte for byte.
*One differs*: one element at the very end. *All differ*: every element. Each file is one array, and
is opened anew each time. All ways take turns, and each ratio is of one round. What is held is the
process's largest anonymous memory meanwhile, less that before; pages of the files are not among it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measure import Figure, child, figure, interleaved, paired, tell
from stats import anonymous, seconds

MOST = 2.0  # ×
MOST_HELD = 256 << 20  # B

READING = "reading both once"
EQUAL = "diff of equal files"
ONE = "diff of files of which one element differs"
ALL = "diff of files of which all elements differ"
TRANSPOSED = "diff of files whose kernels lie transposed"


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of time, and of memory."""
    nbytes, rounds = (1 << 22, 2) if quick else (1 << 30, 9)
    found = child("diff.py", nbytes, rounds)
    for name, times in found["taken"].items():
        yield figure(name, times, "ms", scale=1e3)
        if name != READING:
            limit = None if name == TRANSPOSED else MOST
            yield figure(
                f"{name}, against {READING}",
                paired(times, found["taken"][READING]),
                "×",
                limit=limit,
            )
    yield figure("held at most beside the mapped files", [found["held"]], "B", limit=MOST_HELD)


def compare(nbytes: int, rounds: int) -> dict[str, Any]:
    """Seconds of every way, taking turns, and what was held at most."""
    import numpy as np
    from safetensors.numpy import save_file

    import parametry as pm
    from parametry.kernels.shares import in_shares

    some = np.random.default_rng(0).standard_normal(nbytes // 16, np.float32)
    values = np.tile(some, 4).reshape(1 << 10, -1)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.safetensors" for name in ("a", "b", "c", "d", "e")}
        save_file({"w": values}, paths["a"])
        save_file({"w": values}, paths["b"])
        last = values.copy()
        last[-1, -1] += 1
        save_file({"w": last}, paths["c"])
        np.add(values, 0.001, out=last)
        save_file({"w": last}, paths["d"])
        save_file({"w": np.ascontiguousarray(values.T)}, paths["e"])
        del values, last
        stretch = 1 << 21

        def read() -> None:
            for name in ("a", "b"):
                array = np.memmap(paths[name], np.float32, "r")
                in_shares(
                    lambda begin, array=array: np.add.reduce(array[begin : begin + stretch]),
                    range(0, array.size, stretch),
                )

        ways: dict[str, Callable[[], Any]] = {
            READING: read,
            EQUAL: partial(pm.diff, paths["a"], paths["b"]),
            ONE: partial(pm.diff, paths["a"], paths["c"]),
            ALL: partial(pm.diff, paths["a"], paths["d"]),
            TRANSPOSED: partial(pm.diff, paths["a"], paths["e"]),
        }
        for way in ways.values():  # loops are compiled, the files are in the cache
            way()
        before = peak = anonymous()
        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.001):
                peak = max(peak, anonymous())

        watching = threading.Thread(target=watch)
        watching.start()
        for name in (EQUAL, ONE, ALL, TRANSPOSED):
            ways[name]()
        over.set()
        watching.join()
        taken = interleaved({name: partial(seconds, way) for name, way in ways.items()}, rounds)
    return {"taken": taken, "held": float(peak - before)}


if __name__ == "__main__":
    tell(compare(*map(int, sys.argv[1:])))
