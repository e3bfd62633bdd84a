"""Statistics of 1 GiB arrays in memory, against a plain sum of the same bytes on all cores.

The plain sum is ``numpy.add.reduce`` over the same stretches, in as many threads: as fast as the
memory is read. All ways take turns, and each ratio is of one round. What is held beside the array
is the process's largest anonymous memory while the statistics of a mapped file are worked out, less
that before; pages of the file itself are not among it.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measure import Figure, child, figure, interleaved, paired, tell

MOST_FOR_MOMENTS = 1.25  # ×
MOST_FOR_EXACT = 4.0  # ×
MOST_FOR_HALVES = 2.5  # ×
MOST_HELD = 256 << 20  # B

PLAIN = "plain sum"
MOMENTS = "float32: counts, moments, extremes, norms"
SAMPLED = "float32: the same, quantiles and sketch of a sample"
EXACT = "float32: the same, exact quantiles and sketch"
BFLOAT16 = "bfloat16: counts, moments, extremes, norms"
FLOAT16 = "float16: counts, moments, extremes, norms"
FLOAT64 = "float64: counts, moments, extremes, norms"
LIMITS = {
    MOMENTS: MOST_FOR_MOMENTS,
    EXACT: MOST_FOR_EXACT,
    BFLOAT16: MOST_FOR_HALVES,
    FLOAT16: MOST_FOR_HALVES,
}


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of arrays in memory, and of a mapped file."""
    nbytes, rounds = (1 << 22, 2) if quick else (1 << 30, 9)
    taken = child("stats.py", "speed", nbytes, rounds)
    for name, times in taken.items():
        yield figure(name, times, "ms", scale=1e3)
        if name != PLAIN:
            ratios = paired(times, taken[PLAIN])
            yield figure(f"{name}, against {PLAIN}", ratios, "×", limit=LIMITS.get(name))
    held = child("stats.py", "held", nbytes if quick else 1 << 31)
    what = "held at most beside a mapped file of 2 GiB, exact quantiles and sketch"
    yield figure(what, held, "B", limit=MOST_HELD)


def speed(nbytes: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of every way, taking turns."""
    import ml_dtypes
    import numpy as np

    from parametry.kernels.shares import in_shares
    from parametry.kernels.statistics import moments_of, statistics_of

    generator = np.random.default_rng(0)
    values = np.empty(nbytes // 4, np.float32)
    step = 1 << 20
    for begin in range(0, values.size, step):
        values[begin : begin + step] = 0.05 * generator.standard_normal(step, np.float32)
    stretch = 1 << 21
    shares = range(0, values.size, stretch)

    def plain() -> None:
        in_shares(lambda begin: np.add.reduce(values[begin : begin + stretch]), shares)

    def as_dtype(dtype: Any) -> Any:
        some = values[:step].astype(dtype)
        return np.tile(some, nbytes // some.nbytes)

    ways: dict[str, Callable[[], Any]] = {
        PLAIN: plain,
        MOMENTS: partial(moments_of, values),
        SAMPLED: partial(statistics_of, values),
        EXACT: partial(statistics_of, values, exact=True),
        BFLOAT16: partial(moments_of, as_dtype(ml_dtypes.bfloat16)),
        FLOAT16: partial(moments_of, as_dtype(np.float16)),
        FLOAT64: partial(moments_of, as_dtype(np.float64)),
    }
    for way in ways.values():  # loops are compiled, pages are there
        way()
    return interleaved({name: partial(seconds, way) for name, way in ways.items()}, rounds)


def seconds(way: Callable[[], Any]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def held(nbytes: int) -> list[float]:
    """Bytes of anonymous memory that the statistics of a mapped file take at most."""
    import numpy as np

    from parametry.kernels.statistics import statistics_of

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.bin"
        block = np.random.default_rng(0).standard_normal(1 << 20, np.float32).tobytes()
        with path.open("wb") as file:
            for _ in range(nbytes // len(block)):
                file.write(block)
        values = np.memmap(path, np.float32, "r")
        before = peak = anonymous()
        over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.0005):
                peak = max(peak, anonymous())

        watching = threading.Thread(target=watch)
        watching.start()
        statistics_of(values, exact=True)
        over.set()
        watching.join()
    return [float(peak - before)]


def anonymous() -> int:
    """Bytes of memory that no file stands behind; 0 where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    tell({"speed": speed, "held": held}[what](*map(int, numbers)))
