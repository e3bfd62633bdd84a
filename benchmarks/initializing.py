"""Initial values: a matrix of 100 million float32, new, by several hands.

Parametry's own initializers, with numba and with NumPy alone; Keras's on each backend; torch's own
(``torch.nn.init``); ``numpy.random.Generator`` (PCG64). Each way has processes of its own, which
take turns; in each the first array is not counted, and the fastest of the next three is. *Filling*
is the least that can be done, by as many threads: a new array of the size, set to one number.
*Against the fastest other* divides, within each round, by the fastest way that is not parametry's.
Memory is the process's peak over what it held before, in sizes of the array.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from measure import BACKENDS, Figure, child, figure, interleaved, paired, tell

Makers: TypeAlias = dict[str, Callable[[], Any]]
KINDS = ["normal", "uniform", "glorot_uniform"]
SIDE = 10_000
OURS, OURS_ALONE, FILLING = "parametry", "parametry without numba", "filling"


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of each way, and of parametry against the fastest of the others."""
    side, rounds = (100, 1) if quick else (SIDE, 3)
    backends = ["jax"] if quick else BACKENDS
    others = ["numpy.random.Generator", *(f"Keras on {name}" for name in backends)]
    if "torch" in backends:
        others.append("torch.nn.init")
    names = [OURS, OURS_ALONE, *others, FILLING]
    ways = {
        name: partial(
            child,
            "initializing.py",
            name,
            side,
            backend=name.rpartition(" ")[2] if name.startswith("Keras") else None,
        )
        for name in names
    }
    taken = interleaved(ways, rounds)
    for kind in KINDS:
        where = f"{kind}, {side * side:,} values"
        seconds = {name: [told[kind] for told in taken[name]] for name in names}
        for name in names[:-1]:
            yield figure(f"{where}: {name}", seconds[name], "ms", scale=1e3)
        fastest = [min(turn) for turn in zip(*(seconds[name] for name in others), strict=True)]
        ratios = paired(seconds[OURS], fastest)
        limit = 1 / 1.3 if kind == "normal" else None
        yield figure(f"{where}: parametry against the fastest other", ratios, "×", limit=limit)
        ratios = paired(seconds[OURS], seconds[FILLING])
        yield figure(f"{where}: parametry against filling", ratios, "×")
    filling = [told[KINDS[0]] for told in taken[FILLING]]
    yield figure(f"{side * side:,} values: filling", filling, "ms", scale=1e3)
    for name in names[:-1]:
        peaks = [told["peak"] for told in taken[name]]
        yield figure(f"{side * side:,} values: peak memory of {name}", peaks, "×")


def parametry_makers(side: int) -> Makers:
    import parametry as pm
    from parametry.core.initializer import Initializer, Site
    from parametry.kernels import draw

    draw.PATIENCE = 0  # numba from the first array on, since that one is not counted
    site = Site("dense/kernel", (side, side), "float32", "Dense", "kernel", side, side)

    def maker(initializer: Initializer) -> Callable[[], Any]:
        return lambda: initializer.values(site, 0)

    return {
        "normal": maker(pm.normal()),
        "uniform": maker(pm.uniform()),
        "glorot_uniform": maker(pm.glorot_uniform()),
    }


def keras_makers(side: int) -> Makers:
    import keras

    wait = getattr(sys.modules.get("jax"), "block_until_ready", None)

    def maker(kind: type) -> Callable[[], Any]:
        def make() -> Any:
            made = kind(seed=0)((side, side), dtype="float32")
            return made if wait is None else wait(made)

        return make

    known = keras.initializers
    return {
        "normal": maker(known.RandomNormal),
        "uniform": maker(known.RandomUniform),
        "glorot_uniform": maker(known.GlorotUniform),
    }


def torch_makers(side: int) -> Makers:
    import torch

    def maker(fill: Callable[..., Any], *arguments: float) -> Callable[[], Any]:
        return lambda: fill(torch.empty(side, side), *arguments)

    return {
        "normal": maker(torch.nn.init.normal_, 0.0, 0.05),
        "uniform": maker(torch.nn.init.uniform_, -0.05, 0.05),
        "glorot_uniform": maker(torch.nn.init.xavier_uniform_),
    }


def numpy_makers(side: int) -> Makers:
    import numpy as np

    rng = np.random.default_rng(0)

    def normal() -> Any:
        made = rng.standard_normal((side, side), np.float32)
        made *= np.float32(0.05)
        return made

    def uniform(limit: float) -> Any:
        made = rng.random((side, side), np.float32)
        made *= np.float32(2 * limit)
        made -= np.float32(limit)
        return made

    return {
        "normal": normal,
        "uniform": lambda: uniform(0.05),
        "glorot_uniform": lambda: uniform(math.sqrt(3 / side)),
    }


def filling_makers(side: int) -> Makers:
    import numpy as np

    from parametry.kernels.draw import SHARE
    from parametry.kernels.shares import in_shares

    def fill() -> Any:
        flat = np.empty(side * side, np.float32)
        in_shares(lambda begin: flat[begin : begin + SHARE].fill(1), range(0, flat.size, SHARE))
        return flat

    return dict.fromkeys(KINDS, fill)


def main(name: str, side: str) -> None:
    if name == OURS_ALONE:
        sys.modules["numba"] = None  # type: ignore[assignment]  # as if it were not installed
    makers = {
        OURS: parametry_makers,
        OURS_ALONE: parametry_makers,
        "torch.nn.init": torch_makers,
        "numpy.random.Generator": numpy_makers,
        FILLING: filling_makers,
    }.get(name, keras_makers)
    for make in makers(min(int(side), 100)).values():
        make()  # what is compiled once, and kept, is no memory of an array's
    told: dict[str, float] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for kind, make in makers(int(side)).items():
        took = []
        for _ in range(4):
            began = time.perf_counter()
            made = make()
            took.append(time.perf_counter() - began)
            del made
        told[kind] = min(took[1:])
    held = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    tell({**told, "peak": held / (4 * int(side) ** 2)})


if __name__ == "__main__":
    main(*sys.argv[1:])
