"""Several models, loops on every backend, phases, data of every kind, learning rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

BACKENDS = ("tensorflow", "jax", "torch")

GAN = """
import keras
import tensorflow as tf

LATENT = 6
gen_lr, disc_lr = 1e-4, 4e-4


def main():
    generator = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(4)], name="generator")
    critic = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="critic")
    first = keras.optimizers.Adam(gen_lr, beta_1=0.5)
    second = keras.optimizers.RMSprop(disc_lr)
    for step in range(3):
        with tf.GradientTape() as a, tf.GradientTape() as b:
            made = generator(tf.random.normal((8, LATENT)))
            loss = tf.reduce_mean(critic(made))
            other = -loss
        first.apply_gradients(
            zip(a.gradient(loss, generator.trainable_variables), generator.trainable_variables)
        )
        second.apply(b.gradient(other, critic.trainable_variables), critic.trainable_variables)
        if step == 1:
            first.learning_rate = gen_lr / 2


main()
raise RuntimeError("late")
"""


def test_each_model_of_a_gan_has_its_own_optimizer(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(GAN)
    assert (ran.exit_code, ran.report["outcome"]) == (1, "RuntimeError: late")
    assert {scope: model["name"] for scope, model in ran.report["models"].items()} == {
        "model": "generator",
        "model_1": "critic",
    }
    assert ran.value("optimizer/class") == "keras.optimizers.Adam"
    assert ran.value("optimizer/beta_1") == 0.5
    assert ran.value("optimizer/learning_rate") == 5e-05
    assert ran.values["optimizer/learning_rate"]["changes"][0]["old"] == 0.0001
    assert ran.value("optimizer_1/class") == "keras.optimizers.RMSprop"
    assert ran.value("optimizer_1/learning_rate") == 0.0004
    assert "changes" not in ran.values["optimizer_1/learning_rate"]
    assert [phase["subject"] for phase in ran.report["phases"]] == ["model", "model_1"]
    assert "model_1/dense/kernel" in ran.report["parameters"]
    assert ran.report["parameters"]["model/dense/kernel"]["shape"] == [6, 4]


OWN_COMPILE = """
import keras, numpy as np

class Pair(keras.Model):
    def __init__(self, latent):
        super().__init__()
        self.critic = keras.layers.Dense(1)
        self.generator = keras.layers.Dense(latent)
    def compile(self, first, second, weight=0.5, extra=None):
        super().compile()
        self.first = first
        self.second = second
        self.weight = weight
    def call(self, x):
        return self.critic(self.generator(x))
    def train_step(self, data):
        return {"loss": 0.0}

pair = Pair(latent=7)
pair.compile(keras.optimizers.Adam(0.25), second=keras.optimizers.SGD(0.125), weight=0.75)
pair.fit(np.ones((4, 2)), verbose=0)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_a_compile_of_the_users_own_is_read(run_watched: Callable[..., Any], backend: str) -> None:
    ran = run_watched(OWN_COMPILE, backend=backend)
    assert ran.exit_code == 0, ran.err
    assert ran.value("model/latent") == 7
    assert (ran.value("optimizer/class"), ran.value("optimizer/learning_rate")) == (
        "keras.optimizers.Adam",
        0.25,
    )
    assert ran.value("optimizer_1/learning_rate") == 0.125
    assert ran.value("compile/weight") == 0.75
    assert ran.values["compile/weight"]["origin"] == "explicit"
    assert ran.values["compile/extra"]["origin"] == "default"
    assert ran.value("compile/second") == "sgd"


NO_OPTIMIZER = """
import tensorflow as tf
import keras

def main(rate=0.25):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    rounds = 2
    for _ in range(rounds):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(tf.ones((2, 3))))
        for variable, gradient in zip(
            model.trainable_variables, tape.gradient(loss, model.trainable_variables)
        ):
            variable.assign_sub(rate * gradient)

main()
"""


def test_a_loop_without_an_optimizer_is_seen(run_watched: Callable[..., Any]) -> None:
    ran = run_watched(NO_OPTIMIZER)
    assert ran.exit_code == 0, ran.err
    assert (ran.value("script/rate"), ran.value("script/rounds")) == (0.25, 2)
    assert [phase["kind"] for phase in ran.report["phases"]] == ["train"]


JAX_LOOP = """
import jax, keras, numpy as np

hidden = 5
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hidden), keras.layers.Dense(1)])


def run(rate=0.1, steps=3):
    optimizer = keras.optimizers.Adam(rate, beta_2=0.95)
    optimizer.build(model.trainable_variables)

    def loss(trained, other, x):
        y, other = model.stateless_call(trained, other, x)
        return (y**2).mean(), other

    gradient = jax.value_and_grad(loss, has_aux=True)

    @jax.jit
    def step(trained, other, slots, x):
        (_, other), gradients = gradient(trained, other, x)
        trained, slots = optimizer.stateless_apply(slots, gradients, trained)
        return trained, other, slots

    trained = [v.value for v in model.trainable_variables]
    other = [v.value for v in model.non_trainable_variables]
    slots = [v.value for v in optimizer.variables]
    for _ in range(steps):
        trained, other, slots = step(trained, other, slots, np.ones((4, 3), "float32"))


run(rate=0.2)
"""

TORCH_LOOP = """
import keras, torch

torch.manual_seed(4)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5), keras.layers.Dense(1)])


def run(rate=0.1, steps=3):
    optimizer = keras.optimizers.Adam(rate, beta_2=0.95)
    for index in range(steps):
        model.zero_grad()
        loss = (model(torch.ones(4, 3)) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            weights = model.trainable_weights
            optimizer.apply([v.value.grad for v in weights], weights)
        optimizer.learning_rate = rate * 0.5**index


run(rate=0.2)
"""


@pytest.mark.parametrize(("backend", "program"), [("jax", JAX_LOOP), ("torch", TORCH_LOOP)])
def test_hand_written_loops_of_other_backends(
    run_watched: Callable[..., Any], backend: str, program: str
) -> None:
    ran = run_watched(program, backend=backend)
    assert ran.exit_code == 0, ran.err
    assert (ran.value("script/rate"), ran.value("script/steps")) == (0.2, 3)
    assert ran.value("optimizer/beta_2") == 0.95
    assert ran.values["optimizer/beta_2"]["origin"] == "explicit"
    if backend == "torch":
        assert ran.value("environment/seed/torch") == 4
        changes = ran.values["optimizer/learning_rate"]["changes"]
        assert [change["new"] for change in changes] == [0.1, 0.05]
        assert [change["step"] for change in changes] == [2, 3]


LIFE = """
import keras, numpy as np

x, y = np.ones((20, 4), "float32"), np.zeros((20, 1), "float32")
model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(3, name="base"), keras.layers.Dense(1, name="head")]
)
model.compile(keras.optimizers.SGD(0.5, momentum=0.5), "mse")
model.fit(x, y, epochs=4, verbose=0, callbacks=[
    keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=100.0),
])
model.save_weights("first.weights.h5")
model.get_layer("base").trainable = False
model.compile(keras.optimizers.Adam(0.25), "mse")
model.load_weights("first.weights.h5")
model.fit(x, y, batch_size=5, epochs=6, initial_epoch=4, verbose=0)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_compile_fit_freeze_load_and_resume_are_phases(
    run_watched: Callable[..., Any], backend: str
) -> None:
    ran = run_watched(LIFE, backend=backend)
    assert ran.exit_code == 0, ran.err
    phases = {phase["name"]: phase for phase in ran.report["phases"]}
    assert list(phases) == ["compile", "fit", "freeze", "compile_1", "load", "fit_1"]
    assert phases["freeze"]["hyperparameters"] == {
        "model/base/trainable": {
            "value": False,
            "origin": "explicit",
            "where": phases["freeze"]["where"],
        }
    }
    assert phases["load"]["hyperparameters"]["load/filepath"]["value"] == "first.weights.h5"
    first, second = phases["fit"]["hyperparameters"], phases["fit_1"]["hyperparameters"]
    assert (first["fit/batch_size"]["value"], second["fit/batch_size"]["value"]) == (32, 5)
    assert second["fit/initial_epoch"]["value"] == 4
    assert phases["compile"]["hyperparameters"]["optimizer/momentum"]["value"] == 0.5
    assert ran.value("optimizer/class") == "keras.optimizers.Adam"
    assert ran.report["parameters"]["base/kernel"]["role"] == "frozen"
    assert ran.value("model/base/trainable") is False


RATES = """
import keras, numpy as np

x, y = np.ones((20, 4), "float32"), np.zeros((20, 1), "float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.5), "mse")
model.fit(x, y, batch_size=10, epochs=4, verbose=0, callbacks=[
    keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=100.0),
])
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_plateau_tells_each_change_with_its_step(
    run_watched: Callable[..., Any], backend: str
) -> None:
    ran = run_watched(RATES, backend=backend)
    rate = ran.values["optimizer/learning_rate"]
    assert (rate["value"], rate["passed"]) == (0.0625, 0.5)
    assert [(c["step"], c["old"], c["new"]) for c in rate["changes"]] == [
        (4, 0.5, 0.25),
        (6, 0.25, 0.125),
        (8, 0.125, 0.0625),
    ]
    assert {c["cause"] for c in rate["changes"]} == {"callbacks/reduce_lr_on_plateau"}


DATA = """
import sys
import keras, numpy as np

class Pairs(keras.utils.PyDataset):
    def __init__(self, size, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.batch_size = batch_size
    def __len__(self):
        return self.size // self.batch_size
    def __getitem__(self, index):
        return np.ones((self.batch_size, 3), "float32"), np.zeros((self.batch_size, 1), "float32")

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(Pairs(24, batch_size=6, workers=2), verbose=0)

def stream():
    while True:
        yield np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")

model.fit(stream(), steps_per_epoch=3, verbose=0)
if keras.config.backend() == "torch":
    import torch
    pairs = torch.utils.data.TensorDataset(torch.ones(10, 3), torch.zeros(10, 1))
    loader = torch.utils.data.DataLoader(pairs, batch_size=4, shuffle=True, drop_last=True)
    model.fit(loader, verbose=0)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_data_of_other_kinds_tell_what_they_can(
    run_watched: Callable[..., Any], backend: str
) -> None:
    ran = run_watched(DATA, backend=backend)
    assert ran.exit_code == 0, ran.err
    fits = [p["hyperparameters"] for p in ran.report["phases"] if p["kind"] == "fit"]
    values = [{a: e["value"] for a, e in fit.items()} for fit in fits]
    assert values[0]["data/kind"] == "PyDataset"
    assert values[0]["data/batch_size"] == 6
    assert values[0]["fit/steps_per_epoch"] == 4
    assert values[0]["data/workers"] == 2
    assert values[1]["data/kind"] == "generator"
    assert values[1]["fit/steps_per_epoch"] == 3
    assert "data/batch_size" not in values[1]
    assert any(gap["subject"] == "data/batch_size" for gap in ran.report["coverage"])
    if backend == "torch":
        assert values[2]["data/kind"] == "DataLoader"
        assert (values[2]["data/batch_size"], values[2]["data/samples"]) == (4, 10)
        assert values[2]["fit/steps_per_epoch"] == 2
        assert values[2]["data/shuffle"] is True


LATE = """
import keras, numpy as np
early = keras.layers.Dense(4, name="early")
import parametry.auto
import parametry as pm
net = keras.Sequential([keras.Input((2,)), early, keras.layers.Dense(1, name="late")])
model = pm.inspect(net)
assert model.hyperparameters["model/early/units"].origin is None
assert model.hyperparameters["model/early/units"].value == 4
assert model.hyperparameters["model/late/units"].origin == "explicit"
assert "model/early/units" not in model.hyperparameters.explicit()
gaps = {gap.subject: gap.reason for gap in model.coverage}
assert "before capture" in gaps["model/early"]
"""


def test_what_was_made_before_capture_is_told_as_such(run_python: Callable[..., str]) -> None:
    run_python(LATE)


RESUMED = """
import keras, numpy as np
x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer="l2")])
net.compile(keras.optimizers.SGD(0.25), "mse")
net.fit(x, y, verbose=0)
net.save("net.keras")
import parametry.auto
import parametry as pm

assert any(gap.subject == "fit/" and "1 steps" in gap.reason for gap in pm.inspect(net).coverage)
loaded = keras.models.load_model("net.keras")
values = pm.inspect(loaded)
assert list(values.phases) == ["load"], values.phases
assert values.phases["load"].hyperparameters["load/filepath"].value == "net.keras"
assert values.hyperparameters["model/dense/kernel_regularizer/l2"].value == 0.01
assert values.hyperparameters["optimizer/learning_rate"].value == 0.25
loaded.fit(x, y, verbose=0, callbacks=[keras.callbacks.BackupAndRestore("backup")])
assert list(pm.inspect(loaded).phases) == ["load", "fit"]
"""


def test_a_model_from_a_file_and_unseen_steps_say_so(run_python: Callable[..., str]) -> None:
    run_python(RESUMED)


FLAGS = """
import parametry.auto
import parametry as pm
import keras, numpy as np
import parametry.frameworks.keras.freezing as freezing

walks = []
walk = freezing.walk
freezing.walk = lambda *given: walks.append(1) or walk(*given)

net = keras.Sequential(
    [keras.Input((2,))] + [keras.layers.Dense(2, name=f"d{i}") for i in range(50)]
)
net.compile("sgd", "mse")
for layer in net.layers[:40]:
    layer.trainable = False
assert not walks, "setting a flag looked for the models that hold the layer"
net.layers[3].trainable = True
phases = pm.inspect(net).phases
assert list(phases) == ["compile", "freeze"]
told = {a: e.value for a, e in phases["freeze"].hyperparameters.items()}
assert len(told) == 40
assert told["model/d3/trainable"] is True and told["model/d4/trainable"] is False
pm.inspect(net)
assert len(walks) == 1, walks
net.trainable = False
assert list(pm.inspect(net).phases["freeze"].hyperparameters)[-1] == "model/trainable"
"""


def test_setting_many_flags_costs_one_walk(run_python: Callable[..., str]) -> None:
    run_python(FLAGS)


GONE = """
import parametry.auto
import parametry as pm
import keras, numpy as np
net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
net.compile(keras.optimizers.SGD(0.5), "mse")
net.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), verbose=0)
for variable in [*net.variables, *net.optimizer.variables]:
    variable.value.delete()  # as JAX does when a fit is interrupted
assert pm.inspect(net).hyperparameters["fit/epochs"].value == 1
try:
    pm.inspect(net).parameters["dense/kernel"].numpy()
except pm.ValueUnavailable as error:
    assert error.hint
else:
    raise SystemExit("a deleted array was read")
from parametry.capture.report import build_report
assert "fit/epochs" in build_report(["p"], "interrupted").hyperparameters
"""


def test_an_interrupted_jax_fit_leaves_a_report(run_python: Callable[..., str]) -> None:
    run_python(GONE)


SWEEP = """
import keras, numpy as np
x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")

def attempt(lr, width):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(lr), "mse")
    model.fit(x, y, verbose=0)

for lr in [0.1, 0.01]:
    for width in (2, 3):
        attempt(lr, width)
"""


def test_a_sweep_of_models_that_are_gone_is_told_model_by_model(
    run_watched: Callable[..., Any],
) -> None:
    ran = run_watched(SWEEP, backend="jax")
    assert list(ran.report["models"]) == ["model", "model_1", "model_2", "model_3"]
    seen = [
        (ran.value(f"optimizer{n}/learning_rate"), ran.value(f"model{n}/dense/units"))
        for n in ("", "_1", "_2", "_3")
    ]
    assert seen == [(0.1, 2), (0.1, 3), (0.01, 2), (0.01, 3)]
    fits = [phase for phase in ran.report["phases"] if phase["kind"] == "fit"]
    assert [fit["hyperparameters"]["script/lr"]["value"] for fit in fits] == [0.1, 0.1, 0.01, 0.01]


MEMORY = """
import gc, weakref
import parametry.auto
import keras, numpy as np

class Net(keras.Model):
    def __init__(self, friend=None):
        super().__init__()
        self.inner = keras.layers.Dense(1)
        self.friend_of = [friend]
    def call(self, x):
        return self.inner(x)

class Watcher(keras.callbacks.Callback):
    def __init__(self, net):
        super().__init__()
        self.net = net

net = Net()
other = Net(friend=net)
net.watcher = Watcher(net)
net.compile(keras.optimizers.Adam(0.1), "mse")
net.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), verbose=0, callbacks=[net.watcher])
net.hyperparameters
net.__dict__.pop("_compile_config", None)
alive = [weakref.ref(net), weakref.ref(other), weakref.ref(net.watcher), weakref.ref(net.optimizer)]
del net, other
import keras.src.backend.common.global_state as state
keras.backend.clear_session()
for _ in range(3):
    gc.collect()
print([reference() is None for reference in alive])
"""


def test_capture_keeps_nothing_alive(run_python: Callable[..., str]) -> None:
    watched = run_python(MEMORY)
    plain = run_python(
        MEMORY.replace("import parametry.auto\n", "").replace("net.hyperparameters\n", "")
    )
    assert watched == plain
