"""What capture adds to a `fit`.

*A long fit*: 300 steps of 10 to 20 ms each, with a dense model whose batch is sized until a step of
this machine takes that long. Capture is turned on and off by ``parametry.auto.enable()`` and
``disable()`` and both take turns in one process, on the same compiled model: processes of their own
would differ by more than what is looked for (where their memory lies, which core they are on).
Every other pair begins with *on*. The ratio is taken within each pair, so that a machine that is
busy for a while disturbs both of its sides; *off against off*, taken in the same way, shows how far
two equal fits differ here.

*A short fit*: many steps of next to nothing, which shows what capture adds to a single step, and
what it adds once to each call of `fit` whatever its length; in processor time, all threads
together.

*Patched and off* against *bare Keras* needs processes in which nothing was ever patched. They take
turns, each telling the processor time of the quickest of some short fits.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from measure import BACKENDS, Figure, child, figure, interleaved, paired, tell

MOST_ADDED = 2.0  # %
FEATURES = 512

Times: TypeAlias = tuple[float, float]
"""Seconds that passed, and seconds that the processor worked in all threads."""


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of long and short fits."""
    backends = ["jax"] if quick else BACKENDS
    steps, pairs, processes = (3, 2, 1) if quick else (300, 9, 9)
    for backend in backends:
        taken = child("fitting.py", "long", steps, pairs, backend=backend)
        passed, worked = (
            {name: [pair[clock] for pair in pairs] for name, pairs in taken.items()}
            for clock in (0, 1)
        )
        where = f"{backend}: fit of {steps:,} steps"
        yield figure(f"{where}, capture off, for each step", passed["off"], "ms", scale=1e3 / steps)
        yield figure(f"{where}, added by capture", _added(passed, "on"), "%", limit=MOST_ADDED)
        yield figure(f"{where}, off against off", _added(passed, "off again"), "%")
        yield figure(f"{where}, added by capture, processor time", _added(worked, "on"), "%")
        yield figure(f"{where}, off against off, processor time", _added(worked, "off again"), "%")
    for backend in backends:
        yield from _short(backend, quick)
    for backend in backends[:1]:
        ways = {
            name: partial(child, "fitting.py", name, 50, 5, backend=backend)
            for name in ("bare", "patched and off")
        }
        taken = interleaved(ways, processes)
        ratios = paired(taken["patched and off"], taken["bare"])
        what = f"{backend}: fit of 50 short steps, patched and off against bare Keras"
        yield figure(what, ratios, "×")


def _added(taken: dict[str, list[float]], name: str) -> list[float]:
    """What was taken over *off* in each pair, in percent."""
    return [100 * (ratio - 1) for ratio in paired(taken[name], taken["off"])]


def _short(backend: str, quick: bool) -> Iterator[Figure]:
    few, many, rounds = (1, 3, 2) if quick else (1, 301, 15)
    for layers in [2] if quick else [2, 500]:
        taken = child("fitting.py", "short", layers, rounds, few, many, backend=backend)
        added = {
            steps: [on[1] - off[1] for on, off in zip(t["on"], t["off"], strict=True)]
            for steps, t in taken.items()
        }
        where = f"{backend}, {layers} layers"
        yield figure(
            f"{where}: added by capture to a fit of one step", added[str(few)], "ms", scale=1e3
        )
        if layers == 2:
            each = [
                (long - short) / (many - few)
                for long, short in zip(added[str(many)], added[str(few)], strict=True)
            ]
            yield figure(f"{where}: added by capture to each further step", each, "µs", scale=1e6)


def dense(layers: int, units: int) -> Any:
    """A compiled dense model."""
    import keras

    keras.utils.set_random_seed(1)
    start = keras.Input((FEATURES,))
    ends = []
    for begin in range(0, layers, 50):  # Keras follows a graph by recursion
        end = start
        for _ in range(min(50, layers - begin)):
            end = keras.layers.Dense(units, activation="relu")(end)
        ends.append(end)
    joined = keras.layers.concatenate(ends) if len(ends) > 1 else ends[0]
    net = keras.Model(start, keras.layers.Dense(1)(joined))
    net.compile(optimizer=keras.optimizers.SGD(1e-6, momentum=0.5), loss="mse")
    return net


def fitter(net: Any, batch_size: int, steps: int) -> Callable[[], Times]:
    """A function that fits for so many steps and tells how long that took."""
    import keras
    import numpy as np

    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(batch_size * steps, FEATURES)).astype("float32")
    targets = generator.normal(size=(batch_size * steps, 1)).astype("float32")
    callbacks = [keras.callbacks.EarlyStopping("loss"), keras.callbacks.TerminateOnNaN()]

    def fit() -> Times:
        gc.collect()
        began = time.perf_counter(), time.process_time()
        net.fit(inputs, targets, batch_size=batch_size, callbacks=callbacks, verbose=0)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    return fit


def sized(net: Any) -> int:
    """The batch size with which a step takes about 14 ms here."""
    batch_size = 64
    for _ in range(6):
        fit = fitter(net, batch_size, 20)
        fit()
        step = min(fit(), fit())[0] / 20
        if 0.012 < step < 0.017:
            break
        batch_size = max(8, int(batch_size * min(4.0, max(0.25, 0.014 / step))))
    return batch_size


def turns(fit: Callable[[], Times], pairs: int, names: tuple[str, ...]) -> dict[str, list[Times]]:
    """Fits with capture on and off, in turn."""
    import parametry.auto

    def way(name: str) -> Callable[[], Times]:
        switch = parametry.auto.enable if name == "on" else parametry.auto.disable

        def take() -> Times:
            switch()
            return fit()

        return take

    ways = {name: way(name) for name in names}
    interleaved(ways, 1)  # the first of everything compiles and fills caches
    return interleaved(ways, pairs)


def main(mode: str, *arguments: str) -> None:
    counts = [int(argument) for argument in arguments]
    if mode == "long":
        import parametry.auto

        steps, pairs = counts
        net = dense(3, 1024)
        fit = fitter(net, sized(net), steps)
        tell(turns(fit, pairs, ("off", "on", "off again")))
    elif mode == "short":
        import parametry.auto

        layers, rounds, *lengths = counts
        net = dense(layers, 4)
        tell({s: turns(fitter(net, 8, s), rounds, ("off", "on")) for s in lengths})
    else:
        if mode == "patched and off":
            import parametry.auto

            parametry.auto.disable()
        steps, repeats = counts
        fit = fitter(dense(2, 4), 8, steps)
        fit()
        tell(min(fit()[1] for _ in range(repeats)))


if __name__ == "__main__":
    main(*sys.argv[1:])
