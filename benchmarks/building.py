"""Building a model: a thousand layers made with capture on, off, and without parametry.

*On* and *off* take turns in one process, through ``parametry.auto.enable()`` and ``disable()``:
they then differ in nothing but the switch. *Bare* needs processes in which nothing was ever
patched; those take turns with processes that were patched and turned off. Time is that of the
processor, all threads together: on an idle machine it is close to the time that passes, and a busy
one disturbs it less.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from measure import BACKENDS, Figure, child, figure, interleaved, paired, tell

LAYERS = 1_000


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of making layers, and of making and building them."""
    layers, rounds, processes = (20, 2, 1) if quick else (LAYERS, 15, 7)
    backends = ["jax"] if quick else BACKENDS
    works = ["made and built"] if quick else ["made", "made and built"]
    for backend in backends:
        for work in works:
            where = f"{backend}: {layers:,} layers {work}"
            taken = child("building.py", "turns", work, layers, rounds, backend=backend)
            yield figure(f"{where}, capture off", taken["off"], "ms", scale=1e3)
            yield figure(f"{where}, capture on", taken["on"], "ms", scale=1e3)
            yield figure(f"{where}, on against off", paired(taken["on"], taken["off"]), "×")
            added = [a - b for a, b in zip(taken["on"], taken["off"], strict=True)]
            yield figure(
                f"{where}, added by capture to each layer", added, "µs", scale=1e6 / layers
            )
    for backend in backends[:1]:
        for work in works:
            ways = {
                name: partial(child, "building.py", name, work, layers, 3, backend=backend)
                for name in ("bare", "patched and off")
            }
            taken = interleaved(ways, processes)
            where = f"{backend}: {layers:,} layers {work}"
            ratios = paired(taken["patched and off"], taken["bare"])
            yield figure(f"{where}, patched and off against bare Keras", ratios, "×")


def make(layers: int) -> Any:
    """Make a model of that many layers, among them objects that capture looks at too."""
    import keras

    class Net(keras.Model):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.parts = [
                keras.layers.Dense(4, activation="relu", kernel_initializer="he_normal")
                for _ in range(count)
            ]

        def build(self, shape: Any) -> None:
            for part in self.parts:
                part.build(shape)

    return Net(layers)


def timed(layers: int, build: bool) -> float:
    """Seconds for making, and perhaps building, a model."""
    gc.collect()
    began = time.process_time()
    net = make(layers)
    if build:
        net.build((None, 4))
    return time.process_time() - began


def turns(layers: int, rounds: int, build: bool) -> dict[str, list[float]]:
    """Capture on and off in turn, in this process."""
    import parametry.auto

    def way(switch: Callable[[], object]) -> Callable[[], float]:
        def take() -> float:
            switch()
            return timed(layers, build)

        return take

    ways = {"off": way(parametry.auto.disable), "on": way(parametry.auto.enable)}
    interleaved(ways, 1)  # the first of everything fills caches
    return interleaved(ways, rounds)


def main(mode: str, work: str, layers: str, rounds: str) -> None:
    build = work == "made and built"
    if mode == "turns":
        tell(turns(int(layers), int(rounds), build))
        return
    if mode == "patched and off":
        import parametry.auto

        parametry.auto.disable()
    # The quickest of some is what the process can do: what disturbs it only adds.
    timed(int(layers), build)
    tell(min(timed(int(layers), build) for _ in range(int(rounds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
