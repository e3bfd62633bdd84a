"""What all benchmarks share: figures, child processes, and taking turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["BACKENDS", "HERE", "Figure", "child", "figure", "interleaved", "paired", "tell"]

HERE = Path(__file__).parent
T = TypeVar("T")
BACKENDS = ["tensorflow", "jax", "torch"]  # `run.py --backend` leaves some out


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured.

    Attributes:
        what: What was measured.
        value: The median of what was taken.
        unit: Its unit: ``µs``, ``ms``, ``×``, ``%``.
        low: The lower quartile; with ``high`` the middle half of what was taken.
        high: The upper quartile.
        taken: How many times it was taken.
        limit: What is to be reached at most; None where nothing is promised.
    """

    what: str
    value: float
    unit: str
    low: float
    high: float
    taken: int
    limit: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def figure(
    what: str, taken: Sequence[float], unit: str, *, scale: float = 1.0, limit: float | None = None
) -> Figure:
    """The median of what was taken, with its middle half.

    Args:
        what: What was measured.
        taken: The single measurements.
        unit: Their unit, once scaled.
        scale: What each is multiplied by: 1e6 for seconds in µs.
        limit: What is to be reached at most.
    """
    scaled = [value * scale for value in taken]
    low, middle, high = (
        statistics.quantiles(scaled, n=4, method="inclusive") if len(scaled) > 1 else scaled * 3
    )
    return Figure(what, middle, unit, low, high, len(scaled), limit)


def interleaved(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Take each way once in every round, every other round in reverse.

    A machine that grows slower, or is busy for a while, is so for all ways alike.
    """
    taken: dict[str, list[T]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
            taken[name].append(ways[name]())
    return taken


def paired(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """The ratio within each round: what disturbs a round disturbs both of its sides."""
    return [a / b for a, b in zip(over, under, strict=True)]


def child(script: str, *arguments: object, backend: str | None = None) -> Any:
    """Run one of these files in a process of its own; what it told.

    Args:
        script: The file's name.
        *arguments: Its arguments.
        backend: Keras's backend.

    Raises:
        RuntimeError: It failed.
    """
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
    environment.pop("PARAMETRY", None)
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    done = subprocess.run(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} {arguments} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def tell(result: Any) -> None:
    """Tell the parent process a result, in the last line of standard output."""
    print(json.dumps(result), flush=True)
