"""What recording adds to a `fit`.

*A fit of 300 steps* of 10 to 20 ms each, as in `fitting`: bare; with `parametry.Recorder` at its
defaults, with statistics of all parameters every 50 steps; and with what others offer: Keras's own
TensorBoard callback with histograms each epoch, MLflow's and Weights & Biases' callbacks (offline)
where they are installed. All take turns in one process on the same compiled model; the fastest fit
of each counts. *Bare against bare*, taken in the same way, shows how far two equal ways differ
still. A fit is over when the last callback has heard so: in some fits, with callbacks or without,
TensorFlow waits afterwards for a thread of its own, for up to half as long as the fit took.

*Own code* is what makes a callback, with the run that it tells of, what runs within its hooks, and
around each step with a recorder, timed there: the sure figure where two equal fits differ by more
than is looked for. What threads and processes of their own do besides is not in it, neither
parametry's nor others'; nor that Keras waits at each step for callbacks that have a hook for
batches.

What it adds to tiny models stands in `recording_tiny`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from fitting import FEATURES, Times, dense, sized
from measure import BACKENDS, Figure, child, figure, interleaved, tell

BARE, AGAIN, DEFAULTS, STATISTICS = "bare", "bare again", "Recorder", "Recorder, every 50 steps"
MOST_OWN = {DEFAULTS: 2.0, STATISTICS: 5.0}  # %
WITHIN = "within "


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of fits with and without a recorder."""
    backends = ["jax"] if quick else BACKENDS
    steps, rounds = (3, 1) if quick else (300, 3)
    for backend in backends:
        taken = child("recording.py", steps, rounds, backend=backend)
        where = f"{backend}: fit of {steps:,} steps"
        yield figure(f"{where}, bare, for each step", taken[BARE], "ms", scale=1e3 / steps)
        for name, times in taken.items():
            if name.startswith(WITHIN):
                own = [100 * part / whole for whole, part in times]
                what = f"{where}, part of it own code of {name.removeprefix(WITHIN)}"
                yield figure(what, own, "%", limit=MOST_OWN.get(name.removeprefix(WITHIN)))
        for name, times in taken.items():
            if name != BARE and not name.startswith(WITHIN):
                added = [100 * (min(times) / min(taken[BARE]) - 1)]
                yield figure(f"{where}, added by {name}", added, "%")


def fitter(net: Any, batch_size: int, steps: int) -> Callable[[list[Any]], float]:
    """A function that fits for so many steps with some callbacks and tells how long that took."""
    import keras
    import numpy as np

    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(batch_size * steps, FEATURES)).astype("float32")
    targets = generator.normal(size=(batch_size * steps, 1)).astype("float32")

    class End(keras.callbacks.Callback):
        passed = 0.0

        def on_train_end(self, logs: Any = None) -> None:
            self.passed = time.perf_counter()

    def fit(callbacks: list[Any]) -> float:
        gc.collect()
        end = End()
        began = time.perf_counter()
        net.fit(inputs, targets, batch_size=batch_size, callbacks=[*callbacks, end], verbose=0)
        return end.passed - began

    return fit


def ways(folder: str) -> dict[str, Callable[[], list[Any]]]:
    """By name: makes the callbacks of one fit."""
    import keras

    import parametry as pm

    found: dict[str, Callable[[], list[Any]]] = {
        BARE: list,
        DEFAULTS: lambda: [pm.Recorder(home=folder)],
        STATISTICS: lambda: [pm.Recorder(home=folder, statistics_every=50)],
        AGAIN: list,
    }
    if importlib.util.find_spec("tensorflow"):
        found["Keras's TensorBoard with histograms"] = lambda: [
            keras.callbacks.TensorBoard(f"{folder}/tensorboard", histogram_freq=1)
        ]
    if importlib.util.find_spec("mlflow"):
        found["MLflow"] = lambda: [_mlflow(folder)]
    if importlib.util.find_spec("wandb"):
        found["Weights & Biases"] = lambda: [_wandb(folder)]
    return found


def _mlflow(folder: str) -> Any:
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    with contextlib.suppress(Exception):
        mlflow.end_run()
    run = mlflow.start_run()
    every = {"log_every_epoch": False, "log_every_n_steps": 1}
    return mlflow.keras.MlflowCallback(run_id=run.info.run_id, **every)


def _wandb(folder: str) -> Any:
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder}
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    wandb.finish()
    wandb.init(project="benchmark", settings=wandb.Settings(console="off"))
    return WandbMetricsLogger(log_freq="batch")


def turns(fit: Callable[[list[Any]], float], made: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Fits in each way, in turn; what a way cannot do here is left out."""
    taken: dict[str, Callable[[], float]] = {}
    for name, make in made.items():
        try:
            fit(make())  # the first of everything compiles and fills caches
        except Exception as error:  # a package that does not work on this backend
            print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
        else:
            taken[name] = lambda make=make: fit(make())  # type: ignore[misc]
    return interleaved(taken, rounds)


def within(fit: Callable[[list[Any]], float], make: Callable[[], list[Any]]) -> list[Times]:
    """Seconds that fits took, and how many of them the callbacks' own code did."""
    from parametry.frameworks.keras.recording import watching

    taking, spent, depth = watching.taking_alike, [0.0], [0]
    jax = sys.modules.get("jax")
    # What the device still works at when a hook is called is the step's own time.
    settle: Callable[[Any], Any] = jax.block_until_ready if jax else lambda _: None

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            settle(arguments[1:])
            depth[0] += 1
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent[0] += time.perf_counter() - began

        return call

    def without_step(takes: Callable[..., Any]) -> Callable[..., Any]:
        def call(step: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            def timed_step(*arguments: Any) -> Any:
                began = time.perf_counter()
                try:
                    result = step(*arguments)
                    settle(result)
                    return result
                finally:
                    spent[0] -= time.perf_counter() - began

            return timed(takes)(timed_step, arguments)

        return call

    taken = []
    with contextlib.ExitStack() as stack:
        for cls, name in code_of(make()):
            stack.enter_context(mock.patch.object(cls, name, timed(getattr(cls, name))))
        stack.enter_context(
            mock.patch.object(
                watching, "taking_alike", lambda *a, **n: without_step(taking(*a, **n))
            )
        )
        for _ in range(3):
            began, spent[0] = time.perf_counter(), 0.0
            callbacks = make()
            spent[0] += time.perf_counter() - began
            taken.append((fit(callbacks), spent[0]))
    return taken


def code_of(callbacks: list[Any]) -> Iterator[tuple[type, str]]:
    """The functions that Keras calls of callbacks, and those that a recorder puts around steps."""
    from parametry.frameworks.keras.recording.watching import FitWatch
    from parametry.recording.recorder import Recorder

    for cls in {type(each) for each in callbacks}:
        for name in dir(cls):
            # Keras looks for this mark, and leaves alone what has it.
            untouched = getattr(getattr(cls, name), "_is_default", False)
            if (name.startswith("on_") or name == "set_model") and not untouched:
                yield cls, name
        if cls is Recorder:
            yield from ((FitWatch, "before_step"), (FitWatch, "after_step"))


def main(steps: str, rounds: str) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # MLflow writes here
        net = dense(3, 1024)
        fit = fitter(net, sized(net), int(steps))
        made = ways(folder)
        found: dict[str, Any] = turns(fit, made, int(rounds))
        for name in [name for name in found if name not in (BARE, AGAIN)]:
            found[WITHIN + name] = within(fit, made[name])
        tell(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
