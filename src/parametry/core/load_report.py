"""What a load did: which parameter got which array, and what was left over on either side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parametry.core.display import render
from parametry.core.export import json_text
from parametry.core.tie import Tie

__all__ = ["LoadReport", "Loaded", "ShapeDiffers"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One parameter that got its values from the source.

    Attributes:
        address: The parameter's address in the model.
        source: Where the values stand in the source.
        dtype: The parameter's dtype.
        source_dtype: The dtype of the values in the source.
        transposed: Whether their axes were reversed on the way.
    """

    address: str
    source: str
    dtype: str
    source_dtype: str
    transposed: bool = False

    @property
    def cast(self) -> bool:
        """Whether the values went from one dtype to another."""
        return self.dtype != self.source_dtype

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ShapeDiffers:
    """A parameter that the source has an array for, of another shape.

    Attributes:
        address: The parameter's address in the model.
        source: Where the array stands in the source.
        expected: The parameter's shape, reversed where a transposition was asked for.
        got: The array's shape.
    """

    address: str
    source: str
    expected: tuple[int, ...]
    got: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        return {
            "address": self.address,
            "source": self.source,
            "expected": list(self.expected),
            "got": list(self.got),
        }


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What `parametry.load` did, or with ``dry_run=True`` would do.

    True where the source and the model fit each other whole: nothing is missing, left over, of
    another shape, or tied in the source and not in the model.

    Attributes:
        source: What the values came from, as ``file 'net.safetensors'``.
        loaded: Each parameter that got values.
        missing: Addresses of the model that the source has nothing for; they are as they were.
        extra: Addresses of the source that nothing in the model is at.
        shape_differs: What has another shape in the source than in the model.
        unheld: State that this kind of file never holds (Keras's files: the states of random
            generators), as it was.
        retied: Ties of the source that were made anew in the model.
        not_tied: Ties of the source that the model could not be given, with the reason.
        trainable: The addresses whose trainable state was set as it was when the file was written.
        dry_run: Whether nothing was changed.
    """

    source: str
    loaded: tuple[Loaded, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    shape_differs: tuple[ShapeDiffers, ...] = ()
    unheld: tuple[str, ...] = ()
    retied: tuple[Tie, ...] = ()
    not_tied: tuple[tuple[Tie, str], ...] = ()
    trainable: Mapping[str, bool] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def cast(self) -> tuple[Loaded, ...]:
        """What went from one dtype to another."""
        return tuple(entry for entry in self.loaded if entry.cast)

    @property
    def transposed(self) -> tuple[Loaded, ...]:
        """What was transposed on the way."""
        return tuple(entry for entry in self.loaded if entry.transposed)

    def __bool__(self) -> bool:
        """Whether the source and the model fit each other whole."""
        return not (self.missing or self.extra or self.shape_differs or self.not_tied)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data."""
        return {
            "kind": "load",
            "source": self.source,
            "dry_run": self.dry_run,
            "complete": bool(self),
            "loaded": [entry.to_dict() for entry in self.loaded],
            "missing": list(self.missing),
            "extra": list(self.extra),
            "shape_differs": [entry.to_dict() for entry in self.shape_differs],
            "unheld": list(self.unheld),
            "retied": [tie.to_dict() for tie in self.retied],
            "not_tied": [{**tie.to_dict(), "reason": why} for tie, why in self.not_tied],
            "trainable": dict(self.trainable),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON text."""
        return json_text(self.to_dict(), indent=indent)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """What happened at each address, what is worth a look first: what, address, words."""
        for entry in self.shape_differs:
            yield (
                "shape differs",
                entry.address,
                f"{entry.expected} expected, {entry.got} at {entry.source}",
            )
        for address in self.missing:
            yield "missing", address, "not in the source"
        for address in self.extra:
            yield "extra", address, "not in the model"
        for tie, why in self.not_tied:
            yield "not tied", str(tie), why
        for tie in self.retied:
            yield "tied again", str(tie), ""
        for address in self.unheld:
            yield "not held", address, "this kind of file has no such state"
        for loaded in self.loaded:
            notes = [] if loaded.source == loaded.address else [f"from {loaded.source}"]
            notes += [f"{loaded.source_dtype} as {loaded.dtype}"] if loaded.cast else []
            notes += ["transposed"] if loaded.transposed else []
            if loaded.address in self.trainable:
                notes.append("trainable" if self.trainable[loaded.address] else "frozen")
            yield "loaded", loaded.address, ", ".join(notes)

    def __repr__(self) -> str:
        """A plain table: what is worth a look first, cut after some lines."""
        return str(render("parametry.show.load_report:text", self))
