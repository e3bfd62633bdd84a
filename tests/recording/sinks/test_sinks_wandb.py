"""What Weights & Biases writes offline, read back with its own protocol buffers."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2

import parametry as pm
from parametry.core.address import join, part, split
from parametry.core.value import to_json_value
from parametry.recording.sinks.registry import Sink
from parametry.recording.sinks.wandb import OWN_VALUE, WandB, nested

from .conftest import FIRST_VALUES, STARTED, Recorded, facts_of_a_training, measured

BLOCK, HEADER = 32768, 7


def records_of(path: Path) -> Iterator[Message]:
    """The records of a ``.wandb`` file: LevelDB's log format, after seven bytes of W&B's own."""
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    offset, record = HEADER, b""
    while offset + HEADER <= len(data):
        if BLOCK - offset % BLOCK < HEADER:
            offset += BLOCK - offset % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, offset)
        record += data[offset + HEADER : offset + HEADER + length]
        offset += HEADER + length
        if kind in (1, 4) and offset <= len(data):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


def written_whole(path: Path) -> list[Message]:
    """All records: W&B's own process writes the last ones after ``finish`` has returned."""
    deadline = time.monotonic() + 30.0
    while True:
        records = list(records_of(path)) if path.stat().st_size else []
        if any(record.WhichOneof("record_type") == "exit" for record in records):
            return records
        assert time.monotonic() < deadline, "the end of the run is never written"
        time.sleep(0.01)


class Told:
    """What a folder of W&B's holds."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        (file,) = self.folder.glob("*.wandb")
        records = written_whole(file)
        self.config: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.run: Any = None
        self.files: list[str] = []
        self.exit_code: int | None = None
        for record in records:
            match record.WhichOneof("record_type"):
                case "run":
                    self.run = record.run
                    self._configure(record.run.config)
                case "config":
                    self._configure(record.config)
                case "history":
                    self.rows.append(_values(record.history.item))
                case "summary":
                    self.summary |= _values(record.summary.update)
                case "files":
                    self.files += [file.path for file in record.files.files]
                case "exit":
                    self.exit_code = record.exit.exit_code

    def _configure(self, told: Any) -> None:
        self.config |= _values(told.update)

    def column(self, key: str, over: str = "step") -> list[tuple[Any, Any]]:
        return [(row[over], row[key]) for row in self.rows if key in row]


def _values(items: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        *folders, last = item.nested_key or [item.key]
        inside = found
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[last] = json.loads(item.value_json)
    return found


def exported(recorded: Recorded, folder: Path) -> Told:
    return Told(pm.export(recorded(), WandB("digits", folder=folder)))


@pytest.fixture(autouse=True)
def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODE", "DIR", "PROJECT", "SILENT"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


def is_plain_dict(address: str) -> bool:
    """Whether a hyperparameter's own value is a dict."""
    return isinstance(to_json_value(FIRST_VALUES.get(address)), dict)


def flat(config: Any, address: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if key == OWN_VALUE:
            yield address, value
        elif isinstance(value, dict) and not is_plain_dict(join(address, key)):
            yield from flat(value, join(address, key))
        else:
            yield join(address, key), value


def test_everything_arrives(recorded: Recorded, tmp_path: Path) -> None:
    told = exported(recorded, tmp_path)
    assert told.folder.parent == tmp_path / "wandb"
    assert (told.run.display_name, told.run.project, told.exit_code) == ("run-12", "digits", 0)

    told.config.pop("_wandb")
    assert dict(flat(told.config)) == {
        address: to_json_value(value) for address, value in FIRST_VALUES.items()
    } | {"script/text": "line\nNUL \\x00, half a character \\udc80"}
    assert told.config["optimizer"]["learning_rate"] == {OWN_VALUE: 0.001, "decay_steps": 1000}
    assert told.config["fit"]["validation_data"] is None

    whole = json.loads((told.folder / "files" / "hyperparameters.json").read_text("utf-8"))
    assert set(whole) == set(FIRST_VALUES) and told.files == ["hyperparameters.json"]
    assert whole["optimizer/learning_rate"]["changes"][0]["step"] == 4


def test_metrics_histograms_changes_and_events(recorded: Recorded, tmp_path: Path) -> None:
    told = exported(recorded, tmp_path)
    assert told.column("step/loss") == [(step, 1 / (step + 1)) for step in range(8)]
    first, second = told.column("epoch/val_loss", over="epoch")
    assert first == (0, 0.75) and second[0] == 1 and math.isnan(float(second[1]))
    assert [row["_timestamp"] for row in told.rows if "step/loss" in row] == [
        STARTED + step for step in range(8)
    ]
    ((step, found), _) = told.column("parameter/dense/kernel")
    sketch = measured("dense/kernel", 3).statistics.sketch
    assert sketch is not None and step == 3
    assert found["values"] == list(sketch.counts)
    assert found["bins"] == pytest.approx(sketch.edges)
    assert told.column("parameter/dense/kernel/update_ratio") == [(3, 0.01), (7, 0.01)]
    assert told.column("changed/optimizer/learning_rate") == [(4, 0.0005)]
    assert told.summary["changed/script/layers"] == "smaller"
    assert told.summary["event/early_stop"] == "callbacks/early_stopping: no progress"


def test_failed_attempt_leaves_no_row_twice(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded()
    facts, cursor = run.facts()
    sink = WandB(folder=tmp_path)
    sink.start(run)
    log, calls = sink._told.log, iter(range(1000))

    def fail_once(*args: Any, **named: Any) -> None:
        if next(calls) == 5:
            raise BrokenPipeError("the service is gone")
        log(*args, **named)

    monkeypatch.setattr(sink._told, "log", fail_once)
    with pytest.raises(BrokenPipeError):
        sink.deliver(facts, cursor)
    sink.deliver(facts, cursor)
    sink.finish()
    told = Told(sink.location)
    assert told.column("step/loss") == [(step, 1 / (step + 1)) for step in range(8)]


def test_rows_have_the_same_numbers_each_time(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded()
    whole, portions = WandB(folder=tmp_path / "a"), WandB(folder=tmp_path / "b")
    told = []
    for sink, limit in ((whole, 1000), (portions, 3)):
        sink.start(run)
        cursor = None
        while True:
            facts, cursor = run.facts(cursor, limit=limit)
            if not facts:
                break
            sink.deliver(facts, cursor)
        sink.finish()
        told.append(Told(sink.location))
    assert told[0].run.run_id == told[1].run.run_id
    numbers = [{row["_step"]: row.get("step/loss") for row in each.rows} for each in told]
    assert numbers[0] == numbers[1] and len(numbers[0]) == len(told[0].rows)


def test_failed_run(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded(facts_of_a_training()[:3], status="failed")
    assert Told(pm.export(run, WandB(folder=tmp_path))).exit_code == 1


def test_programs_own_run_is_left_alone(
    recorded: Recorded, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = wandb.init(mode="offline", dir=tmp_path / "own", settings=wandb.Settings(silent=True))
    capfd.readouterr()
    pm.export(recorded(), WandB(folder=tmp_path))
    assert wandb.run is own and capfd.readouterr() == ("", "")
    own.finish()


def test_settings_of_wandb(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "set"))
    monkeypatch.setenv("WANDB_PROJECT", "as-set")
    location = pm.export(recorded([]), "wandb")
    assert Path(location).parent == tmp_path / "set" / "wandb"
    assert Told(location).run.project == "as-set"
    assert Told(pm.export(recorded([], name="b"), "wandb:given")).run.project == "given"


def test_other_frameworks_are_not_imported(recorded: Recorded, tmp_path: Path) -> None:
    program = f"""
import sys
import parametry as pm
pm.export({str(recorded().path)!r}, pm.WandB(folder={str(tmp_path)!r}))
print(sorted({{"wandb", "tensorflow", "torch", "jax", "keras"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['wandb']\n"


addresses = st.lists(
    st.lists(st.text(max_size=3).map(part), min_size=1, max_size=3).map("/".join), unique=True
)


@settings(deadline=None)
@given(addresses)
def test_nested_holds_every_address(names: list[str]) -> None:
    values = {name: index for index, name in enumerate(names) if OWN_VALUE not in split(name)}
    found = nested(values)
    for address, value in values.items():
        inside: Any = found
        for name in split(address):
            inside = inside[name]
        assert (inside[OWN_VALUE] if isinstance(inside, dict) else inside) == value


def test_is_a_sink(tmp_path: Path) -> None:
    sink: Sink = WandB("digits", folder=tmp_path)
    assert (sink.name, sink.location) == ("wandb:digits", str(tmp_path / "wandb"))
    assert WandB().name == "wandb"
