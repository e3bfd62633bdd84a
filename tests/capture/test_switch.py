"""Capture off changes nothing, on changes no call, and off again is an inert pass-through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

BACKENDS = ("tensorflow", "jax", "torch")

OFF = """
import keras
before = {
    name: getattr(keras.Model, name) for name in ("fit", "compile", "load_weights")
}
news = {cls: cls.__dict__.get("__new__") for cls in (
    keras.layers.Layer, keras.callbacks.Callback, keras.losses.Loss, keras.metrics.Metric,
    keras.initializers.Initializer, keras.optimizers.Optimizer)}
import parametry as pm
net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
pm.inspect(net).to_json()
for name, function in before.items():
    assert getattr(keras.Model, name) is function
for cls, new in news.items():
    assert cls.__dict__.get("__new__") is new
assert not hasattr(net, "hyperparameters")
"""


def test_inspecting_patches_nothing(run_python: Callable[..., str]) -> None:
    run_python(OFF)


def test_the_environment_can_forbid_it(run_python: Callable[..., str]) -> None:
    run_python(
        "import parametry.auto\nassert not parametry.auto.is_enabled()\n" + OFF, PARAMETRY="0"
    )


ON = """
import copy, inspect, pickle
{first}
{second}
import numpy as np
import parametry as pm

x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")

class Net(keras.Model):
    def __init__(self, units, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(units)
    def call(self, x):
        return self.inner(x)

net = Net(1, rate=0.25)
values = net.hyperparameters
assert values["model/units"].value == 1 and values["model/units"].origin == "explicit"
assert values["model/rate"].value == 0.25
assert values["model/rate"].where.line == {line}
assert isinstance(values, pm.Hyperparameters)

# Capture keeps the signatures that other tools read.
assert list(inspect.signature(keras.Model.fit).parameters)[:4] == ["self", "x", "y", "batch_size"]
assert keras.Model.fit.__name__ == "fit"

# Positional arguments, a second fit, callbacks=None, and a list that stays as it was.
net.compile("sgd", "mse")
calls = [keras.callbacks.TerminateOnNaN()]
history = net.fit(x, y, 4, 2, 0, calls)
assert isinstance(history, keras.callbacks.History)
assert len(calls) == 1 and history.epoch == [0, 1]
assert net.fit(x, y, callbacks=None, verbose=0).epoch == [0]
fits = [phase for phase in pm.inspect(net).phases.values() if phase.kind == "fit"]
assert [phase.hyperparameters["fit/batch_size"].value for phase in fits] == [4, 32]
assert fits[0].hyperparameters["fit/batch_size"].origin == "explicit"

# The very same call in a row is one phase that counts.
for _ in range(5):
    net.fit(x, y, epochs=1, verbose=0)
phases = pm.inspect(net).phases
assert phases[-1].times == 5, phases

# Exceptions are those that would have come, with the user's own arguments still told.
for wrong in (lambda: net.fit(x, y, nonsense=1), lambda: net.fit(x, y[:3], verbose=0),
              lambda: Net(), lambda: keras.layers.Dense(),
              lambda: keras.callbacks.EarlyStopping(*range(10))):
    kinds = []
    for on in (True, False):
        parametry.auto.enable() if on else parametry.auto.disable()
        try:
            wrong()
        except Exception as error:
            kinds.append((type(error), str(error)))
        else:
            raise SystemExit("nothing was raised")
    assert kinds[0] == kinds[1], kinds
parametry.auto.enable()

class Takes(keras.initializers.Initializer):
    pass
try:
    Takes(5)
except TypeError as error:
    assert "takes no arguments" in str(error)
else:
    raise SystemExit("a class without arguments took one")

# User code that has something of that name keeps it.
class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hyperparameters = {{"a": 1}}
class Declared(keras.Model):
    hyperparameters = "mine"
class Computed(keras.Model):
    @property
    def hyperparameters(self):
        return "computed"
assert dict(Own().hyperparameters) == {{"a": 1}}
assert Declared().hyperparameters == "mine" and Computed().hyperparameters == "computed"

# Copies, clones and files.
stop = keras.callbacks.EarlyStopping(patience=3)
assert copy.deepcopy(stop).patience == 3
assert pickle.loads(pickle.dumps(keras.regularizers.L2(0.5))).l2 == 0.5
rate = pickle.loads(pickle.dumps(keras.optimizers.schedules.CosineDecay(0.5, 10)))
assert rate.decay_steps == 10
sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer="l2")])
clone = keras.models.clone_model(sequential)
assert clone.layers[0].units == 1
sequential.compile(keras.optimizers.SGD(0.125), "mse")
sequential.save("net.keras")
loaded = keras.models.load_model("net.keras")
# Keras asks whether compile was overridden, and leaves such a model uncompiled.
assert loaded.compiled and loaded.hyperparameters["optimizer/learning_rate"].value == 0.125
np.testing.assert_array_equal(loaded.predict(x, verbose=0), sequential.predict(x, verbose=0))
assert loaded.hyperparameters["model/dense/units"].origin == "derived"

# A copy's arguments are not believed where the object says otherwise.
class Keeps(keras.callbacks.Callback):
    def __init__(self, patience=1):
        super().__init__()
        self.patience = patience
copied = pickle.loads(pickle.dumps(Keeps(patience=9)))
net.fit(x, y, verbose=0, callbacks=[copied])
entry = net.hyperparameters["callbacks/keeps/patience"]
assert (entry.value, entry.origin) == (9, None), entry

# Off: what was patched passes through, and the ledger learns nothing more.
from parametry.core.ledger import ledger
parametry.auto.disable()
import gc
gc.collect()  # what is no longer used must not die in between
known = len(ledger)
other = Net(1)
other.compile("sgd", "mse")
other.fit(x, y, verbose=0)
other.inner.trainable = False
assert len(ledger) <= known, (len(ledger), known)
assert not hasattr(net, "hyperparameters")
try:
    net.hyperparameters
except AttributeError as error:
    assert "hyperparameters" in str(error)
parametry.auto.enable()
assert net.hyperparameters["model/units"].value == 1
print("all held")
"""


def _program(first: str, second: str) -> str:
    text = ON.replace("{first}", first).replace("{second}", second)
    line = text.splitlines().index("net = Net(1, rate=0.25)") + 1
    return text.replace("{line}", str(line)).replace("{{", "{").replace("}}", "}")


@pytest.mark.parametrize("backend", BACKENDS)
def test_capture_changes_no_call(run_python: Callable[..., str], backend: str) -> None:
    assert "all held" in run_python(_program("import keras", "import parametry.auto"), backend)


def test_capture_may_be_imported_first(run_python: Callable[..., str]) -> None:
    assert "all held" in run_python(_program("import parametry.auto", "import keras"), "jax")


SUBMODULE = """
import parametry.auto
import keras, torch

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hyperparameters = keras.layers.Dense(2)

net = Net()
assert net.hyperparameters.__class__.__name__ == "Dense", net.hyperparameters
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_called_hyperparameters_is_the_users(
    run_python: Callable[..., str], backend: str
) -> None:
    run_python(SUBMODULE, backend)
