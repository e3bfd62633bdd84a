"""TensorBoard's own readers find what was recorded."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.util import tensor_util

import parametry as pm
from parametry.core.facts import Points
from parametry.recording.run import open_run
from parametry.recording.sinks.delivery import Delivery, tell
from parametry.recording.sinks.registry import Sink
from parametry.recording.sinks.tensorboard import TensorBoard
from parametry.recording.store.writer import Writer

from .conftest import (
    FIRST_VALUES,
    STARTED,
    Recorded,
    Warned,
    facts_of_a_training,
    measured,
    snapshot,
)

ROUNDED = {"rel": 1e-6}
"""TensorBoard keeps float32."""


def accumulated(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    found.Reload()
    return found


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


class HParamsTab:
    """What TensorBoard's HParams tab is given for a log folder."""

    def __init__(self, logs: Path) -> None:
        multiplexer = EventMultiplexer(tensor_size_guidance={"tensors": 0})
        multiplexer.AddRunsFromDirectory(str(logs))
        multiplexer.Reload()
        provider = MultiplexerDataProvider(multiplexer, str(logs))
        self._backend = Context(base_plugin.TBContext(data_provider=provider))
        self._request = RequestContext()
        self._metadata = self._backend.hparams_metadata(self._request, "")
        self.experiment = self._backend.experiment_from_metadata(
            self._request, "", True, self._metadata, []
        )

    def groups(self) -> dict[str, Any]:
        request = api_pb2.ListSessionGroupsRequest(slice_size=100)
        for info in self.experiment.metric_infos:
            request.col_params.add(metric=info.name)
        statuses = [
            api_pb2.STATUS_UNKNOWN,
            api_pb2.STATUS_SUCCESS,
            api_pb2.STATUS_FAILURE,
            api_pb2.STATUS_RUNNING,
        ]
        request.allowed_statuses.extend(statuses)
        handler = list_session_groups.Handler(self._request, self._backend, "", request)
        return {group.name: group for group in handler.run().session_groups}


def plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    return getattr(value, kind)


def test_scalars_histograms_and_texts(recorded: Recorded, tmp_path: Path) -> None:
    location = pm.export(recorded(), "tensorboard", tmp_path / "logs")
    assert location == str(tmp_path / "logs" / "run-12")
    found = accumulated(tmp_path / "logs" / "run-12")
    assert scalars(found, "step/loss") == [
        (step, pytest.approx(1 / (step + 1), **ROUNDED)) for step in range(8)
    ]
    assert scalars(found, "step/optimizer/learning_rate")[-1] == (7, pytest.approx(0.0005))
    assert scalars(found, "epoch/loss") == [(0, 0.5), (1, 0.5)]
    first, second = scalars(found, "epoch/val_loss")
    assert first == (0, 0.75) and second[0] == 1 and math.isnan(second[1])
    assert scalars(found, "changed/optimizer/learning_rate") == [(4, pytest.approx(0.0005))]
    times = [event.wall_time for event in found.Scalars("step/loss")]
    assert times == [STARTED + step for step in range(8)]

    told = measured("dense/kernel", 3).statistics
    event = found.Tensors("parameter/dense/kernel")[0]
    bins = tensor_util.make_ndarray(event.tensor_proto)
    assert event.step == 3 and bins.shape == (64, 3)
    assert told.sketch is not None
    np.testing.assert_array_equal(bins[:, 2], told.sketch.counts)
    np.testing.assert_array_equal(bins[1:, 0], told.sketch.edges[1:-1])
    assert bins[0, 0] <= told.min and bins[-1, 1] >= told.max
    summary = found.SummaryMetadata("parameter/dense/kernel")
    assert summary.plugin_data.plugin_name == "histograms"
    norms = scalars(found, "parameter/dense/kernel/norm")
    assert norms[0] == (3, pytest.approx(told.l2, **ROUNDED))

    (event,) = found.Tensors("event/early_stop")
    assert tensor_util.make_ndarray(event.tensor_proto).tolist() == [
        b"callbacks/early_stopping: no progress"
    ]
    (event,) = found.Tensors("changed/script/layers")
    assert tensor_util.make_ndarray(event.tensor_proto).tolist() == [b"smaller"]


def test_hparams_tab_has_every_hyperparameter(recorded: Recorded, tmp_path: Path) -> None:
    pm.export(recorded(), f"tensorboard:{tmp_path}")
    tab = HParamsTab(tmp_path)
    assert {info.name for info in tab.experiment.hparam_infos} == set(FIRST_VALUES)
    metrics = {info.name.tag for info in tab.experiment.metric_infos}
    assert {"step/loss", "epoch/loss", "epoch/val_loss", "step/optimizer/learning_rate"} <= metrics
    (group,) = tab.groups().values()
    (session,) = group.sessions
    assert (session.name, session.status) == ("run-12", api_pb2.STATUS_SUCCESS)
    assert session.start_time_secs == STARTED and session.end_time_secs > STARTED
    last = {value.name.tag: value.value for value in session.metric_values}
    assert last["step/loss"] == pytest.approx(1 / 8)

    values = {name: plain(value) for name, value in group.hparams.items()}
    as_text = {
        "fit/class_weight": '{"0": 1.0, "1": 2.5}',
        "fit/validation_data": "None",
        "script/layers": '[64, [32, null], {"units": 10}]',
        "script/nan": "nan",
        "script/infinity": "-inf",
        "script/huge": str(2**70),
        "script/beyond": '{"$integer": "' + hex(1 << 20_000) + '"}',
        "script/late": "[1, 2]",
        "script/text": "line\nNUL \\x00, half a character \\udc80",
    }
    assert (
        values == FIRST_VALUES | as_text
    )  # also the rate before its change, and text of any length
    assert values["fit/shuffle"] is True


def test_runs_with_different_hyperparameters_share_a_folder(
    recorded: Recorded, tmp_path: Path
) -> None:
    for name, chosen in {"a": {"x": 1, "only/a": 2}, "b": {"x": 3, "only/b": "text"}}.items():
        pm.export(
            recorded([snapshot(chosen, STARTED)], name=name), "tensorboard", tmp_path / "logs"
        )
    tab = HParamsTab(tmp_path / "logs")
    infos = {info.name: info.differs for info in tab.experiment.hparam_infos}
    assert infos == {"x": True, "only/a": False, "only/b": False}
    groups = tab.groups()
    assert {name: plain(group.hparams["x"]) for name, group in groups.items()} == {"a": 1, "b": 3}


def test_file_with_origins_and_changes(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded()
    pm.export(run, "tensorboard", tmp_path)
    text = (tmp_path / "run-12" / "hyperparameters.json").read_text(encoding="utf-8")
    assert '"where": "train.py:3"' in text and '"cause": "callbacks/reduce_lr_on_plateau"' in text
    assert text.count('"value"') == len(FIRST_VALUES)


def test_told_again_is_there_once(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded()
    for _ in range(2):
        pm.export(run, "tensorboard", tmp_path / "logs")
    assert len(scalars(accumulated(tmp_path / "logs" / "run-12"), "step/loss")) == 8
    assert len(list((tmp_path / "logs" / "run-12").iterdir())) == 3


def test_runs_of_one_name_from_two_places_stay_two(recorded: Recorded, tmp_path: Path) -> None:
    sink = TensorBoard(tmp_path / "logs")
    tell(recorded(), sink)
    other = tmp_path / "elsewhere" / "run-12.db"
    other.parent.mkdir()
    writer = Writer(other, "run-12", script=None, command=[], started=STARTED + 100)
    writer.put(Points("step", 100, None, STARTED + 100, {"loss": 1.0}))
    writer.close("failed")
    tell(open_run(other), sink)
    found = accumulated(tmp_path / "logs" / "run-12")
    assert [step for step, _ in scalars(found, "step/loss")] == [*range(8), 100]


def test_attempt_that_failed_half_way_leaves_nothing(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded()
    facts, cursor = run.facts()
    sink = TensorBoard(tmp_path)
    sink.start(run)
    sink.deliver(facts[:6], cursor)
    (events,) = tmp_path.glob("run-12/*.values")
    with events.open("ab") as file:
        file.write(b"half a record")
    sink.deliver(facts[6:], cursor)
    sink.finish()
    assert len(scalars(accumulated(tmp_path / "run-12"), "step/loss")) == 8


def test_folder_that_cannot_be_written(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(pm.SinkError, match=r"run 'run-12' could not be told to .*logs: .*Error"):
        pm.export(recorded(), "tensorboard", tmp_path / "logs")


def test_folder_that_is_gone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: Warned
) -> None:
    monkeypatch.setattr("parametry.recording.sinks.delivery.INTERVAL", 0.001)
    writer = Writer(tmp_path / "run.db", "run", script=None, command=[], started=STARTED)
    logs = tmp_path / "logs"
    logs.write_text("in the way")
    delivering = Delivery(writer.path, [f"tensorboard:{logs}"], first_wait=0.01)
    for fact in facts_of_a_training():
        writer.put(fact)
    assert warned.wait(30.0)
    logs.unlink()
    writer.close("finished")
    delivering.finish(30.0)
    assert writer.failed is None
    assert len(scalars(accumulated(logs / "run"), "step/loss")) == 8
    (warning,) = warned.messages
    assert f"parametry export run --to tensorboard:{logs}" in warning


def test_failed_run(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "bad.db", "bad", script=None, command=[], started=STARTED)
    writer.put(snapshot({"x": 1}, STARTED))
    writer.close("failed")
    pm.export(tmp_path / "bad.db", "tensorboard", tmp_path / "logs")
    (group,) = HParamsTab(tmp_path / "logs").groups().values()
    assert group.sessions[0].status == api_pb2.STATUS_FAILURE


def test_run_that_goes_on(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "on.db", "on", script=None, command=[], started=STARTED)
    writer.put(snapshot({"x": 1}, STARTED))
    assert writer.flush(30.0)
    pm.export(writer.path, "tensorboard", tmp_path / "logs")
    (group,) = HParamsTab(tmp_path / "logs").groups().values()
    assert (
        group.sessions[0].status == api_pb2.STATUS_UNKNOWN and not group.sessions[0].end_time_secs
    )
    writer.close("finished")


def test_every_number_fits(recorded: Recorded, tmp_path: Path) -> None:
    values = [1e300, -1e300, 5e-324, math.inf, 16777217.0]
    facts = [
        Points("step", step, None, STARTED, {"loss": value}) for step, value in enumerate(values)
    ]
    pm.export(recorded(facts), "tensorboard", tmp_path)
    with np.errstate(over="ignore"):
        expected = [float(np.float32(value)) for value in values]
    assert [v for _, v in scalars(accumulated(tmp_path / "run-12"), "step/loss")] == expected


def test_tensorflow_is_not_imported(recorded: Recorded, tmp_path: Path) -> None:
    program = f"""
import sys
import parametry as pm
pm.export({str(recorded().path)!r}, "tensorboard", {str(tmp_path / "logs")!r})
print("tensorboard" in sys.modules, "tensorflow" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True False\n"


def test_is_a_sink() -> None:
    sink: Sink = TensorBoard("logs")
    assert sink.location == str(Path("logs").absolute())
