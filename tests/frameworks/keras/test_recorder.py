"""A run that `Recorder` makes of a ``fit``: what was chosen, metrics, events; and no harm done."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import threading
import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import parametry as pm
from parametry.capture.switch import enable
from parametry.core.watch import watch
from parametry.frameworks.keras.recording.waiting import Waiting
from parametry.recording.following import Following
from parametry.recording.run import open_run

RNG = np.random.default_rng(1)
X = RNG.normal(size=(60, 3)).astype("float32")
Y = X[:, :1]


@pytest.fixture(autouse=True)
def _capture_off() -> Any:
    watch.stop()
    yield
    watch.stop()


def net(**options: Any) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    if keras.backend.backend() == "tensorflow":  # XLA takes seconds for each model
        options = {"jit_compile": False} | options
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **options)
    return model


def only_run(home: Path) -> Any:
    (path,) = home.rglob("*.sqlite")
    return open_run(path)


def fit(model: Any, *callbacks: Any, **options: Any) -> Any:
    arguments: dict[str, Any] = {"batch_size": 4, "epochs": 2, "verbose": 0, **options}
    return model.fit(X, Y, callbacks=list(callbacks), **arguments)


def test_a_fit_given_a_recorder_alone_has_all_its_hyperparameters(tmp_path: Path) -> None:
    model = net()
    model.fit(
        X, Y, 5, epochs=2, verbose=0, class_weight={0: 2.0}, callbacks=[pm.Recorder(home=tmp_path)]
    )
    run = only_run(tmp_path)
    assert run.status == "finished"
    assert not watch.on and not watch.depth
    chosen = run.hyperparameters
    assert (chosen["fit/batch_size"].value, chosen["fit/batch_size"].origin) == (5, "explicit")
    assert (chosen["fit/epochs"].value, chosen["fit/epochs"].origin) == (2, "explicit")
    assert chosen["fit/shuffle"].origin == "default"
    assert chosen["fit/steps_per_epoch"].value == 12
    assert chosen["fit/class_weight"].value == {"0": 2.0}
    assert chosen["data/samples"].value == 60
    assert chosen["optimizer/learning_rate"].value == 0.01
    assert chosen["callbacks/recorder/gradients"].value is False


def test_the_settings_of_callbacks_and_validation_data(tmp_path: Path) -> None:
    recorder = pm.Recorder(home=tmp_path)
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=7)
    fit(net(), recorder, stopping, validation_split=0.2)
    assert recorder.run is not None
    chosen = recorder.run.hyperparameters
    assert chosen["callbacks/early_stopping/patience"].value == 7
    assert chosen["data/validation/samples"].value == 12
    assert [name for name in recorder.run.phases] == ["fit"]


def test_with_capture_on_a_fit_is_noted_once(tmp_path: Path) -> None:
    enable()
    model = net()
    fit(model, pm.Recorder(home=tmp_path))
    fit(model)
    assert watch.on
    names = list(pm.inspect(model).phases)
    assert names == ["compile", "fit", "fit_1"]


def test_metrics_are_those_of_keras(tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []

    class Seeing(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(dict(logs))

    recorder = pm.Recorder(home=tmp_path)
    history = fit(net(), recorder, Seeing(), validation_split=0.2).history
    run = recorder.run
    for key in ("loss", "mae"):
        series = run.metrics(key, per="step")
        assert series.values.tolist() == [logs[key] for logs in seen]
        assert series.steps.tolist() == list(range(24))
        assert run.metrics(key, per="epoch").values.tolist() == history[key]
    epochs = run.metrics("val_loss", per="epoch")
    assert (epochs.values.tolist(), epochs.steps.tolist()) == (history["val_loss"], [11, 23])


def weights_after(*callbacks: Any, **options: Any) -> list[bytes]:
    model = net(**options)
    fit(model, *callbacks, epochs=3)
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(each).tobytes() for each in variables]


@pytest.mark.parametrize("compiled", ["auto", False])
def test_the_training_stays_the_same_to_the_last_bit(compiled: Any, tmp_path: Path) -> None:
    bare = weights_after(jit_compile=compiled)
    for settings in ({}, {"statistics_every": 5}, {"statistics_every": 5, "gradients": True}):
        recorder = pm.Recorder(home=tmp_path, **settings)
        assert weights_after(recorder, jit_compile=compiled) == bare, settings


def events(recorder: Any, kind: str) -> list[Any]:
    return [event for event in recorder.run.events if event.kind == kind]


def test_an_early_stop_tells_who_stopped(tmp_path: Path) -> None:
    recorder = pm.Recorder(home=tmp_path)
    stopping = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)
    fit(net(), stopping, recorder, epochs=9)
    (event,) = events(recorder, "early_stop")
    assert (event.address, event.epoch) == ("callbacks/early_stopping", 1)


def test_a_nan_is_told_once_with_its_first_step(tmp_path: Path) -> None:
    class Breaking(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 4:
                kernel = self.model.layers[0].kernel
                kernel.assign(keras.ops.convert_to_numpy(kernel) * np.float32("nan"))

    recorder = pm.Recorder(home=tmp_path, statistics_every=5)
    fit(net(), recorder, Breaking(), epochs=1)
    found = {event.address: event.step for event in events(recorder, "nan")}
    assert found["loss"] == found["mae"] == 5
    assert found["dense/kernel"] == 5
    assert len(events(recorder, "nan")) == len(found)


class Oops(Exception):
    pass


class Raising(keras.callbacks.Callback):
    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.at == "epoch":
            raise Oops("at the end of an epoch")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.at == "batch" and batch == 3:
            raise Oops("within an epoch")


@pytest.mark.parametrize("at", ["epoch", "batch"])
def test_an_exception_passes_on_and_is_told(at: str, tmp_path: Path) -> None:
    model = net()
    recorder = pm.Recorder(home=tmp_path)
    fit(model, epochs=1)
    own = model.train_function
    with pytest.raises(Oops):
        fit(model, recorder, Raising(at))
    assert not watch.on and not watch.depth
    assert getattr(model.train_function, "watched_by", None) is None
    assert model.train_function is own
    run = only_run(tmp_path)
    assert run.status == "failed"
    assert recorder.run.name == run.name
    assert run.name in repr(recorder)
    (event,) = [event for event in run.events if event.kind == "exception"]
    assert event.text.startswith("Oops: ")
    fit(model, recorder, epochs=1)  # it goes on with a run of its own
    assert recorder.run.name != run.name


def test_an_exception_in_the_step_passes_on(tmp_path: Path) -> None:
    class Failing(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            if self.failing:
                raise Oops("in call")
            return x

    layer = Failing()
    layer.failing = False
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    fails = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(layer, "failing", epoch == 1)
    )
    with pytest.raises(Exception, match="in call"):
        fit(model, pm.Recorder(home=tmp_path), fails)
    assert only_run(tmp_path).status == "failed"
    assert not watch.on and not watch.depth


def test_a_second_fit_is_a_second_phase_of_the_run(tmp_path: Path) -> None:
    model, recorder = net(), pm.Recorder(home=tmp_path)
    fit(model, recorder)
    fit(model, recorder, epochs=1, batch_size=6)
    run = recorder.run
    assert run.metrics("loss", per="step").steps.tolist() == list(range(40))
    sizes = [phase.hyperparameters["fit/batch_size"].value for phase in run.phases.values()]
    assert sizes == [4, 6]
    assert not events(recorder, "resume")


def check_folds(run: Any, histories: list[Any]) -> None:
    """Each model's metrics, rates and parameters stand under addresses of its own."""
    for number, history in enumerate(histories):
        below, moved = (f"model_{number}/", f"_{number}") if number else ("", "")
        rate = f"optimizer{moved}/learning_rate"
        losses = run.metrics(f"{below}loss", per="epoch")
        assert losses.values.tolist() == history.history["loss"]
        rates = run.metrics(rate)
        assert rates.steps.tolist() == list(range(30))
        assert rates.values.tolist() == [np.float32(0.03 / 2**number)] * 30
        assert run.hyperparameters[rate].value == pytest.approx(0.03 / 2**number)
        causes = [told.change.cause for told in run.history(rate)]
        assert causes == [f"callbacks{moved}/learning_rate_scheduler"]
        assert [change.cause for change in run.hyperparameters[rate].changes] == causes
        assert f"{causes[0]}/schedule" in run.hyperparameters
        assert run.hyperparameters[f"fit{moved}/batch_size"].value == 4


def folds(*callbacks: Any) -> list[Any]:
    histories = []
    for number in range(3):
        rate = keras.callbacks.LearningRateScheduler(lambda epoch, _, n=number: 0.03 / 2**n)
        histories.append(fit(net(), rate, *callbacks))
    return histories


def test_each_of_several_models_of_a_run_has_addresses_of_its_own(tmp_path: Path) -> None:
    recorder = pm.Recorder(home=tmp_path, statistics_every="epoch")
    histories = folds(recorder)
    check_folds(recorder.run, histories)
    assert recorder.run.measured[-1] == "model_2/dense_1/bias"
    assert len(recorder.run.statistics("dense/kernel")) == 2
    assert not recorder.run.events


def test_each_model_of_a_script_has_addresses_of_its_own(tmp_path: Path) -> None:
    enable()
    following = Following(home=tmp_path)
    following.begin()
    try:
        histories = folds()
    finally:
        path = following.finish("finished")
    assert path is not None
    check_folds(open_run(path), histories)


def test_a_resume_is_told(tmp_path: Path) -> None:
    model = net()
    fit(model, epochs=1)
    recorder = pm.Recorder(home=tmp_path)
    fit(model, recorder, epochs=1)
    (event,) = events(recorder, "resume")
    assert event.step == 15 and "step 15" in event.text
    assert recorder.run.metrics("loss", per="step").steps.tolist() == list(range(15, 30))


def test_a_training_restored_from_its_backup_is_a_run_that_goes_on(tmp_path: Path) -> None:
    runs = []
    for callback in (Raising("epoch"), keras.callbacks.Callback()):
        model, recorder = net(), pm.Recorder(home=tmp_path / "home")
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        with contextlib.suppress(Oops):
            fit(model, backup, recorder, callback, epochs=4)
        runs.append(recorder.run)
    first, second = (run.metrics("optimizer/learning_rate").steps.tolist() for run in runs)
    assert first + second == list(range(60))
    assert first and second
    assert [event.kind for run in runs for event in run.events] == ["exception", "resume"]


def test_two_recorders_a_fit_within_a_fit_and_an_evaluation(tmp_path: Path) -> None:
    other = net()

    class Nesting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            fit(other, epochs=1)
            self.model.evaluate(X, Y, verbose=0)

    one, two = pm.Recorder(home=tmp_path / "a"), pm.Recorder(home=tmp_path / "b")
    model = net()
    fit(model, one, Nesting(), two)
    for recorder in (one, two):
        assert len(recorder.run.metrics("loss", per="step")) == 30
        assert len(recorder.run.metrics("loss", per="epoch")) == 2
    assert getattr(model.train_function, "watched_by", None) is None
    assert not watch.on and not watch.depth


def test_copies_are_recorders_of_their_own(tmp_path: Path) -> None:
    recorder = pm.Recorder(home=tmp_path, statistics_every=3)
    fit(net(), recorder, epochs=1)
    for twin in (copy.deepcopy(recorder), pickle.loads(pickle.dumps(recorder))):
        assert (twin.statistics_every, twin.run) == (3, None)


def test_switched_off_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PARAMETRY", "0")
    recorder = pm.Recorder(home=tmp_path)
    fit(net(), recorder)
    fit(net(), recorder)
    assert recorder.run is None and not list(tmp_path.iterdir())
    assert [record.name for record in caplog.records] == ["parametry"]


def test_a_folder_that_cannot_be_written_stops_no_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = pm.Recorder(home=tmp_path / "file")
    assert len(fit(net(), recorder).history["loss"]) == 2
    assert recorder.run is None


def test_the_list_of_callbacks_is_not_touched(tmp_path: Path) -> None:
    callbacks = [pm.Recorder(home=tmp_path)]
    net().fit(X, Y, epochs=1, verbose=0, callbacks=callbacks)
    assert len(callbacks) == 1


@pytest.mark.parametrize("every", [0, -1, True, "step", 2.5])
def test_an_impossible_setting_is_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="statistics_every"):
        pm.Recorder(statistics_every=every)


class TellsMuch(keras.Sequential):
    """A model whose steps tell of more than scalars."""

    def train_step(self, *arguments: Any) -> Any:
        told = super().train_step(*arguments)
        logs, *rest = told if isinstance(told, tuple) else (told,)
        logs = {**logs, "outputs": keras.ops.ones((1_000,))}
        return (logs, *rest) if rest else logs


def test_what_a_step_tells_besides_scalars_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TellsMuch([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=keras.backend.backend() == "jax")
    kept: list[tuple[Any, ...]] = []
    add, take_in = Waiting.add, Waiting._take_in

    def seen(self: Waiting, *call: Any) -> bool:
        kept.append(call[3][1])
        return add(self, *call)

    def seen_alike(self: Waiting, size: int | None = None, *, read: bool = False) -> None:
        kept.extend(tuple(logs.values()) for _, logs in self.room()[0][:size])
        take_in(self, size, read=read)

    monkeypatch.setattr(Waiting, "add", seen)
    monkeypatch.setattr(Waiting, "_take_in", seen_alike)
    recorder = pm.Recorder(home=tmp_path)
    fit(model, recorder)
    assert [[value.shape for value in row if not isinstance(value, float)] for row in kept] in (
        [[()]] * 30,
        [[]] * 30,  # torch's numbers are read at once
    )
    assert recorder.run.keys == ("loss", "optimizer/learning_rate")


class Counts(keras.Sequential):
    """A model run eagerly: one of its numbers changes in place on torch, another comes later."""

    taken = 0
    count: Any = None

    def train_step(self, *arguments: Any) -> Any:
        told = super().train_step(*arguments)
        logs, *rest = told if isinstance(told, tuple) else (told,)
        cls = type(self)
        cls.taken += 1
        cls.count = keras.ops.zeros(()) if cls.count is None else cls.count
        cls.count += 1
        logs = {**logs, "count": cls.count}
        if cls.taken > 10 and cls.taken % 7:
            logs["late"] = keras.ops.convert_to_tensor(float(cls.taken))
        return (logs, *rest) if rest else logs


def test_numbers_that_change_in_place_and_keys_that_come_and_go(tmp_path: Path) -> None:
    model = Counts([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    recorder = pm.Recorder(home=tmp_path)
    fit(model, recorder)
    count = recorder.run.metrics("count", per="step")
    assert count.values.tolist() == [step + 1 for step in range(30)]
    assert count.steps.tolist() == list(range(30))
    late = recorder.run.metrics("late", per="step")
    expected = [taken for taken in range(11, 31) if taken % 7]
    assert late.values.tolist() == expected
    assert late.steps.tolist() == [taken - 1 for taken in expected]


def test_whoever_reads_a_run_in_the_same_program_finds_all_of_it(tmp_path: Path) -> None:
    # A run that goes on waits for nobody when a fit ends: who reads waits.
    def train() -> None:
        recorder = pm.Recorder(home=tmp_path)
        fit(net(), recorder)
        (run,) = pm.runs(home=tmp_path)
        assert len(run.metrics("loss", per="step")) == 30
        assert run.status == "running"
        assert repr(recorder) == f"Recorder({run.name!r})"

    train()
    gc.collect()
    (run,) = pm.runs(home=tmp_path)
    assert run.status == "finished"
    assert [path.suffix for path in run.path.parent.iterdir()] == [".sqlite"]


def test_nothing_is_written_once_the_recorder_is_gone(tmp_path: Path) -> None:
    # Else whoever removes the folder right after a fit, as a test does, finds new files in it.
    fit(net(), pm.Recorder(home=tmp_path))
    assert not [thread for thread in threading.enumerate() if "parametry" in thread.name]
    assert only_run(tmp_path).status == "finished"


def test_a_recorder_that_the_function_deletes_is_gone(tmp_path: Path) -> None:
    recorder = pm.Recorder(home=tmp_path)
    fit(net(), recorder)
    seen = weakref.ref(recorder)
    del recorder
    gc.collect()
    assert seen() is None
    assert only_run(tmp_path).status == "finished"
