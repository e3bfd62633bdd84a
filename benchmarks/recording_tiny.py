"""What recording adds to the `fit` of a tiny model, with steps of about a millisecond or less.

It is held against *a callback that does nothing*: ``keras.callbacks.Callback`` itself. Like a
recorder it has no hook for batches, so that Keras goes the same way with both: it hands the metrics
of each step to a thread, which takes more time than such a step does. Equal fits differ by a tenth,
on this machine and with these frameworks, and their median by some percent; so both are taken in
one and the same `fit`: its steps go past a recorder or not, by turns of some hundred, and each
stretch with it is compared with the mean of the two around it. The median of all stretches counts,
with *once for each fit*, what a `fit` of one step takes longer, added for a `fit` of so many steps.
*The same again* compares the stretches without a recorder with each other, and shows how far equal
ones differ. Keras's steps on torch take more than a millisecond, however small the model is.

A callback with a hook for batches, an empty one, makes Keras wait for each step's metrics instead,
which is quicker here and slower on a large model; what a recorder adds to that is told, too.

*Own code* is the sure figure, as in `recording`, beside what others offer: Keras's TensorBoard
callback with histograms each epoch, MLflow's and Weights & Biases' callbacks (offline), where they
are installed; its fits are half as long.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from fitting import dense
from measure import BACKENDS, Figure, child, figure, paired, tell
from recording import AGAIN, BARE, DEFAULTS, STATISTICS, fitter, turns, ways, within

LIMIT = 3.0  # %
NOTHING, HOOK = "a callback that does nothing", "a callback with an empty hook for batches"
STRETCHES = 40  # in each fit, half of them with a recorder
STEPS = {"jax": 40_000, "tensorflow": 10_000, "torch": 4_000}  # about ten seconds


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of fits of a tiny model with and without a recorder."""
    for backend in ["jax"] if quick else BACKENDS:
        steps, rounds = (400, 1) if quick else (STEPS[backend], 8)
        where = f"{backend}: tiny model, {steps:,} steps"

        once = child("recording_tiny.py", "once", 1, 2 if quick else 20, backend=backend)
        more = [over - under for over, under in zip(once[DEFAULTS], once[BARE], strict=True)]
        yield figure(f"{backend}: once for each fit", more, "ms", scale=1e3)

        for beside in (NOTHING, HOOK):
            taken = child("recording_tiny.py", beside, steps, rounds, backend=backend)
            without = taken[beside]
            each = statistics.median(without)
            yield figure(f"{where}, with {beside}, for each", without, "ms", scale=1e3)
            share = statistics.median(more) / (each * steps)
            ratios = paired(taken[DEFAULTS], taken["around"])
            added = [100 * (ratio - 1 + share) for ratio in ratios]
            limit = LIMIT if beside == NOTHING else None
            yield figure(f"{where}, {DEFAULTS} against {beside}", added, "%", limit=limit)
            again = [100 * (ratio - 1) for ratio in paired(without[1:], without[:-1])]
            yield figure(f"{where}, the same again against {beside}", again, "%")

        taken = child("recording_tiny.py", "own", steps // 2, 1, backend=backend)
        for name, times in taken.items():
            own = [100 * part / whole for whole, part in times]
            limit = LIMIT if name == DEFAULTS else None
            yield figure(f"{where}, part of it own code of {name}", own, "%", limit=limit)


def alternating(beside: str, folder: str, steps: int, rounds: int) -> dict[str, list[float]]:
    """Seconds that a step takes in stretches with a recorder, in those around each, and in all."""
    import keras

    class ByTurns(keras.callbacks.Callback):
        """Lets some hundred steps by turns go past the recorder, which was told of the first."""

        def __init__(self) -> None:
            super().__init__()
            self.moments: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            recorded = self.model.train_function
            targets, now = (recorded, recorded.watched_step), time.perf_counter
            moments, left, taken = self.moments, 0, recorded

            def step(*arguments: Any) -> Any:
                nonlocal left, taken
                if not left:
                    taken, left = targets[len(moments) % 2], steps // STRETCHES
                    moments.append(now())
                left -= 1
                return taken(*arguments)

            self.recorded, self.model.train_function = recorded, step

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.train_function = self.recorded

    class Hook(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    fit, recorder = fitter(dense(2, 4), 8, steps), ways(folder)[DEFAULTS]
    made: dict[str, list[float]] = {beside: [], DEFAULTS: [], "around": []}
    for number in range(rounds + 1):
        by_turns = ByTurns()
        fit([*recorder(), by_turns, Hook() if beside == HOOK else keras.callbacks.Callback()])
        if not number:
            continue  # the first of everything compiles and fills caches
        each = [(end - begin) * STRETCHES / steps for begin, end in pairwise(by_turns.moments)]
        without = each[1::2]
        made[beside] += without
        made[DEFAULTS] += each[2:-1:2]
        made["around"] += [(before + after) / 2 for before, after in pairwise(without)]
    return made


def once_ways(folder: str) -> dict[str, Callable[[], list[Any]]]:
    """Bare, and with a recorder."""
    made = ways(folder)
    return {BARE: made[BARE], DEFAULTS: made[DEFAULTS]}


def main(mode: str, steps: str, rounds: str) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # MLflow writes here
        if mode in (NOTHING, HOOK):
            tell(alternating(mode, folder, int(steps), int(rounds)))
            return
        fit = fitter(dense(2, 4), 8, int(steps))
        if mode == "own":
            makes = ways(folder)
            names = [name for name in turns(fit, makes, 1) if name not in (BARE, AGAIN, STATISTICS)]
            tell({name: within(fit, makes[name]) for name in names})
        else:
            tell(turns(fit, once_ways(folder), int(rounds)))


if __name__ == "__main__":
    main(*sys.argv[1:])
