"""A run as tables for other programs: CSV, JSON and Parquet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from parametry.core.export import json_text
from parametry.core.facts import Points
from parametry.core.value import to_json_value
from parametry.errors import FrameworkMissing
from parametry.formats.atomic import replacing
from parametry.recording.run import Run

__all__ = ["write_csv", "write_json", "write_parquet"]

_COLUMNS = ("key", "per", "step", "epoch", "time", "value")
_ROW_GROUP = 100_000


def write_csv(run: Run, path: Path) -> None:
    """Write the points as CSV: ``key,per,step,epoch,time,value``, in the order in which they came.

    A number is written with as many digits as it takes to have it back to the last bit; NaN and the
    infinities are ``nan``, ``inf``, ``-inf``; outside of epochs that column is empty.

    Args:
        run: The run.
        path: The file; what is there already is replaced.

    Raises:
        OSError: The file cannot be written; what was there is as it was.
    """
    with _text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_rows(run))


def write_json(run: Run, path: Path) -> None:
    """Write all that `Run.to_dict` tells as JSON, and under ``points`` every point.

    ``points`` has a list of rows: key, per, step, epoch, time, value.

    Args:
        run: The run.
        path: The file; what is there already is replaced.

    Raises:
        OSError: The file cannot be written; what was there is as it was.
    """
    head = json_text(run.to_dict(), indent=2)
    with _text(path) as file:
        file.write(head.removesuffix("\n}") + ',\n  "points": [')
        for index, row in enumerate(_rows(run)):
            text = json.dumps([*row[:-1], to_json_value(row[-1])], ensure_ascii=True)
            file.write((",\n    " if index else "\n    ") + text)
        file.write("\n  ]\n}\n")


def write_parquet(run: Run, path: Path) -> None:
    """Write the points as Parquet, with the columns of `write_csv`.

    The file's metadata has ``parametry``: what `Run.to_dict` tells, as JSON.

    Args:
        run: The run.
        path: The file; what is there already is replaced.

    Raises:
        FrameworkMissing: pyarrow is not installed.
        OSError: The file cannot be written; what was there is as it was.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise FrameworkMissing(
            "an export to Parquet needs pyarrow, which is not installed",
            hint="pip install 'parametry[parquet]', or export to csv",
        ) from None
    words = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    kinds = (words, words, pyarrow.int64(), pyarrow.int64(), pyarrow.float64(), pyarrow.float64())
    fields = [pyarrow.field(name, kind) for name, kind in zip(_COLUMNS, kinds, strict=True)]
    schema = pyarrow.schema(fields, metadata={"parametry": json_text(run.to_dict())})
    with replacing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for portion in _portions(run):
            columns = [list(column) for column in zip(*portion, strict=True)]
            arrays = [pyarrow.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


@contextlib.contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    with replacing(path) as file:
        # Half a character, as in a file's name that is not UTF-8, is written as an escape.
        text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
        yield text
        text.flush()
        text.detach()


def _rows(run: Run) -> Iterator[tuple[Any, ...]]:
    for fact in run.all_facts():
        if isinstance(fact, Points):
            for key, value in fact.values.items():
                yield key, fact.per, fact.step, fact.epoch, fact.when, float(value)


def _portions(run: Run) -> Iterator[list[tuple[Any, ...]]]:
    portion: list[tuple[Any, ...]] = []
    for row in _rows(run):
        portion.append(row)
        if len(portion) == _ROW_GROUP:
            yield portion
            portion = []
    if portion:
        yield portion
