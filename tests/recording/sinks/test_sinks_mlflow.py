"""A real MLflow server, with a database of its own, has what was recorded."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

import parametry as pm
from parametry.core.facts import Points
from parametry.recording.run import open_run
from parametry.recording.sinks.delivery import Delivery, tell
from parametry.recording.sinks.mlflow import MLflow, _key
from parametry.recording.sinks.registry import Sink
from parametry.recording.store.writer import Writer

from .conftest import FIRST_VALUES, STARTED, Recorded, Warned, facts_of_a_training, measured

SECONDS = 60.0
"""A deadline that only a fault reaches."""


class Server:
    """``mlflow server`` with SQLite, on a free port of this host."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = folder
        self.uri = f"http://127.0.0.1:{self._port}"
        self.database = f"sqlite:///{folder / 'mlflow.db'}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", "--workers=1"]
        command += [f"--port={self._port}", f"--backend-store-uri={self.database}"]
        command += [f"--artifacts-destination={self._folder / 'artifacts'}"]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Eight processes more that wait for work of other kinds.
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            said = (self._folder / "log").read_text()
            assert self._process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("mlflow"))
    yield made
    made.kill()


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    for name in ("TRACKING_URI", "EXPERIMENT_NAME", "EXPERIMENT_ID"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    # Else MLflow's client itself tries for minutes.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return MlflowClient(tracking_uri=server.uri)


def only_run(client: MlflowClient, experiment: str) -> Any:
    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id])
    return run


def history(client: MlflowClient, run: Any, key: str) -> list[tuple[int, int, float]]:
    found = client.get_metric_history(run.info.run_id, key)
    return sorted((metric.step, metric.timestamp, metric.value) for metric in found)


def test_everything_arrives(
    server: Server, client: MlflowClient, recorded: Recorded, tmp_path: Path
) -> None:
    location = pm.export(recorded(), MLflow(server.uri, experiment="everything"))
    run = only_run(client, "everything")
    assert location == (
        f"{server.uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    )
    assert (run.info.run_name, run.info.status) == ("run-12", "FINISHED")
    assert run.info.start_time == STARTED * 1000 < run.info.end_time
    assert run.data.tags["mlflow.source.name"] == "train.py"

    params = run.data.params
    assert len(params) == len(FIRST_VALUES) > 100
    as_they_are = {
        "optimizer": "adam",
        "optimizer/learning_rate": "0.001",  # what the training began with
        "optimizer/learning_rate/decay_steps": "1000",
        "fit/shuffle": "True",
        "fit/class_weight": '{"0": 1.0, "1": 2.5}',
        "fit/validation_data": "None",
        "fit/empty": "",
        "script/layers": '[64, [32, null], {"units": 10}]',
        "script/nan": "nan",
        "script/infinity": "-inf",
        "script/huge": str(2**70),
        "script/beyond": '{"$integer": "' + hex(1 << 20_000) + '"}',
        "script/late": "[1, 2]",
        "script/text": "line\nNUL \\x00, half a character \\udc80",
        "model/dense_149/units": "149",
    }
    assert {key: params[key] for key in as_they_are} == as_they_are
    assert params["script/long"].startswith("long long ")
    assert params["script/long"].endswith(" … (whole in hyperparameters.json)")
    odd = "script/odd/a b%2Fc:d=Größe 🙂"
    assert params[_key(odd)] == "1" and _key(odd).startswith("script/odd/a b_2Fc_d_Größe _-")
    assert params[_key("script/" + "deep/" * 60 + "end")] == "2"

    file = client.download_artifacts(run.info.run_id, "hyperparameters.json", str(tmp_path))
    whole = json.loads(Path(file).read_text(encoding="utf-8"))
    assert set(whole) == set(FIRST_VALUES)
    assert whole["script/long"]["value"] == FIRST_VALUES["script/long"]
    assert whole[odd] == {"value": 1, "origin": "explicit", "where": "train.py:3"}
    assert whole["script/nan"]["value"] == {"$float": "nan"}
    (change,) = whole["optimizer/learning_rate"]["changes"]
    assert change["cause"] == "callbacks/reduce_lr_on_plateau"


def test_metrics_changes_and_events(
    server: Server, client: MlflowClient, recorded: Recorded
) -> None:
    pm.export(recorded(), MLflow(server.uri, experiment="metrics"))
    run = only_run(client, "metrics")
    assert history(client, run, "step/loss") == [
        (step, int((STARTED + step) * 1000), 1 / (step + 1)) for step in range(8)
    ]
    first, second = history(client, run, "epoch/val_loss")
    assert (first[0], first[2]) == (0, 0.75) and math.isnan(second[2])
    told = measured("dense/kernel", 3).statistics
    assert history(client, run, "parameter/dense/kernel/norm")[0][::2] == (3, told.l2)
    assert history(client, run, "parameter/dense/kernel/update_ratio")[0][::2] == (3, 0.01)
    assert history(client, run, "changed/optimizer/learning_rate")[0][::2] == (4, 0.0005)
    assert run.data.tags["changed/optimizer/learning_rate"] == "0.0005"
    assert run.data.tags["changed/script/layers"] == "smaller"
    assert run.data.tags["event/early_stop"] == "callbacks/early_stopping: no progress"


def test_told_again_and_further_is_there_once(
    server: Server, client: MlflowClient, tmp_path: Path
) -> None:
    facts = facts_of_a_training()
    writer = Writer(tmp_path / "run.db", "run", script=None, command=[], started=STARTED)
    for fact in facts[:8]:
        writer.put(fact)
    assert writer.flush(SECONDS)
    sink = MLflow(server.uri, experiment="again")
    sink.start(open_run(writer.path))
    some, cursor = open_run(writer.path).facts()
    sink.deliver(some, cursor)
    sink.deliver(some, cursor)  # as after an answer that was lost
    sink.finish()  # as after an export of what there is
    running = only_run(client, "again")
    assert running.info.status == "RUNNING" and len(history(client, running, "step/loss")) == 4

    for fact in facts[8:]:
        writer.put(fact)
    writer.close("interrupted")
    assert MLflow(server.uri, experiment="again").start(open_run(writer.path)) == cursor
    for _ in range(2):
        tell(open_run(writer.path), MLflow(server.uri, experiment="again"))
    run = only_run(client, "again")
    assert run.info.run_id == running.info.run_id and run.info.status == "KILLED"
    assert [step for step, _, _ in history(client, run, "step/loss")] == list(range(8))
    assert len(run.data.params) == len(FIRST_VALUES)


def test_server_that_is_killed_in_the_middle(
    server: Server,
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    warned: Warned,
) -> None:
    monkeypatch.setattr("parametry.recording.sinks.delivery.INTERVAL", 0.01)
    delivered = threading.Event()
    sink = MLflow(server.uri, experiment="killed")
    deliver = sink.deliver

    def deliver_and_tell(facts: Any, cursor: Any) -> None:
        deliver(facts, cursor)
        delivered.set()

    monkeypatch.setattr(sink, "deliver", deliver_and_tell)
    writer = Writer(tmp_path / "run.db", "run", script=None, command=[], started=STARTED)
    delivering = Delivery(writer.path, [sink], first_wait=0.01)
    facts = facts_of_a_training()
    for fact in facts[:8]:
        writer.put(fact)
    assert writer.flush(SECONDS) and delivered.wait(SECONDS)
    server.kill()
    try:
        for fact in facts[8:]:
            writer.put(fact)
        assert writer.flush(SECONDS)  # the recording goes on
        assert warned.wait(SECONDS)
    finally:
        server.start()
    writer.close("finished")
    delivering.finish(SECONDS)
    run = only_run(client, "killed")
    assert [step for step, _, _ in history(client, run, "step/loss")] == list(range(8))
    assert len(run.data.params) == len(FIRST_VALUES) and run.info.status == "FINISHED"
    (warning,) = warned.messages
    assert f"parametry export run --to mlflow:{server.uri}" in warning


def test_settings_of_mlflow_and_a_database_without_a_server(
    server: Server,
    client: MlflowClient,
    recorded: Recorded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # without a server, MLflow keeps artifacts below it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.database)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "as set")
    location = pm.export(recorded([Points("step", 0, None, STARTED, {"loss": 1.0})]), "mlflow")
    run = only_run(client, "as set")
    assert location == f"run {run.info.run_id} in {server.database}"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", run.info.experiment_id)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    pm.export(recorded(name="other"), "mlflow")
    assert len(client.search_runs([run.info.experiment_id])) == 2


def test_programs_own_run_is_left_alone(
    server: Server, client: MlflowClient, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    pm.export(recorded([]), MLflow(server.uri, experiment="alone"))
    assert mlflow.active_run() is None and mlflow.get_tracking_uri() == before


def test_server_that_does_not_answer(client: MlflowClient, recorded: Recorded) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listening
        uri = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(pm.SinkError, match=f"'run-12' could not be told to {uri}: Mlflow"):
            pm.export(recorded(), "mlflow", uri)


def test_password_is_not_shown() -> None:
    sink: Sink = MLflow("postgresql://me:secret@host:5432/runs")
    assert sink.name == "mlflow:postgresql://me:***@host:5432/runs"
    assert sink.location == "postgresql://me:***@host:5432/runs"


@settings(deadline=None)
@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
@example("a/b", "a:b")
@example("a//b", "a/../b")
@example("..", ".")
@example("/a", "a/")
@example("a" * 251, "a" * 252)
@example("line\n", "line")
def test_keys_are_what_mlflow_takes_and_stay_apart(one: str, other: str) -> None:
    for name in (one, other):
        key = _key(name)
        _validate_param_name(key)
        _validate_metric_name(key)
        _validate_tag_name(key)
        assert len(key) <= 250
    assert (_key(one) == _key(other)) == (one == other)


def test_plain_addresses_are_keys() -> None:
    for name in ("optimizer/learning_rate", "step/val loss", "Größe-1.0_x"):
        assert _key(name) == name
