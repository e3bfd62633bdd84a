"""What recording adds to the `fit` of a tiny model, with steps of about a millisecond or less.

It is held against *a callback that does nothing*: ``keras.callbacks.Callback`` itself. Like a
recorder it has no hook for batches, so that Keras goes the same way with both: it hands the metrics
of each step to a thread, which takes more time than such a step does. That thread makes equal fits
differ by a tenth, the fastest ones too. So each fit with a recorder lies between two with the
callback that does nothing, and is compared with the mean of both: a machine that grows slower, or
quicker, does so for both sides alike. Every other round goes backwards; the median of all rounds
counts. Keras's steps on torch take more than a millisecond, however small the model is. *The same
again* compares the two fits around it, and shows how far equal ones differ.

A callback with a hook for batches, an empty one, makes Keras wait for each step's metrics instead,
which is quicker here and slower on a large model; what a recorder adds to that is told, too.

*Own code* is the sure figure, as in `recording`, beside what others offer: Keras's TensorBoard
callback with histograms each epoch, MLflow's and Weights & Biases' callbacks (offline), where they
are installed. *Once for each fit* is what a `fit` of one step takes longer with a recorder.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from fitting import dense
from measure import BACKENDS, Figure, child, figure, paired, tell
from recording import AGAIN, BARE, DEFAULTS, STATISTICS, fitter, turns, ways, within

LIMIT = 3.0  # %
NOTHING, HOOK = "a callback that does nothing", "a callback with an empty hook for batches"
BOTH, SAME = "Recorder beside it", "the same again"
STEPS = {"jax": 20_000, "tensorflow": 5_000, "torch": 2_000}  # about five seconds


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of fits of a tiny model with and without a recorder."""
    for backend in ["jax"] if quick else BACKENDS:
        steps, many, few = (3, 2, 1) if quick else (STEPS[backend], 36, 7)
        is_tiny = backend != "torch"
        where = f"{backend}: tiny model, {steps:,} steps"

        taken = child(
            "recording_tiny.py", "nothing", steps, many if is_tiny else few, backend=backend
        )
        before, after = taken[NOTHING], taken[SAME]
        around = [(a + b) / 2 for a, b in zip(before, after, strict=True)]
        yield figure(f"{where}, with {NOTHING}, for each", around, "ms", scale=1e3 / steps)
        most = LIMIT if is_tiny else None
        yield _added(f"{where}, {DEFAULTS} against {NOTHING}", taken[DEFAULTS], around, most)
        yield _added(f"{where}, {SAME} against {NOTHING}", after, before)

        taken = child("recording_tiny.py", "hook", steps, few, backend=backend)
        yield figure(f"{where}, with {HOOK}, for each", taken[HOOK], "ms", scale=1e3 / steps)
        yield _added(f"{where}, {BOTH} against {HOOK}", taken[BOTH], taken[HOOK])

        taken = child("recording_tiny.py", "own", steps, 1, backend=backend)
        for name, times in taken.items():
            own = [100 * part / whole for whole, part in times]
            yield figure(f"{where}, part of it own code of {name}", own, "%")

        once = child("recording_tiny.py", "once", 1, 2 if quick else 20, backend=backend)
        more = [over - under for over, under in zip(once[DEFAULTS], once[BARE], strict=True)]
        yield figure(f"{backend}: once for each fit", more, "ms", scale=1e3)


def _added(what: str, over: list[float], under: list[float], limit: float | None = None) -> Figure:
    """How much longer one side takes within rounds, in percent."""
    return figure(what, [100 * (ratio - 1) for ratio in paired(over, under)], "%", limit=limit)


def nothing_ways(folder: str) -> dict[str, Callable[[], list[Any]]]:
    """By name: makes the callbacks of one fit; the recorder's lies between the other two."""
    import keras

    def nothing() -> list[Any]:
        return [keras.callbacks.Callback()]

    return {NOTHING: nothing, DEFAULTS: ways(folder)[DEFAULTS], SAME: nothing}


def hook_ways(folder: str) -> dict[str, Callable[[], list[Any]]]:
    """With an empty hook for batches, and a recorder beside it."""
    import keras

    class Hook(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    recorder = ways(folder)[DEFAULTS]
    return {HOOK: lambda: [Hook()], BOTH: lambda: [Hook(), *recorder()]}


def once_ways(folder: str) -> dict[str, Callable[[], list[Any]]]:
    """Bare, and with a recorder."""
    made = ways(folder)
    return {BARE: made[BARE], DEFAULTS: made[DEFAULTS]}


WAYS = {"nothing": nothing_ways, "hook": hook_ways, "once": once_ways}


def main(mode: str, steps: str, rounds: str) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # MLflow writes here
        fit = fitter(dense(2, 4), 8, int(steps))
        if mode == "own":
            makes = ways(folder)
            names = [name for name in turns(fit, makes, 1) if name not in (BARE, AGAIN, STATISTICS)]
            tell({name: within(fit, makes[name]) for name in names})
        else:
            tell(turns(fit, WAYS[mode](folder), int(rounds)))


if __name__ == "__main__":
    main(*sys.argv[1:])
