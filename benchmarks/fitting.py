"""What capture adds to a `fit`.

*A long fit*: 300 steps of 10 to 20 ms each, with a dense model whose batch is sized until a step of
this machine takes that long. Capture is turned on and off by ``parametry.auto.enable()`` and
``disable()`` and both take turns in one process, on the same compiled model: processes of their own
would differ by more than what is looked for (where their memory lies, which core they are on).
Every other pair begins with *on*. The fastest fit of each counts: whatever else the machine does
only ever adds, here up to a half. *Off against off*, taken in the same way, shows how far two equal
ways differ still.

*Capture's own code* is what runs within its guards, timed there: all that it does in a fit. It is
the sure figure where two equal fits differ by more than is looked for.

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
from contextlib import contextmanager
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
    steps, pairs, processes = (3, 2, 1) if quick else (300, 5, 3)
    for backend in backends:
        taken = child("fitting.py", "long", steps, pairs, backend=backend)
        passed, worked = (
            {name: [pair[clock] for pair in pairs] for name, pairs in taken.items()}
            for clock in (0, 1)
        )
        where = f"{backend}: fit of {steps:,} steps"
        yield figure(f"{where}, capture off, for each step", passed["off"], "ms", scale=1e3 / steps)
        own = [100 * part / whole for whole, part in taken["within"]]
        yield figure(f"{where}, part of it capture's own code", own, "%", limit=MOST_ADDED)
        yield figure(f"{where}, added by capture", _added(passed, "on"), "%")
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
    """What the fastest took over the fastest of *off*, in percent."""
    return [100 * (min(taken[name]) / min(taken["off"]) - 1)]


def _short(backend: str, quick: bool) -> Iterator[Figure]:
    few, many, rounds = (1, 3, 2) if quick else (1, 301, 3)
    for layers in [2]:
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


def within(fit: Callable[[], Times]) -> list[Times]:
    """Seconds that fits took, and how many of them capture's own code did."""
    import parametry.auto
    from parametry.core.watch import watch

    parametry.auto.enable()
    guard = watch.guard
    spent, depth = [0.0], [0]

    @contextmanager
    def timed(doing: str) -> Iterator[None]:
        depth[0] += 1
        began = time.perf_counter()
        try:
            with guard(doing):
                yield
        finally:
            depth[0] -= 1
            if not depth[0]:
                spent[0] += time.perf_counter() - began

    watch.guard = timed  # type: ignore[method-assign,assignment]
    taken = []
    for _ in range(3):
        spent[0] = 0.0
        passed, _ = fit()
        taken.append((passed, spent[0]))
    return taken


def main(mode: str, *arguments: str) -> None:
    counts = [int(argument) for argument in arguments]
    if mode == "long":
        import parametry.auto

        steps, pairs = counts
        net = dense(3, 1024)
        fit = fitter(net, sized(net), steps)
        tell(turns(fit, pairs, ("off", "on", "off again")) | {"within": within(fit)})
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
