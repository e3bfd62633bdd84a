"""What a Python generator tells: its function's name, and nothing about its batches."""

from __future__ import annotations

from types import GeneratorType
from typing import Any, Final

from parametry.pipelines.pipeline import Notes

__all__ = ["UNKNOWN_BEFORE_RUNNING", "describe", "sizes_are_unknown"]

UNKNOWN_BEFORE_RUNNING: Final = "a generator tells it only by the batches that it yields"


def describe(source: GeneratorType[Any, Any, Any], notes: Notes) -> None:
    """Note what a generator tells, without asking it for anything.

    Args:
        source: The generator, started, exhausted or neither.
        notes: Where to note it: ``function`` is the qualified name of the generator function.
    """
    notes.read("function", lambda: _function(source))
    sizes_are_unknown(notes)


def sizes_are_unknown(notes: Notes) -> None:
    """Note that the batch size, samples and steps of a generator cannot be known."""
    for name in ("batch_size", "samples", "steps"):
        notes.miss(name, UNKNOWN_BEFORE_RUNNING)


def _function(source: GeneratorType[Any, Any, Any]) -> str:
    # The module is known by the frame alone, and a generator that has ended has no frame.
    module = source.gi_frame.f_globals.get("__name__") if source.gi_frame is not None else None
    if not isinstance(module, str) or module == "__main__":
        return source.__qualname__
    return f"{module}.{source.__qualname__}"
