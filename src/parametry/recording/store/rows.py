"""Facts as rows of the tables, and back: every value as it was.

SQLite's own types hold almost all that facts hold. What they do not: NaN, which SQLite turns into
NULL; -0.0, which it turns into 0.0; integers of more than 64 bits; halves of characters, as in
names of files that are not UTF-8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from parametry.core.export import json_text
from parametry.core.facts import Changed, Ended, Happened, Measured
from parametry.core.hyperparameter import Change
from parametry.core.manifest_reading import from_json_value
from parametry.core.moments import Moments
from parametry.core.place import Place
from parametry.core.statistics import ArrayStatistics, Distribution, Sketch
from parametry.core.value import UNSET, Plain, Unset, to_json_value

__all__ = [
    "CHANGE",
    "ENDED",
    "EVENT",
    "MEASURED",
    "SNAPSHOT",
    "change_of",
    "change_row",
    "ended_of",
    "ended_row",
    "event_of",
    "event_row",
    "measured_of",
    "measured_row",
    "text_in",
    "text_out",
]

Row: TypeAlias = tuple[Any, ...]

SNAPSHOT: Final = ("seq", "time", "report")
CHANGE: Final = (
    *("seq", "time", "step", "epoch", "address", "old", "new", "cause", "file", "line"),
)
EVENT: Final = ("seq", "time", "step", "epoch", "kind", "address", "text")
ENDED: Final = ("seq", "time", "status")
MEASURED: Final = (
    *("seq", "time", "step", "epoch", "of", "address", "shape", "dtype", "update_ratio"),
    *("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max"),
    *("centre", "residue", "squares", "magnitudes", "exponent"),
    *("quantiles", "sketch_low", "sketch_width", "sketch", "sample", "exact"),
)

_FLOAT, _COUNT = np.dtype("<f8"), np.dtype("<u8")
_LARGEST = 2**63 - 1


def change_row(seq: int, fact: Changed) -> Row:
    """A change as a row of `CHANGE`."""
    change = fact.change
    return (
        seq,
        _time(fact.when),
        _integer(change.step),
        _integer(fact.epoch),
        text_out(fact.address),
        _plain_out(change.old),
        _plain_out(change.new),
        text_out(change.cause),
        None if change.where is None else text_out(change.where.file),
        None if change.where is None else change.where.line,
    )


def change_of(row: Mapping[str, Any]) -> Changed:
    """The change in a row."""
    file = row["file"]
    where = None if file is None else Place(text_in(file), row["line"])
    change = Change(
        row["step"], _plain_in(row["old"]), _plain_in(row["new"]), text_in(row["cause"]), where
    )
    return Changed(text_in(row["address"]), change, row["epoch"], row["time"])


def event_row(seq: int, fact: Happened) -> Row:
    """An event as a row of `EVENT`."""
    return (
        seq,
        _time(fact.when),
        _integer(fact.step),
        _integer(fact.epoch),
        text_out(fact.kind),
        None if fact.address is None else text_out(fact.address),
        text_out(fact.text),
    )


def event_of(row: Mapping[str, Any]) -> Happened:
    """The event in a row."""
    address = row["address"]
    return Happened(
        text_in(row["kind"]),  # type: ignore[arg-type]
        row["step"],
        row["epoch"],
        row["time"],
        None if address is None else text_in(address),
        text_in(row["text"]),
    )


def ended_row(seq: int, fact: Ended) -> Row:
    """An end as a row of `ENDED`."""
    return seq, _time(fact.when), text_out(fact.status)


def ended_of(row: Mapping[str, Any]) -> Ended:
    """The end in a row."""
    return Ended(row["status"], row["time"])


def measured_row(seq: int, fact: Measured) -> Row:
    """Statistics as a row of `MEASURED`."""
    array, moments, spread = fact.statistics, fact.statistics.moments, fact.statistics.distribution
    return (
        seq,
        _time(fact.when),
        _integer(fact.step),
        _integer(fact.epoch),
        fact.of,
        text_out(array.address),
        json.dumps(array.shape),
        array.dtype,
        _number_out(fact.update_ratio),
        *(_integer(getattr(moments, name)) for name in _COUNTS),
        *(_number_out(getattr(moments, name)) for name in _NUMBERS),
        _integer(moments.exponent),
        *((None,) * 6 if spread is None else _spread_row(spread)),
    )


_COUNTS = ("count", "nan", "positive_infinity", "negative_infinity", "zeros")
_NUMBERS = ("min", "max", "centre", "residue", "squares", "magnitudes")


def _spread_row(spread: Distribution) -> Row:
    return (
        np.array(spread.values, _FLOAT).tobytes(),
        _number_out(spread.sketch.low),
        _number_out(spread.sketch.width),
        np.array(spread.sketch.counts, _COUNT).tobytes(),
        _integer(spread.size),
        int(spread.exact),
    )


def measured_of(row: Mapping[str, Any]) -> Measured:
    """The statistics in a row."""
    moments = Moments(
        **{name: row[name] for name in (*_COUNTS, "exponent")},
        **{name: _number_in(row[name]) for name in _NUMBERS},
    )
    statistics = ArrayStatistics(
        text_in(row["address"]),
        tuple(json.loads(row["shape"])),
        row["dtype"],
        moments,
        None if row["quantiles"] is None else _spread_of(row),
    )
    ratio = _number_in(row["update_ratio"])
    return Measured(row["of"], row["step"], row["epoch"], row["time"], statistics, ratio)


def _spread_of(row: Mapping[str, Any]) -> Distribution:
    counts = np.frombuffer(row["sketch"], _COUNT).tolist()
    sketch = Sketch(_number_in(row["sketch_low"]), _number_in(row["sketch_width"]), tuple(counts))
    quantiles = tuple(np.frombuffer(row["quantiles"], _FLOAT).tolist())
    return Distribution(quantiles, sketch, row["sample"], bool(row["exact"]))


def _plain_out(value: Plain | Unset) -> str | None:
    return None if isinstance(value, Unset) else json_text(to_json_value(value))


def _plain_in(text: str | None) -> Plain | Unset:
    return UNSET if text is None else from_json_value(json.loads(text))


def text_out(text: str) -> str | bytes:
    """Text as SQLite can hold it: what has no UTF-8 as bytes, by Python's ``surrogatepass``."""
    text = str(text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def text_in(text: str | bytes) -> str:
    """The text that `text_out` was given."""
    return text if isinstance(text, str) else text.decode("utf-8", "surrogatepass")


def _number_out(value: float | None) -> float | int | str | None:
    """A number; as text what SQLite would change: NaN, -0.0, and integers of over 64 bits."""
    if value is None:
        return None
    if isinstance(value, int):
        return int(value) if abs(value) <= _LARGEST else str(int(value))
    value = float(value)
    return repr(value) if math.isnan(value) or repr(value) == "-0.0" else value


def _number_in(value: Any) -> Any:
    if isinstance(value, str):
        return float(value) if value in ("nan", "-0.0") else int(value)
    return value


def _integer(value: int | None) -> int | None:
    if value is None:
        return None
    value = int(value)
    if abs(value) > _LARGEST:
        raise OverflowError(f"{value} has more than 64 bits")
    return value


def _time(when: float) -> float:
    when = float(when)
    if not math.isfinite(when):
        raise ValueError(f"{when} is no time")
    return when
