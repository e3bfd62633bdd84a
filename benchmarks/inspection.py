"""Inspecting a live model: time for each parameter and hyperparameter, and whether it is linear.

Two models: ``blocks`` (a subclassed model of layers that hold four layers and a weight of their
own: dense, batch normalization, dropout with its seed) and ``functional`` (a graph of dense layers,
all siblings). Each is measured as it is (*passive*) and made while capture was on, in processes of
their own, since capture cannot be taken back from objects that it saw being made.

Time is that of the processor, in the one thread that works: inspection waits for nothing, so on an
idle machine it is the time that passes, and on a busy one it is disturbed less. Garbage collection
is on, as users have it, and what it takes is part of the time. It is told apart because it depends
on how much else the process holds: a collection visits that too.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

from measure import BACKENDS, Figure, child, figure, tell

MOST_FOR_PARAMETER = 20.0  # µs
MOST_FOR_HYPERPARAMETER = 60.0  # µs for each parameter that the model holds

SIZES = [100, 1_000, 10_000]
MODELS = [
    ("tensorflow", "blocks"),
    ("tensorflow", "functional"),
    ("jax", "blocks"),
    ("torch", "blocks"),
]


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of every backend, kind of model and size."""
    if quick:
        models, sizes, rounds = [("jax", "functional")], [100, 200], 2
    else:
        models = [(backend, kind) for backend, kind in MODELS if backend in BACKENDS]
        sizes, rounds = SIZES, 11
    for backend, kind in models:
        for capture in ("passive", "captured"):
            taken = child("inspection.py", kind, capture, rounds, *sizes, backend=backend)
            yield from _figures(f"{backend}, {kind}, {capture}", taken)


def _figures(where: str, taken: dict[str, dict[str, list[float]]]) -> Iterator[Figure]:
    sizes = sorted(taken, key=int)
    for name, most in (
        ("parameters", MOST_FOR_PARAMETER),
        ("hyperparameters", MOST_FOR_HYPERPARAMETER),
    ):
        for size in sizes:
            times = [seconds / int(size) for seconds in taken[size][name]]
            limit = most if size == sizes[-1] else None
            what = f"{where}: {name} of {int(size):,}, for each parameter"
            yield figure(what, times, "µs", scale=1e6, limit=limit)
        largest = sizes[-1]
        collecting = [
            100 * part / whole
            for part, whole in zip(
                taken[largest][f"collecting {name}"], taken[largest][name], strict=True
            )
        ]
        yield figure(f"{where}: {name} of {int(largest):,}, part of it collection", collecting, "%")
    count = taken[largest]["count"][0]
    times = [seconds / count for seconds in taken[largest]["hyperparameters"]]
    what = f"{where}: hyperparameters of {int(largest):,}, for each of {count:,.0f} hyperparameters"
    yield figure(what, times, "µs", scale=1e6)
    held = [taken[largest]["bytes"][0] / count]
    yield figure(f"{where}: bytes held for each hyperparameter", held, "B")


def blocks(parameters: int) -> Any:
    """A subclassed model of blocks with ten parameters each."""
    import keras

    class Block(keras.layers.Layer):
        def __init__(self, units: int, rate: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.expand = keras.layers.Dense(units, activation="relu")
            self.normalization = keras.layers.BatchNormalization()
            self.dropout = keras.layers.Dropout(rate)
            self.contract = keras.layers.Dense(units)

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(), name="scale", initializer="ones")
            for layer in (self.expand, self.normalization, self.dropout, self.contract):
                layer.build(shape)

    class Stack(keras.Model):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.blocks = [Block(4, 0.1) for _ in range(count)]

        def build(self, shape: Any) -> None:
            for block in self.blocks:
                block.build(shape)

    net = Stack(parameters // 10)
    net.build((None, 4))
    return net


def functional(parameters: int) -> Any:
    """Branches of dense layers on one input, all siblings in one graph."""
    import keras

    start = keras.Input((4,))
    layers = parameters // 2
    depth = 50  # Keras follows a graph by recursion: a thousand in a row are too deep for it
    ends = []
    for begin in range(0, layers, depth):
        end = start
        for _ in range(min(depth, layers - begin)):
            end = keras.layers.Dense(4)(end)
        ends.append(end)
    return keras.Model(start, ends)


def time_in_collection() -> Any:
    """A running total of the seconds that garbage collection took."""
    total = [0.0]
    began = [0.0]

    def watch(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            began[0] = time.thread_time()
        else:
            total[0] += time.thread_time() - began[0]

    gc.callbacks.append(watch)
    return lambda: total[0]


def take(net: Any, rounds: int) -> dict[str, list[float]]:
    """Inspect a model again and again, each time anew."""
    import parametry as pm

    collecting = time_in_collection()
    taken: dict[str, list[float]] = {
        "parameters": [],
        "hyperparameters": [],
        "collecting parameters": [],
        "collecting hyperparameters": [],
    }
    for _ in range(rounds):
        gc.collect()
        collected, began = collecting(), time.thread_time()
        model = pm.inspect(net)
        assert len(model.parameters)
        taken["parameters"].append(time.thread_time() - began)
        taken["collecting parameters"].append(collecting() - collected)

        gc.collect()
        collected, began = collecting(), time.thread_time()
        count = len(model.hyperparameters)
        taken["hyperparameters"].append(time.thread_time() - began)
        taken["collecting hyperparameters"].append(collecting() - collected)
        del model
    tracemalloc.start()
    model = pm.inspect(net)
    before, _ = tracemalloc.get_traced_memory()
    assert len(model.hyperparameters) == count
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken | {"count": [count], "bytes": [after - before]}


def main(kind: str, capture: str, rounds: str, *sizes: str) -> None:
    if capture == "captured":
        import parametry.auto  # noqa: F401  (turns capture on)
    made = {"blocks": blocks, "functional": functional}[kind]
    result = {}
    for size in sizes:
        net = made(int(size))
        result[size] = take(net, int(rounds))
        del net
    tell(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
