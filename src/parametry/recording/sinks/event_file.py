"""TensorBoard's event files, through its own protocol buffers; TensorFlow is not needed for it.

An event file is a row of records as TensorFlow's ``record_writer.h`` defines them; each holds an
``Event``, and the first names the version of the file. What the HParams tab reads is defined in
TensorBoard's ``plugins/hparams/api.proto``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util import tensor_util

from parametry.core.statistics import ArrayStatistics
from parametry.core.value import Plain
from parametry.recording.sinks.telling import Remark, Scalar, text

__all__ = ["histogram", "remark", "scalar", "session_end", "session_start", "to_bytes", "version"]


def to_bytes(events: Iterable[Event]) -> bytes:
    """Events as records, ready to be put at the end of a file."""
    file = io.BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    return file.getvalue()


def version(when: float) -> Event:
    """The event that begins a file."""
    return Event(wall_time=when, file_version="brain.Event:2")


def _event(when: float, step: int, **value: Any) -> Event:
    return Event(wall_time=when, step=step, summary=Summary(value=[Summary.Value(**value)]))


def scalar(told: Scalar) -> Event:
    """A number; TensorBoard keeps it as a float32."""
    return _event(told.when, told.step, tag=told.tag, simple_value=_float32(told.value))


def _float32(value: float) -> float:
    """The nearest float32: what is too large for one is infinite, where protobuf would refuse."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def remark(told: Remark) -> Event:
    """A text."""
    return _event(
        told.when,
        told.step,
        tag=told.tag,
        tensor=tensor_util.make_tensor_proto(np.array([told.text.encode()], dtype=object)),
        metadata=text_metadata.create_summary_metadata(display_name=None, description=""),
    )


def histogram(tag: str, statistics: ArrayStatistics, step: int, when: float) -> Event | None:
    """The sketch of an array's values; None where there is none.

    The first and the last bin, which hold what lies beyond them too, reach to the extremes.
    """
    sketch = statistics.sketch
    if sketch is None or statistics.min is None or statistics.max is None:
        return None
    edges = list(sketch.edges)
    edges[0] = min(edges[0], float(statistics.min))
    edges[-1] = max(edges[-1], float(statistics.max))
    # A row for each bin: its left edge, its right edge, how many values are in it.
    rows = np.column_stack((edges[:-1], edges[1:], sketch.counts)).astype(np.float64)
    return _event(
        when,
        step,
        tag=tag,
        tensor=tensor_util.make_tensor_proto(rows),
        metadata=histogram_metadata.create_summary_metadata(display_name=None, description=""),
    )


def session_start(name: str, started: float, hyperparameters: Mapping[str, Plain]) -> Event:
    """What the HParams tab shows of a run, beside its metrics.

    There is no ``experiment`` summary on purpose. With one, TensorBoard shows the columns that it
    lists and no others, also for all other runs in the folder; without, it works out columns,
    domains and metrics from all runs (``backend_context.py``), with those that differ first.

    Args:
        name: The run's name: a row of its own.
        started: Seconds since 1970.
        hyperparameters: All of them.
    """
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=started, group_name=name)
    for address, value in hyperparameters.items():
        _put(start.hparams[text(address)], value)
    content = plugin_data_pb2.HParamsPluginData(session_start_info=start)
    return _hparams(started, hparams_metadata.SESSION_START_INFO_TAG, content)


def _put(field: Any, value: Plain) -> None:
    """Numbers that a JSON number can hold, bools and text as they are; all else as text."""
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, (int, float)) and _exact(value):
        field.number_value = value
    else:
        field.string_value = text(value)


def _exact(value: float) -> bool:
    """Whether a JSON number holds the very value."""
    return abs(value) <= 2**53 if isinstance(value, int) else math.isfinite(value)


def session_end(succeeded: bool, ended: float) -> Event:
    """That a run has ended, and how.

    Args:
        succeeded: Whether nothing cut it short.
        ended: Seconds since 1970.
    """
    status = api_pb2.STATUS_SUCCESS if succeeded else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=ended)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    return _hparams(ended, hparams_metadata.SESSION_END_INFO_TAG, content)


def _hparams(when: float, tag: str, content: Any) -> Event:
    return _event(
        when,
        0,
        tag=tag,
        tensor=hparams_metadata.NULL_TENSOR,
        metadata=hparams_metadata.create_summary_metadata(content),
    )
