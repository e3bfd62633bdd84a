"""Hand-written loops as runs: `pm.record`, `@pm.recorded`, and what they must never do."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import parametry as pm
from parametry.core.watch import watch
from parametry.recording.run import open_run
from parametry.recording.scalars import NotANumber, held


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PARAMETRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(watch, "_reported", set())
    yield tmp_path / "home"
    assert not watch.on  # a block leaves capture as it found it


def line() -> int:
    return sys._getframe(1).f_lineno


def test_a_loop_is_a_run_with_its_values_metrics_and_end(home: Path) -> None:
    with pm.record(batch_size=32, layers=[1, 2], name="First try") as run:
        place = f"{Path(__file__).name}:{line() - 1}"
        for epoch in range(2):
            run.epoch()
            for _ in range(3):
                run.log({"train/loss": 1.5}, accuracy=np.float32(0.25))
                run.step()
            run.log(val_loss=float(epoch), per="epoch")
    read = run.run
    assert read is not None
    assert (read.name, read.status) == ("first-try", "finished")
    assert read.path == home / "runs" / "first-try.sqlite"
    chosen = read.hyperparameters["script/batch_size"]
    assert (chosen.value, chosen.origin) == (32, "explicit")
    assert str(chosen.where).endswith(place)
    assert read.hyperparameters["script/layers"].value == [1, 2]
    assert read.metrics("train/loss").steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert read.metrics("accuracy").values.tolist() == [0.25] * 6
    assert read.metrics("accuracy").epochs.tolist() == [0, 0, 0, 1, 1, 1]
    validated = read.metrics("val_loss")
    assert (validated.steps.tolist(), validated.values.tolist()) == ([2, 5], [0.0, 1.0])


def test_a_run_in_json_is_as_its_schema_says() -> None:
    with pm.record(rate=0.1) as run:
        run.log(loss=float("nan"))
        run.choose(rate=0.2)
    assert run.run is not None
    schema = json.loads(resources.files("parametry.core").joinpath("schema.json").read_text())
    told = json.loads(run.run.to_json())
    jsonschema.validate(told, schema)
    assert told["metrics"] == {"loss": {"$float": "nan"}}


def test_the_start_is_recorded_before_the_loop_begins() -> None:
    with pm.record(rate=0.1) as run:
        assert run.run is not None
        assert run.run.status == "running"
        assert run.run.start.hyperparameters["script/rate"].value == 0.1


def test_the_first_value_that_is_not_finite_is_an_event() -> None:
    with pm.record() as run:
        for loss in (1.0, float("nan"), 2.0, float("inf")):
            run.log(loss=loss, other=-loss)
            run.step()
    assert run.run is not None
    events = [(event.kind, event.address, event.step) for event in run.run.events]
    assert events == [("nan", "loss", 1), ("nan", "other", 1)]


def test_parametry_0_makes_it_do_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PARAMETRY", "0")
    with caplog.at_level(logging.WARNING, "parametry"), pm.record(rate=0.1) as run:
        run.log(loss=1.0)
        run.step()
        run.epoch()
        run.choose(rate=0.2)
    assert run.run is None
    assert not home.exists()
    assert len(caplog.records) == 1


def test_later_choices_are_added_and_changes_have_step_and_place() -> None:
    with pm.record(rate=0.1) as run:
        run.step(5)
        run.choose(rate=0.01, dropout=0.5)
        place = line() - 1
    read = run.run
    assert read is not None
    assert read.hyperparameters["script/dropout"].value == 0.5
    (changed,) = read.history("script/rate")
    assert (changed.change.step, changed.change.old, changed.change.new) == (5, 0.1, 0.01)
    assert changed.change.cause == "assignment"
    assert str(changed.change.where).endswith(f"{Path(__file__).name}:{place}")
    assert read.start.hyperparameters["script/rate"].value == 0.1
    assert read.hyperparameters["script/rate"].value == 0.01


def test_an_exception_passes_on_as_it_is_and_is_told() -> None:
    error = RuntimeError("the data are gone")
    with pytest.raises(RuntimeError) as caught, pm.record() as run:
        run.step(7)
        raise error
    assert caught.value is error
    read = run.run
    assert read is not None and read.status == "failed"
    (event,) = read.events
    assert (event.kind, event.step) == ("exception", 7)
    assert event.text == "RuntimeError: the data are gone"


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "interrupted"), (SystemExit(0), "finished"), (SystemExit(3), "failed")],
)
def test_how_it_ended_is_told(error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), pm.record() as run:
        raise error
    assert run.run is not None and run.run.status == status


def test_a_tracker_that_nobody_knows_is_said_before_the_training() -> None:
    for opening in (pm.record, pm.Recorder, pm.recorded):
        with pytest.raises(pm.UnknownSink, match="tensorboard"):
            opening(sinks=["tensorbord"])


def test_secrets_are_withheld_and_the_surroundings_told() -> None:
    with pm.record(api_key="sk-12345678", max_tokens=5) as run:
        pass
    read = run.run
    assert read is not None
    assert "sk-12345678" not in read.to_json()
    assert read.hyperparameters["script/max_tokens"].value == 5
    assert read.hyperparameters["environment/host"].value


def test_what_is_no_number_is_told_once_and_the_rest_recorded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "parametry"), pm.record() as run:
        for _ in range(3):
            run.log(loss=1.0, text="high", rows=np.zeros(2))
            run.step()
    assert [record.args for record in caplog.records] == [
        ("text", caplog.records[0].args[1]),  # type: ignore[index]
        ("rows", caplog.records[1].args[1]),  # type: ignore[index]
    ]
    assert run.run is not None and run.run.keys == ("loss",)


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "below"
    with caplog.at_level(logging.WARNING, "parametry"), pm.record(home=below) as run:
        run.log(loss=1.0)
        run.step()
    assert run.run is None
    assert len(caplog.records) == 1
    assert "not recorded" in caplog.text and "PARAMETRY_HOME" in caplog.text
    assert repr(run) == "Loop(not recorded)"


def test_only_the_first_of_several_processes_records(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with pm.record() as run:
        run.log(loss=1.0)
    assert run.run is None
    assert not home.exists()


def test_a_function_is_recorded_with_its_arguments() -> None:
    seen = []

    @pm.recorded
    def train(data: list[int], run: pm.Loop, rate: float = 0.1, epochs: int = 3) -> int:
        """Trains."""
        seen.append(run)
        run.log(loss=rate)
        return epochs

    assert train([1], epochs=5) == 5
    place = line() - 1
    assert train.__doc__ == "Trains."
    read = seen[0].run
    assert read is not None and read.status == "finished"
    told = read.hyperparameters
    assert (told["script/epochs"].value, told["script/epochs"].origin) == (5, "explicit")
    assert (told["script/rate"].value, told["script/rate"].origin) == (0.1, "default")
    assert str(told["script/epochs"].where).endswith(f"{Path(__file__).name}:{place}")
    assert told["script/data"].value == [1]
    assert not any(address.startswith("script/run") for address in told)


def test_each_call_of_a_recorded_function_is_a_run_of_its_own(home: Path) -> None:
    @pm.recorded(name="sweep")
    def train(rate: float) -> float:
        if rate > 1:
            raise ValueError("too high")
        return rate

    assert [train(0.1), train(rate=0.2)] == [0.1, 0.2]
    with pytest.raises(ValueError, match="too high"):
        train(2.0)
    with pytest.raises(TypeError, match="rate"):
        train()  # as it would without us
    names = sorted(path.stem for path in (home / "runs").glob("*.sqlite"))
    assert names == ["sweep", "sweep-2", "sweep-3"]
    assert [open_run(name).status for name in names] == ["finished", "finished", "failed"]
    rates = [open_run(name).hyperparameters["script/rate"].value for name in names]
    assert rates == [0.1, 0.2, 2.0]


def test_a_name_a_file_or_a_run_is_inspected_and_compared() -> None:
    with pm.record(name="one", rate=0.1, units=3):
        pass
    with pm.record(name="two", rate=0.2, units=3) as run:
        pass
    assert pm.inspect("one").hyperparameters["script/rate"].value == 0.1
    assert pm.inspect("run:one").name == "one"
    assert run.run is not None
    assert pm.inspect(run.run).hyperparameters == pm.inspect(run.run.path).hyperparameters
    found = pm.diff("one", run.run, select="script/**")
    assert list(found.hyperparameters) == ["script/rate"]
    with pytest.raises(pm.SourceMissing, match=r"no file 'ont', and no run[\s\S]*one"):
        pm.inspect("ont")
    with pytest.raises(pm.RunMissing, match="nearest: two"):
        pm.inspect("run:twoo")


def test_a_file_of_that_name_goes_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pm.record(name="weights", rate=0.1):
        pass
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "weights.npz", kernel=np.zeros(2))
    (tmp_path / "weights.npz").rename(tmp_path / "weights")
    assert list(pm.inspect("weights").parameters) == ["kernel"]
    assert "script/rate" in pm.inspect("run:weights").hyperparameters


@pytest.mark.parametrize("value", [1, True, 2.5, np.float16(0.5), np.array([3]), np.int64(7)])
def test_numbers_of_all_kinds_are_held(value: object) -> None:
    assert float(held(value)) == float(np.asarray(value).reshape(()))


def test_what_changes_in_place_is_held_as_it_is_now() -> None:
    value = np.ones(())
    kept = held(value)
    value += 5
    assert float(kept) == 1.0


@pytest.mark.parametrize("value", ["1.5x", None, np.zeros(2), object(), 1j, [1, 2]])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(NotANumber):
        held(value)
